package index

import (
	"fmt"
	"testing"

	"fantail/internal/mail"
)

// benchSizes are the mailboxes of the benchmarks. The physical limits beside them
// are BenchmarkLimit.
var benchSizes = []int{1_000, 10_000, 100_000, 1_000_000}

// each runs a benchmark on a mailbox of every size.
func each(b *testing.B, run func(b *testing.B, dir string, n int)) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			if n > 100_000 && testing.Short() {
				b.Skip("short")
			}
			dir := b.TempDir()
			f := open(b, dir)
			reset(b, f, n)
			l := lock(b, f)
			if _, err := l.Checkpoint(); err != nil {
				b.Fatal(err)
			}
			l.Unlock()
			run(b, dir, n)
		})
	}
}

// BenchmarkOpen opens an index that did not change, in a process that does not
// know it.
func BenchmarkOpen(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		for b.Loop() {
			f, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			if x, err := f.Load(); err != nil || x.Len() != n {
				b.Fatal(err)
			}
			f.Close()
		}
	})
}

// BenchmarkLoad asks whether anything changed.
func BenchmarkLoad(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		for b.Loop() {
			if _, err := f.Load(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAllFlags(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		x := load(b, open(b, dir))
		for b.Loop() {
			seen := 0
			for _, f := range x.AllFlags() {
				seen += int(f & mail.Seen)
			}
			if seen != n {
				b.Fatal(seen)
			}
		}
	})
}

// BenchmarkColumns reads all flags and UIDs into slices: of a snapshot, and of one
// of which every 64th message changed and every 65th is expunged since.
func BenchmarkColumns(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		run := func(b *testing.B, x *Index) {
			b.Run("flags", func(b *testing.B) {
				b.SetBytes(int64(x.Len()))
				var dst []mail.Flags
				for b.Loop() {
					dst = x.AppendFlags(dst[:0])
				}
			})
			b.Run("uids", func(b *testing.B) {
				b.SetBytes(int64(x.Len()) * uidSize)
				var dst []mail.UID
				for b.Loop() {
					dst = x.AppendUIDs(dst[:0])
				}
			})
			b.Run("unseen", func(b *testing.B) {
				for b.Loop() {
					if _, ok := x.FirstUnseen(); !ok {
						b.Fatal("all seen")
					}
				}
			})
		}
		unseen := func(tx *Tx) error { return tx.SetFlags(mail.UID(n), base(mail.UID(n)), false, 0, nil) }
		b.Run("whole", func(b *testing.B) { run(b, commit(b, f, unseen)) })
		b.Run("patched", func(b *testing.B) { run(b, patch(b, f, n)) })
	})
}

// patch changes every 64th message and expunges every 65th.
func patch(b *testing.B, f *File, n int) *Index {
	b.Helper()
	return commit(b, f, func(tx *Tx) error {
		for uid := mail.UID(2); uid < mail.UID(n); uid++ {
			var err error
			switch {
			case uid%64 == 0:
				err = flag(uid)(tx)
			case uid%65 == 0:
				err = tx.Expunge(uid)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkByNumber asks for UIDs and flags by message numbers, in no order.
func BenchmarkByNumber(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		run := func(b *testing.B, x *Index) {
			b.Run("uid", func(b *testing.B) {
				i, sum := 0, 0
				for b.Loop() {
					i = (i + 7919) % x.Len()
					sum += int(x.UID(i))
				}
			})
			b.Run("flags", func(b *testing.B) {
				i, sum := 0, 0
				for b.Loop() {
					i = (i + 7919) % x.Len()
					sum += int(x.Flags(i))
				}
			})
		}
		b.Run("whole", func(b *testing.B) { run(b, load(b, f)) })
		b.Run("patched", func(b *testing.B) { run(b, patch(b, f, n)) })
	})
}

// BenchmarkRows goes through everything that is said of all messages.
func BenchmarkRows(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		x := load(b, open(b, dir))
		for b.Loop() {
			sum := 0
			for _, r := range x.Rows() {
				sum += int(r.UID)
			}
			if sum != n*(n+1)/2 {
				b.Fatal(sum)
			}
		}
	})
}

// BenchmarkVerify checks every page, which otherwise happens when pages are first
// touched.
func BenchmarkVerify(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		for b.Loop() {
			if err := load(b, open(b, dir)).Verify(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		x := load(b, open(b, dir))
		uid := 0
		for b.Loop() {
			uid = (uid + 7919) % n
			if _, ok := x.Find(mail.UID(uid + 1)); !ok {
				b.Fatal(uid)
			}
		}
	})
}

func BenchmarkFindBase(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		x := load(b, open(b, dir))
		list := make([]string, 1000)
		for i := range list {
			list[i] = base(mail.UID(i*7919%n + 1))
		}
		i := 0
		for b.Loop() {
			if _, ok := x.FindBase(list[i%len(list)]); !ok {
				b.Fatal(i)
			}
			i++
		}
	})
}

func BenchmarkChangedSince(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		modseq := load(b, f).HighestModSeq()
		x := commit(b, f, flag(500))
		for b.Loop() {
			changed := 0
			for range x.ChangedSince(modseq) {
				changed++
			}
			if changed != 1 {
				b.Fatal(changed)
			}
		}
	})
}
