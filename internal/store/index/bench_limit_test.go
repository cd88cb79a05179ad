package index

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"fantail/internal/mail"
)

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
