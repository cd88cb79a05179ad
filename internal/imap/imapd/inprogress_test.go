package imapd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/imap"
	"fantail/internal/store"
	"fantail/internal/store/index"
)

// recorder is a Conn that keeps what is written to it.
type recorder struct {
	bytes.Buffer
	err error // of writing
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return r.Buffer.Write(p)
}
func (*recorder) SetReadDeadline(time.Time) error  { return nil }
func (*recorder) SetWriteDeadline(time.Time) error { return nil }

// steps is work that has steps of a second each.
type steps struct {
	done  atomic.Int64
	total int64
}

func (s *steps) Look() (int64, int64) { return s.done.Load(), s.total }

func (s *steps) work(n int, step int64) func(context.Context) error {
	return func(ctx context.Context) error {
		for range n {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second):
				s.done.Add(step)
			}
		}
		return nil
	}
}

func newRecorded(c *recorder) *Session {
	s := New(nil, c, Options{Log: slog.New(slog.DiscardHandler)})
	s.tag = "a7"
	return s
}

func TestBusy(t *testing.T) {
	for _, c := range []struct {
		what     string
		n        int
		progress *steps
		step     int64
		want     string
	}{
		{"short work", 9, &steps{total: 9}, 1, ""},
		{"long work", 25, &steps{total: 2500}, 100,
			"* OK [INPROGRESS (\"a7\" 900 2500)] Still at work.\r\n* OK [INPROGRESS (\"a7\" 1900 2500)] Still at work.\r\n"},
		{"work that seems done", 15, &steps{total: 7}, 1, "* OK [INPROGRESS (\"a7\" 6 7)] Still at work.\r\n"},
		{"work without a goal", 15, &steps{}, 0, "* OK [INPROGRESS (\"a7\" NIL NIL)] Still at work.\r\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := &recorder{}
			s := newRecorded(conn)
			time.Sleep(time.Millisecond) // steps are over just behind each full second
			if err := s.busy(t.Context(), c.progress, c.progress.work(c.n, c.step)); err != nil {
				t.Error(err)
			}
			// The moment of a step and of a tick is the same: either may be first.
			got := strings.NewReplacer("1000 2500", "900 2500", "2000 2500", "1900 2500").Replace(conn.String())
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		})
	}
}

func TestBusyUntilNobodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		s := newRecorded(&recorder{err: broken})
		p := &steps{}
		begin := time.Now()
		if err := s.busy(t.Context(), nil, p.work(1000, 1)); !errors.Is(err, broken) {
			t.Errorf("err = %v, want %v", err, broken)
		}
		if d := time.Since(begin); d != progressEvery {
			t.Errorf("work went on for %v", d)
		}
	})
}

func TestBusyPanics(t *testing.T) {
	defer func() {
		if r, ok := recover().(string); !ok || !strings.HasPrefix(r, "oops\n") {
			t.Errorf("recovered %q", r)
		}
	}()
	newRecorded(&recorder{}).busy(t.Context(), nil, func(context.Context) error { panic("oops") })
	t.Error("busy has returned")
}

// Commands that change messages may have to wait for other programs, and for many
// messages they are long anyway.
func TestChangesTellProgress(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"cur", "new", "tmp", "cur/1.M1P1.h:2,", "cur/2.M1P1.h:2,"} {
		path := filepath.Join(dir, name)
		var err error
		if strings.Contains(name, ":") {
			err = os.WriteFile(path, []byte("Subject: x\n\nbody\n"), 0o600)
		} else {
			err = os.Mkdir(path, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	acct, err := store.OpenAccount(dir, store.Options{Host: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	s := New(acct, far, Options{Log: slog.New(slog.DiscardHandler)})
	s.progressEvery = 20 * time.Millisecond
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background()) }()
	defer func() {
		near.Close()
		if err := errors.Join(<-ended, acct.Close()); err != nil {
			t.Error(err)
		}
	}()
	if err := near.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	r := bufio.NewReader(near)
	until := func(start string) {
		t.Helper()
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, start) {
				return
			}
			if strings.HasPrefix(line, "a ") {
				t.Fatalf("%q, want %q", line, start)
			}
		}
	}
	say := func(line string) {
		t.Helper()
		if _, err := io.WriteString(near, line+"\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	until("* PREAUTH")
	say("a SELECT INBOX")
	until("a OK")
	for _, line := range []string{"a STORE 1 +FLAGS.SILENT (\\Deleted)", "a FETCH 2 BODY[]", "a EXPUNGE", "a STORE 1 FLAGS.SILENT (\\Deleted)", "a CLOSE"} {
		l, err := x.Lock()
		if err != nil {
			t.Fatal(err)
		}
		say(line)
		until(`* OK [INPROGRESS ("a" NIL NIL)]`)
		if err := l.Unlock(); err != nil {
			t.Fatal(err)
		}
		until("a OK")
	}
}

// Messages that take long to read are no reason to be silent, as long as nothing else
// is sent.
func TestFetchTellsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &recorder{}
		s := newRecorded(conn)
		f := &fetcher{s: s, ts: targets{ranges: imap.Numbers([]uint32{2, 3, 4, 9})}}
		a := ahead{f: f, done: 1}
		a.start()
		defer a.stop()
		m := &fetched{loaded: make(chan struct{})}
		for _, c := range []struct {
			d    time.Duration
			said string // meanwhile
			want string
		}{
			{9 * time.Second, "", ""},
			{2 * time.Second, "", "* OK [INPROGRESS (\"a7\" 1 4)] Still at work.\r\n"},
			{10 * time.Second, "* 2 FETCH ()", "* 2 FETCH ()\r\n"},
			{10 * time.Second, "", "* OK [INPROGRESS (\"a7\" 1 4)] Still at work.\r\n"},
		} {
			if c.said != "" {
				s.out.Text(c.said).CRLF().Flush()
			}
			time.AfterFunc(c.d, func() { m.loaded <- struct{}{} })
			if err := a.await(m); err != nil {
				t.Error(err)
			}
			if got := conn.String(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			conn.Reset()
		}
		s.tag = ""
		if err := s.tellProgress(&a); err != nil || conn.Len() > 0 {
			t.Errorf("between commands: %q, %v", conn, err)
		}
		s.tag, conn.err = "a7", io.ErrClosedPipe
		if err := a.await(m); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
	})
}
