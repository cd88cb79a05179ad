package index

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
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

// names returns the file names of n messages, so that benchmarks need not make
// them.
func names(n int, info string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = base(mail.UID(i+1)) + info
	}
	return list
}

// BenchmarkFlagAll changes the flags of all messages at once: the operations
// alone, and with the commit.
func BenchmarkFlagAll(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		list := names(n, ":2,F")
		words := []mail.Keyword{"$Forwarded", "work"}
		set := func(tx *Tx) error {
			for i, name := range list {
				if err := tx.SetFlags(mail.UID(i+1), name, false, mail.Flagged, words); err != nil {
					return err
				}
			}
			return nil
		}
		benchTx(b, f, n, set)
	})
}

// BenchmarkExpungeAll expunges all messages at once. Each run has a File of its
// own, which reads the snapshot anew.
func BenchmarkExpungeAll(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		all := func(tx *Tx) error {
			for uid := mail.UID(1); uid <= mail.UID(n); uid++ {
				if err := tx.Expunge(uid); err != nil {
					return err
				}
			}
			return nil
		}
		b.Run("operations", func(b *testing.B) { benchAborted(b, f, n, all) })
		b.Run("committed", func(b *testing.B) {
			spent := processor(b)
			log := readFile(b, dir, journalName)
			for b.Loop() {
				put(b, dir, journalName, log) // what it was, in another file
				if x := commit(b, f, all); x.Len() != 0 {
					b.Fatal(x.Len())
				}
			}
			spent(n)
		})
	})
}

// BenchmarkAddAll makes the index of a mailbox of which nothing is known.
func BenchmarkAddAll(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := open(b, b.TempDir())
			list := make([]Message, n)
			for i := range list {
				list[i] = message(mail.UID(i + 1))
			}
			add := func(tx *Tx) error {
				for i := range list {
					if err := tx.Add(list[i]); err != nil {
						return err
					}
				}
				return nil
			}
			for _, commit := range []bool{false, true} {
				b.Run(map[bool]string{false: "operations", true: "committed"}[commit], func(b *testing.B) {
					spent := processor(b)
					for b.Loop() {
						l := lock(b, f)
						tx, err := l.Reset(77)
						if err != nil {
							b.Fatal(err)
						}
						if err := add(tx); err != nil {
							b.Fatal(err)
						}
						if commit {
							if _, err := tx.Commit(); err != nil {
								b.Fatal(err)
							}
						}
						tx.Abort()
						l.Unlock()
					}
					spent(n)
				})
			}
		})
	}
}

// benchTx measures a transaction on n messages, without and with its commit.
func benchTx(b *testing.B, f *File, n int, do func(*Tx) error) {
	b.Run("operations", func(b *testing.B) { benchAborted(b, f, n, do) })
	b.Run("committed", func(b *testing.B) {
		spent := processor(b)
		for b.Loop() {
			commit(b, f, do)
		}
		spent(n)
	})
}

// processor returns a function that reports the processor time since then, which
// other programs on the machine change less than that of the clock, for each of n
// messages.
func processor(b *testing.B) func(n int) {
	used := func() int64 {
		var r unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return r.Utime.Nano() + r.Stime.Nano()
	}
	before := used()
	return func(n int) { b.ReportMetric(float64(used()-before)/float64(b.N)/float64(n), "cpu-ns/message") }
}

func benchAborted(b *testing.B, f *File, n int, do func(*Tx) error) {
	l := lock(b, f)
	defer l.Unlock()
	spent := processor(b)
	for b.Loop() {
		tx, err := l.Begin()
		if err != nil {
			b.Fatal(err)
		}
		if err := do(tx); err != nil {
			b.Fatal(err)
		}
		tx.Abort()
	}
	spent(n)
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
		spent := processor(b)
		for b.Loop() {
			l := lock(b, f)
			if _, err := l.Checkpoint(); err != nil {
				b.Fatal(err)
			}
			l.Unlock()
		}
		spent(n)
	})
}

// benchItems are an envelope and a body structure as they are on average.
func benchItems() []Item {
	return []Item{{Envelope, bytes.Repeat([]byte("e"), 420)}, {BodyStructure, bytes.Repeat([]byte("b"), 280)}}
}

// BenchmarkSetItems puts the items of all messages into the cache at once.
func BenchmarkSetItems(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		b.SetBytes(int64(n) * 700)
		spent := processor(b)
		for b.Loop() {
			setBenchItems(b, f, n)
			b.StopTimer()
			if err := os.Remove(filepath.Join(dir, cacheName)); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		spent(n)
	})
}

func setBenchItems(b *testing.B, f *File, n int) *Index {
	items := benchItems()
	return commit(b, f, func(tx *Tx) error {
		for uid := mail.UID(1); uid <= mail.UID(n); uid++ {
			if err := tx.SetItems(uid, items...); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkItems reads the cached items of all messages in order, and copies the
// cache, which is the limit.
func BenchmarkItems(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		f := open(b, dir)
		x := setBenchItems(b, f, n)
		buf := make([]byte, 0, 4096)
		b.Run("append-each", func(b *testing.B) {
			spent := processor(b)
			defer func() { spent(n) }()
			b.SetBytes(int64(n) * 700)
			for b.Loop() {
				for i := range n {
					buf = buf[:0]
					for _, kind := range []ItemKind{Envelope, BodyStructure} {
						var ok bool
						if buf, ok, _ = f.AppendItem(buf, x, i, kind); !ok {
							b.Fatal(i)
						}
					}
				}
			}
		})
		b.Run("look-up-once", func(b *testing.B) {
			spent := processor(b)
			defer func() { spent(n) }()
			b.SetBytes(int64(n) * 700)
			for b.Loop() {
				for i := range n {
					it, err := f.Items(x, i)
					if err != nil {
						b.Fatal(err)
					}
					buf, _ = it.Append(buf[:0], Envelope)
					var ok bool
					if buf, ok = it.Append(buf, BodyStructure); !ok {
						b.Fatal(i)
					}
				}
			}
		})
		b.Run("limit-copy", func(b *testing.B) {
			spent := processor(b)
			defer func() { spent(n) }()
			b.SetBytes(int64(n) * 700)
			data := f.cache.Load().data
			for b.Loop() {
				for rest := data; len(rest) > 0; rest = rest[min(700, len(rest)):] {
					buf = append(buf[:0], rest[:min(700, len(rest))]...)
				}
			}
		})
	})
}

// BenchmarkMemory reports what an open index takes: as it is after a checkpoint,
// and when its journal is as long as it may become with changes all over the
// mailbox. The heap; the pages of the snapshot that were looked at; and those that
// the kernel mapped, which are more, since it maps some around each. Before that a
// client has selected the mailbox: counts, UIDs and flags of all, and a hundred
// messages.
func BenchmarkMemory(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		b.Run("snapshot", func(b *testing.B) { benchMemory(b, dir) })
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
		b.Run("journal", func(b *testing.B) { benchMemory(b, dir) })
	})
}

func benchMemory(b *testing.B, dir string) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	var flags []mail.Flags
	var uids []mail.UID
	for b.Loop() {
		before := heap()
		f := open(b, dir)
		x := load(b, f)
		flags, uids = x.AppendFlags(flags[:0]), x.AppendUIDs(uids[:0])
		x.FirstUnseen()
		for i := max(0, x.Len()-100); i < x.Len(); i++ {
			if x.Row(i).UID != uids[i] || x.Name(i) == "" {
				b.Fatal(i)
			}
		}
		b.ReportMetric(heap()-before, "B-heap")
		touched := 0
		for i := range x.snap.checked {
			touched += bits.OnesCount64(x.snap.checked[i].Load())
		}
		sums := x.snap.section(secSums)
		b.ReportMetric(float64(touched*pageSize+len(sums)), "B-touched")
		b.ReportMetric(mapped(b, x.snap.data), "B-mapped")
		runtime.KeepAlive(x)
		f.Close()
	}
}

// mapped returns how many octets of a mapping are in this process's page table.
func mapped(b *testing.B, data []byte) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		b.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), fmt.Sprintf("%x-", uintptr(unsafe.Pointer(&data[0]))))
	_, after, ok2 := strings.Cut(after, "Rss:")
	var kb float64
	if _, err := fmt.Sscan(after, &kb); !ok || !ok2 || err != nil {
		b.Fatalf("no Rss of the mapping: %v", err)
	}
	return kb * 1024
}

// BenchmarkLimit is what the machine needs for the bare work: copying the columns,
// looking at one octet in each record of a mapping, and writing a file as long as
// the snapshot.
func BenchmarkLimit(b *testing.B) {
	each(b, func(b *testing.B, dir string, n int) {
		x := load(b, open(b, dir))
		data := x.snap.data
		b.Run("copy-uids", func(b *testing.B) {
			b.SetBytes(int64(n * uidSize))
			var dst []byte
			for b.Loop() {
				dst = append(dst[:0], x.snap.section(secUIDs)...)
			}
		})
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
