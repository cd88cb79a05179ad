package uidlist

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
)

// The partner of these tests is the real Dovecot: its session program speaks
// IMAP on its standard input and output without a running master.
const dovecotIMAP = "/usr/lib/dovecot/imap"

const nobody = 65534

// dovecot is one IMAP session of Dovecot with a Maildir.
type dovecot struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
	tag int
}

// peerMaildir makes a Maildir that both we and Dovecot can write.
func peerMaildir(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(dovecotIMAP); err != nil {
		t.Skip("Dovecot is not installed: ", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can start Dovecot's session as another user")
	}
	// t.TempDir lies below a directory that only its owner may enter.
	root, err := os.MkdirTemp("", "uidlist")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	config := "mail_location = maildir:" + root + "/m\nnamespace inbox {\n inbox = yes\n separator = .\n}\n"
	if err := os.WriteFile(root+"/conf", []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"", "/m", "/m/cur", "/m/new", "/m/tmp"} {
		if err := os.MkdirAll(root+d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(root+d, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(root+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root + "/m"
}

func startDovecot(t *testing.T, dir string) *dovecot {
	t.Helper()
	cmd := exec.Command(dovecotIMAP, "-c", filepath.Dir(dir)+"/conf")
	cmd.Dir = "/"
	cmd.Env = []string{"USER=nobody", "HOME=" + filepath.Dir(dir), "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Dir(dir)+"/stderr", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &dovecot{t: t, in: in, out: bufio.NewReader(out), cmd: cmd}
	if line := d.line(); !strings.HasPrefix(line, "* PREAUTH") {
		t.Fatalf("greeting %q", line)
	}
	t.Cleanup(func() {
		d.in.Close()
		cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("Dovecot's log:\n%s", text)
		}
	})
	return d
}

func (d *dovecot) line() string {
	d.t.Helper()
	type result struct {
		line string
		err  error
	}
	c := make(chan result, 1)
	go func() {
		line, err := d.out.ReadString('\n')
		c <- result{line, err}
	}()
	select {
	case r := <-c:
		if r.err != nil {
			d.t.Fatalf("read from Dovecot: %v", r.err)
		}
		return strings.TrimSpace(r.line)
	case <-time.After(20 * time.Second):
		d.t.Fatal("Dovecot does not answer")
		panic("unreachable")
	}
}

// send starts a command; finish reads its untagged responses.
func (d *dovecot) send(command string) {
	d.t.Helper()
	d.tag++
	if _, err := fmt.Fprintf(d.in, "a%d %s\r\n", d.tag, command); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dovecot) finish() (untagged []string) {
	d.t.Helper()
	tag := fmt.Sprintf("a%d ", d.tag)
	for {
		line := d.line()
		if rest, ok := strings.CutPrefix(line, tag); ok {
			if !strings.HasPrefix(rest, "OK") {
				d.t.Fatalf("%s", line)
			}
			return append(untagged, rest)
		}
		untagged = append(untagged, line)
	}
}

func (d *dovecot) do(command string) []string {
	d.t.Helper()
	d.send(command)
	return d.finish()
}

// save appends a message by a non-synchronizing literal.
func (d *dovecot) save(subject string) {
	d.t.Helper()
	text := "Subject: " + subject + "\r\n\r\nbody\r\n"
	d.do(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(text), text))
}

// code returns the number in a response code such as [UIDNEXT 7].
func code(t *testing.T, lines []string, name string) int {
	t.Helper()
	for _, l := range lines {
		if _, rest, ok := strings.Cut(l, "["+name+" "); ok {
			n, err := strconv.Atoi(rest[:strings.IndexByte(rest, ']')])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in %q", name, lines)
	return 0
}

// messages returns UID and flags of everything in the selected mailbox.
func (d *dovecot) messages() string {
	d.t.Helper()
	var b strings.Builder
	for _, l := range d.do("FETCH 1:* (UID FLAGS)") {
		if _, rest, ok := strings.Cut(l, " FETCH ("); ok {
			rest = strings.Replace(strings.TrimSuffix(rest, ")"), `\Recent`, "", 1)
			fmt.Fprintln(&b, strings.Replace(rest, "( ", "(", 1))
		}
	}
	return b.String()
}

// peerPut writes the UID list as Dovecot's user.
func peerPut(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.Chown(put(t, dir, text), nobody, nobody); err != nil {
		t.Fatal(err)
	}
}

// message puts a file into cur.
func message(t *testing.T, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, "cur", name)
	if err := os.WriteFile(path, []byte("Subject: "+name+"\n\nbody\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
}

// Dovecot takes our UIDVALIDITY, UIDs, next UID and keywords.
func TestDovecotReadsOurs(t *testing.T) {
	dir := peerMaildir(t)
	bases := []string{"1700000001.M1P1Q1.h", "1700000002.M1P1Q2.h", "1700000003.M1P1Q3.h"}
	f := Open(dir)
	if _, err := f.Create(1600000000, bases[:1]); err != nil {
		t.Fatal(err)
	}
	if err := f.RaiseNext(5); err != nil {
		t.Fatal(err)
	}
	appendBases(t, f, bases[1], "gone", bases[2]) // 5, 6, 7
	if err := f.RaiseNext(50); err != nil {
		t.Fatal(err)
	}
	k := OpenKeywords(dir)
	for _, kw := range []mail.Keyword{"$Junk", "work"} {
		if _, err := k.Add(kw); err != nil {
			t.Fatal(err)
		}
	}
	message(t, dir, bases[0]+":2,S")
	message(t, dir, bases[1]+":2,a")
	message(t, dir, bases[2]+":2,FSb")
	before := load(t, f)

	d := startDovecot(t, dir)
	sel := d.do("SELECT INBOX")
	if v := code(t, sel, "UIDVALIDITY"); v != 1600000000 {
		t.Errorf("UIDVALIDITY %d", v)
	}
	if n := code(t, sel, "UIDNEXT"); n != 50 {
		t.Errorf("UIDNEXT %d", n)
	}
	want := "UID 1 FLAGS (\\Seen)\nUID 5 FLAGS ($Junk)\nUID 7 FLAGS (\\Flagged \\Seen work)\n"
	if diff := cmp.Diff(want, d.messages()); diff != "" {
		t.Error(diff)
	}
	// It sees what we append while it has the mailbox open, and goes on behind it.
	message(t, dir, "1700000004.M1P1Q4.h:2,")
	appendBases(t, f, "1700000004.M1P1Q4.h")
	d.save("by Dovecot")
	want += "UID 50 FLAGS ()\nUID 51 FLAGS ()\n"
	if diff := cmp.Diff(want, d.messages()); diff != "" {
		t.Error(diff)
	}
	l := load(t, f)
	if l.Validity != before.Validity || l.GUID != before.GUID || l.Next != 52 {
		t.Errorf("V%d N%d G%s", l.Validity, l.Next, l.GUID)
	}
	if r, ok := l.Find(1); !ok || r.Base != bases[0] {
		t.Errorf("UID 1 is %v", r)
	}
	noLog(t, dir)
}

// noLog checks that Dovecot found nothing to complain about.
func noLog(t *testing.T, dir string) {
	t.Helper()
	log, err := os.ReadFile(filepath.Dir(dir) + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "Error") || strings.Contains(line, "Warning") || strings.Contains(line, "Panic") {
			t.Errorf("Dovecot: %s", line)
		}
	}
}

// We read what Dovecot writes.
func TestWeReadDovecots(t *testing.T) {
	dir := peerMaildir(t)
	d := startDovecot(t, dir)
	v := code(t, d.do("SELECT INBOX"), "UIDVALIDITY")
	f, k := Open(dir), OpenKeywords(dir)
	if l := load(t, f); int(l.Validity) != v || l.Next != 1 || len(l.Records) != 0 || !isGUID(l.GUID) {
		t.Errorf("%+v", l)
	}
	for i := range 4 {
		d.save(fmt.Sprint(i))
	}
	d.do("NOOP")
	d.do("STORE 1 +FLAGS ($Junk)")
	d.do("STORE 2 +FLAGS (work $Junk)")
	d.do(`STORE 3 +FLAGS (\Deleted)`)
	d.do("EXPUNGE")
	l := load(t, f)
	if int(l.Validity) != v || l.Next != 5 {
		t.Errorf("V%d N%d", l.Validity, l.Next)
	}
	if err := k.Load(); err != nil {
		t.Fatal(err)
	}
	for letter, want := range []mail.Keyword{"$Junk", "work"} {
		if kw, ok := k.Name(letter); kw != want || !ok {
			t.Errorf("letter %d is %s, %v", letter, kw, ok)
		}
	}
	// Every file in cur has the UID that Dovecot shows.
	uids := map[string]mail.UID{}
	for _, r := range l.Records {
		uids[r.Base] = r.UID
	}
	names, err := filepath.Glob(dir + "/cur/*")
	if err != nil || len(names) != 3 {
		t.Fatalf("%v, %v", names, err)
	}
	want := map[mail.UID]bool{1: true, 2: true, 4: true}
	for _, n := range names {
		base, _, _ := strings.Cut(filepath.Base(n), ":")
		if uid := uids[base]; !want[uid] {
			t.Errorf("%s has UID %d", base, uid)
		}
		delete(want, uids[base])
	}
	// A keyword of ours reaches the session that Dovecot has open.
	if i, err := k.Add("third"); err != nil || i != 2 {
		t.Fatalf("letter %d, %v", i, err)
	}
	base := l.Records[0].Base
	if err := os.Rename(filepath.Join(dir, "cur", base+":2,a"), filepath.Join(dir, "cur", base+":2,ac")); err != nil {
		t.Fatal(err)
	}
	d.do("NOOP")
	if got := d.messages(); !strings.Contains(got, "UID 1 FLAGS ($Junk third)") {
		t.Errorf("%s", got)
	}
	noLog(t, dir)
}

// Dovecot makes the next UIDVALIDITY behind ours, and we behind its.
func TestDovecotSharesValidity(t *testing.T) {
	dir := peerMaildir(t)
	first, err := NextValidity(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := startDovecot(t, dir)
	d.do("CREATE A")
	v := code(t, d.do("SELECT A"), "UIDVALIDITY")
	if v != int(first)+1 {
		t.Errorf("Dovecot's UIDVALIDITY %d behind our %d", v, first)
	}
	inbox := code(t, d.do("SELECT INBOX"), "UIDVALIDITY")
	if ours, err := NextValidity(dir, time.Now()); err != nil || int(ours) != max(v, inbox)+1 {
		t.Errorf("our UIDVALIDITY %d behind Dovecot's %d and %d, %v", ours, v, inbox, err)
	}
	noLog(t, dir)
}

func TestDovecotSharesSubscriptions(t *testing.T) {
	dir := peerMaildir(t)
	s := OpenSubscriptions(dir, '.')
	for _, name := range []string{"A.B", "inbox", "Entw&APw-rfe"} {
		if err := s.Set(name, true); err != nil {
			t.Fatal(err)
		}
	}
	d := startDovecot(t, dir)
	var got []string
	for _, l := range d.do(`LSUB "" *`) {
		if strings.HasPrefix(l, "* LSUB") {
			got = append(got, strings.Trim(l[strings.LastIndexByte(l, ' ')+1:], `"`))
		}
	}
	if diff := cmp.Diff([]string{"A.B", "INBOX", "Entw&APw-rfe"}, got); diff != "" {
		t.Error(diff)
	}
	d.do("CREATE C.D")
	d.do("SUBSCRIBE C.D")
	d.do("UNSUBSCRIBE A.B")
	names, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"INBOX", "Entw&APw-rfe", "C.D"}, names); diff != "" {
		t.Error(diff)
	}
	noLog(t, dir)
}

// Fields that neither side knows pass through both.
func TestForeignFieldsPassThroughBoth(t *testing.T) {
	dir := peerMaildir(t)
	const a, b = "1700000001.M1P1Q1.h", "1700000002.M1P1Q2.h"
	// Dovecot rewrites a list that has no GUID.
	peerPut(t, dir, "3 V1600000000 N20 Xhdrext\n10 Zfoo PUID10-1 :"+a+"\n11 :gone1\n15 :"+b+"\n")
	message(t, dir, a+":2,")
	message(t, dir, b+":2,")
	f := Open(dir)
	check := func(who, start string) {
		t.Helper()
		text := get(t, f.Path())
		head, _, _ := strings.Cut(text, "\n")
		if !strings.HasPrefix(head, start) || !strings.HasSuffix(head, " Xhdrext") || !strings.Contains(text, "\n10 Zfoo PUID10-1 :"+a+"\n") {
			t.Errorf("%s wrote\n%s", who, text)
		}
	}
	d := startDovecot(t, dir)
	d.do("SELECT INBOX")
	check("Dovecot", "3 V1600000000 N20 G")
	guid := load(t, f).GUID
	if err := f.RaiseNext(30); err != nil {
		t.Fatal(err)
	}
	check("we", "3 V1600000000 N30 G"+guid)
	d.save("behind our rewrite")
	if got, want := d.messages(), "UID 10 FLAGS ()\nUID 15 FLAGS ()\nUID 30 FLAGS ()\n"; got != want {
		t.Errorf("%s", got)
	}
	if recs := appendBases(t, f, "x"); recs[0].UID != 31 || load(t, f).GUID != guid {
		t.Errorf("UID %d, want 31; GUID %s, want %s", recs[0].UID, load(t, f).GUID, guid)
	}
	noLog(t, dir)
}

// A list that we repaired is one that Dovecot takes; the broken one it would
// have deleted, UIDVALIDITY and all.
func TestDovecotTakesRepaired(t *testing.T) {
	for _, tt := range damages {
		if tt.validity == 0 {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			dir := peerMaildir(t)
			peerPut(t, dir, tt.text)
			l, err := Open(dir).Repair(RepairOptions{Now: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			var want string
			for _, r := range l.Records {
				message(t, dir, r.Base+":2,")
				want += fmt.Sprintf("UID %d FLAGS ()\n", r.UID)
			}
			d := startDovecot(t, dir)
			sel := d.do("SELECT INBOX")
			if code(t, sel, "UIDVALIDITY") != int(l.Validity) || code(t, sel, "UIDNEXT") != int(l.Next) {
				t.Errorf("%q, want V%d N%d", sel, l.Validity, l.Next)
			}
			if want != "" {
				if diff := cmp.Diff(want, d.messages()); diff != "" {
					t.Error(diff)
				}
			}
			noLog(t, dir)
		})
	}
}

// Dovecot appends behind an unfinished line. What its session told its client
// stays true: the second half of the merged line keeps its UID.
func TestDovecotMergesLines(t *testing.T) {
	dir := peerMaildir(t)
	peerPut(t, dir, "3 V1600000000 N20 G"+guid+"\n5 :1700000001.M1P1Q1.h,S=25\n20 :1700000002.M1P1Q2.h,S=25")
	message(t, dir, "1700000001.M1P1Q1.h,S=25:2,")
	d := startDovecot(t, dir)
	d.do("SELECT INBOX")
	text := "Subject: x\r\n\r\nbody\r\n"
	told := d.do(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(text), text))
	if !strings.Contains(told[len(told)-1], "[APPENDUID 1600000000 20]") {
		t.Fatalf("%q", told)
	}
	f := Open(dir)
	var damage *DamagedError
	if _, err := f.Load(); !errors.As(err, &damage) || damage.Problems[0].Kind != Merged {
		t.Fatalf("%v\n%s", err, get(t, f.Path()))
	}
	l, err := f.Repair(RepairOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	r, ok := l.Find(20)
	names, _ := filepath.Glob(dir + "/*/" + r.Base + "*")
	if !ok || len(names) != 1 || len(l.Records) != 2 {
		t.Errorf("UID 20 is %v, files %v", r, names)
	}
}

// Dovecot waits for our dotlock, and overrides that of a dead process.
func TestDovecotRespectsDotlock(t *testing.T) {
	dir := peerMaildir(t)
	message(t, dir, "1700000001.M1P1Q1.h:2,")
	d := startDovecot(t, dir)
	d.do("SELECT INBOX")
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	f := Open(dir)
	lock, err := Dotlock(t.Context(), f.Path(), LockOptions{Host: name})
	if err != nil {
		t.Fatal(err)
	}
	d.send(`STORE 1 +FLAGS (\Seen)`)
	answered := make(chan []string, 1)
	go func() { answered <- d.finish() }()
	select {
	case lines := <-answered:
		t.Errorf("Dovecot did not wait: %q", lines)
	case <-time.After(500 * time.Millisecond):
	}
	if _, err := os.Stat(filepath.Join(dir, "cur", "1700000001.M1P1Q1.h:2,")); err != nil {
		t.Errorf("renamed under the lock: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-answered:
	case <-time.After(20 * time.Second):
		t.Fatal("Dovecot does not go on")
	}
	if _, err := os.Stat(filepath.Join(dir, "cur", "1700000001.M1P1Q1.h:2,S")); err != nil {
		t.Error(err)
	}
	noLog(t, dir)
}
