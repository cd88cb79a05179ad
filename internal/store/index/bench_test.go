package index

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"fantail/internal/mail"
)

// benchSizes are the mailboxes of the benchmarks. The physical limits beside them
// are BenchmarkLimit.
var benchSizes = []int{1_000, 100_000, 1_000_000}

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
		names := make([]string, 1000)
		for i := range names {
			names[i] = base(mail.UID(i*7919%n + 1))
		}
		i := 0
		for b.Loop() {
			if _, ok := x.FindBase(names[i%len(names)]); !ok {
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

// BenchmarkFlag changes the flags of one message: lock, append, unlock.
func BenchmarkFlag(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		uid := 0
		commit(b, f, flag(1))
		for b.Loop() {
			uid = (uid + 7919) % n
			name := base(mail.UID(uid+1)) + ":2,F"
			if _, err := tryCommit(f, func(tx *Tx) error {
				return tx.SetFlags(mail.UID(uid+1), name, false, mail.Flagged, nil)
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFlagAll changes the flags of all messages at once.
func BenchmarkFlagAll(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		for b.Loop() {
			commit(b, f, func(tx *Tx) error {
				for i := range n {
					uid := mail.UID(i + 1)
					if err := tx.SetFlags(uid, base(uid)+":2,F", false, mail.Flagged, nil); err != nil {
						return err
					}
				}
				return nil
			})
		}
	})
}

func BenchmarkCheckpoint(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		load(b, f)
		st, err := os.Stat(filepath.Join(dir, snapshotName))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(st.Size())
		for b.Loop() {
			l := lock(b, f)
			if _, err := l.Checkpoint(); err != nil {
				b.Fatal(err)
			}
			l.Unlock()
		}
	})
}

// BenchmarkItems reads the cached envelopes of all messages.
func BenchmarkItems(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		if n > 100_000 {
			b.Skip("the cache would be 500 MB")
		}
		f := open(b, dir)
		x := setItems(b, f, n)
		b.SetBytes(int64(n * len(envelope(5))))
		var buf []byte
		for b.Loop() {
			for i := range n {
				var ok bool
				if buf, ok, _ = f.AppendItem(buf[:0], x, i, Envelope); !ok {
					b.Fatal(i)
				}
			}
		}
	})
}

// BenchmarkMemory reports the heap of an open index whose journal is as long as it
// may become with changes all over the mailbox.
func BenchmarkMemory(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		l := lock(b, f)
		for i := 0; !l.Due(); i++ {
			tx, err := l.Begin()
			if err != nil {
				b.Fatal(err)
			}
			for range 100 {
				i++
				if err := flag(mail.UID(i*7919%n + 1))(tx); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
		}
		l.Unlock()
		f.Close()
		heap := func() float64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return float64(m.HeapAlloc)
		}
		for b.Loop() {
			before := heap()
			f = open(b, dir)
			x := load(b, f)
			b.ReportMetric(heap()-before, "B-heap")
			runtime.KeepAlive(x)
			f.Close()
		}
	})
}

// BenchmarkLimit is what the machine needs for the bare work: looking at one octet
// in each record of a mapping, and writing a file as long as the snapshot.
func BenchmarkLimit(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		x := load(b, open(b, dir))
		data := x.snap.data
		b.Run("scan", func(b *testing.B) {
			for b.Loop() {
				sum := 0
				for at := pageSize + recFlags; at < pageSize+n*recordSize; at += recordSize {
					sum += int(data[at] & 1)
				}
				if sum != n {
					b.Fatal(sum)
				}
			}
		})
		b.Run("write+fsync", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				path := filepath.Join(dir, "limit")
				w, err := os.Create(path)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.Write(data); err != nil {
					b.Fatal(err)
				}
				if err := w.Sync(); err != nil {
					b.Fatal(err)
				}
				w.Close()
				os.Remove(path)
			}
		})
		b.Run("write-few", func(b *testing.B) {
			w, err := os.Create(filepath.Join(dir, "few"))
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			for b.Loop() {
				if _, err := w.Write(data[:30]); err != nil {
					b.Fatal(err)
				}
			}
		})
		runtime.KeepAlive(x)
	})
}
