package store

import (
	"errors"
	"fmt"
	"runtime/debug"

	"fantail/internal/daemon/processors"
)

// relay changes the files of many messages, each in three steps:
//
//	prepare   reads the index, and makes names
//	act       makes the system call that changes a directory
//	note      enters what was done into the batch
//
// The kernel changes a directory for one process at a time, and that is where most
// of the time goes: several goroutines that act would wait for one another. So one
// does nothing else, while the caller's prepares what comes next and notes what has
// been done. act must not touch the index, the transaction, or what Mailbox.mu
// guards.
//
// Everything that was acted on is noted, in order, whatever fails. If that is a note,
// nothing of the batch is entered.
type relay[T any] struct {
	batch   *batch
	prepare func(i int, t *T) (bool, error) // false: there is nothing to do
	act     func(t *T) error                // an error ends it
	note    func(t *T) error
}

const (
	relayLoad = 128 // messages that are handed over at once
	relayHeld = 2   // loads that are on their way
)

// load is what is handed over, and what became of it.
type load[T any] struct {
	items    []T
	did      int    // of them were acted on
	err      error  // why not more
	panicked string // with the stack
}

// run does all steps for n messages.
func (r relay[T]) run(n int) error {
	if n <= relayLoad || processors.Workers(n, relayLoad) == 1 {
		return r.alone(n)
	}
	todo, done := make(chan *load[T], relayHeld), make(chan *load[T], relayHeld)
	go r.carryAll(todo, done)
	defer func() { // also after a panic
		close(todo)
		for range done {
		}
	}()
	var err error
	var l *load[T]
	for i, out := 0, 0; out > 0 || i < n && err == nil; {
		if i < n && err == nil && out < relayHeld {
			if l == nil {
				l = &load[T]{items: make([]T, 0, relayLoad)}
			}
			i, err = r.fill(l, i, n)
			todo <- l
			l = nil
			out++
			continue
		}
		l = <-done
		out--
		err = errors.Join(err, r.finish(l))
	}
	return err
}

// alone is run without another goroutine.
func (r relay[T]) alone(n int) error {
	for i := range n {
		var t T
		if ok, err := r.prepare(i, &t); err != nil {
			return err
		} else if !ok {
			continue
		}
		if err := r.act(&t); err != nil {
			return err
		}
		if err := r.enter(&t); err != nil {
			return err
		}
	}
	return nil
}

// enter notes what was done.
func (r relay[T]) enter(t *T) error {
	err := r.note(t)
	if err != nil {
		r.batch.enterNothing()
	}
	return err
}

// fill prepares messages from i on, and returns the first one that l does not hold.
func (r relay[T]) fill(l *load[T], i, n int) (int, error) {
	*l = load[T]{items: l.items[:0]}
	for ; i < n && len(l.items) < relayLoad; i++ {
		k := len(l.items)
		var none T
		l.items = append(l.items, none)
		ok, err := r.prepare(i, &l.items[k])
		if !ok || err != nil {
			l.items = l.items[:k]
		}
		if err != nil {
			return i, err
		}
	}
	return i, nil
}

// carryAll acts on what comes, until something fails.
func (r relay[T]) carryAll(todo <-chan *load[T], done chan<- *load[T]) {
	defer close(done)
	failed := false
	for l := range todo {
		if !failed {
			r.carry(l)
			failed = l.err != nil || l.panicked != ""
		}
		done <- l
	}
}

func (r relay[T]) carry(l *load[T]) {
	defer func() {
		if p := recover(); p != nil {
			l.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	for i := range l.items {
		if l.err = r.act(&l.items[i]); l.err != nil {
			return
		}
		l.did++
	}
}

// finish notes what was done of a load. A panic goes on where it is expected.
func (r relay[T]) finish(l *load[T]) error {
	var failed error
	for i := range l.items[:l.did] {
		if err := r.enter(&l.items[i]); failed == nil {
			failed = err // of many the first will do
		}
	}
	if l.panicked != "" {
		panic(l.panicked)
	}
	return errors.Join(failed, l.err)
}
