package store

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
	"fantail/test/storm/fault"
)

// write writes files below dir, and makes the directories that they lie in.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// couriers makes a Maildir as Courier leaves it: four messages with keywords, more
// of them than there are letters, one of which is gone, and one that Courier has
// never seen.
func couriers(t testing.TB) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "Maildir")
	files := map[string]string{
		"tmp/.keep":                             "",
		"new/1000000004.M4P1.h":                 "d\n",
		"cur/1000000001.M1P1.h:2,S":             "a\n",
		"cur/1000000002.M2P1.h:2,FS":            "b\n",
		"cur/1000000005.M5P1.h:2,":              "e\n",
		"courierimapuiddb":                      "1 1111111111 40\n7 1000000001.M1P1.h\n9 1000000002.M2P1.h\n12 1000000003.M3P1.h\n13 1000000004.M4P1.h\n",
		"courierpop3dsizelist":                  "/3 1 1\n1000000002.M2P1.h:2,FS 9 5:77\n",
		"courierimapsubscribed":                 "INBOX.Foo\nINBOX\nINBOX.B&AOQ-r\n",
		"courierimapkeywords/:list":             many("k", 40) + "\n1000000001.M1P1.h:" + numbers(40) + "\n1000000002.M2P1.h:3 5\n1000000003.M3P1.h:1 2\n1000000004.M4P1.h:3\n",
		"courierimapkeywords/.1.ignored":        "x\n",
		"courierimapkeywords/1000000002.M2P1.h": "k03\n$Forwarded\n",
	}
	write(t, root, files)
	return root
}

func many(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%02d\n", prefix, i)
	}
	return b.String()
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " %d", i)
	}
	return b.String()[1:]
}

// couriersFiles are Courier's files of a mailbox, and their content.
func couriersFiles(t testing.TB, root string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.Contains(path, "courier") {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// imported checks that the mailbox of couriers is what it was.
func imported(t testing.TB, root string) {
	t.Helper()
	s := syncBox(t, openBox(t, openAccount(t, root), mail.Inbox))
	if s.UIDValidity() != 1111111111 {
		t.Errorf("UIDVALIDITY %d", s.UIDValidity())
	}
	got := make(map[mail.UID]string)
	for i := range s.Len() {
		kws := slices.Sorted(slices.Values(s.Keywords(i)))
		got[s.UID(i)] = fmt.Sprint(s.Flags(i), " ", s.IsNew(i), " ", len(kws))
		if len(kws) < 5 {
			got[s.UID(i)] += fmt.Sprint(" ", kws)
		}
	}
	want := map[mail.UID]string{
		7:  fmt.Sprint(mail.Seen, " false 40"),
		9:  fmt.Sprint(mail.Seen|mail.Flagged, " false 2 [$Forwarded k03]"),
		13: fmt.Sprint(mail.Flags(0), " true 1 [k03]"),
		40: fmt.Sprint(mail.Flags(0), " false 0 []"),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCourierImport(t *testing.T) {
	root := couriers(t)
	before := couriersFiles(t, root)
	imported(t, root)
	m := openBox(t, openAccount(t, root), mail.Inbox)
	legacy, err := m.Legacy(t.Context())
	if err != nil || len(legacy) != 1 || legacy[9] != (Legacy{UIDL: "UID5-77", Order: 1}) {
		t.Errorf("POP3 identities %v, %v", legacy, err)
	}
	// The letter of the keyword that most messages have is the first.
	if files, err := filepath.Glob(filepath.Join(root, "cur", "1000000002.M2P1.h:2,FSab")); err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
	if text, err := os.ReadFile(filepath.Join(root, "dovecot-keywords")); err != nil || !bytes.HasPrefix(text, []byte("0 k03\n1 $Forwarded\n")) {
		t.Errorf("letters %q, %v", text, err)
	}
	// What users change afterwards is not imported again.
	if _, err := m.SetFlags(t.Context(), []mail.UID{9}, FlagChange{mail.Replace, FlagSet{Flags: mail.Seen}}); err != nil {
		t.Fatal(err)
	}
	if s := syncBox(t, openBox(t, openAccount(t, root), mail.Inbox)); len(s.Keywords(1)) > 0 {
		t.Errorf("keywords %v", s.Keywords(1))
	}
	subscribed, err := openAccount(t, root).Subscriptions(t.Context())
	if err != nil || !slices.Equal(subscribed, []string{"Bär", "Foo", mail.Inbox}) {
		t.Errorf("subscriptions %q, %v", subscribed, err)
	}
	if d := cmp.Diff(before, couriersFiles(t, root)); d != "" {
		t.Errorf("Courier's files (-before +after):\n%s", d)
	}
}

// TestCourierIsOld: once another server has given UIDs in its mailbox, Courier's
// list would give them again. POP3 clients keep their unique-ids all the same.
func TestCourierIsOld(t *testing.T) {
	for _, trace := range []string{"dovecot.index.log", "fantail.log"} {
		root := couriers(t)
		write(t, root, map[string]string{trace: "not empty"})
		m := openBox(t, openAccount(t, root), mail.Inbox)
		s := syncBox(t, m)
		if s.UIDValidity() == 1111111111 || s.Len() != 4 || len(s.MailboxKeywords()) > 0 {
			t.Errorf("%s: UIDVALIDITY %d, %d messages, keywords %v", trace, s.UIDValidity(), s.Len(), s.MailboxKeywords())
		}
		i, _ := s.FindBase("1000000002.M2P1.h")
		legacy, err := m.Legacy(t.Context())
		if err != nil || legacy[s.UID(i)].UIDL != "UID5-77" {
			t.Errorf("%s: POP3 identities %v, %v", trace, legacy, err)
		}
	}
}

// TestCourierDamaged: what cannot be read is told, and the rest is imported.
func TestCourierDamaged(t *testing.T) {
	root := couriers(t)
	write(t, root, map[string]string{
		"courierimapuiddb":          "1 1111111111 40\n7 1000000001.M1P1.h\nrubbish\n13 1000000004.M4P1.h\n",
		"courierimapkeywords/:list": "k\n\n1000000001.M1P1.h:0 8\n",
	})
	var log bytes.Buffer
	a, err := OpenAccount(root, Options{Host: "test", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	s := syncBox(t, openBox(t, a, mail.Inbox))
	if d := cmp.Diff([]mail.UID{7, 13, 40, 41}, s.UIDs()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]mail.Keyword{"k"}, s.Keywords(0)); d != "" {
		t.Error(d)
	}
	if n := strings.Count(log.String(), "part of Courier's files not read"); n != 2 {
		t.Errorf("%d warnings:\n%s", n, &log)
	}
}

// TestCourierTooMany: keywords beyond all limits are lost, the rest is not.
func TestCourierTooMany(t *testing.T) {
	root := couriers(t)
	long := strings.Repeat("x", 60)
	list := many("k", 1100) + many(long, 400) + "\n1000000001.M1P1.h:" + numbers(1500) + "\n1000000002.M2P1.h: 1 2\n"
	write(t, root, map[string]string{"courierimapkeywords/:list": list})
	s := syncBox(t, openBox(t, openAccount(t, root), mail.Inbox))
	if n := len(s.Keywords(0)); n < 26 || n > MaxKeywords {
		t.Errorf("message 1 has %d keywords", n)
	}
	if d := cmp.Diff([]mail.Keyword{"$Forwarded", "k03"}, slices.Sorted(slices.Values(s.Keywords(1)))); d != "" {
		t.Error(d)
	}
}

const importing = "FANTAIL_STORE_TEST_IMPORT"

// TestCourierChild is the process that TestCourierCrash kills.
func TestCourierChild(t *testing.T) {
	root := os.Getenv(importing)
	if root == "" {
		t.Skip("part of another test")
	}
	if err := fault.Guard(); err != nil {
		t.Fatal(err)
	}
	imported(t, root)
}

// TestCourierCrash ends an import before each of its writes: the next one is
// complete.
func TestCourierCrash(t *testing.T) {
	for at, steps := 0, 1; at < steps; at++ {
		root := couriers(t)
		before := couriersFiles(t, root)
		cmd := exec.Command(os.Args[0], "-test.run=^TestCourierChild$")
		cmd.Env = append(os.Environ(), importing+"="+root)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		calls, err := fault.Run(cmd, root, func(i int, _ fault.Call) fault.Verdict {
			if i == at {
				return fault.Killed
			}
			return fault.Allowed
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		if len(calls) > at {
			steps = at + 2
		}
		imported(t, root)
		if d := cmp.Diff(before, couriersFiles(t, root)); d != "" {
			t.Errorf("Courier's files (-before +after):\n%s", d)
		}
		if t.Failed() {
			t.Fatalf("killed at %v of %v", calls[min(at, len(calls)-1)], calls)
		}
	}
}

// courierRoot is where the programs of a real Courier are unpacked.
const (
	courierRoot    = "COURIER_ROOT"
	waitForCourier = 30 * time.Second
)

// TestRealCourier opens what a real Courier has written.
func TestRealCourier(t *testing.T) {
	program := filepath.Join(os.Getenv(courierRoot), "usr/bin/imapd")
	if _, err := os.Stat(program); err != nil || os.Getenv(courierRoot) == "" {
		t.Skip("Courier is not unpacked: ", err)
	}
	root := filepath.Join(t.TempDir(), "Maildir")
	write(t, root, map[string]string{
		"tmp/.keep": "", "cur/1000000001.a:2,S": "Subject: a\n\na\n", "new/1000000002.b": "Subject: b\n\nb\n", "new/1000000003.c": "Subject: c\n\nc\n",
	})
	out := speakCourier(t, program, root, "ENABLE UTF8=ACCEPT", "SELECT INBOX", "STORE 2 +FLAGS (todo $Junk)", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE",
		`CREATE "INBOX.Entwürfe.Über uns"`, `SUBSCRIBE "INBOX.Entwürfe.Über uns"`, "UID FETCH 1:* FLAGS", "STATUS INBOX (UIDNEXT UIDVALIDITY)")
	a := openAccount(t, root)
	s := syncBox(t, openBox(t, a, mail.Inbox))
	if !strings.Contains(out, fmt.Sprintf("UIDNEXT %d UIDVALIDITY %d)", s.UIDNext(), s.UIDValidity())) {
		t.Errorf("UIDNEXT %d, UIDVALIDITY %d; Courier said\n%s", s.UIDNext(), s.UIDValidity(), out)
	}
	expectList(t, a, "Entwürfe-", "Entwürfe.Über uns*")
	if !isThere(filepath.Join(root, ".Entwürfe.Über uns", "cur")) {
		t.Error("Courier names directories in another way")
	}
	if uns := syncBox(t, openBox(t, a, "Entwürfe.Über uns")); uns.Len() != 0 {
		t.Errorf("%d messages", uns.Len())
	}
	if d := cmp.Diff([]string{"2 $Junk todo", "3"}, shown(s)); d != "" {
		t.Errorf("(-want +got):\n%s\nCourier said\n%s", d, out)
	}
}

// shown is show with keywords sorted.
func shown(s *Snapshot) []string {
	lines := show(s)
	for i, l := range lines {
		fields := strings.Fields(l)
		slices.Sort(fields[1:])
		lines[i] = strings.Join(fields, " ")
	}
	return lines
}

func speakCourier(t *testing.T, program, root string, commands ...string) string {
	t.Helper()
	var in strings.Builder
	for i, c := range commands {
		fmt.Fprintf(&in, "a%d %s\r\n", i, c)
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitForCourier)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, root)
	lib := filepath.Join(os.Getenv(courierRoot), "usr/lib")
	cmd.Env = []string{"AUTHENTICATED=nobody", "HOME=" + filepath.Dir(root), "HOSTNAME=test", "TCPREMOTEIP=::1", "PATH=/usr/bin:/bin",
		"IMAP_KEYWORDS=1", "IMAP_USELOCKS=0", "IMAP_CAPABILITY=IMAP4rev1 UIDPLUS UTF8=ACCEPT",
		"LD_LIBRARY_PATH=" + lib + "/courier-authlib:" + lib + ":" + lib + "/x86_64-linux-gnu"}
	cmd.Stdin = strings.NewReader(in.String() + "z LOGOUT\r\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, c := range commands {
		if !strings.Contains(string(out), fmt.Sprintf("\r\na%d OK ", i)) {
			t.Fatalf("%s\n%s", c, out)
		}
	}
	return string(out)
}
