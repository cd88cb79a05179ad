package pop3d

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/pop3"
	"fantail/internal/store"
)

// settings are the defaults, changed.
func settings(change func(*conf.POP3Settings)) func(*Options) {
	return func(o *Options) { change(&o.Settings) }
}

func uidlFormat(t *testing.T, text string) func(*conf.POP3Settings) {
	t.Helper()
	f, err := conf.ParseUIDLFormat(text)
	if err != nil {
		t.Fatal(err)
	}
	return func(s *conf.POP3Settings) { s.UIDLFormat = f }
}

func TestUIDLFormat(t *testing.T) {
	long := strings.Repeat("x", 80)
	for _, c := range []struct {
		format string
		legacy map[mail.UID]store.Legacy
		want   []string
	}{
		{"%v.%u", nil, []string{"1577786413.10", "1577786413.20", "1577786413.30"}},
		{"%f", nil, []string{"10", "20", "30"}},
		{"%g", map[mail.UID]store.Legacy{20: {GUID: "abc"}}, []string{"10", "abc", "30"}},
		// Copies have one identifier, and one of them keeps it.
		{"%g", map[mail.UID]store.Legacy{10: {GUID: "abc"}, 30: {GUID: "abc"}}, []string{"abc", "20", "abc-30"}},
		{"%g", map[mail.UID]store.Legacy{10: {GUID: "abc"}, 20: {GUID: "abc-30"}, 30: {GUID: "abc"}}, []string{"abc", "abc-30", "abc-30-30"}},
		{"%u", map[mail.UID]store.Legacy{30: {UIDL: "10"}}, []string{"10", "20", "10-30"}},
		// What RFC 1939 section 7 does not allow gives way to its hash.
		{long + "%u", nil, []string{hashOf(long + "10"), hashOf(long + "20"), hashOf(long + "30")}},
		{"%g", map[mail.UID]store.Legacy{20: {GUID: "a b"}}, []string{"10", hashOf("a b"), "30"}},
	} {
		b := newFake(t, msg1, msg2, msg3)
		b.legacy = c.legacy
		got := converseWith(t, b, strings.NewReader("UIDL\r\nUIDL 3\r\n"), settings(uidlFormat(t, c.format)))
		want := fmt.Sprintf("+OK\r\n1 %s\r\n2 %s\r\n3 %s\r\n.\r\n+OK 3 %[3]s\r\n", c.want[0], c.want[1], c.want[2])
		if got.out != want {
			t.Errorf("%s: got\n%swant\n%s", c.format, got.out, want)
		}
		for _, uidl := range c.want {
			if !pop3.ValidUIDL(uidl) {
				t.Errorf("%s may not be sent", uidl)
			}
		}
	}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:20])
}

func TestDuplicatesAllowed(t *testing.T) {
	b := newFake(t, msg1, msg2)
	b.legacy = map[mail.UID]store.Legacy{10: {UIDL: "same"}, 20: {UIDL: "same"}}
	got := converseWith(t, b, strings.NewReader("UIDL\r\n"), settings(func(s *conf.POP3Settings) { s.UIDLDuplicates = conf.UIDLAllow }))
	if got.out != "+OK\r\n1 same\r\n2 same\r\n.\r\n" {
		t.Errorf("%q", got.out)
	}
}

// TestDeletedFlag: a message is hidden from POP3 and from nobody else, and can come
// back.
func TestDeletedFlag(t *testing.T) {
	hide := settings(func(s *conf.POP3Settings) { s.DeletedFlag = "$Hidden" })
	b := newFake(t, msg1, msg2, msg3)
	got := converseWith(t, b, strings.NewReader("DELE 2\r\nSTAT\r\nQUIT\r\n"), hide)
	if !strings.HasSuffix(got.out, "+OK 2 76\r\n+OK Logging out.\r\n") || len(b.left()) != 3 {
		t.Errorf("%q, left %v", got.out, b.left())
	}
	if !slices.Equal(b.messages[1].keywords, []mail.Keyword{"$Hidden"}) || b.messages[0].keywords != nil {
		t.Errorf("%+v", b.messages)
	}
	b.messages[1].keywords[0] = "$hidden" // in which case makes no difference
	if got := converseWith(t, b, strings.NewReader("UIDL\r\n"), hide); got.out != "+OK\r\n1 0000000a5e0b1c2d\r\n2 0000001e5e0b1c2d\r\n.\r\n" {
		t.Errorf("%q", got.out)
	}
	if got := converse(t, b, "STAT"); got.out != "+OK 3 106\r\n" {
		t.Errorf("without the setting: %q", got.out)
	}
	if got := converseWith(t, b, strings.NewReader("DELE 1\r\n"), hide); got.err != nil || b.messages[0].keywords != nil {
		t.Error("it is hidden without QUIT")
	}
}

func TestNoFlagUpdates(t *testing.T) {
	b := newFake(t, msg1)
	converseWith(t, b, strings.NewReader("RETR 1\r\nQUIT\r\n"), settings(func(s *conf.POP3Settings) { s.NoFlagUpdates = true }))
	if len(b.seen()) != 0 || b.seenSets != 0 {
		t.Error("a flag was set")
	}
}

func TestWorkarounds(t *testing.T) {
	for _, c := range []struct{ around, text, in, want string }{
		{conf.OutlookNoNULs, "A: b\n\nx\x00y\x00\n", "RETR 1", "+OK 14 octets\r\nA: b\r\n\r\nx\x80y\x80\r\n.\r\n"},
		{"", "A: b\n\nx\x00y\x00\n", "RETR 1", "+OK 14 octets\r\nA: b\r\n\r\nx\x00y\x00\r\n.\r\n"},
		{conf.NoEndOfHeader, "A: b\n", "RETR 1", "+OK 6 octets\r\nA: b\r\n\r\n.\r\n"},
		{conf.NoEndOfHeader, "A: b\n", "TOP 1 0", "+OK\r\nA: b\r\n\r\n.\r\n"},
		{conf.NoEndOfHeader, "A: b", "RETR 1", "+OK 4 octets\r\nA: b\r\n\r\n.\r\n"},
		{conf.NoEndOfHeader, "", "RETR 1", "+OK 0 octets\r\n\r\n.\r\n"},
		{conf.NoEndOfHeader, "A: b\n\n", "RETR 1", "+OK 8 octets\r\nA: b\r\n\r\n.\r\n"},
		{conf.NoEndOfHeader, "A: b\n\nc\n\n", "TOP 1 0", "+OK\r\nA: b\r\n\r\n.\r\n"},
		{"", "A: b\n", "RETR 1", "+OK 6 octets\r\nA: b\r\n.\r\n"},
	} {
		b := newFake(t, c.text)
		got := converseWith(t, b, strings.NewReader(c.in+"\r\n"), settings(func(s *conf.POP3Settings) { s.Workarounds = []string{c.around} }))
		if got.out != c.want {
			t.Errorf("%s, %s of %q: %q, want %q", c.around, c.in, c.text, got.out, c.want)
		}
	}
}

func TestOneSession(t *testing.T) {
	b := newFake(t, msg1)
	lock := settings(func(s *conf.POP3Settings) { s.LockSession = true })
	conn, wait := liveWith(t, b, lock)
	c := newClient(t, conn)
	c.expect("+OK Logged in.")
	if got := converseRefused(t, b, lock); got != "-ERR [IN-USE] Another session has the maildrop, try again later.\r\n" {
		t.Errorf("%q", got)
	}
	c.send("QUIT")
	c.expect("+OK Logging out.")
	if err := wait(); err != nil {
		t.Error(err)
	}
	if got := converseWith(t, b, strings.NewReader("NOOP\r\n"), lock); got.out != "+OK\r\n" {
		t.Errorf("%q", got.out)
	}
	if b.closed != 3 {
		t.Errorf("the mailbox was closed %d times", b.closed)
	}
}

func TestLoginDelay(t *testing.T) {
	b := newFake(t, msg1)
	delay := func(o *Options) {
		o.Settings.LoginDelay = time.Hour
		o.Offer.LoginDelay = time.Hour
	}
	if got := converseWith(t, b, strings.NewReader("CAPA\r\n"), delay); !strings.Contains(got.out, "\r\nLOGIN-DELAY 3600\r\n") {
		t.Errorf("%q", got.out)
	}
	if got := converseRefused(t, b, delay); got != "-ERR [LOGIN-DELAY] You have logged in a short time ago, try again later.\r\n" {
		t.Errorf("%q", got)
	}
	failing := newFake(t, msg1)
	failing.fail["messages"] = &store.Error{Op: "x", Kind: store.Unavailable}
	for range 2 { // who was not let in has not logged in
		if out := converseOnRefused(t, failing, delay); !strings.HasPrefix(out, "-ERR [SYS/TEMP] ") {
			t.Errorf("%q", out)
		}
	}
	b.dir += "/nowhere" // nothing can be written
	if got := converseWith(t, b, strings.NewReader("STAT\r\n"), delay); got.out != "+OK 1 34\r\n" || !strings.Contains(got.log, "cannot find out when") {
		t.Errorf("%q, log %s", got.out, got.log)
	}
}

// converseOnRefused returns what a client is told that cannot be let in.
func converseOnRefused(t *testing.T, b *fakeMailbox, set func(*Options)) string {
	t.Helper()
	o := testOptions(io.Discard)
	set(&o)
	conn := &recorder{in: strings.NewReader("")}
	if err := Serve(t.Context(), conn, b.open, o); err == nil {
		t.Error("that is an error of ours")
	}
	return conn.out.String()
}

// converseRefused returns what a client is told that may not log in.
func converseRefused(t *testing.T, b *fakeMailbox, set func(*Options)) string {
	t.Helper()
	var log strings.Builder
	o := testOptions(&log)
	set(&o)
	conn := &recorder{in: strings.NewReader("STAT\r\n")}
	if err := Serve(t.Context(), conn, b.open, o); err != nil {
		t.Errorf("that is no error of ours: %v", err)
	}
	return conn.out.String()
}

// TestRetrievedIsNoted: what a client has got whole, where that is to expire.
func TestRetrievedIsNoted(t *testing.T) {
	long := "A: b\n\n" + strings.Repeat("line\n", 20)
	for _, c := range []struct {
		in     string
		expire int
		want   []mail.UID
	}{
		{"RETR 1\r\nRETR 3\r\nQUIT\r\n", 30, []mail.UID{10, 30}},
		{"RETR 1\r\nRETR 3\r\n", 30, []mail.UID{10, 30}}, // the connection breaks
		{"RETR 1\r\nRETR 3\r\nDELE 1\r\nQUIT\r\n", 30, []mail.UID{30}},
		{"RETR 1\r\nDELE 1\r\n", 30, []mail.UID{10}},
		{"TOP 1 99999999\r\nTOP 2 19\r\nTOP 3 21\r\nQUIT\r\n", 30, []mail.UID{10, 30}},
		{"TOP 1 0\r\nLIST\r\nUIDL\r\nQUIT\r\n", 30, nil},
		{"RETR 1\r\nQUIT\r\n", 0, nil},
	} {
		b := newFake(t, long, long, long)
		converseWith(t, b, strings.NewReader(c.in), func(o *Options) { o.Expire = c.expire })
		r, err := b.Maildrop().Retrieved(b.validity)
		if got := slices.Sorted(maps.Keys(r)); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q, %d days: %v, %v, want %v", c.in, c.expire, got, err, c.want)
		}
		if strings.HasPrefix(c.in, "TOP") && len(b.seen()) != 0 {
			t.Error("TOP has marked a message as read")
		}
	}
}

// asked calls a function before each write.
type asked struct {
	recorder
	before func(p []byte)
}

func (a *asked) Write(p []byte) (int, error) {
	a.before(p)
	return a.recorder.Write(p)
}

// TestNotedBeforeGoodbye: who hears that the session is over finds all that it did.
func TestNotedBeforeGoodbye(t *testing.T) {
	b := newFake(t, msg1, msg2)
	o := testOptions(io.Discard)
	o.Expire = 1
	conn := &asked{recorder: recorder{in: strings.NewReader("RETR 1\r\nQUIT\r\n")}, before: func(p []byte) {
		if !strings.Contains(string(p), "+OK Logging out") {
			return
		}
		r, err := b.Maildrop().Retrieved(b.validity)
		if err != nil || len(r) != 1 || !slices.Equal(b.seen(), []mail.UID{10}) {
			t.Errorf("at the goodbye: retrieved %v, read %v, %v", r, b.seen(), err)
		}
	}}
	if err := Serve(t.Context(), conn, b.open, o); err != nil || !strings.HasSuffix(conn.out.String(), "+OK Logging out.\r\n") {
		t.Errorf("%v: %q", err, conn.out.String())
	}
}

func TestNotedOnce(t *testing.T) {
	b := newFake(t, msg1, msg2)
	expire := func(o *Options) { o.Expire = 1 }
	converseWith(t, b, strings.NewReader("RETR 1\r\nRETR 1\r\n"), expire)
	first, err := b.Maildrop().Retrieved(b.validity)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Maildrop().AddRetrieved(b.validity, []mail.UID{20}, time.Unix(1000, 0)); err != nil {
		t.Fatal(err)
	}
	converseWith(t, b, strings.NewReader("RETR 1\r\nRETR 2\r\n"), expire)
	again, err := b.Maildrop().Retrieved(b.validity)
	if err != nil || !again[10].Equal(first[10]) || again[20].Unix() != 1000 {
		t.Errorf("%v, then %v, %v", first, again, err)
	}
}

// TestPanicLeaves: a session that panics does not keep the next one out.
func TestPanicLeaves(t *testing.T) {
	b := newFake(t, msg1)
	o := testOptions(io.Discard)
	o.Settings.LockSession = true
	conn := &recorder{in: strings.NewReader("LIST 1\r\n")}
	open := func(context.Context) (Mailbox, error) { return panicking{b}, nil }
	if err := Serve(t.Context(), conn, open, o); err == nil {
		t.Error("it has not panicked")
	}
	if got := converseWith(t, b, strings.NewReader("NOOP\r\n"), settings(func(s *conf.POP3Settings) { s.LockSession = true })); got.out != "+OK\r\n" {
		t.Errorf("%q", got.out)
	}
}
