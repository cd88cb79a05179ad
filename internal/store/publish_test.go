package store

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"fantail/internal/mail"
)

// TestPublishTogether: appends that wait for each other all come into the mailbox,
// with UIDs and flags of their own, except the one whose client is gone.
func TestPublishTogether(t *testing.T) {
	const n = 9
	m := openBox(t, openAccount(t, filepath.Join(t.TempDir(), "Maildir")), "inbox")
	if _, err := m.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	got := make([]Appended, n)
	errs := make([]error, n)
	m.mu.Lock()
	for i := range n {
		b, err := m.NewAppend()
		if err != nil {
			t.Fatal(err)
		}
		for k := range 1 + i%2 {
			w, err := b.Add(FlagSet{Keywords: []mail.Keyword{mail.Keyword(fmt.Sprint("k", i))}}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(w, "Subject: %d.%d\n\n", i, k)
		}
		ctx := t.Context()
		if i == 4 {
			ctx = gone
		}
		all.Go(func() { got[i], errs[i] = b.Commit(ctx) })
	}
	for waiting := 0; waiting < n; runtime.Gosched() {
		m.queueMu.Lock()
		waiting = len(m.queue)
		m.queueMu.Unlock()
	}
	leave()
	m.mu.Unlock()
	all.Wait()
	snap, err := m.Sync(t.Context())
	if err != nil || snap.Len() != n-1+n/2 {
		t.Fatalf("%d messages, %v", snap.Len(), err)
	}
	seen := map[mail.UID]bool{}
	for i := range n {
		if i == 4 {
			if errs[i] == nil || KindOf(errs[i]) != Unavailable {
				t.Errorf("the one that is gone: %v, %v", got[i], errs[i])
			}
			continue
		}
		if errs[i] != nil || len(got[i].UIDs) != 1+i%2 {
			t.Errorf("append %d: %v, %v", i, got[i], errs[i])
		}
		for k, uid := range got[i].UIDs {
			at, ok := snap.Find(uid)
			if !ok || seen[uid] || fmt.Sprint(snap.Keywords(at)) != fmt.Sprintf("[k%d]", i) {
				t.Errorf("append %d: UID %d", i, uid)
				continue
			}
			seen[uid] = true
			f, err := m.OpenMessage(t.Context(), uid)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(f)
			f.Close()
			if want := fmt.Sprintf("Subject: %d.%d\n\n", i, k); err != nil || string(text) != want {
				t.Errorf("UID %d is %q, %v; want %q", uid, text, err, want)
			}
		}
	}
}

// BenchmarkAppendAtOnce appends as clients at 16 connections of one account do, beside a
// bare loop that writes, syncs, renames and syncs as often, each by itself. Both take
// turns.
func BenchmarkAppendAtOnce(b *testing.B) {
	const clients = 16
	m := openBox(b, openAccount(b, filepath.Join(b.TempDir(), "Maildir")), "inbox")
	bare := bareMaildir(b)
	var ours, theirs, cpu []time.Duration
	round := 0
	for b.Loop() {
		round++
		used := processorTime(b)
		ours = append(ours, together(b, clients, func(w, k int) error { return appendOne(m) }))
		cpu = append(cpu, processorTime(b)-used)
		theirs = append(theirs, together(b, clients, func(w, k int) error {
			return deliverBare(bare, fmt.Sprintf("%d.%d.%d", round, w, k))
		}))
	}
	perSecond := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(clients*perWriter) / d[len(d)/2].Seconds()
	}
	b.ReportMetric(float64(least(cpu))/float64(clients*perWriter), "cpu-ns/op")
	b.ReportMetric(perSecond(ours), "appends/s")
	b.ReportMetric(perSecond(theirs), "limit/s")
	b.ReportMetric(perSecond(theirs)/perSecond(ours), "x-limit")
}

func appendOne(m *Mailbox) error {
	a, err := m.NewAppend()
	if err != nil {
		return err
	}
	w, err := a.Add(FlagSet{}, time.Time{})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, sample); err != nil {
		return err
	}
	_, err = a.Commit(background)
	return err
}
