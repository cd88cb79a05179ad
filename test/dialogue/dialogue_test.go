package dialogue

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fake is a peer that greets, then answers line n of what it reads with
// answers[n]; after the last it closes if close is set, else at EOF. It sees
// the box after the last line.
func fake(close bool, atEnd func(Box) error, greeting string, answers ...string) Peer {
	return Peer{Name: "ours", Start: func(s *Script, b Box) (*Server, error) {
		near, far, err := Pair()
		if err != nil {
			return nil, err
		}
		c, err := net.FileConn(far)
		if err := errors.Join(err, far.Close()); err != nil {
			return nil, err
		}
		done := make(chan error, 1)
		go func() { done <- errors.Join(converse(c, close, greeting, answers), c.Close()) }()
		return &Server{Conn: near, Kill: func() { c.Close() }, Wait: func() (string, error) {
			err := <-done
			if err == nil && atEnd != nil {
				err = atEnd(b)
			}
			return "the log\n", err
		}}, nil
	}}
}

func converse(c net.Conn, close bool, greeting string, answers []string) error {
	if _, err := c.Write([]byte(greeting)); err != nil {
		return nil // the client has gone: the dialogue's business
	}
	r := bufio.NewScanner(c)
	for _, a := range answers {
		if !r.Scan() {
			return nil
		}
		// What the client said can be seen in the answer.
		if _, err := c.Write([]byte(strings.ReplaceAll(a, "@", r.Text()))); err != nil {
			return nil
		}
	}
	for !close && r.Scan() {
	}
	return nil
}

const pre = "* PREAUTH hello\r\n"

func TestRun(t *testing.T) {
	tests := []struct {
		name   string
		script string
		peer   Peer
		want   string // part of the failure; "" if it passes
		line   int
	}{
		{"pass", "C: a NOOP\nS: a OK ...\n", fake(false, nil, pre, "a OK done\r\n"), "", 0},
		{"greeting matched", "S: * PREAUTH $w\nC: $w\nS: hello\n", fake(false, nil, pre, "@\r\n"), "", 0},
		{"greeting is bad", "C: a NOOP\nS: a OK ...\n", fake(false, nil, "* BYE\r\n", "a OK done\r\n"), "greeting is", 1},
		{"wrong line", "C: a NOOP\nS: a OK ...\n", fake(false, nil, pre, "a NO done\r\n"), "received: a NO done", 2},
		{"unexpected untagged", "C: a NOOP\nS: a OK ...\n", fake(false, nil, pre, "* 1 EXISTS\r\na OK\r\n"), "received: * 1 EXISTS", 2},
		{"leftover", "C: a NOOP\nS: a OK\n", fake(false, nil, pre, "a OK\r\n* 1 EXISTS\r\n"), "after the last step", 0},
		{"bare LF", "C: a NOOP\nS: a OK\n", fake(false, nil, pre, "a OK\n"), "bare LF", 2},
		{"silence", "# timeout: 50ms\nC: a NOOP\nS: a OK\n", fake(false, nil, pre, ""), "said nothing for 50ms", 3},
		{"closed", "C: a NOOP\nS: a OK\n", fake(true, nil, pre, ""), "has closed", 2},
		{"closes", "C: a LOGOUT\nS: * BYE ...\nS.\n", fake(true, nil, pre, "* BYE x\r\n"), "", 0},
		{"closes not", "# timeout: 50ms\nC: a LOGOUT\nS: * BYE ...\nS.\n", fake(false, nil, pre, "* BYE x\r\n"), "said nothing", 4},
		{"says more", "C: a LOGOUT\nS.\n", fake(true, nil, pre, "* BYE x\r\n"), "unexpected line", 2},
		{"ends badly", "C: a LOGOUT\nS.\n", fake(true, func(Box) error { return errors.New("exit status 2") }, pre, ""), "exit status 2", 2},
		{"group", "C: a\nS? * 1\nS? * 2\nS: a\n", fake(false, nil, pre, "* 2\r\n* 1\r\na\r\n"), "", 0},
		{"group ambiguous", "C: a\nS? * ...\nS? * 2\nS: a\n", fake(false, nil, pre, "* 2\r\n* 1\r\na\r\n"), "", 0},
		{"group twice", "C: a\nS? * 1\nS? * 2\nS: a\n", fake(false, nil, pre, "* 2\r\n* 2\r\na\r\n"), "do not fit", 2},
		{"group stranger", "C: a\nS? * 1\nS? * 2\nS: a\n", fake(false, nil, pre, "* 2\r\na\r\n"), "received: \"a\"", 2},
		{"any number", "C: a\nS* * ...\nS? * 2\nS: a\n", fake(false, nil, pre, "* 1\r\n* 2\r\n* 3\r\na\r\n"), "", 0},
		{"any number: none", "C: a\nS* * ...\nS: a\n", fake(false, nil, pre, "a\r\n"), "", 0},
		{"any number, one missing", "C: a\nS* * ...\nS? * 9\nS: a\n", fake(false, nil, pre, "* 1\r\na\r\n"), "do not fit", 2},
		{"captures differ", "C: a\nS: * $n $n\n", fake(false, nil, pre, "* 1 2\r\n"), "unexpected line", 2},
		{"literal", "C: a\nS: * {$n}\nS: one\nS< t\\x00o\nS: )\n", fake(false, nil, pre, "* {8}\r\none\r\nt\x00o)\r\n"), "", 0},
		{"literal too short", "C: a\nS: * {...}\nS: one\nS: )\n", fake(false, nil, pre, "* {4}\r\none\r\n)\r\n"), "literal is followed by", 3},
		{"literal bytes differ", "C: a\nS: * {3}\nS< two\n", fake(false, nil, pre, "* {3}\r\none)\r\n"), "unexpected bytes", 3},
		{"section", "C: a\nS: * {$size_m}\nS@ m\nS: )\n-- m --\none\n", fake(false, nil, pre, "* {5}\r\none\r\n)\r\n"), "", 0},
		{"raw", "C< a \\x41\nwait 1ms\nC< b\\r\\n\nS: a Ab\n", fake(false, nil, pre, "@\r\n"), "", 0},
		{"second connection", "C: a\nS: a\nC2: b\nS2: b\nC: c\nS: c\n", fake(false, nil, pre, "@\r\n", "@\r\n"), "", 0},
		{"client closes", "C: a\nS: a\nC.\n", fake(false, nil, pre, "@\r\n"), "", 0},
		{"other peer's line", "C: a\n[dovecot] S: b\n[ours] S: a\n", fake(false, nil, pre, "@\r\n"), "", 0},
		{"tree", "C: a\nS: a\n-- Maildir/cur/1.x --\n-- after --\ncur/1.y\n", fake(false, nil, pre, "@\r\n"), "files afterwards differ", 0},
		{"folders", "C: a\nS: a\n-- Maildir/.A/cur/1.x --\n-- folders --\n.A\n-- after --\n.A/cur/1.x\n", fake(false, nil, pre, "@\r\n"), "", 0},
		{"litter", "C: a\nS: a\n-- Maildir/tmp/1.x --\n", fake(false, nil, pre, "@\r\n"), "left behind: tmp/1.x", 0},
		{"content", "C: a\nS: a\n-- Maildir/cur/1.x --\nhi\n-- after/cur/1... --\nho\n", fake(false, nil, pre, "@\r\n"), "content of cur/1.x differs", 0},
		{"others", "C: a\nS: a\nput m Maildir/new/2.y\nmv Maildir/new/2.y Maildir/cur/2.y:2,\nrm Maildir/cur/1.x\n" +
			"-- Maildir/cur/1.x --\n-- m --\nhi\n-- after --\ncur/2.y:2,\n-- after/cur/2.y:2, --\nhi\n", fake(false, nil, pre, "@\r\n"), "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse("f", IMAP, []byte(tt.script))
			if err != nil {
				t.Fatal(err)
			}
			checkFailure(t, s.Run(tt.peer, testBox(t)), tt.want, tt.line)
		})
	}
}

func checkFailure(t *testing.T, err error, want string, line int) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a Failure", err)
	}
	if f.Line != line || !strings.Contains(f.Reason, want) {
		t.Fatalf("got line %d, %s\nwant line %d, %s", f.Line, f.Reason, line, want)
	}
	if !strings.Contains(f.Transcript, "the log") {
		t.Errorf("no log in the transcript:\n%s", f.Transcript)
	}
}

func testBox(t *testing.T) Box {
	t.Helper()
	b, err := NewBox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(b.Home); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestFixture(t *testing.T) {
	tests := []struct{ head, section, path, want string }{
		{"", "cur/1000000001.a:2,S", "cur/1000000001.a:2,S", "x\ny\n"},
		{"# fixture: crlf\n", "cur/1000000001.a:2,S", "cur/1000000001.a:2,S", "x\r\ny\r\n"},
		{"# fixture: crlf\n", ".A/new/1000000001.a | lf", ".A/new/1000000001.a", "x\ny\n"},
		{"", "cur/1000000001.a | crlf noeol", "cur/1000000001.a", "x\r\ny"},
	}
	for _, tt := range tests {
		s, err := Parse("f", IMAP, []byte(tt.head+"C: a\n-- Maildir/"+tt.section+" --\nx\ny\n"))
		if err != nil {
			t.Fatal(err)
		}
		b := testBox(t)
		if err := b.write(s.fixture[0]); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(b.Maildir(), tt.path)
		data, err := os.ReadFile(path)
		if string(data) != tt.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", tt.section, data, err, tt.want)
		}
		if st, err := os.Stat(path); err != nil || !st.ModTime().Equal(time.Unix(1000000001, 0)) {
			t.Errorf("%s: modification time of %v, %v", tt.section, st, err)
		}
	}
}

func TestUIDValidity(t *testing.T) {
	s, err := Parse("f", IMAP, []byte("# uidvalidity: 7\nC: a\n-- Maildir/cur/2.b:2,S --\n-- Maildir/cur/1.a --\n"+
		"-- Maildir/new/3.c --\n-- Maildir/.A/cur/4.d --\n-- Maildir/.B/cur/5.e --\n-- Maildir/.B/dovecot-uidlist --\nown\n-- Maildir/.C/maildirfolder --\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Maildir/dovecot-uidlist":    "3 V7 N3 G00000000000000000000000000000007\n1 :1.a\n2 :2.b\n",
		"Maildir/.A/dovecot-uidlist": "3 V7 N2 G00000000000000000000000000000007\n1 :4.d\n",
		"Maildir/.B/dovecot-uidlist": "own\n",
		"Maildir/.C/dovecot-uidlist": "3 V7 N1 G00000000000000000000000000000007\n",
	}
	for _, f := range s.fixture {
		if w, ok := want[f.name]; ok && w != string(f.data) {
			t.Errorf("%s: got %q, want %q", f.name, f.data, w)
		}
		delete(want, f.name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ script, want string }{
		{"", "no conversation"},
		{"hello\n", `f:1: unknown step "hello"`},
		{"C: a\nC0: a\n", `f:2: no connection "0"`},
		{"C\n", "unknown step"},
		{"S! x\n", "unknown step"},
		{"# ours:\nC: a\n", "f:1: ours: without a reason"},
		{"# peer: dovecot\nC: a\n", "f:1: peer:"},
		{"# timeout: soon\nC: a\n", "f:1: time:"},
		{"# fixture: cr\nC: a\n", "f:1: fixture:"},
		{"C@ m\n", `f:1: no section "m"`},
		{"C: a\nput m Maildir/new/1\n", `f:2: no section "m"`},
		{"C: a\n-- m --\n-- m --\n", "f:3: section m: also in line 2"},
		{"C: a\n-- m | shout --\n", `f:2: section m | shout: unknown option "shout"`},
		{"C: a\n-- m | go --\n\\q\n", "bad escape"},
	}
	for _, tt := range tests {
		if _, err := Parse("f", IMAP, []byte(tt.script)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %s", tt.script, err, tt.want)
		}
	}
}

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern, line string
		want          bool
	}{
		{"* 1 EXISTS", "* 1 EXISTS", true},
		{"* 1 EXISTS", "* 1 EXISTS ", false},
		{"a OK ...", "a OK ", true},
		{"a OK ...", "a OK", false},
		{"* OK [UIDVALIDITY $v] ...", "* OK [UIDVALIDITY 12] ok", true},
		{"$a $b", "1 2 3", false},
		{"$a-$a", "1-1", true},
		{"$a-$a", "1-2", false},
		{"FLAGS ($Junk $$x)", "FLAGS ($Junk $x)", true},
		{`FLAGS (~\Seen \Deleted)`, `FLAGS (\Deleted \Seen)`, true},
		{`FLAGS (~\Seen \Deleted)`, `FLAGS (\Deleted)`, false},
		{"FLAGS (~)", "FLAGS ()", true},
		{"FLAGS (~$Junk $$later)", "FLAGS ($later $Junk)", true},
		{"...a...b", "xaxbxb", true},
	}
	for _, tt := range tests {
		v, got := compile(tt.pattern).match(tt.line, nil)
		if got != tt.want {
			t.Errorf("%q against %q: %v", tt.line, tt.pattern, got)
		}
		if tt.pattern[0] == '*' && strings.Contains(tt.pattern, "$v") && v["v"] != "12" {
			t.Errorf("captured %q", v)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("# ours: x\nC: a\nS? $b\nput m Maildir/new/1\n-- m | crlf go --\n\\x00\n-- after --\ncur/...\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("f", POP3, data)
		if err != nil {
			return
		}
		for _, st := range s.steps {
			if _, ok := compile(st.text).match(st.text, nil); ok && len(st.text) > 1000 {
				return
			}
		}
	})
}
