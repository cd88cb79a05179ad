package maildir

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// Those who ask while one runs share the next.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s together
		runs := 0
		run := func() error {
			runs++ // never two at once, or the race detector says so
			time.Sleep(time.Second)
			return nil
		}
		var all sync.WaitGroup
		for i := range 21 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				began := time.Now()
				if err := s.do(run); err != nil {
					t.Error(err)
				}
				// 0 from 0 s to 1 s, 1 to 10 from 1 s to 2 s, and so on.
				if took := time.Since(began); took < time.Second || took > 2*time.Second {
					t.Errorf("%d waited %v", i, took)
				}
			})
		}
		all.Wait()
		if runs != 3 && runs != 4 { // the last comes when one ends
			t.Errorf("%d runs", runs)
		}
	})
}

// A failure is everybody's who may have been there, and nobody's later.
func TestTogetherFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s together
		broken := errors.New("broken")
		runs := 0
		run := func() error {
			runs++
			time.Sleep(time.Second)
			if runs == 1 {
				return broken
			}
			return nil
		}
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				if err := s.do(run); err != broken {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		all.Wait()
		if err := s.do(run); err != nil || runs != 2 {
			t.Errorf("afterwards: %v, %d runs", err, runs)
		}
	})
}

// One that panics leaves nobody waiting, and nobody satisfied.
func TestTogetherPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s together
		go s.do(func() error { time.Sleep(time.Second); return nil })
		synctest.Wait()
		leads := make(chan any)
		go func() {
			defer func() { leads <- recover() }()
			_ = s.do(func() error { panic(crash{}) })
		}()
		synctest.Wait()
		shares := make(chan error)
		go func() { shares <- s.do(func() error { return nil }) }()
		if r := <-leads; r != (crash{}) {
			t.Error(r)
		}
		if err := <-shares; err != errUnended {
			t.Error(err)
		}
		if err := s.do(func() error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

// moment is what happened in a directory that many deliver into.
type moment struct {
	what string // "rename", "begin" and "end" of an fsync, "told"
	file string
}

// TestManyAtOnce: whoever is told that a message is delivered is told so after an fsync of
// the directory that began after the message had its name; and there are fewer of them
// than messages.
func TestManyAtOnce(t *testing.T) {
	const writers, each = 8, 20
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	var mu sync.Mutex
	var moments []moment
	note := func(what, file string) {
		mu.Lock()
		defer mu.Unlock()
		moments = append(moments, moment{what, file})
	}
	d.sys.hook = func(step, file string) error {
		if step != "fsync dir" {
			return nil
		}
		note("begin", "")
		time.Sleep(5 * time.Millisecond) // as a disk takes
		note("end", "")                  // early: what follows can only help
		return nil
	}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range each {
				w, err := d.NewDelivery()
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprintf(w, "Subject: %d of %d\n\n", n, i)
				published, err := d.Publish([]*Delivery{w}, Target{New: true})
				if err != nil {
					t.Error(err)
					return
				}
				note("rename", published[0].File)
				if err := d.SyncNames(published); err != nil {
					t.Error(err)
				}
				note("told", published[0].File)
			}
		})
	}
	all.Wait()
	d.sys.hook = nil
	if got := len(list(t, d, nil).Entries); got != writers*each {
		t.Errorf("%d messages", got)
	}
	if n := judge(t, moments); n*2 > writers*each {
		t.Errorf("%d fsyncs of the directory for %d messages", n, writers*each)
	}
}

// judge finds messages whose names were not durable when they were told of, and returns
// how many fsyncs there were.
func judge(t *testing.T, moments []moment) (fsyncs int) {
	t.Helper()
	named, durable := make(map[string]bool), make(map[string]bool)
	var covered []string // by the fsync that runs
	for _, m := range moments {
		switch m.what {
		case "rename":
			named[m.file] = true
		case "begin":
			fsyncs++
			covered = nil
			for f := range named {
				covered = append(covered, f)
			}
			clear(named)
		case "end":
			for _, f := range covered {
				durable[f] = true
			}
		case "told":
			if !durable[m.file] {
				t.Errorf("%s is told of before its directory is durable", m.file)
			}
		}
	}
	return fsyncs
}

// TestManyFail: when the fsync that several share fails, none of them has delivered.
func TestManyFail(t *testing.T) {
	const writers = 8
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	var mu sync.Mutex
	fsyncs := 0
	d.sys.hook = func(step, file string) error {
		if step != "fsync dir" {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		fsyncs++
		time.Sleep(20 * time.Millisecond)
		if fsyncs <= 2 {
			return unix.EIO
		}
		return nil
	}
	failed := make(chan bool, writers)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			w, err := d.NewDelivery()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprint(w, "Subject: x\n\n")
			_, err = d.Commit([]*Delivery{w}, Target{New: true})
			if failed <- err != nil; err != nil && !errors.Is(err, unix.EIO) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(failed)
	told := 0
	for f := range failed {
		if !f {
			told++
		}
	}
	d.sys.hook = nil
	left := list(t, d, nil).Entries
	if len(left) != told || told == writers {
		t.Errorf("%d of %d are told that they have delivered, and %d messages are there", told, writers, len(left))
	}
	for _, f := range files(t, d) {
		if !strings.HasPrefix(f, "new/") {
			t.Errorf("%s is left", f)
		}
	}
	if err := d.CleanTmp(time.Now()); err != nil {
		t.Error(err)
	}
}
