package maildir

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// fill puts n messages with names such as Commit makes into cur.
func fill(tb testing.TB, d *Dir, n int) {
	tb.Helper()
	for i := range n {
		name := fmt.Sprintf("17%08d.M%06dP%dQ%dR%08x.mail.example.org,S=%d,W=%d:2,S",
			i/3, i*7919%1000000, 1000+i%30000, i%50, uint32(i)*2654435761, 2000+i, 2050+i)
		fd, err := unix.Open(filepath.Join(d.cur.path, name), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o600)
		if err != nil {
			tb.Fatal(err)
		}
		if err := unix.Close(fd); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkList compares List with what it is made of and with os.ReadDir.
func BenchmarkList(b *testing.B) {
	const n = 100_000
	d := create(b, filepath.Join(b.TempDir(), "Maildir"))
	fill(b, d, n)
	ctx := context.Background()
	known := list(b, d, nil).Entries
	if len(known) != n {
		b.Fatalf("%d messages listed", len(known))
	}
	b.Run("getdents", func(b *testing.B) {
		buffer := make([]byte, bufferFor(n, true))
		for b.Loop() {
			fd, err := unix.Open(d.cur.path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
			if err != nil {
				b.Fatal(err)
			}
			for used := 1; used > 0; {
				if used, err = unix.Getdents(fd, buffer); err != nil {
					b.Fatal(err)
				}
			}
			if err := unix.Close(fd); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sweep", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.sweep(n, true); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, known := range map[string]map[string]Entry{"List-first": nil, "List-again": known} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if l, err := d.List(ctx, known); err != nil || len(l.Entries) != n {
					b.Fatal(len(l.Entries), err)
				}
			}
		})
	}
	b.Run("Find-absent", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Find("1.M1.nobody"); err == nil {
				b.Fatal("found")
			}
		}
	})
	b.Run("os.ReadDir", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if e, err := os.ReadDir(d.cur.path); err != nil || len(e) != n {
				b.Fatal(len(e), err)
			}
		}
	})
	b.Run("Readdirnames", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := os.Open(d.cur.path)
			if err != nil {
				b.Fatal(err)
			}
			if e, err := f.Readdirnames(0); err != nil || len(e) != n {
				b.Fatal(len(e), err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDeliver is one durable delivery of 4 kB, alone and in batches.
func BenchmarkDeliver(b *testing.B) {
	body := make([]byte, 4096)
	for _, batch := range []int{1, 16} {
		b.Run(fmt.Sprint("batch-", batch), func(b *testing.B) {
			d := create(b, filepath.Join(b.TempDir(), "Maildir"))
			for b.Loop() {
				var ws []*Delivery
				for range batch {
					w, err := d.NewDelivery()
					if err != nil {
						b.Fatal(err)
					}
					if _, err := w.Write(body); err != nil {
						b.Fatal(err)
					}
					ws = append(ws, w)
				}
				if _, err := d.Commit(ws, Target{New: true}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
