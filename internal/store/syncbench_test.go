package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"fantail/internal/mail"
)

// BenchmarkOpen opens a mailbox as a process does that starts, up to the first
// snapshot. The closing is not measured but reported.
func BenchmarkOpen(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		cur := filepath.Join(dir, "cur")
		b.Run("first", func(b *testing.B) {
			benchOpen(b, dir, n, func() { forgetAll(b, dir, "dovecot-uidlist") }, readDirectories(b, cur))
		})
		b.Run("listed", func(b *testing.B) { // a predecessor's list of UIDs is there
			benchOpen(b, dir, n, func() { forgetAll(b, dir) }, readDirectories(b, cur))
		})
		settle(b, dir)
		b.Run("unchanged", func(b *testing.B) { benchOpen(b, dir, n, nil, fiveStats(b, dir)) })
		b.Run("flagged-by-others", func(b *testing.B) {
			f := &flagSwitch{b, cur, false}
			benchOpen(b, dir, n, f.flip, readDirectories(b, cur))
			if f.on {
				f.flip()
			}
		})
		b.Run("flagged-by-us", func(b *testing.B) {
			settle(b, dir)
			other := run(b, dir)
			flip := flipper(b, other)
			benchOpen(b, dir, n, flip, fiveStats(b, dir))
		})
		b.Run("delivered", func(b *testing.B) { benchDelivered(b, dir, n) })
	})
}

// flipper returns a function that sets and clears a flag of one message.
func flipper(b *testing.B, p process) func() {
	uid, op := p.snap.UID(p.snap.Len()/2), mail.Remove
	return func() {
		op = map[mail.Op]mail.Op{mail.Add: mail.Remove, mail.Remove: mail.Add}[op]
		_, err := p.box.SetFlags(background, []mail.UID{uid}, FlagChange{op, FlagSet{Flags: mail.Flagged}})
		must(b, err)
	}
}

func benchOpen(b *testing.B, dir string, n int, prepare func(), limit func() time.Duration) {
	var p process
	var closing []time.Duration
	measure(b, operation{
		prepare: prepare,
		run:     func() { p = start(b, dir) },
		finish: func() {
			if p.snap.Len() != n {
				b.Fatalf("%d messages of %d", p.snap.Len(), n)
			}
			closing = append(closing, timed(func() { p.end(b) }))
		},
		limit: limit,
	})
	b.ReportMetric(float64(least(closing)), "close-ns/op")
}

// benchDelivered opens the mailbox after another program has delivered a message,
// which gets a UID. The message is claimed and removed afterwards.
func benchDelivered(b *testing.B, dir string, n int) {
	settle(b, dir)
	var p process
	delivered := 0
	measure(b, operation{
		prepare: func() {
			deliverForeign(b, dir, delivered)
			delivered++
		},
		run: func() { p = start(b, dir) },
		finish: func() {
			if p.snap.Len() != n+1 {
				b.Fatalf("%d messages of %d", p.snap.Len(), n+1)
			}
			claimed, err := p.box.ClaimRecent(background)
			must(b, err)
			must(b, p.box.Expunge(background, claimed))
			p.end(b)
			settle(b, dir)
		},
		limit: durableLine(b, dir),
	})
}

// durableLine is what it takes to give a UID: look at new, and append to a file.
func durableLine(b *testing.B, dir string) func() time.Duration {
	f, err := os.Create(filepath.Join(filepath.Dir(dir), "line"))
	must(b, err)
	b.Cleanup(func() { f.Close() })
	look, stats := readDirectories(b, filepath.Join(dir, "new")), fiveStats(b, dir)
	return func() time.Duration {
		return look() + stats() + timed(func() {
			_, err := f.WriteString(baseOf(1) + "\n")
			must(b, err)
			must(b, f.Sync())
		})
	}
}

// BenchmarkSync asks an open mailbox for news.
func BenchmarkSync(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		b.Run("unchanged", func(b *testing.B) {
			p := run(b, dir)
			measure(b, operation{run: func() { syncBox(b, p.box) }, limit: fiveStats(b, dir)})
		})
		b.Run("flagged-by-others", func(b *testing.B) { benchIdle(b, dir) })
		b.Run("flagged-by-us", func(b *testing.B) {
			settle(b, dir)
			p, other := run(b, dir), run(b, dir)
			benchNews(b, p, flipper(b, other), fiveStats(b, dir))
		})
	})
}

// benchIdle is a session in IDLE that was woken by a change of flags.
func benchIdle(b *testing.B, dir string) {
	p := run(b, dir)
	w, err := p.box.Watch()
	must(b, err)
	defer w.Close()
	p.snap = syncBox(b, p.box)
	f := &flagSwitch{b, filepath.Join(dir, "cur"), false}
	benchNews(b, p, func() {
		f.flip()
		select {
		case <-w.C:
		case <-time.After(10 * time.Second):
			b.Fatal("no wake-up")
		}
	}, fiveStats(b, dir))
	if f.on {
		f.flip()
	}
}

// benchNews measures a sync that finds one message with other flags.
func benchNews(b *testing.B, p process, change func(), limit func() time.Duration) {
	measure(b, operation{
		prepare: change,
		run: func() {
			s := syncBox(b, p.box)
			if d := s.Since(p.snap); len(d.Changed) != 1 {
				b.Fatalf("changed: %d", len(d.Changed))
			}
			p.snap = s
		},
		limit: limit,
	})
}
