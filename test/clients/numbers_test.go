package clients

import (
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/test/site"
)

// pop3Talk is a POP3 connection for what no client program shows.
type pop3Talk struct {
	t *testing.T
	c *textproto.Conn
}

// pop3Talk connects and logs in.
func (in *installation) pop3Talk(t *testing.T) *pop3Talk {
	t.Helper()
	k := in.pop3Dial(t)
	k.do("USER %s", site.Account)
	k.do("PASS %s", site.Password)
	return k
}

func (in *installation) pop3Dial(t *testing.T) *pop3Talk {
	t.Helper()
	conn, err := net.Dial("tcp", in.pop3)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	k := &pop3Talk{t, textproto.NewConn(conn)}
	t.Cleanup(func() { _ = k.c.Close() }) // most tests have closed it
	k.answer()
	return k
}

func (k *pop3Talk) answer() string {
	k.t.Helper()
	line, err := k.c.ReadLine()
	if err != nil {
		k.t.Fatal(err)
	}
	return line
}

// try sends a command and returns the first line of the answer.
func (k *pop3Talk) try(format string, args ...any) string {
	k.t.Helper()
	if err := k.c.PrintfLine(format, args...); err != nil {
		k.t.Fatal(err)
	}
	return k.answer()
}

// do is try of a command that must succeed.
func (k *pop3Talk) do(format string, args ...any) string {
	k.t.Helper()
	line := k.try(format, args...)
	if !strings.HasPrefix(line, "+OK") {
		k.t.Fatalf(format+": %s", append(args, line)...)
	}
	return line
}

// lines is do of a command whose answer has more lines, which it returns.
func (k *pop3Talk) lines(format string, args ...any) []string {
	k.t.Helper()
	k.do(format, args...)
	lines, err := k.c.ReadDotLines()
	if err != nil {
		k.t.Fatal(err)
	}
	return lines
}

// TestNumbersStay: RFC 1939 section 4: the maildrop is what it was at login, whatever
// IMAP, other programs and deliveries do meanwhile. What they have removed cannot be
// retrieved, and QUIT removes exactly what was marked.
func TestNumbersStay(t *testing.T) {
	t.Parallel()
	in := install(t)
	p := in.pop3Talk(t)
	stat, list, uidl := p.do("STAT"), p.lines("LIST"), p.lines("UIDL")
	n := len(list)

	k := in.talk(t)
	k.do("SELECT INBOX")
	k.do(`STORE 2,5 +FLAGS (\Deleted)`)
	k.do("EXPUNGE")
	k.do("CREATE Filed")
	k.do("MOVE 10 Filed")               // which was 12 before
	k.do(`STORE 1:8 +FLAGS (\Flagged)`) // 1, 3, 4, 6 to 10
	k.do("STORE 1:4 +FLAGS ($Label1)")
	for i := range 5 {
		if err := in.Deliver(t.Context(), fmt.Appendf(nil, "Subject: meanwhile %d\n\nbody\n", i)); err != nil {
			t.Fatal(err)
		}
	}
	k.do("NOOP")
	files := read(t, in.Home())
	other := in.pop3Talk(t) // which sees all that
	if got := len(other.lines("LIST")); got != n+2 || got != len(files) {
		t.Errorf("another session has %d messages, there are %d", got, len(files))
	}

	if got := p.do("STAT"); got != stat {
		t.Errorf("%s, and before %s", got, stat)
	}
	if got := p.lines("LIST"); !slices.Equal(got, list) {
		t.Errorf("%q, and before %q", got, list)
	}
	if got := p.lines("UIDL"); !slices.Equal(got, uidl) {
		t.Errorf("%q, and before %q", got, uidl)
	}
	for _, gone := range []int{2, 5, 12} {
		if got := p.try("RETR %d", gone); !strings.HasPrefix(got, "-ERR") {
			t.Errorf("message %d, which is gone: %s", gone, got)
		}
	}
	if got := p.try("RETR %d", n+1); !strings.HasPrefix(got, "-ERR") {
		t.Errorf("message %d, which came later: %s", n+1, got)
	}
	for _, there := range []int{1, 13, n} {
		if got := p.lines("RETR %d", there); len(got) == 0 {
			t.Errorf("message %d is empty", there)
		}
	}
	// 3 is what is now 2 for IMAP, 5 is gone, 13 is now 10.
	for _, i := range []int{3, 5, 13} {
		p.do("DELE %d", i)
	}
	p.do("QUIT")
	if left := read(t, in.Home()); len(left) != len(files)-2 {
		t.Errorf("%d messages are left of %d", len(left), len(files))
	}
	var want []string
	for i, line := range uidl {
		if i := i + 1; !slices.Contains([]int{2, 3, 5, 12, 13}, i) {
			want = append(want, line[strings.IndexByte(line, ' ')+1:])
		}
	}
	after := in.pop3Talk(t)
	var got []string
	for _, line := range after.lines("UIDL") {
		got = append(got, line[strings.IndexByte(line, ' ')+1:])
	}
	if len(got) != len(want)+5 || !slices.Equal(got[:len(want)], want) {
		t.Errorf("unique-ids are now\n%q\nwant, and five more,\n%q", got, want)
	}
	// What IMAP has said of messages stands.
	flagged := 0
	for _, m := range read(t, in.folder(mail.Inbox)) {
		if strings.Contains(m.flags, "F") {
			flagged++
		}
	}
	if flagged < 7 {
		t.Errorf("%d messages are flagged", flagged)
	}
	for _, c := range []*pop3Talk{other, after} {
		c.do("QUIT")
	}
	k.logout()
}
