package store

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkDeliver delivers messages durably, by one writer and by eight at once,
// each to a Maildir of its own or all to one, beside a bare loop that does the
// same system calls. Both take turns.
func BenchmarkDeliver(b *testing.B) {
	for _, writers := range []int{1, 8} {
		for _, shared := range []bool{false, true} {
			if shared && writers == 1 {
				continue
			}
			name := fmt.Sprintf("%d-writers", writers)
			if shared {
				name += "-one-maildir"
			}
			b.Run(name, func(b *testing.B) { benchDeliver(b, writers, shared) })
		}
	}
}

const perWriter = 25 // messages in a round

func benchDeliver(b *testing.B, writers int, shared bool) {
	boxes, bare := make([]*Mailbox, writers), make([]string, writers)
	for i := range writers {
		if i > 0 && shared {
			boxes[i], bare[i] = boxes[0], bare[0]
			continue
		}
		boxes[i] = openBox(b, openAccount(b, filepath.Join(b.TempDir(), "Maildir")), "inbox")
		bare[i] = bareMaildir(b)
	}
	var ours, theirs, cpu []time.Duration
	round := 0
	for b.Loop() {
		round++
		used := processorTime(b)
		ours = append(ours, together(b, writers, func(w, k int) error { return deliver(boxes[w]) }))
		cpu = append(cpu, processorTime(b)-used)
		theirs = append(theirs, together(b, writers, func(w, k int) error {
			return deliverBare(bare[w], fmt.Sprintf("%d.%d.%d", round, w, k))
		}))
	}
	perSecond := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(writers*perWriter) / d[len(d)/2].Seconds()
	}
	b.ReportMetric(1e9/perSecond(ours), "ns/op")
	b.ReportMetric(float64(least(cpu))/float64(writers*perWriter), "cpu-ns/op")
	b.ReportMetric(perSecond(ours), "deliveries/s")
	b.ReportMetric(perSecond(theirs), "limit/s")
	b.ReportMetric(perSecond(theirs)/perSecond(ours), "x-limit")
}

// together times writers that do something at once, each perWriter times.
func together(b *testing.B, writers int, do func(writer, k int) error) time.Duration {
	errs := make(chan error, writers)
	var all sync.WaitGroup
	d := timed(func() {
		for w := range writers {
			all.Go(func() {
				for k := range perWriter {
					if err := do(w, k); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		all.Wait()
	})
	close(errs)
	must(b, <-errs)
	return d
}

func deliver(m *Mailbox) error {
	d, err := m.NewDelivery()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(d, sample); err != nil {
		return err
	}
	return d.Commit(background)
}
