package lmtpfront

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/userdb"
)

func TestDelivery(t *testing.T) {
	h := newHouse(t, "ann", "bob")
	_, connect := h.serve(nil)
	p := connect().greet()
	for _, reply := range p.send("Subject: x\r\n\r\n..dot\r\nend\r\n", "ann@example.org", "Bob@Example.ORG") {
		if !strings.HasPrefix(reply, "250 2.1.5 ") {
			t.Error(reply)
		}
	}
	for _, name := range []string{"ann", "bob"} {
		list := h.mail(name)
		if len(list) != 1 || h.received(list[0]) != "Subject: x\n\n.dot\nend\n" {
			t.Errorf("%s: %q", name, list)
		}
	}
	p.send("\r\n", "ann@example.org")
	if list := h.mail("ann"); len(list) != 2 {
		t.Errorf("%q", list)
	}
	p.say("QUIT\r\n")
	p.want("221 2.0.0")
	p.gone()
	if len(h.opened) != 2 {
		t.Errorf("sessions %v: one of each account is kept", h.opened)
	}
}

// What is added on top of a message.
func TestTrace(t *testing.T) {
	h := newHouse(t, "ann")
	date := time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("", 3600))
	_, connect := h.serve(func(o *Options) { o.Clock = func() time.Time { return date } })
	p := connect().greet()
	p.send("Subject: x\r\n\r\n", "ann+x@example.org")
	want := "Return-Path: <sender@example.net>\nDelivered-To: ann+x@example.org\n" +
		"Received: from client.example.net ([127.0.0.1])\n\tby mx.example.net (Fantail) with LMTP id "
	end := ".1\n\tfor <ann+x@example.org>; Mon, 23 Nov 2026 09:00:00 +0100\nSubject: x\n\n"
	if list := h.mail("ann"); len(list) != 1 || !strings.HasPrefix(list[0], want) || !strings.HasSuffix(list[0], end) {
		t.Errorf("%q", list)
	}
}

// Each recipient has its own answer, in the order of RCPT (RFC 2033 section 4.2).
func TestAnswers(t *testing.T) {
	h := newHouse(t, "ann", "bob", "eve")
	_, connect := h.serve(nil)
	if err := os.MkdirAll(filepath.Join(h.dir, "bob"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.maildir("bob"), nil, 0o600); err != nil { // no Maildir at all
		t.Fatal(err)
	}
	p := connect().greet()
	p.say("MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<ann@example.org>\r\n" +
		"RCPT TO:<away>\r\nRCPT TO:<eve@other.example>\r\nRCPT TO:<eve>\r\nDATA\r\n")
	p.want("250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "451 4.3.0", "550 5.1.1", "250 2.1.5", "354 ")
	p.say("x\r\n.\r\n")
	p.want("451 4.3.0", "250 2.1.5", "250 2.1.5")
	p.say("NOOP\r\n")
	p.want("250 2.0.0")
	if len(h.mail("ann")) != 1 || len(h.mail("eve")) != 1 {
		t.Error("not delivered")
	}
}

// What was to be delivered to nobody is not in the way of the next message to the same
// session.
func TestAfterFailure(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(nil)
	if err := errors.Join(os.MkdirAll(filepath.Join(h.dir, "ann"), 0o700), os.WriteFile(h.maildir("ann"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	p := connect().greet()
	for _, size := range []int{10, 10_000, 300_000} {
		if r := p.send(strings.Repeat("x", size)+"\r\n", "ann"); !strings.HasPrefix(r[0], "451 4.") {
			t.Error(r)
		}
	}
	if err := os.Remove(h.maildir("ann")); err != nil {
		t.Fatal(err)
	}
	if r := p.send("x\r\n", "ann"); !strings.HasPrefix(r[0], "250 ") || len(h.opened) != 1 {
		t.Error(r, h.opened)
	}
}

// Without daemons nothing is permanent.
func TestDaemonsDown(t *testing.T) {
	h := newHouse(t, "ann", "bob")
	_, connect := h.serve(nil)
	p := connect().greet()
	h.broken = fmt.Errorf("%w: sessiond is away", userdb.ErrUnavailable)
	for _, reply := range p.send("x\r\n", "ann@example.org", "bob@example.org") {
		if !strings.HasPrefix(reply, "451 4.3.0 ") {
			t.Error(reply)
		}
	}
	h.broken = fmt.Errorf("gone: %w", userdb.ErrUnknown)
	if r := p.send("x\r\n", "ann@example.org"); !strings.HasPrefix(r[0], "550 5.1.1 ") {
		t.Error(r)
	}
	h.broken = nil
	if r := p.send("x\r\n", "ann@example.org"); !strings.HasPrefix(r[0], "250 ") {
		t.Error(r)
	}
}

func TestStates(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(nil)
	p := connect()
	p.want("220 ")
	for _, c := range []struct{ say, want string }{
		{"MAIL FROM:<a@b>", "503 5.5.1"},
		{"RCPT TO:<ann>", "503 5.5.1"},
		{"DATA", "503 5.5.1"},
		{"VRFY ann", "503 5.5.1"},
		{"STARTTLS", "503 5.5.1"},
		{"NOOP", "250 2.0.0"},
		{"NOOP whatever", "250 2.0.0"},
		{"RSET", "250 2.0.0"},
		{"HELP", "214 2.0.0"},
		{"EHLO me", "500 5.5.1"},
		{"HELO me", "500 5.5.1"},
		{"LHLO", "501 5.5.4"},
		{"lhlo me", "250-mx"},
		{"RCPT TO:<ann>", "503 5.5.1"},
		{"DATA", "503 5.5.1"},
		{"BDAT 0 LAST", "503 5.5.1"},
		{"MAIL FROM:<a@b> SIZE=1048577", "552 5.3.4"},
		{"MAIL FROM:<a@b> SIZE=1048576", "250 2.1.0"},
		{"MAIL FROM:<a@b>", "503 5.5.1"},
		{"DATA", "503 5.5.1"}, // RFC 2033 section 4.2: no recipient
		{"RCPT TO:<nobody>", "550 5.1.1"},
		{"DATA", "503 5.5.1"},
		{"RCPT TO:<ann> NOTIFY=NEVER", "555 5.5.4"},
		{"RCPT TO:<änn>", "553 5.6.7"},
		{"RCPT TO:<ann>", "250 2.1.5"},
		{"DATA now", "501 5.5.4"},
		{"VRFY ann", "252 2.5.0"},
		{"VRFY", "501 5.5.4"},
		{"STARTTLS", "454 4.7.0"}, // there is no certificate here
		{"XCLIENT ADDR=192.0.2.1", "550 5.7.0"},
		{"LHLO again", "250-mx"}, // and the transaction is over
		{"RCPT TO:<ann>", "503 5.5.1"},
		{"MAIL FROM:<a@b> BODY=8BITMIME", "250 2.1.0"},
		{"RSET", "250 2.0.0"},
		{"MAIL FROM:<ä@b> SMTPUTF8", "250 2.1.0"},
		{"RCPT TO:<änn>", "550 5.1.1"},
		{"RSET now", "501 5.5.4"},
		{"QUIT now", "501 5.5.4"},
		{strings.Repeat("x", 2001), "500 5.5.6"},
		{"", "500 5.5.1"},
		{"QUIT", "221 2.0.0"},
	} {
		p.say(c.say + "\r\n")
		if got := p.hear(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%.50q: %q, want %q", c.say, got, c.want)
		}
	}
	p.gone()
	if got := h.mail("ann"); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func TestMistakes(t *testing.T) {
	h := newHouse(t)
	_, connect := h.serve(nil)
	p := connect()
	p.want("220 ")
	for range mostWrong - 1 {
		p.say("GET / HTTP/1.1\r\n")
		p.want("500 5.5.1")
	}
	p.say("Host: x\r\n")
	p.want("421 4.7.0")
	p.gone()
}

// A message is what came between DATA and CRLF "." CRLF, with LF for CRLF, whatever else
// is in it.
func TestOctets(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(nil)
	p := connect().greet()
	for sent, want := range map[string]string{
		"a\nb\r\n":                             "a\nb\n",
		"a\n.\nb\r\n":                          "a\n.\nb\n",
		"a\n.\r\nb\r\n":                        "a\n.\nb\n",
		"a\r\n.\nb\r\n":                        "a\n\nb\n", // the dot of a line is stuffing
		"a\r.\r\nb\r\n":                        "a\r.\nb\n",
		"a\r\rb\r\n":                           "a\r\rb\n",
		"\x00\r\n\x00":                         "\x00\n\x00",
		"..\r\n...\r\n":                        ".\n..\n",
		strings.Repeat("x", 200_000) + "\r\n":  strings.Repeat("x", 200_000) + "\n",
		strings.Repeat("X: y\r\n", 20_000):     strings.Repeat("X: y\n", 20_000),
		"From me Mon Nov 23\r\nSubject: x\r\n": "From me Mon Nov 23\nSubject: x\n",
		"a\r\n.\r\r\nMAIL FROM:<x>\r\n":        "a\n\r\r\nMAIL FROM:<x>\n",
		"\xff\xfe\r\n":                         "\xff\xfe\n",
		"":                                     "",
	} {
		if sent != "" && !strings.HasSuffix(sent, "\r\n") {
			sent += "\r\n"
			want += "\n"
		}
		if r := p.send(sent, "ann"); !strings.HasPrefix(r[0], "250 ") {
			t.Errorf("%.50q: %s", sent, r[0])
			continue
		}
		list := h.mail("ann")
		if len(list) != 1 || h.received(list[0]) != want {
			t.Errorf("%.50q became %.200q", sent, list)
		}
		h.empty("ann")
	}
}

// empty removes the mail of an account.
func (h *house) empty(name string) {
	h.t.Helper()
	paths, err := filepath.Glob(filepath.Join(h.maildir(name), "new", "*"))
	for _, p := range paths {
		err = errors.Join(err, os.Remove(p))
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// Chunks are of any size, and what is in them is no command (RFC 3030 section 2).
func TestChunks(t *testing.T) {
	h := newHouse(t, "ann", "bob")
	_, connect := h.serve(nil)
	p := connect().greet()
	begin := "MAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\nRCPT TO:<bob>\r\n"
	began := []string{"250 2.1.0", "250 2.1.5", "250 2.1.5"}

	p.say(begin + "BDAT 8\r\na\r\n.\r\nb\rBDAT 1\r\n\nBDAT 0\r\nBDAT 3 LAST\r\nc\r\nNOOP\r\n")
	p.want(began...)
	p.want("250 2.0.0", "250 2.0.0", "250 2.0.0", "250 2.1.5", "250 2.1.5", "250 2.0.0")
	for _, name := range []string{"ann", "bob"} {
		if list := h.mail(name); len(list) != 1 || h.received(list[0]) != "a\n.\nb\nc\n" {
			t.Errorf("%q", list)
		}
		h.empty(name)
	}

	// DATA and RCPT do not mix with chunks; RSET ends them.
	p.say(begin + "BDAT 3\r\na\r\nRCPT TO:<ann>\r\n")
	p.want(began...)
	p.want("250 2.0.0", "503 5.5.1")
	p.say("DATA\r\n")
	p.want("503 5.5.1")
	p.say("RSET\r\nBDAT 6 LAST\r\nQUIT\r\n")
	p.want("250 2.0.0", "503 5.5.1")

	// One that is too large is refused, and so is the rest.
	big := strings.Repeat("x", 1<<20+1)
	p.say(begin + fmt.Sprintf("BDAT %d\r\n%s", len(big), big))
	p.want(began...)
	p.want("552 5.3.4")
	p.say("BDAT 3 LAST\r\nabc")
	p.want("503 5.5.1")
	p.say("RSET\r\n" + begin + fmt.Sprintf("BDAT %d LAST\r\n%s", len(big), big))
	p.want("250 2.0.0")
	p.want(began...)
	p.want("552 5.3.4", "552 5.3.4")

	// After a BDAT that is none, nobody knows what is a command.
	p.say("BDAT 5 FIRST\r\nQUIT\r\n")
	p.want("501 5.5.4")
	p.gone()
	if len(h.mail("ann"))+len(h.mail("bob")) != 0 {
		t.Error("something was delivered")
	}
}

func TestTooLarge(t *testing.T) {
	h := newHouse(t, "ann", "bob")
	_, connect := h.serve(nil)
	p := connect().greet()
	for _, r := range p.send(strings.Repeat(strings.Repeat("x", 998)+"\r\n", 1049), "ann", "bob") {
		if !strings.HasPrefix(r, "552 5.3.4") {
			t.Error(r)
		}
	}
	for _, r := range p.send(strings.Repeat(strings.Repeat("x", 1022)+"\r\n", 1024), "ann", "bob") {
		if !strings.HasPrefix(r, "250 ") {
			t.Error(r)
		}
	}
	if list := h.mail("ann"); len(list) != 1 || len(h.received(list[0])) != 1023*1024 {
		t.Error("not as it was sent")
	}
}

// A client that goes away in the midst of a message has delivered nothing.
func TestDiesMidway(t *testing.T) {
	h := newHouse(t, "ann")
	s, connect := h.serve(nil)
	for _, text := range []string{"DATA\r\nhalf", "DATA\r\nhalf\r\n", "DATA\r\nhalf\r\n.", "DATA\r\nhalf\r\n.\r", "DATA\r\n" + strings.Repeat("x", 100_000), "BDAT 10 LAST\r\nhalf", "BDAT 4\r\nhalf", "BDAT 4\r\nhalfBDAT 0 LAST"} {
		p := connect().greet()
		p.say("MAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\n" + text)
		p.want("250 ", "250 ")
		p.conn.Close()
	}
	for n := 0; ; n++ {
		s.mu.Lock()
		left := len(s.clients)
		s.mu.Unlock()
		if left == 0 {
			break
		}
		if n > 3000 {
			t.Fatal("connections stay")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := h.mail("ann"); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if left, err := os.ReadDir(s.o.Spool); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// A DATA that is refused is not followed by commands that are a message.
func TestDataRefused(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(nil)
	p := connect().greet()
	p.say("MAIL FROM:<a@b>\r\nRCPT TO:<nobody>\r\nDATA\r\nMAIL FROM:<evil@b>\r\nRCPT TO:<ann>\r\n")
	p.want("250 ", "550 ", "503 5.5.1", "421 ")
	p.gone()
}

// Accounts that have one user share one file, and their texts name no recipient.
func TestOneCopy(t *testing.T) {
	names := []string{}
	for i := range 120 {
		names = append(names, fmt.Sprintf("v%03d", i))
	}
	h := newHouse(t, names...)
	for _, n := range names {
		h.uid[n] = 500
	}
	_, connect := h.serve(nil)
	p := connect().greet()
	for i, r := range p.send("Subject: all\r\n\r\n", names...) {
		if !strings.HasPrefix(r, "250 ") {
			t.Fatal(i, r)
		}
	}
	if len(h.opened) != 3 { // of 50 accounts each
		t.Errorf("%d sessions", len(h.opened))
	}
	files := make(map[string]int)
	for _, n := range names {
		list := h.mail(n)
		if len(list) != 1 || h.received(list[0]) != "Subject: all\n\n" || strings.Contains(list[0], "Delivered-To") || strings.Contains(list[0], "for <") {
			t.Fatalf("%q", list)
		}
		files[h.inode(n)]++
	}
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
	// Twice to one account is one session and two names.
	h.opened = nil
	p.send("x\r\n", "v001+a", "v001+b")
	if len(h.mail("v001")) != 3 || len(h.opened) != 1 {
		t.Errorf("%d messages, sessions %v", len(h.mail("v001")), h.opened)
	}
}

// inode tells the one file of an account from others.
func (h *house) inode(name string) string {
	h.t.Helper()
	paths, _ := filepath.Glob(filepath.Join(h.maildir(name), "new", "*"))
	if len(paths) != 1 {
		h.t.Fatalf("%v", paths)
	}
	info, err := os.Stat(paths[0])
	if err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprint(info.Sys())[:40]
}

// Many recipients of a message that is larger than memory.
func TestManyRecipients(t *testing.T) {
	names := []string{}
	for i := range 40 {
		names = append(names, fmt.Sprintf("u%d", i))
	}
	h := newHouse(t, names...)
	_, connect := h.serve(nil)
	p := connect().greet()
	var to []string
	for i := range 300 {
		to = append(to, fmt.Sprintf("u%d+%d", i%40, i))
	}
	text := strings.Repeat("0123456789abcde\r\n", 6000)
	for _, r := range p.send(text, to...) {
		if !strings.HasPrefix(r, "250 ") {
			t.Fatal(r)
		}
	}
	want := strings.ReplaceAll(text, "\r\n", "\n")
	for i, n := range names {
		list := h.mail(n)
		if len(list) != (300-i+39)/40 {
			t.Fatalf("%s has %d", n, len(list))
		}
		for _, m := range list {
			if h.received(m) != want {
				t.Fatalf("%s has another text", n)
			}
		}
	}
}

// stored is a text as it is stored: LF for CRLF, but where the CRLF of two would come of
// it when it is read (package crlf).
func stored(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' && (i == 0 || s[i-1] != '\r') {
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// TestSplits: a message is the same however it is cut on the way.
func TestSplits(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(nil)
	p := connect().greet()
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"\r", "\n", ".", "\r\n", "\r\n.", "a", "\r\n..\r\n"}
	for range 60 {
		var text strings.Builder
		for range random.IntN(30) {
			text.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		wire := strings.ReplaceAll("\r\n"+text.String(), "\r\n.", "\r\n..")[2:]
		if text.Len() > 0 && !strings.HasSuffix(text.String(), "\r\n") {
			wire += "\r\n"
			text.WriteString("\r\n")
		}
		p.say("MAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\nDATA\r\n")
		p.want("250 ", "250 ", "354 ")
		rest := wire + ".\r\n"
		for rest != "" {
			n := 1 + random.IntN(len(rest))
			p.say(rest[:n])
			rest = rest[n:]
		}
		p.want("250 2.1.5")
		list := h.mail("ann")
		if want := stored(text.String()); len(list) != 1 || h.received(list[0]) != want {
			t.Errorf("%q became %q", text.String(), list)
		}
		h.empty("ann")
	}
}

// TestEverySplit: where lines end and dots are, a message may come in two pieces, cut
// anywhere.
func TestEverySplit(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(nil)
	p := connect().greet()
	const wire, want = "a\r\n..\r\n...b\r\n.c\r\n\r\r\n..\n.\r\r\n.d\x00\r\n.\r\n", "a\n.\n..b\nc\n\r\r\n.\n.\r\r\nd\x00\n"
	for i := 1; i < len(wire); i++ {
		p.say("MAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\nDATA\r\n")
		p.want("250 ", "250 ", "354 ")
		p.say(wire[:i])
		time.Sleep(time.Millisecond) // so that they are two
		p.say(wire[i:])
		p.want("250 2.1.5")
		if list := h.mail("ann"); len(list) != 1 || h.received(list[0]) != want {
			t.Errorf("cut at %d it became %q", i, list)
		}
		h.empty("ann")
	}
}
