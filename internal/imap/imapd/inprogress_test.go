package imapd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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
