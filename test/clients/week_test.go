package clients

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fantail/internal/mail"
	beside "fantail/internal/store/maildrop"
	"fantail/test/site"
)

// leavers are POP3 clients that leave mail on the server. poll has one retrieve what it
// has not got yet, into files below dir.
var leavers = []struct {
	name, program string
	poll          func(in *installation, t *testing.T, dir string)
}{
	{"fetchmail", "fetchmail", fetchmail},
	{"getmail", "getmail", getmail},
	{"mpop", "mpop", mpop},
	{"curl", "curl", curlLeaves},
	{"poplib", "/usr/bin/python3", poplib},
}

// fetchmail asks for TOP with many lines, so that mail stays unread.
func fetchmail(in *installation, t *testing.T, dir string) {
	store := in.write(t, "store", "cat >$(mktemp "+dir+"/XXXXXXXXXX)\n")
	rc := in.write(t, "fetchmailrc", fmt.Sprintf("set no bouncemail\npoll 127.0.0.1 proto pop3 port %s uidl\n"+
		"user %s there with password %s keep no rewrite sslproto '' mda %q\n",
		port(in.pop3), site.Account, site.Password, "/bin/sh "+store))
	in.run(t, "fetchmail", "--fetchmailrc", rc, "--idfile", filepath.Join(in.home, "fetchids"), "--pidfile", filepath.Join(in.home, "pid"), "--silent")
}

func getmail(in *installation, t *testing.T, dir string) {
	for _, sub := range []string{"cur", "new", "tmp"} {
		in.mkdir(t, filepath.Join(dir, sub))
	}
	rc := in.write(t, "getmailrc", fmt.Sprintf("[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = %s\nusername = %s\npassword = %s\n"+
		"[destination]\ntype = Maildir\npath = %s/\n[options]\nread_all = false\ndelete = false\n", port(in.pop3), site.Account, site.Password, dir))
	in.run(t, "getmail", "--getmaildir", in.home, "--rcfile", rc, "--quiet")
}

// mpop sends its commands without waiting for answers.
func mpop(in *installation, t *testing.T, dir string) {
	for _, sub := range []string{"cur", "new", "tmp"} {
		in.mkdir(t, filepath.Join(dir, sub))
	}
	in.run(t, "mpop", "--host=127.0.0.1", "--port="+port(in.pop3s), "--tls=on", "--tls-starttls=off", "--tls-trust-file="+in.certificate(),
		"--user="+site.Account, "--passwordeval=echo "+site.Password, "--auth=plain", "--pipelining=on", "--keep=on", "--uidls-file="+filepath.Join(in.home, "uidls"),
		"--delivery=maildir,"+dir, "--quiet")
}

// curlLeaves does what a script would.
func curlLeaves(in *installation, t *testing.T, dir string) {
	get := func(path string, args ...string) string {
		t.Helper()
		out, err := in.curl(t.Context(), append(args, "pop3s://"+in.pop3s+path)...)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for line := range strings.Lines(get("/", "--request", "UIDL")) {
		number, uidl, _ := strings.Cut(strings.TrimSpace(line), " ")
		path := filepath.Join(dir, uidl)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.WriteFile(path, []byte(get("/"+number)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func poplib(in *installation, t *testing.T, dir string) {
	in.python(t, "leave.py", port(in.pop3s), in.certificate(), filepath.Join(in.home, "seen"), dir)
}

// TestWeek: each client looks at the mailbox on every day of a week and leaves its mail
// there, and between, IMAP reads, flags, files and removes messages, new ones come, and
// what has been left for three days goes. Nothing is downloaded twice, and nothing missed.
func TestWeek(t *testing.T) {
	for _, c := range leavers {
		t.Run(c.name, func(t *testing.T) {
			needs(t, c.program)
			t.Parallel()
			in := install(t, func(text string) string { return strings.Replace(text, "[pop3]\n", "[pop3]\nexpire = 3\n", 1) })
			for _, m := range read(t, in.Home()) { // what there is for other tests
				in.unlink(t, mail.Inbox, m)
			}
			w := &week{in: in, t: t, dir: filepath.Join(in.home, c.name), poll: c.poll}
			in.mkdir(t, w.dir)
			k := in.talk(t)
			k.do("CREATE Filed")
			k.logout()
			for day := range 7 {
				w.live(day)
			}
			if w.expired < 4 || w.filed == 0 || w.expunged == 0 {
				t.Errorf("it was no week: %d expired, %d filed, %d expunged", w.expired, w.filed, w.expunged)
			}
		})
	}
}

type week struct {
	in   *installation
	t    *testing.T
	dir  string // of the client
	poll func(in *installation, t *testing.T, dir string)

	sent                     int
	expired, filed, expunged int
}

// live is one day.
func (w *week) live(day int) {
	w.t.Helper()
	for range 14 {
		w.sent++
		if err := w.in.Deliver(w.t.Context(), fmt.Appendf(nil, "Message-ID: <week.%d@here>\nFrom: a@example.org\nSubject: week %d.\n\n.\nbody\n", w.sent, w.sent)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.imap()
	w.poll(w.in, w.t, w.dir)
	w.imap()
	got := w.got()
	for _, m := range read(w.t, w.in.Home()) {
		if id := subjectOf(m.data); got[id] != 1 {
			w.t.Errorf("day %d: %s, which is in the INBOX, was downloaded %d times", day, id, got[id])
		}
	}
	for id, n := range got {
		if n != 1 {
			w.t.Errorf("day %d: %s was downloaded %d times", day, id, n)
		}
	}
	w.age()
	out := string(w.in.run(w.t, filepath.Join(bin, "pop3-session"), "-c", w.in.Config(), "-m", w.in.Home(), "-expire", "3"))
	n, err := strconv.Atoi(strings.Fields(out)[0])
	if err != nil {
		w.t.Fatalf("%q: %v", out, err)
	}
	w.expired += n
	// A quiet day: nothing is new.
	w.pollAgain(day, len(got))
}

// pollAgain has the client look when nothing is new. Some say so by their exit status.
func (w *week) pollAgain(day, had int) {
	w.t.Helper()
	if day%3 != 0 || filepath.Base(w.dir) == "fetchmail" {
		return
	}
	w.poll(w.in, w.t, w.dir)
	if n := len(w.got()); n != had {
		w.t.Errorf("day %d: %d messages at the second look, %d at the first", day, n, had)
	}
}

// imap does what people do with mail, to some of the messages in the INBOX. Some were
// downloaded already, and some not.
func (w *week) imap() {
	w.t.Helper()
	k := w.in.talk(w.t)
	k.do("SELECT INBOX")
	box := k.do("UID SEARCH ALL")
	uids := strings.Fields(box[0])[2:]
	pick := func(every, from int) string {
		var some []string
		for i := from; i < len(uids); i += every {
			some = append(some, uids[i])
		}
		if some == nil {
			return uids[0]
		}
		return strings.Join(some, ",")
	}
	k.do(`UID STORE %s +FLAGS (\Seen)`, pick(2, 0))
	k.do(`UID STORE %s -FLAGS (\Seen)`, pick(3, 0))
	k.do(`UID STORE %s +FLAGS (\Flagged)`, pick(15, 4))
	k.do(`UID STORE %s +FLAGS (\Answered $Label1)`, pick(16, 5))
	k.do("UID MOVE %s Filed", pick(11, 2))
	w.filed++
	if len(uids) > 3 {
		k.do(`UID STORE %s +FLAGS (\Deleted)`, uids[3])
		k.do("UID EXPUNGE %s", uids[3])
		w.expunged++
	}
	k.logout()
}

var weekSubject = regexp.MustCompile(`(?m)^Subject: (week \d+)\.`)

func subjectOf(text string) string {
	m := weekSubject.FindStringSubmatch(text)
	if m == nil {
		return fmt.Sprintf("%.40q", text)
	}
	return m[1]
}

// got counts what the client has downloaded, by subject.
func (w *week) got() map[string]int {
	w.t.Helper()
	count := make(map[string]int)
	err := filepath.WalkDir(w.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if !strings.Contains(unix(text), "\n\n.\nbody\n") {
			w.t.Errorf("%s: %q", path, text)
		}
		count[subjectOf(string(text))]++
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return count
}

// age makes everything that was retrieved a day older.
func (w *week) age() {
	w.t.Helper()
	path := beside.Dir(w.in.Home()).RetrievedFile()
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, line := range lines[1:] {
		uid, at, _ := strings.Cut(line, " ")
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			w.t.Fatal(err)
		}
		lines[i+1] = fmt.Sprintf("%s %d", uid, seconds-24*60*60)
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}
