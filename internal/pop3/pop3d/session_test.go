package pop3d

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"fantail/internal/mail"
	"fantail/internal/pop3"
	"fantail/internal/store"
)

const (
	msg1 = "Subject: one\n\nbody\n.dot\nlast\n"         // 34 octets with CRLF
	msg2 = "Subject: two\r\n\r\nalready CRLF\r\n"       // 30, kept as it is
	msg4 = "Subject: \u00e4\n\n\u00f6\n"                // sent without UTF-8 in its header
	msg3 = "Subject: three\n\nthe last line has no end" // 42, before it gets one
)

// Each line of the conversation is a command, a tab-indented one its answer.
func TestCommands(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want []string
	}{
		{"stat", []string{"STAT"}, []string{"+OK 3 106"}},
		{"list", []string{"LIST"}, []string{"+OK 3 messages (106 octets)", "1 34", "2 30", "3 42", "."}},
		{"list one", []string{"list 2", "LIST  2 "}, []string{"+OK 2 30", "+OK 2 30"}},
		{"uidl", []string{"UIDL"}, []string{"+OK", "1 0000000a5e0b1c2d", "2 000000145e0b1c2d", "3 0000001e5e0b1c2d", "."}},
		{"uidl one", []string{"UIDL 3"}, []string{"+OK 3 0000001e5e0b1c2d"}},
		{"retr LF", []string{"RETR 1"}, []string{"+OK 34 octets", "Subject: one", "", "body", "..dot", "last", "."}},
		{"retr CRLF", []string{"RETR 2"}, []string{"+OK 30 octets", "Subject: two", "", "already CRLF", "."}},
		{"retr no end", []string{"RETR 3"}, []string{"+OK 42 octets", "Subject: three", "", "the last line has no end", "."}},
		{"top 0", []string{"TOP 1 0"}, []string{"+OK", "Subject: one", "", "."}},
		{"top 2", []string{"TOP 1 2"}, []string{"+OK", "Subject: one", "", "body", "..dot", "."}},
		{"top all", []string{"TOP 2 99999999999999999999"}, []string{"+OK", "Subject: two", "", "already CRLF", "."}},
		{"dele", []string{"DELE 2", "DELE 2", "RETR 2", "LIST 2", "UIDL 2", "TOP 2 0", "STAT", "LIST", "UIDL"}, []string{
			"+OK Marked to be deleted.", "-ERR Message is deleted.", "-ERR Message is deleted.", "-ERR Message is deleted.",
			"-ERR Message is deleted.", "-ERR Message is deleted.", "+OK 2 76", "+OK 2 messages (76 octets)", "1 34", "3 42", ".",
			"+OK", "1 0000000a5e0b1c2d", "3 0000001e5e0b1c2d", "."}},
		{"rset", []string{"DELE 1", "RSET", "STAT", "DELE 1"}, []string{
			"+OK Marked to be deleted.", "+OK", "+OK 3 106", "+OK Marked to be deleted."}},
		{"lang", []string{"LANG", "LANG *", "LANG tlh", "LANG en en"}, []string{"+OK Language listing follows.", "en English", ".",
			"+OK en This is English.", "-ERR Bad command: texts are to be had in English only.", "-ERR Bad command: there are too many arguments."}},
		{"noop", []string{"NOOP", "noop "}, []string{"+OK", "+OK"}},
		{"capa", []string{"CAPA"}, []string{"+OK Capability list follows.", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE",
			"PIPELINING", "LANG", "EXPIRE NEVER", "USER", "SASL PLAIN", "IMPLEMENTATION Fantail", "."}},
		{"no such message", []string{"LIST 0", "RETR 4", "DELE 4294967297", "TOP 99999999999999999999 0", "UIDL 4"}, []string{
			"-ERR No such message, there are 3.", "-ERR No such message, there are 3.", "-ERR No such message, there are 3.",
			"-ERR No such message, there are 3.", "-ERR No such message, there are 3."}},
		{"no number", []string{"RETR -1", "LIST x", "TOP 1 -1", "DELE 1\x00"}, []string{
			"-ERR Bad command: a number is decimal digits only.", "-ERR Bad command: a number is decimal digits only.",
			"-ERR Bad command: a number is decimal digits only.", "-ERR Bad command: there is an octet that no argument may have."}},
		{"arguments", []string{"RETR", "TOP 1", "STAT 1", "NOOP x", "QUIT now", "LIST 1 2", "RSET 1", "CAPA 1"}, []string{
			"-ERR Bad command: an argument is missing.", "-ERR Bad command: an argument is missing.",
			"-ERR Bad command: there are too many arguments.", "-ERR Bad command: there are too many arguments.",
			"-ERR Bad command: there are too many arguments.", "-ERR Bad command: there are too many arguments.",
			"-ERR Bad command: there are too many arguments.", "-ERR Bad command: there are too many arguments."}},
		{"wrong state", []string{"USER jane", "PASS secret", "AUTH PLAIN", "STLS", "APOP a b", "UTF8"}, []string{
			"-ERR You are logged in already.", "-ERR You are logged in already.", "-ERR You are logged in already.",
			"-ERR You are logged in already.", "-ERR You are logged in already.", "-ERR You are logged in already."}},
		{"unknown", []string{"LAST", "LIS", "RETR: 1", "", " NOOP", "\xff\xfe"}, []string{
			"-ERR Unknown command.", "-ERR Unknown command.", "-ERR Unknown command.",
			"-ERR Bad command: a command begins with a keyword.", "-ERR Bad command: a command begins with a keyword.",
			"-ERR Bad command: a command begins with a keyword."}},
		{"long line", []string{"RETR " + strings.Repeat("1", 3000), "NOOP"}, []string{"-ERR Line too long.", "+OK"}},
		{"after quit", []string{"QUIT", "NOOP"}, []string{"+OK Logging out."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newFake(t, msg1, msg2, msg3)
			got := converse(t, b, tt.in...)
			if want := strings.Join(tt.want, "\r\n") + "\r\n"; got.out != want {
				t.Errorf("got\n%s\nwant\n%s", got.out, want)
			}
			if got.err != nil || strings.Contains(got.log, "level=ERROR") || b.closed != 1 {
				t.Errorf("%v; closed %d times; log %s", got.err, b.closed, got.log)
			}
		})
	}
}

// RFC 1939 section 11: the sizes are what RETR sends, without the stuffing.
func TestSizeIsWhatRetrSends(t *testing.T) {
	texts := []string{msg1, msg2, "", "\n", ".\n..\n.", "a\rb\n", strings.Repeat("x", 100000) + "\n", "\r\n.\r\n"}
	for _, text := range texts {
		b := newFake(t, text)
		out := converse(t, b, "LIST 1", "RETR 1").out
		list, rest, _ := strings.Cut(out, "\r\n")
		_, body, _ := strings.Cut(rest, "\r\n")
		body, ended := strings.CutSuffix(body, ".\r\n")
		if text != "" && !strings.HasSuffix(text, "\n") {
			body = strings.TrimSuffix(body, "\r\n")
		}
		body = strings.ReplaceAll("\n"+body, "\n.", "\n")[1:]
		if want := fmt.Sprintf("+OK 1 %d", len(body)); list != want || !ended {
			t.Errorf("%.20q: listed as %q, sent as %d octets", text, list, len(body))
		}
	}
}

// RFC 1939 section 6: only QUIT removes anything.
func TestUpdate(t *testing.T) {
	tests := []struct {
		name       string
		in         io.Reader
		left, seen []mail.UID
	}{
		{"quit", strings.NewReader("RETR 1\r\nRETR 2\r\nDELE 1\r\nDELE 3\r\nQUIT\r\n"), []mail.UID{20}, []mail.UID{20}},
		{"drop", strings.NewReader("RETR 1\r\nDELE 1\r\n"), []mail.UID{10, 20, 30}, []mail.UID{10}},
		{"half a quit", strings.NewReader("DELE 1\r\nQUIT"), []mail.UID{10, 20, 30}, nil},
		{"quit with noise", strings.NewReader("DELE 1\r\nQUIT x\r\n"), []mail.UID{10, 20, 30}, nil},
		{"quit after rset", strings.NewReader("DELE 1\r\nRSET\r\nDELE 2\r\nQUIT\r\n"), []mail.UID{10, 30}, nil},
		{"reset", io.MultiReader(strings.NewReader("DELE 1\r\n"), iotest.ErrReader(os.ErrClosed)), []mail.UID{10, 20, 30}, nil},
		{"top is not seen", strings.NewReader("TOP 1 0\r\nQUIT\r\n"), []mail.UID{10, 20, 30}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newFake(t, msg1, msg2, msg3)
			if got := converseOn(t, b, tt.in); got.err != nil {
				t.Error(got.err)
			}
			if left := b.left(); !slices.Equal(left, tt.left) {
				t.Errorf("left %v, want %v", left, tt.left)
			}
			if seen := b.seen(); !slices.Equal(seen, tt.seen) {
				t.Errorf("seen %v, want %v", seen, tt.seen)
			}
		})
	}
}

// Another session removes and adds messages; numbers, sizes and unique-ids stay.
func TestNumbersStay(t *testing.T) {
	b := newFake(t, msg1, msg2, msg3)
	conn, wait := live(t, b)
	c := newClient(t, conn)
	c.expect("+OK Logged in.")
	c.send("LIST")
	c.expect("+OK 3 messages (106 octets)", "1 34", "2 30", "3 42", ".")
	b.mu.Lock()
	b.messages = slices.Delete(b.messages, 1, 2)
	b.add(t, 40, msg1)
	b.mu.Unlock()
	c.send("STAT")
	c.expect("+OK 3 106")
	c.send("RETR 2")
	c.expect("-ERR The message was removed by another session.")
	c.send("TOP 2 0")
	c.expect("-ERR The message was removed by another session.")
	c.send("RETR 4")
	c.expect("-ERR No such message, there are 3.")
	c.send("UIDL 3")
	c.expect("+OK 3 0000001e5e0b1c2d")
	c.send("DELE 2")
	c.expect("+OK Marked to be deleted.")
	c.send("DELE 3")
	c.expect("+OK Marked to be deleted.")
	c.send("QUIT")
	c.expect("+OK Logging out.")
	c.end(wait)
	if left := b.left(); !slices.Equal(left, []mail.UID{10, 40}) {
		t.Errorf("left %v", left)
	}
}

// A message that went before its size was known counts, and has no octets.
func TestGoneBeforeSized(t *testing.T) {
	b := newFake(t, msg1, msg2)
	conn, wait := live(t, b)
	c := newClient(t, conn)
	c.expect("+OK Logged in.")
	b.mu.Lock()
	b.messages = b.messages[:1]
	b.mu.Unlock()
	c.send("LIST 2")
	c.expect("-ERR The message was removed by another session.")
	c.send("LIST")
	c.expect("+OK 2 messages (34 octets)", "1 34", "2 0", ".")
	c.send("QUIT")
	c.expect("+OK Logging out.")
	c.end(wait)
}

// UIDs of another UIDVALIDITY are other messages: none is removed or marked.
func TestRenumbered(t *testing.T) {
	b := newFake(t, msg1, msg2)
	conn, wait := live(t, b)
	c := newClient(t, conn)
	c.expect("+OK Logged in.")
	c.send("RETR 2")
	c.expect("+OK 30 octets", "Subject: two", "", "already CRLF", ".")
	c.send("DELE 1")
	c.expect("+OK Marked to be deleted.")
	b.mu.Lock()
	b.validity++
	b.mu.Unlock()
	c.send("QUIT")
	c.expect("-ERR Some deleted messages were not removed.")
	c.end(wait)
	if len(b.left()) != 2 || len(b.seen()) != 0 {
		t.Errorf("left %v, seen %v", b.left(), b.seen())
	}
}

// Every kind of error has its answer, and its cause only goes to the log.
func TestStoreErrors(t *testing.T) {
	tests := []struct {
		kind store.Kind
		want string
	}{
		{store.NotFound, "-ERR The mailbox"},
		{store.Denied, "-ERR [SYS/PERM] "},
		{store.OverQuota, "-ERR The disk"},
		{store.InUse, "-ERR [IN-USE] "},
		{store.Limit, "-ERR [SYS/TEMP] "},
		{store.Gone, "-ERR The message"},
		{store.Corrupt, "-ERR [SYS/PERM] "},
		{store.Unavailable, "-ERR [SYS/TEMP] "},
		{store.Other, "-ERR [SYS/TEMP] "},
		{store.Exists, "-ERR [SYS/TEMP] "},
		{store.Invalid, "-ERR [SYS/TEMP] "},
	}
	for _, tt := range tests {
		for _, op := range []string{"open", "messages", "uids", "size", "open message", "flags", "expunge", "close"} {
			t.Run(tt.kind.String()+" "+op, func(t *testing.T) {
				b := newFake(t, msg1, msg2)
				b.fail[op] = &store.Error{Op: op, Kind: tt.kind, Err: errors.New("the secret cause")}
				got := converse(t, b, "RETR 1", "DELE 2", "QUIT")
				if strings.Contains(got.out, "secret") {
					t.Errorf("the client was told %q", got.out)
				}
				login := op == "open" || op == "messages" || op == "uids"
				if (got.err != nil) != login {
					t.Errorf("ended with %v", got.err)
				}
				if told := login || op == "size" || op == "open message"; told && !strings.HasPrefix(got.out, tt.want) {
					t.Errorf("told %q, want %q", got.out, tt.want)
				}
				logged := strings.Contains(got.log, "secret")
				if want := !login && (tt.kind != store.Gone || op == "expunge" || op == "close"); logged != want {
					t.Errorf("logged %v: %s", logged, got.log)
				}
				refused := op == "expunge"
				if removed := strings.Contains(got.out, "+OK Logging out."); !login && removed == refused {
					t.Errorf("told %q", got.out)
				}
			})
		}
	}
}

// A file that cannot be read to its end must not look like a whole message.
func TestReadError(t *testing.T) {
	b := newFake(t, msg1)
	b.messages[0].file = b.dir // a directory can be opened but not read
	got := converseWith(t, b, strings.NewReader("RETR 1\r\nDELE 1\r\nQUIT\r\n"), func(o *Options) { o.UTF8 = true })
	if got.out != "+OK 34 octets\r\n" || !errors.Is(got.err, errBroken) || len(b.left()) != 1 || len(b.seen()) != 0 {
		t.Errorf("told %q, %v, left %v, seen %v", got.out, got.err, b.left(), b.seen())
	}
}

// brokenPipe accepts n octets.
type brokenPipe struct {
	recorder
	n int
}

func (p *brokenPipe) Write(data []byte) (int, error) {
	if len(data) > p.n {
		return 0, os.ErrClosed
	}
	p.n -= len(data)
	return len(data), nil
}

// A client that did not get a whole message has not seen it.
func TestWriteError(t *testing.T) {
	big := "Subject: big\n\n" + strings.Repeat(strings.Repeat("y", 70)+"\n", 2000)
	b := newFake(t, big, msg1)
	conn := &brokenPipe{recorder{in: strings.NewReader("RETR 1\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n")}, 1000}
	if err := Serve(t.Context(), conn, b.open, testOptions(io.Discard)); err != nil {
		t.Error(err)
	}
	if len(b.left()) != 2 || len(b.seen()) != 0 || b.closed != 1 {
		t.Errorf("left %v, seen %v", b.left(), b.seen())
	}
}

// A panic of ours ends the session with an answer, and removes nothing.
func TestPanic(t *testing.T) {
	b := newFake(t, msg1, msg2)
	conn := &recorder{in: strings.NewReader("DELE 1\r\nSTAT\r\nQUIT\r\n")}
	err := Serve(t.Context(), conn, func(context.Context) (Mailbox, error) { return panicking{b}, nil }, testOptions(io.Discard))
	if err == nil || !strings.Contains(err.Error(), "a bug") || !strings.HasSuffix(conn.out.String(), "deleted.\r\n-ERR [SYS/PERM] Internal error.\r\n") {
		t.Errorf("%v, told %q", err, conn.out.String())
	}
	if len(b.left()) != 2 {
		t.Error("a message was removed")
	}
}

type panicking struct{ *fakeMailbox }

func (panicking) Size(context.Context, mail.UID) (int64, error) { panic("a bug") }

// TestDamagedOnce: a list of messages that cannot be read is asked for again.
func TestDamagedOnce(t *testing.T) {
	b := &damagedOnce{fakeMailbox: newFake(t, msg1, msg2)}
	d, err := openDrop(context.Background(), b, &Options{Settings: defaults})
	if err != nil || len(d.messages) != 2 || b.asked != 2 {
		t.Errorf("%+v, %v, asked %d times", d, err, b.asked)
	}
}

type damagedOnce struct {
	*fakeMailbox
	asked int
}

func (b *damagedOnce) Messages(ctx context.Context) (Messages, error) {
	b.asked++
	m, err := b.fakeMailbox.Messages(ctx)
	if b.asked == 1 {
		m = fakeMessages{validity: 1, messages: make([]fakeMessage, 1), err: &store.Error{Op: "read index"}}
	}
	return m, err
}

// RFC 2449 section 6.6: answers in order; and one write for all that came at
// once, so that Nagle's algorithm never waits.
func TestPipelining(t *testing.T) {
	b := newFake(t, msg1, msg2, msg3)
	got := converse(t, b, "STAT", "LIST 1", "RETR 1", "NOOP", "DELE 3", "QUIT")
	want := "+OK 3 106\r\n+OK 1 34\r\n+OK 34 octets\r\nSubject: one\r\n\r\nbody\r\n..dot\r\nlast\r\n.\r\n+OK\r\n" +
		"+OK Marked to be deleted.\r\n+OK Logging out.\r\n"
	if got.out != want {
		t.Errorf("got %q", got.out)
	}
	if got.writes != 2 {
		t.Errorf("%d writes, not one for the greeting and one for the rest", got.writes)
	}
}

// 100 messages are marked in two calls, not in 100; and sizes are asked for once.
func TestBatches(t *testing.T) {
	texts := slices.Repeat([]string{msg1}, 100)
	b := newFake(t, texts...)
	var in []string
	for i := range texts {
		in = append(in, fmt.Sprintf("RETR %d", i+1), "STAT")
	}
	if got := converse(t, b, in...); got.err != nil {
		t.Fatal(got.err)
	}
	if b.seenSets != 2 || len(b.seen()) != 100 || b.sized != 100 {
		t.Errorf("%d calls for %d messages, %d sizes asked for", b.seenSets, len(b.seen()), b.sized)
	}
}

// Random octets, and too many bad commands in a row, end in a closed connection.
func TestNonsense(t *testing.T) {
	b := newFake(t, msg1)
	bad := slices.Repeat([]string{"XYZZY"}, maxBadCommands)
	got := converse(t, b, append(slices.Clone(bad), "DELE 1", "QUIT")...)
	if n := strings.Count(got.out, "-ERR Unknown"); n != maxBadCommands || !strings.HasSuffix(got.out, "-ERR Too many bad commands.\r\n") {
		t.Errorf("got %q", got.out)
	}
	// Good commands between, and wrong numbers, are no reason.
	mixed := append(append(slices.Clone(bad[1:]), "NOOP"), bad[1:]...)
	mixed = append(mixed, slices.Repeat([]string{"DELE 7"}, 3*maxBadCommands)...)
	if got := converse(t, b, append(mixed, "QUIT")...); !strings.HasSuffix(got.out, "+OK Logging out.\r\n") {
		t.Errorf("got %q", got.out)
	}
	noise := make([]byte, 1<<20)
	rng := rand.NewChaCha8([32]byte{1})
	if _, err := io.ReadFull(rng, noise); err != nil {
		t.Fatal(err)
	}
	if got := converseOn(t, b, strings.NewReader(string(noise))); got.err != nil || len(got.out) > 100*maxBadCommands {
		t.Errorf("%v, %d octets of answers", got.err, len(got.out))
	}
	if got := converseOn(t, b, strings.NewReader(strings.Repeat("a", 3<<20))); got.err != nil || got.out != "-ERR Line without end.\r\n" {
		t.Errorf("%v, got %q", got.err, got.out)
	}
	if len(b.left()) != 1 {
		t.Error("a message was removed")
	}
}

func TestCommandTable(t *testing.T) {
	for keyword, row := range commands {
		if pop3.StatesOf(keyword)&pop3.Transaction == 0 || row.run == nil || row.rfc == "" {
			t.Errorf("%s: the row is not complete", keyword)
		}
	}
}

// TestLegacy: numbers and unique-ids are those that a predecessor told, so that no
// client fetches again what it has. DELE and QUIT mean the message of that number.
func TestLegacy(t *testing.T) {
	b := newFake(t, msg1, msg2, msg3)
	b.legacy = map[mail.UID]store.Legacy{
		20: {UIDL: "UID2-99", Order: 2},
		30: {UIDL: "has a space", Order: 1},
	}
	got := converse(t, b, "UIDL", "UIDL 2", "DELE 1", "QUIT")
	want := "+OK\r\n1 0000001e5e0b1c2d\r\n2 UID2-99\r\n3 0000000a5e0b1c2d\r\n.\r\n+OK 2 UID2-99\r\n"
	if !strings.HasPrefix(got.out, want) || got.err != nil {
		t.Errorf("got\n%s\n%v\nwant\n%s", got.out, got.err, want)
	}
	if left := b.uids(func(fakeMessage) bool { return true }); !slices.Equal(left, []mail.UID{10, 20}) {
		t.Errorf("left: %v", left)
	}
	b = newFake(t, msg1)
	b.fail["legacy"] = &store.Error{Op: "x", Kind: store.Denied}
	if got := converse(t, b, "STAT"); !strings.HasPrefix(got.out, "-ERR [SYS/PERM]") {
		t.Errorf("got %q", got.out)
	}
}
