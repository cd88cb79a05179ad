package uidlist

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
)

// courier is the real Courier, whose session programs speak IMAP and POP3 on
// their standard input and output. Debian's packages conflict with Dovecot's, so
// test/packages only fetches their files.
type courier struct {
	t   *testing.T
	lib string // where libraries of its own are
	dir string
}

// unpacked is the directory with the files of Debian's packages.
var unpacked = filepath.Join("..", "..", "..", "bin", "debian")

var (
	courierIMAP = filepath.Join(unpacked, "courier-imap", "usr", "bin", "imapd")
	courierDrop = filepath.Join(unpacked, "courier-pop", "usr", "lib", "courier", "courier", "courierpop3d")
)

func startCourier(t *testing.T) *courier {
	t.Helper()
	lib, err := filepath.Abs(filepath.Join(unpacked, "courier-authlib", "usr", "lib", "courier-authlib"))
	if err != nil {
		t.Fatal(err)
	}
	c := &courier{t: t, lib: lib, dir: filepath.Join(t.TempDir(), "m")}
	for _, p := range []string{courierIMAP, courierDrop, lib} {
		if _, err := os.Stat(p); err != nil {
			t.Skip("there is no Courier: run test/packages: ", err)
		}
	}
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// session runs one of Courier's programs with these commands and returns its
// answer.
func (c *courier) session(program string, commands ...string) string {
	c.t.Helper()
	cmd := exec.Command(program, c.dir)
	cmd.Env = []string{"AUTHENTICATED=nobody", "HOME=" + filepath.Dir(c.dir), "HOSTNAME=test", "TCPREMOTEIP=::1", "PATH=/usr/bin:/bin",
		"IMAP_KEYWORDS=1", "IMAP_USELOCKS=0", "IMAP_CAPABILITY=IMAP4rev1 UIDPLUS",
		"LD_LIBRARY_PATH=" + c.lib}
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\r\n") + "\r\n")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("%s: %v\n%s%s", program, err, out.Bytes(), errs.Bytes())
	}
	return out.String()
}

func (c *courier) imap(commands ...string) string {
	c.t.Helper()
	for i := range commands {
		commands[i] = fmt.Sprintf("a%d %s", i, commands[i])
	}
	out := c.session(courierIMAP, append(commands, "z LOGOUT")...)
	for i := range commands {
		if !strings.Contains(out, fmt.Sprintf("\r\na%d OK ", i)) {
			c.t.Fatalf("%s\n%s", commands[i], out)
		}
	}
	return out
}

// deliver writes a message whose subject is its base.
func (c *courier) deliver(path string) {
	c.t.Helper()
	base, _, _ := strings.Cut(filepath.Base(path), ":")
	if err := os.WriteFile(filepath.Join(c.dir, path), []byte("Subject: "+base+"\n\nbody\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

var (
	courierFetched = regexp.MustCompile(`FETCH \(UID (\d+) FLAGS \(([^)]*)\) BODY\[HEADER\.FIELDS \("?SUBJECT"?\)\] \{\d+\}\r\nSubject: ([^\r]*)\r`)
	courierStatus  = regexp.MustCompile(`STATUS "?INBOX"? \(UIDNEXT (\d+) UIDVALIDITY (\d+)\)`)
	courierUnique  = regexp.MustCompile(`(?m)^(\d+) (\S+)\r$`)
)

// shown is what a client of Courier's knows of a mailbox.
type shown struct {
	next     mail.UID
	validity mail.UIDValidity
	uids     map[mail.UID]string // base
	keywords map[string][]mail.Keyword
}

func (c *courier) show() shown {
	c.t.Helper()
	out := c.imap("SELECT INBOX", "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", "STATUS INBOX (UIDNEXT UIDVALIDITY)")
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			c.t.Fatal(err)
		}
		return n
	}
	s := shown{uids: map[mail.UID]string{}, keywords: map[string][]mail.Keyword{}}
	for _, m := range courierFetched.FindAllStringSubmatch(out, -1) {
		s.uids[mail.UID(number(m[1]))] = m[3]
		for flag := range strings.FieldsSeq(m[2]) {
			if flag[0] != '\\' {
				s.keywords[m[3]] = append(s.keywords[m[3]], mail.Keyword(flag))
			}
		}
		slices.SortFunc(s.keywords[m[3]], func(a, b mail.Keyword) int {
			return cmp.Compare(strings.ToLower(string(a)), strings.ToLower(string(b)))
		})
	}
	m := courierStatus.FindStringSubmatch(out)
	if m == nil || len(s.uids) == 0 {
		c.t.Fatal(out)
	}
	s.next, s.validity = mail.UID(number(m[1])), mail.UIDValidity(number(m[2]))
	return s
}

// unique returns the unique-ids of the maildrop in its order.
func (c *courier) unique() []string {
	c.t.Helper()
	var ids []string
	for _, m := range courierUnique.FindAllStringSubmatch(c.session(courierDrop, "UIDL", "QUIT"), -1) {
		ids = append(ids, m[2])
	}
	return ids
}

// tree returns every file below a directory with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files[path] = get(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestWeReadCouriers imports what a real Courier has written, and compares it
// with what Courier has told its clients.
func TestWeReadCouriers(t *testing.T) {
	c := startCourier(t)
	for i := 1; i <= 5; i++ {
		c.deliver(fmt.Sprintf("new/100000000%d.M1P%d.host,S=%d", i, i, i))
	}
	c.deliver("cur/1000000000.with space+\u00e4:2,S")
	c.imap("SELECT INBOX", "STORE 1 +FLAGS ($Junk Foo)", "STORE 2:3 +FLAGS (bar)", "STORE 4 +FLAGS (foo gone)",
		"CREATE INBOX.Foo.B&AOQ-r", "SUBSCRIBE INBOX.Foo.B&AOQ-r", "SUBSCRIBE INBOX", "SUBSCRIBE INBOX.later")
	c.unique()
	c.imap("SELECT INBOX") // moves the keywords into the list
	c.deliver("cur/0999999999.late:2,")
	c.imap("SELECT INBOX", "STORE 2 -FLAGS (bar)", "STORE 4 FLAGS ($Forwarded)", "STORE 6 +FLAGS.SILENT (\\Deleted)", "EXPUNGE")
	seen := c.show()
	c.deliver("new/1000000007.pop.host")
	ids := c.unique()
	before := tree(t, c.dir)
	got, err := ImportCourier(c.dir)
	if err != nil || len(got.Warnings) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	names, err := CourierSubscriptions(c.dir)
	if err != nil {
		t.Error(err)
	}
	if diff := gocmp.Diff(before, tree(t, c.dir)); diff != "" {
		t.Errorf("the import has changed files: %s", diff)
	}
	slices.Sort(names)
	if diff := gocmp.Diff([]string{"Foo.B&AOQ-r", "INBOX", "later"}, names); diff != "" {
		t.Error(diff)
	}
	l := got.List
	if l.Validity != seen.validity || l.Next != seen.next+1 {
		t.Errorf("UIDVALIDITY %d, next %d; Courier showed %d, %d", l.Validity, l.Next, seen.validity, seen.next)
	}
	uids := map[mail.UID]string{}
	for _, r := range l.Records {
		uids[r.UID] = r.Base
	}
	seen.uids[seen.next] = "1000000007.pop.host" // which no IMAP client has seen
	if diff := gocmp.Diff(seen.uids, uids); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(seen.keywords, got.Keywords); diff != "" {
		t.Error(diff)
	}
	ordered := map[int]string{}
	for _, r := range l.Records {
		p, _ := r.Field('P')
		o, _ := r.Field('O')
		n, err := strconv.Atoi(o)
		if err != nil {
			t.Errorf("%+v: %v", r, err)
		}
		ordered[n] = p
	}
	var in []string
	for _, n := range slices.Sorted(maps.Keys(ordered)) {
		in = append(in, ordered[n])
	}
	if diff := gocmp.Diff(ids, in); diff != "" || len(ids) != len(l.Records) {
		t.Errorf("unique-ids: %s", diff)
	}
}

// The oldest form of Courier's unique-ids, as the real one shows it.
func TestCouriersOldUniqueIDs(t *testing.T) {
	c := startCourier(t)
	drop := "/2 9 77\n"
	for i, name := range []string{"1.plain", "2.sp ace", "3.plus+quo'te\"", "4.\u00e4~!", "5.n", "6.nv"} {
		c.deliver("cur/" + name + ":2,S")
		drop += fmt.Sprintf("%s:2,S 20 %d:%d\n", name, max(0, i-3), i/5*77)
	}
	if err := os.WriteFile(filepath.Join(c.dir, courierPOP3), []byte(drop), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ImportCourier(c.dir)
	if err != nil || len(got.Warnings) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	var ids []string
	for _, r := range got.List.Records {
		p, _ := r.Field('P')
		ids = append(ids, p)
	}
	want := c.unique()
	if diff := gocmp.Diff(want, ids); diff != "" || want[4] != "UID1" || want[5] != "UID2-77" {
		t.Errorf("Courier shows %q: %s", want, diff)
	}
}

// Courier leaves what is ours alone, so the way back stays open.
func TestCourierLeavesOurs(t *testing.T) {
	c := startCourier(t)
	c.deliver("new/1000000001.a")
	c.show()
	got, err := ImportCourier(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	f, o := Open(c.dir), OpenOverflow(c.dir)
	if _, err := f.Import(got.List); err != nil {
		t.Fatal(err)
	}
	set(t, o, changes{"1000000001.a": {"x"}})
	before := []string{get(t, f.Path()), get(t, o.path)}
	c.deliver("new/1000000002.b")
	seen := c.show()
	if after := []string{get(t, f.Path()), get(t, o.path)}; !slices.Equal(before, after) {
		t.Errorf("%q became %q", before, after)
	}
	if seen.validity != got.List.Validity || seen.uids[2] != "1000000002.b" {
		t.Errorf("Courier shows %+v", seen)
	}
	if _, err := os.Lstat(filepath.Join(c.dir, courierUIDs)); errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
