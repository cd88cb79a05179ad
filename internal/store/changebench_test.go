package store

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"fantail/internal/mail"
)

// BenchmarkFlags changes flags of one message, and of all.
func BenchmarkFlags(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		b.Run("one", func(b *testing.B) {
			p := run(b, dir)
			one := fill(b, 1)
			measure(b, operation{run: flipper(b, p), limit: renameAll(b, one)})
		})
		b.Run("all", func(b *testing.B) {
			p := run(b, dir)
			uids, op := p.snap.UIDs(), mail.Remove
			measure(b, operation{run: func() {
				op = map[mail.Op]mail.Op{mail.Add: mail.Remove, mail.Remove: mail.Add}[op]
				missing, err := p.box.SetFlags(background, uids, FlagChange{op, FlagSet{Flags: mail.Flagged}})
				if err != nil || len(missing) > 0 {
					b.Fatalf("%d missing, %v", len(missing), err)
				}
			}, limit: renameAll(b, dir)})
		})
	})
}

// BenchmarkCopy copies all messages into an empty mailbox.
func BenchmarkCopy(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		p := run(b, dir)
		uids := p.snap.UIDs()
		var dst *Mailbox
		measure(b, operation{
			prepare: func() { dst = other(b, p) },
			run: func() {
				c, err := p.box.Copy(background, uids, dst)
				if err != nil || len(c.Dst) != n {
					b.Fatalf("copied %d: %v", len(c.Dst), err)
				}
			},
			finish: func() { drop(b, p, dst) },
			limit:  linkAll(b, dir),
		})
	})
}

// BenchmarkMove moves all messages into an empty mailbox, and back.
func BenchmarkMove(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		p := run(b, dir)
		src, dst := p.box, other(b, p)
		var uids []mail.UID
		measure(b, operation{
			prepare: func() { uids = syncBox(b, src).UIDs() },
			run: func() {
				c, err := src.Move(background, uids, dst)
				if err != nil || len(c.Dst) != n {
					b.Fatalf("moved %d: %v", len(c.Dst), err)
				}
			},
			finish: func() { src, dst = dst, src },
			limit: func() time.Duration {
				from := dir
				if src != p.box {
					from = filepath.Join(dir, ".Other")
				}
				return moveAll(b, from)()
			},
		})
		must(b, dst.Close())
	})
}

// BenchmarkExpunge removes all messages. They are a copy.
func BenchmarkExpunge(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		p := run(b, dir)
		all := p.snap.UIDs()
		var dst *Mailbox
		var uids []mail.UID
		measure(b, operation{
			prepare: func() {
				dst = other(b, p)
				c, err := p.box.Copy(background, all, dst)
				must(b, err)
				uids = c.Dst
			},
			run: func() { must(b, dst.Expunge(background, uids)) },
			finish: func() {
				if left := syncBox(b, dst).Len(); left != 0 {
					b.Fatalf("%d messages left", left)
				}
				drop(b, p, dst)
			},
			limit: unlinkAll(b, dir),
		})
	})
}

// other makes an empty mailbox.
func other(b *testing.B, p process) *Mailbox {
	must(b, p.Create(background, "Other"))
	m, err := p.Open(background, "Other")
	must(b, err)
	syncBox(b, m)
	return m
}

func drop(b *testing.B, p process, m *Mailbox) {
	must(b, m.Close())
	must(b, p.Delete(background, "Other"))
}

// BenchmarkAppend appends messages to a mailbox of every size. They are removed
// again.
func BenchmarkAppend(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		b.Run("one", func(b *testing.B) { benchAppend(b, dir, 1) })
		b.Run("hundred", func(b *testing.B) { benchAppend(b, dir, 100) })
	})
}

func benchAppend(b *testing.B, dir string, n int) {
	p, bare := run(b, dir), bareMaildir(b)
	made := 0
	var done Appended
	measure(b, operation{
		run: func() {
			batch, err := p.box.NewAppend()
			must(b, err)
			for range n {
				w, err := batch.Add(FlagSet{Flags: mail.Seen}, time.Unix(1700000000, 0))
				must(b, err)
				_, err = io.WriteString(w, sample)
				must(b, err)
			}
			done, err = batch.Commit(background)
			must(b, err)
		},
		finish: func() { must(b, p.box.Expunge(background, done.UIDs)) },
		limit: func() time.Duration {
			return timed(func() {
				for range n {
					must(b, deliverBare(bare, baseOf(made)))
					made++
				}
			})
		},
	})
}
