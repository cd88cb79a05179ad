package imapd_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/imap/imapd"
	"fantail/internal/store"
)

// newMaildir makes a Maildir with three messages.
func newMaildir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "Maildir")
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range []string{
		"From: Anna <a@example>\nSubject: one\n\nbody\n",
		"Subject: two\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\ny\n--b--\n",
		"Subject: three\r\n\r\nbody\x00\r\n",
	} {
		deliver(t, dir, fmt.Sprintf("100000000%d.M1P1.h", i), text)
	}
	return dir
}

// deliver puts a message into new as any delivery program does.
func deliver(t testing.TB, dir, name, text string) {
	t.Helper()
	tmp := filepath.Join(dir, "tmp", name)
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, "new", name)); err != nil {
		t.Fatal(err)
	}
}

// serve runs a session on conn until it ends, and returns its error.
func serve(t testing.TB, dir string, conn imapd.Conn, log *slog.Logger) error {
	t.Helper()
	acct, err := store.OpenAccount(dir, store.Options{Host: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	err = imapd.New(acct, conn, imapd.Options{Log: log, Version: "test"}).Serve(context.Background())
	if err := acct.Close(); err != nil {
		t.Error(err)
	}
	return err
}

// feed is a Conn without deadlines: input from a reader, output kept.
type feed struct {
	in   io.Reader
	out  bytes.Buffer
	each func() // before every Read
}

func (f *feed) Read(p []byte) (int, error) {
	if f.each != nil {
		f.each()
	}
	return f.in.Read(p)
}
func (f *feed) Write(p []byte) (int, error)      { return f.out.Write(p) }
func (f *feed) Close() error                     { return nil }
func (f *feed) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (f *feed) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// lines hands out one line at a time.
type lines struct{ rest []byte }

func (l *lines) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	n := bytes.IndexByte(l.rest, '\n') + 1
	if n == 0 {
		n = len(l.rest)
	}
	n = copy(p, l.rest[:n])
	l.rest = l.rest[n:]
	return n, nil
}

// wellFormed checks that out is a sequence of whole responses: each line begins
// with "* ", "+ " or a tag and a status, and literals are as long as announced.
func wellFormed(out []byte) error {
	for len(out) > 0 {
		line, rest, ok := bytes.Cut(out, []byte("\r\n"))
		if !ok {
			return fmt.Errorf("the last line is not ended: %.80q", out)
		}
		begin := line
		for {
			if bytes.ContainsAny(line, "\r\n\x00") {
				return fmt.Errorf("control character in %.80q", line)
			}
			var n int
			i := bytes.LastIndexByte(line, '{')
			if i < 0 || !bytes.HasSuffix(line, []byte("}")) {
				break
			}
			if _, err := fmt.Sscanf(string(line[i:]), "{%d}", &n); err != nil || n > len(rest) {
				return fmt.Errorf("literal of %.80q: %v", line, err)
			}
			line, rest, ok = bytes.Cut(rest[n:], []byte("\r\n"))
			if !ok {
				return fmt.Errorf("the line behind a literal is not ended: %.80q", line)
			}
		}
		word, text, _ := strings.Cut(string(begin), " ")
		status, _, _ := strings.Cut(text, " ")
		if word != "*" && word != "+" && status != "OK" && status != "NO" && status != "BAD" {
			return fmt.Errorf("no response: %.80q", begin)
		}
		out = rest
	}
	return nil
}

var quiet = slog.New(slog.DiscardHandler)

// FuzzSession: whatever a client sends, the session ends with it, says whole
// responses only, and does not break.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"a SELECT INBOX\r\nb FETCH 1:* (FLAGS UID ENVELOPE BODYSTRUCTURE BODY[2.1]<1.2>)\r\nc LOGOUT\r\n",
		"a SELECT INBOX\nb STORE 1 +FLAGS (\\Deleted $x)\nc EXPUNGE\nd UID SEARCH OR SEEN NOT (TEXT \"o\" SINCE 1-Jan-2020)\n",
		"a SELECT INBOX\r\nb NOTIFY SET STATUS (selected (MessageNew (FLAGS) MessageExpunge)) (personal (MailboxName))\r\nc CREATE x\r\n",
		"a APPEND INBOX (\\Seen) {9+}\r\nA: b\r\n\r\nc {3+}\r\nxyz\r\nb CREATE a.b\r\nc RENAME a z\r\nd LIST \"\" (% *) RETURN (CHILDREN)\r\n",
		"a IDLE\r\nDONE\r\nb SELECT INBOX\r\nc IDLE\r\nDONE\r\nd COPY 1:* INBOX\r\ne CLOSE\r\nf ID NIL\r\ng NAMESPACE\r\n",
		"a STATUS {5}\r\nINBOX (MESSAGES UNSEEN)\r\nb LSUB \"\" *\r\nc SUBSCRIBE x\r\nd LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %\r\n",
		"a SELECT INBOX\r\nb FETCH 1:* (BINARY[] BINARY.PEEK[2.1]<1.2> BINARY.SIZE[1] PREVIEW (LAZY) PREVIEW SAVEDATE EMAILID THREADID)\r\nc UID MOVE 1:2 INBOX\r\n",
		"a ENABLE IMAP4rev2 QRESYNC\r\nb SELECT INBOX (QRESYNC (1 1 1:9 (1 1)))\r\nc UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)\r\nd STORE 1 (UNCHANGEDSINCE 9) FLAGS (\\Deleted)\r\n" +
			"e STORE 2 +FLAGS.SILENT (\\Deleted $x)\r\nf EXPUNGE\r\ng SEARCH MODSEQ 1\r\nh CREATE \"u\u0308\"\r\ni RENAME \"\u00fc\" \"a&b\"\r\nj LIST \"\" *\r\nk SELECT \"A&B\"\r\n",
		"a EXAMINE INBOX\r\nb UID FETCH 1:* BODY[HEADER.FIELDS.NOT (a)]\r\nc UID EXPUNGE 1:*\r\nd UNSELECT\r\n\x00\xff{5}\r\n",
	} {
		f.Add([]byte(seed))
	}
	for _, seed := range spoken(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 4096 {
			return
		}
		dir := newMaildir(t)
		conn := &feed{in: &lines{input}}
		conn.each = func() {
			// COPY 1:* doubles a mailbox: a client may fill its own disk, but not ours.
			files, err := os.ReadDir(filepath.Join(dir, "cur"))
			if err != nil || len(files) > 100 || conn.out.Len() > 1<<20 {
				conn.in = strings.NewReader("")
			}
		}
		if err := serve(t, dir, conn, quiet); err != nil {
			t.Fatalf("%q: %v", input, err)
		}
		if n := conn.out.Len(); n > 16<<20 {
			t.Fatalf("%d octets of answers to %d", n, len(input))
		}
		out, err := inflated(conn.out.Bytes())
		if err == nil {
			err = wellFormed(out)
		}
		if err != nil {
			t.Fatalf("%q: %v", input, err)
		}
	})
}

// spoken returns what the first client of each dialogue says.
func spoken(f *testing.F) [][]byte {
	files, err := filepath.Glob("../../../test/dialogues/imap/*.txtar")
	if err != nil || len(files) < 100 {
		f.Fatalf("%d dialogues: %v", len(files), err)
	}
	var all [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var in []byte
		for line := range bytes.Lines(text) {
			if said, ok := bytes.CutPrefix(line, []byte("C: ")); ok {
				in = append(append(in, bytes.TrimRight(said, "\n")...), "\r\n"...)
			}
		}
		all = append(all, in)
	}
	return all
}

// inflated returns the answers of a session that may have been compressed from some
// answer on (RFC 4978 section 3).
func inflated(out []byte) ([]byte, error) {
	at := bytes.Index(out, []byte(" OK DEFLATE"))
	if at < 0 {
		return out, nil
	}
	at += bytes.Index(out[at:], []byte("\r\n")) + 2
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(out[at:])))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // the stream has no end
	}
	return append(bytes.Clone(out[:at]), plain...), err
}

// TestHostile: input that no client sends gets a clear answer, and the session
// goes on where it can.
func TestHostile(t *testing.T) {
	noise := make([]byte, 10_000)
	rnd := rand.NewChaCha8([32]byte{7})
	rnd.Read(noise)
	noise = bytes.ReplaceAll(noise, []byte("+}"), []byte("xx")) // else it may announce a literal
	many := strings.Repeat
	for _, c := range []struct {
		name, in string
		want     []string // in this order
		bye      bool     // the session ends by it
	}{
		{"noise", string(noise) + "\r\n", []string{"BAD "}, false},
		{"NUL", "a NOOP\x00\r\n", []string{"a BAD "}, false},
		{"only NUL", many("\x00", 5000) + "\r\n", []string{"* BAD "}, false},
		{"CR in the line", "a NO\rOP\r\n", []string{"a BAD "}, false},
		{"long tag", many("a", 100_000) + " NOOP\r\n", []string{"a OK "}, false},
		{"long line", "a NOOP " + many("x", 500_000) + "\r\n", []string{"a BAD [LIMIT]"}, false},
		{"line without end", "a NOOP " + many("x", 5_000_000), []string{"* BYE "}, true},
		{"empty lines", many("\r\n", 2_000_000), []string{"* BYE "}, true},
		{"parentheses", "a SELECT INBOX\r\nb SEARCH " + many("(", 10_000) + "ALL" + many(")", 10_000) + "\r\n", []string{"b BAD [LIMIT]"}, false},
		{"open parentheses", "a SELECT INBOX\r\nb FETCH 1 " + many("(", 10_000) + "\r\n", []string{"b BAD "}, false},
		{"OR", "a SELECT INBOX\r\nb SEARCH " + many("OR (", 10_000) + "\r\n", []string{"b BAD [LIMIT]"}, false},
		{"huge literal", "a APPEND INBOX {99999999999}\r\n", []string{"a NO [TOOBIG]"}, false},
		{"huge literal without asking", "a APPEND INBOX {99999999999+}\r\n", []string{"a NO [TOOBIG]", "* BYE "}, true},
		{"literal of no number", "a APPEND INBOX {99999999999999999999999999+}\r\n", []string{"* BYE "}, true},
		{"huge string", "a CREATE {10000000}\r\n", []string{"a BAD [LIMIT]"}, false},
		{"huge string without asking", "a CREATE {500000+}\r\n" + many("x", 500_000) + "\r\n", []string{"a BAD [LIMIT]"}, false},
		{"many literals", "a LIST " + many("{0+}\r\n ", 200) + "\r\n", []string{"a BAD "}, false},
		{"literal for a tag", "{5}\r\n", []string{"* BAD "}, false},
		{"literal for a name", "a {4+}\r\nNOOP\r\n", []string{"a BAD "}, false},
		{"literal behind the end", "a NOOP {5}\r\n", []string{"a BAD "}, false},
		{"literal in a set", "a SELECT INBOX\r\nb FETCH {1+}\r\n1 FLAGS\r\n", []string{"b BAD "}, false},
		{"unknown commands", many("a FOO\r\n", 20_000), []string{"a BAD "}, false},
		{"commands of another protocol", "GET / HTTP/1.1\r\nHost: x\r\n", []string{"GET BAD ", "Host: BAD "}, false},
		{"wrong state", "a FETCH 1 FLAGS\r\nb LOGIN x y\r\nc STARTTLS\r\n", []string{"a BAD ", "b BAD ", "c BAD "}, false},
		{"big set", "a SELECT INBOX\r\nb UID FETCH " + many("1:4294967295,", 15_000) + "1 (UID)\r\n", []string{"b OK "}, false},
		{"keywords", "a SELECT INBOX\r\nb STORE 1 FLAGS (" + many("k ", 1000) + many("x", 300) + ")\r\n", []string{"b BAD "}, false},
		{"path", "a SELECT ../../etc\r\nb CREATE \"/etc/x\"\r\n", []string{"a NO ", "b NO "}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := &feed{in: strings.NewReader(c.in + "zz NOOP\r\n")}
			if err := serve(t, newMaildir(t), conn, quiet); err != nil {
				t.Fatal(err)
			}
			out := conn.out.String()
			if err := wellFormed([]byte(out)); err != nil {
				t.Error(err)
			}
			rest := out
			for _, w := range c.want {
				i := strings.Index(rest, w)
				if i < 0 {
					t.Fatalf("no %q in %.500q", w, rest)
				}
				rest = rest[i+len(w):]
			}
			if next := strings.HasSuffix(out, "zz OK NOOP completed.\r\n"); next == c.bye {
				t.Errorf("the session went on: %v; its end: %.300q", next, out[max(0, len(out)-300):])
			}
		})
	}
}

// TestRefusedMessage: a client that appends to a mailbox that does not exist, and
// sends the message without waiting, hears TRYCREATE however large that is.
func TestRefusedMessage(t *testing.T) {
	message := strings.Repeat("x", 3_000_000)
	conn := &feed{in: strings.NewReader("a APPEND nothere {3000000+}\r\n" + message + " (\\Seen) {3000000+}\r\n" + message + "\r\nb NOOP\r\n")}
	if err := serve(t, newMaildir(t), conn, quiet); err != nil {
		t.Fatal(err)
	}
	_, out, _ := strings.Cut(conn.out.String(), "\r\n")
	if !strings.HasPrefix(out, "a NO [TRYCREATE] ") || !strings.HasSuffix(out, "\r\nb OK NOOP completed.\r\n") {
		t.Errorf("%.300q", out)
	}
}

// TestMemory: what a session keeps does not grow with what a client sends.
func TestMemory(t *testing.T) {
	const input, limit = 64 << 20, 4 << 20
	for _, c := range []struct{ name, begin, more string }{
		{"line without end", "a NOOP ", strings.Repeat("x", 1<<16)},
		{"commands", "", strings.Repeat("a NOOP {3+}\r\nabc\r\n", 4000)},
		{"appended message", "a APPEND INBOX {60000000+}\r\n", strings.Repeat("x", 1<<16)},
		{"refused literals", "", "a CREATE {900000+}\r\n" + strings.Repeat("x", 900_000) + "\r\n"},
		{"searches", "a SELECT INBOX\r\n", "b SEARCH " + strings.Repeat("SUBJECT abcdef ", 15_000) + "ALL\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("reads 64 MB")
			}
			dir := newMaildir(t)
			left, sent := input, 0
			if c.name == "searches" || c.name == "commands" {
				left = 8 << 20 // enough where each octet is work
			}
			more := func(p []byte) (int, error) {
				if left <= 0 {
					return 0, io.EOF
				}
				n := copy(p, c.more[sent%len(c.more):])
				sent += n
				left -= n
				return n, nil
			}
			conn := &sink{in: io.MultiReader(strings.NewReader(c.begin), readFunc(more))}
			var base, peak uint64
			reads := 0
			conn.each = func() {
				if reads++; reads%32 != 2 {
					return
				}
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				if base == 0 {
					base = m.HeapAlloc
				}
				peak = max(peak, m.HeapAlloc)
			}
			err := serve(t, dir, conn, quiet)
			if err != nil {
				t.Fatal(err)
			}
			if peak == 0 {
				t.Fatal("nothing was measured")
			}
			if peak > base+limit {
				t.Errorf("the heap grew by %d octets", peak-base)
			}
		})
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// sink is a feed that keeps no output.
type sink struct {
	in   io.Reader
	each func()
}

func (s *sink) Read(p []byte) (int, error)     { s.each(); return s.in.Read(p) }
func (*sink) Write(p []byte) (int, error)      { return len(p), nil }
func (*sink) Close() error                     { return nil }
func (*sink) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (*sink) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// TestAutologout: RFC 9051 section 5.4: not before 30 minutes of silence, also in IDLE.
func TestAutologout(t *testing.T) {
	for _, first := range []string{"", "a IDLE\r\n", "a NOOP\r\nb APPEND INBOX {10}\r\nabc"} {
		dir := newMaildir(t)
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			start := time.Now()
			ended := make(chan error, 1)
			go func() {
				defer far.Close()
				ended <- serve(t, dir, far, quiet)
			}()
			out := make(chan string, 1)
			go func() {
				b, _ := io.ReadAll(near)
				out <- string(b)
			}()
			if _, err := io.WriteString(near, first); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Errorf("%q: %v", first, err)
			}
			if took := time.Since(start); took < 30*time.Minute || took > 31*time.Minute {
				t.Errorf("%q: logged out after %v", first, took)
			}
			if got := <-out; !strings.Contains(got, "\r\n* BYE ") {
				t.Errorf("%q: %q", first, got)
			}
		})
	}
}

// TestClientThatDoesNotRead: a session does not wait for ever for a client that
// takes no answers.
func TestClientThatDoesNotRead(t *testing.T) {
	dir := newMaildir(t)
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		start := time.Now()
		err := serve(t, dir, far, quiet) // even the greeting is not taken
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(start); took > 11*time.Minute {
			t.Errorf("ended after %v", took)
		}
	})
}

// TestSwitches: what is turned off is not told, not enabled, and not there. A client
// that says who it is is told what that changes.
func TestSwitches(t *testing.T) {
	dir := newMaildir(t)
	run := func(o imapd.Options, in string) []string {
		acct, err := store.OpenAccount(dir, store.Options{Host: "test", Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		conn := &feed{in: strings.NewReader(in)}
		o.Log, o.Version = quiet, "test"
		if err := errors.Join(imapd.New(acct, conn, o).Serve(context.Background()), acct.Close()); err != nil {
			t.Error(err)
		}
		return strings.Split(strings.TrimSuffix(conn.out.String(), "\r\n"), "\r\n")
	}
	rules := []conf.ClientRule{{Pattern: "Bad*/1.*", Without: []string{"IDLE", "CONDSTORE"}}}
	const id = "a ID (\"name\" \"Bad Mail\" \"version\" \"1.2\")\r\n"
	const rest = "b IDLE\r\nDONE\r\nc ENABLE CONDSTORE\r\n"
	for _, tc := range []struct {
		name      string
		o         imapd.Options
		in        string
		told, off bool // of the capabilities, beside the greeting; of the two in the end
	}{
		{"nothing", imapd.Options{}, rest, false, false},
		{"for all", imapd.Options{Without: []string{"idle", "condstore"}}, rest, false, true},
		{"by name", imapd.Options{Clients: rules}, id + rest, true, true},
		{"by a name before login", imapd.Options{Clients: rules, Client: "bad mail/1.2", Tag: "x"}, rest, false, true},
		{"the same name again", imapd.Options{Clients: rules, Client: "Bad Mail/1.2"}, id + rest, false, true},
		{"another version", imapd.Options{Clients: rules, Client: "Bad Mail/2.2"}, rest, false, false},
	} {
		out := run(tc.o, tc.in)
		all := strings.Join(out, "\n")
		if tc.told != strings.Contains(all, "\n* CAPABILITY IMAP4rev1 ") {
			t.Errorf("%s: %s", tc.name, all)
		}
		last := out[0]
		if tc.told {
			last = all[strings.Index(all, "* CAPABILITY"):]
			last, _, _ = strings.Cut(last, "\n")
		}
		idle := strings.Contains(last, " IDLE ") && strings.Contains(all, "b OK IDLE")
		condstore := strings.Contains(all, "* ENABLED CONDSTORE")
		if tc.off == idle || tc.off && condstore {
			t.Errorf("%s: IDLE %v, CONDSTORE %v: %s", tc.name, idle, condstore, all)
		}
		if tc.off && !strings.Contains(all, "b BAD Unknown command.") {
			t.Errorf("%s: %s", tc.name, all)
		}
	}
}

// client is the near end of a session that runs beside the test.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func connect(t testing.TB, dir string) *client {
	t.Helper()
	near, far := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(t, dir, far, quiet) }()
	t.Cleanup(func() {
		near.Close()
		if err := <-ended; err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		far.Close()
	})
	c := &client{t, near, bufio.NewReader(near)}
	c.until("* PREAUTH")
	return c
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatal(err)
	}
}

// until reads up to the line that begins so, and returns all of them.
func (c *client) until(prefix string) (all string) {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		all += line
		if err != nil {
			c.t.Fatalf("waiting for %q: %v after %q", prefix, err, all)
		}
		if strings.HasPrefix(line, prefix) {
			return all
		}
	}
}

// TestIdleTells: what is delivered while idle is told without a word of the
// client, and what stands behind DONE in its packet is answered.
func TestIdleTells(t *testing.T) {
	dir := newMaildir(t)
	c := connect(t, dir)
	c.send("a SELECT INBOX\r\n")
	c.until("a OK")
	for n := 4; n < 10; n++ {
		c.send("b IDLE\r\n")
		c.until("+ ")
		deliver(t, dir, fmt.Sprintf("110000000%d.M1P1.h", n), "Subject: new\n\n")
		c.until(fmt.Sprintf("* %d EXISTS", n))
		c.send("DONE\r\nc NOOP\r\nd IDLE\r\nDONE\r\ne NOOP\r\n")
		c.until("b OK")
		c.until("c OK")
		c.until("d OK")
		c.until("e OK")
	}
	c.send("f LOGOUT\r\n")
	c.until("f OK")
}

// TestPanic: a fault of ours ends one session, with a word to the client and
// everything in the log.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	conn := &feed{in: strings.NewReader("")}
	conn.each = func() { panic("fault in a test") }
	err := serve(t, newMaildir(t), conn, slog.New(slog.NewTextHandler(&log, nil)))
	if err == nil || !strings.Contains(err.Error(), "fault in a test") {
		t.Errorf("error %v", err)
	}
	if out := conn.out.String(); !strings.Contains(out, "* BYE [SERVERBUG] ") || strings.Contains(out, "fault") {
		t.Errorf("the client hears %q", out)
	}
	if !strings.Contains(log.String(), "fault in a test") || !strings.Contains(log.String(), "stack=") {
		t.Errorf("log %q", log.String())
	}
}

// TestKeywordLimit: a client can make keywords as long as \\* says so, and is told
// when there are too many (RFC 5530 section 3, LIMIT).
func TestKeywordLimit(t *testing.T) {
	c := connect(t, newMaildir(t))
	c.send("a SELECT INBOX\r\n")
	c.until("a OK")
	offered := true
	const step = 27 // of which the limit is a multiple
	for n := 0; n < 2000; n += step {
		c.send("b STORE " + fmt.Sprint(n/step%3+1) + " +FLAGS.SILENT (")
		for i := range step {
			c.send(fmt.Sprintf("k%d ", n+i))
		}
		c.send("\\Seen)\r\nc FETCH 1 FLAGS\r\n")
		all := c.until("b ")
		if strings.Contains(all, "b NO [LIMIT] ") {
			if n != store.MaxKeywords || offered {
				t.Fatalf("refused with %d keywords, and offered: %v", n, offered)
			}
			c.until("c OK")
			return
		}
		if all += c.until("c OK"); !strings.Contains(all, "b OK ") {
			t.Fatalf("%d keywords: %.300q", n, all)
		}
		offered = strings.Contains(all, ` \*)]`)
	}
	t.Fatal("there is no limit")
}
