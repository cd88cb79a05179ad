package store

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"fantail/internal/mail"
)

// BenchmarkRead reads what is known of all messages without opening one.
func BenchmarkRead(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		p := run(b, dir)
		s := p.snap
		// Octets of the index: a flag of one, a UID of four, a record of 64.
		b.Run("flags", func(b *testing.B) {
			flags := make([]mail.Flags, n)
			measure(b, operation{run: func() {
				for i, f := range s.AllFlags() {
					flags[i] = f
				}
			}, limit: moveOctets(n)})
		})
		b.Run("uids", func(b *testing.B) {
			measure(b, operation{run: func() {
				if got := s.UIDs(); len(got) != n {
					b.Fatal(len(got))
				}
			}, limit: moveOctets(4 * n)})
		})
		b.Run("rows", func(b *testing.B) {
			rows := make([]Row, n)
			measure(b, operation{run: func() {
				for i, r := range s.Rows() {
					rows[i] = r
				}
			}, limit: moveOctets(64 * n)})
		})
		b.Run("items", func(b *testing.B) { benchItems(b, p) })
	})
}

// benchItems reads the cached envelope and structure of every message.
func benchItems(b *testing.B, p process) {
	envelope := []byte(strings.Repeat("(envelope) ", 32))
	structure := []byte(strings.Repeat("(structure) ", 12))
	for i := range p.snap.Len() {
		p.box.KeepItems(p.snap.UID(i), KeptItem{Kind: Envelope, Data: envelope}, KeptItem{Kind: BodyStructure, Data: structure})
	}
	p.box.mu.Lock()
	p.box.flush()
	p.box.mu.Unlock()
	s := syncBox(b, p.box)
	octets := s.Len() * (len(envelope) + len(structure))
	var buf []byte
	b.SetBytes(int64(octets))
	measure(b, operation{run: func() {
		sum := 0
		var it Items
		for i := range s.Len() {
			must(b, p.box.LoadItems(&it, s, i))
			var ok, ok2 bool
			buf, ok = it.Append(buf[:0], Envelope)
			buf, ok2 = it.Append(buf, BodyStructure)
			if !ok || !ok2 {
				b.Fatalf("message %d has no items", i)
			}
			sum += len(buf)
		}
		if sum != octets {
			b.Fatalf("%d octets of %d", sum, octets)
		}
	}, limit: moveOctets(octets)})
}

// BenchmarkMemory reports what an open mailbox costs: heap, and pages of the mapped
// index that are resident once flags and UIDs, or all rows, were read. The pages
// are of a file: they are shared by all processes, and can be dropped.
func BenchmarkMemory(b *testing.B) {
	atEachSize(b, func(b *testing.B, n int) {
		dir := fill(b, n)
		settle(b, dir)
		const boxes = 8
		before := heap()
		var open []process
		for range boxes {
			open = append(open, start(b, dir))
		}
		each := float64(heap()-before) / boxes
		for _, p := range open {
			p.end(b)
		}
		p := run(b, dir)
		opened := resident(b, "fantail.index")
		for b.Loop() {
			for range p.snap.AllFlags() {
			}
		}
		p.snap.UIDs()
		read := resident(b, "fantail.index")
		for range p.snap.Rows() {
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(each, "heap-B")
		b.ReportMetric(opened, "mapped-open-B")
		b.ReportMetric(read, "mapped-flags-B")
		b.ReportMetric(resident(b, "fantail.index"), "mapped-rows-B")
		runtime.KeepAlive(open)
	})
}

// heap is what lives on the heap.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident is how many octets of the mappings of a file are in memory.
func resident(b *testing.B, name string) (octets float64) {
	f, err := os.Open("/proc/self/smaps")
	must(b, err)
	defer f.Close()
	ours := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		l := lines.Text()
		if first, _, _ := strings.Cut(l, " "); !strings.HasSuffix(first, ":") {
			ours = strings.HasSuffix(l, name)
			continue
		}
		var kB float64
		if _, err := fmt.Sscanf(l, "Rss: %f kB", &kB); ours && err == nil {
			octets += kB * 1024
		}
	}
	must(b, lines.Err())
	return octets
}
