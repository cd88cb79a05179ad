package pop3d

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/pop3"
	"fantail/internal/store"
	"fantail/internal/store/maildrop"
)

// fakeMailbox keeps its messages in files, so that it can open them, and the rest
// in memory. fail makes the operation of that name fail.
type fakeMailbox struct {
	legacy   map[mail.UID]store.Legacy
	mu       sync.Mutex
	dir      string
	validity mail.UIDValidity
	messages []fakeMessage
	fail     map[string]error
	closed   int
	sized    int
	seenSets int // calls of SetFlags
}

type fakeMessage struct {
	uid      mail.UID
	file     string
	text     string
	seen     bool
	keywords []mail.Keyword
}

func newFake(t testing.TB, texts ...string) *fakeMailbox {
	b := &fakeMailbox{dir: t.TempDir(), validity: 0x5e0b1c2d, fail: map[string]error{}}
	for i, text := range texts {
		b.add(t, mail.UID(10*i+10), text)
	}
	return b
}

func (b *fakeMailbox) add(t testing.TB, uid mail.UID, text string) {
	file := filepath.Join(b.dir, fmt.Sprint(uid))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.messages = append(b.messages, fakeMessage{uid: uid, file: file, text: text})
}

func (b *fakeMailbox) open(context.Context) (Mailbox, error) { return b, b.fail["open"] }

// find returns the message with that UID; b.mu is held.
func (b *fakeMailbox) find(op string, uid mail.UID) (*fakeMessage, error) {
	if err := b.fail[op]; err != nil {
		return nil, err
	}
	for i := range b.messages {
		if b.messages[i].uid == uid {
			return &b.messages[i], nil
		}
	}
	return nil, &store.Error{Op: op, Kind: store.Gone}
}

type fakeMessages struct {
	validity mail.UIDValidity
	messages []fakeMessage
	err      error
}

func (m fakeMessages) UIDValidity() mail.UIDValidity { return m.validity }
func (m fakeMessages) Len() int                      { return len(m.messages) }
func (m fakeMessages) Keywords(i int) []mail.Keyword { return m.messages[i].keywords }
func (m fakeMessages) Base(i int) string             { return filepath.Base(m.messages[i].file) }
func (m fakeMessages) Err() error                    { return m.err }

func (m fakeMessages) All() iter.Seq2[int, Message] {
	return func(yield func(int, Message) bool) {
		for i := range m.messages {
			if !yield(i, Message{UID: m.messages[i].uid, Size: -1}) {
				return
			}
		}
	}
}

func (b *fakeMailbox) Messages(context.Context) (Messages, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fakeMessages{b.validity, slices.Clone(b.messages), b.fail["uids"]}, b.fail["messages"]
}

func (b *fakeMailbox) Legacy(context.Context) (map[mail.UID]store.Legacy, error) {
	return b.legacy, b.fail["legacy"]
}

// uids returns those of the messages that are wanted; b.mu is held.
func (b *fakeMailbox) uids(want func(fakeMessage) bool) (uids []mail.UID) {
	for _, m := range b.messages {
		if want(m) {
			uids = append(uids, m.uid)
		}
	}
	return uids
}

func (b *fakeMailbox) seen() []mail.UID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.uids(func(m fakeMessage) bool { return m.seen })
}

func (b *fakeMailbox) left() []mail.UID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.uids(func(fakeMessage) bool { return true })
}

func (b *fakeMailbox) Size(_ context.Context, uid mail.UID) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sized++
	m, err := b.find("size", uid)
	if err != nil {
		return 0, err
	}
	var c crlf.Counter
	if _, err := io.WriteString(&c, m.text); err != nil {
		return 0, err
	}
	return c.Virtual, nil
}

func (b *fakeMailbox) OpenMessage(_ context.Context, uid mail.UID) (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m, err := b.find("open message", uid)
	if err != nil {
		return nil, err
	}
	return os.Open(m.file)
}

func (b *fakeMailbox) SetFlags(_ context.Context, uids []mail.UID, c store.FlagChange) (missing []mail.UID, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.Op != mail.Add || c.Flags|mail.Seen != mail.Seen || (c.Flags == 0) != (len(c.Keywords) == 1) {
		panic("a POP3 session changes no other flags")
	}
	b.seenSets++
	for _, uid := range uids {
		m, err := b.find("flags", uid)
		switch {
		case store.KindOf(err) == store.Gone:
			missing = append(missing, uid)
		case err != nil:
			return missing, err
		default:
			m.seen = m.seen || c.Flags == mail.Seen
			m.keywords = append(m.keywords, c.Keywords...)
		}
	}
	return missing, nil
}

func (b *fakeMailbox) Expunge(_ context.Context, uids []mail.UID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fail["expunge"]; err != nil {
		return err
	}
	b.messages = slices.DeleteFunc(b.messages, func(m fakeMessage) bool { return slices.Contains(uids, m.uid) })
	return nil
}

func (b *fakeMailbox) Maildrop() maildrop.Dir { return maildrop.Dir(b.dir) }

func (b *fakeMailbox) Close() error {
	b.closed++
	return b.fail["close"]
}

// recorder is a Conn that is given all input at once and keeps what was written,
// and in how many writes.
type recorder struct {
	in     io.Reader
	out    strings.Builder
	writes int
}

func (r *recorder) Read(p []byte) (int, error) { return r.in.Read(p) }
func (r *recorder) Write(p []byte) (int, error) {
	r.writes++
	return r.out.Write(p)
}
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

// result is what a session did.
type result struct {
	out    string // without the greeting
	writes int
	log    string
	err    error
}

// converse sends the lines in one piece, pipelined, and the end of input.
func converse(t testing.TB, b *fakeMailbox, lines ...string) result {
	in := strings.Join(lines, "\r\n")
	if in != "" {
		in += "\r\n"
	}
	return converseOn(t, b, strings.NewReader(in))
}

func converseOn(t testing.TB, b *fakeMailbox, in io.Reader) result {
	t.Helper()
	return converseWith(t, b, in, func(*Options) {})
}

// converseWith is converseOn with other options.
func converseWith(t testing.TB, b *fakeMailbox, in io.Reader, set func(*Options)) result {
	t.Helper()
	var log strings.Builder
	conn := &recorder{in: in}
	o := testOptions(&log)
	set(&o)
	err := Serve(t.Context(), conn, b.open, o)
	out := conn.out.String()
	if rest, ok := strings.CutPrefix(out, "+OK Logged in.\r\n"); ok {
		out = rest
	} else if err == nil {
		t.Errorf("no greeting: %q", out)
	}
	return result{out, conn.writes, log.String(), err}
}

// defaults are the settings without a configuration file.
var defaults = func() conf.POP3Settings {
	cfg, err := conf.Load(os.DevNull)
	if err != nil {
		panic(err)
	}
	return cfg.POP3
}()

func testOptions(log io.Writer) Options {
	return Options{
		Greeting: "Logged in.",
		Offer:    pop3.Offer{STLS: true, User: true, Mechanisms: []string{pop3.PLAIN}},
		Settings: defaults,
		Log:      slog.New(slog.NewTextHandler(log, nil)),
	}
}

// live runs a session on one end of a pipe and returns the other end, and a
// function that waits for the session.
func live(t testing.TB, b *fakeMailbox) (net.Conn, func() error) {
	return liveWith(t, b, func(*Options) {})
}

// liveWith is live with other options.
func liveWith(t testing.TB, b *fakeMailbox, set func(*Options)) (net.Conn, func() error) {
	near, far := net.Pipe()
	done := make(chan error, 1)
	o := testOptions(io.Discard)
	set(&o)
	go func() {
		err := Serve(t.Context(), far, b.open, o)
		if cerr := far.Close(); err == nil {
			err = cerr
		}
		done <- err
	}()
	return near, func() error { return <-done }
}
