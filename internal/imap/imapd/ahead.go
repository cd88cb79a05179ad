package imapd

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"fantail/internal/daemon/processors"
)

// A FETCH that has to open files reads them ahead: while the answer for one message
// is written, others are read and parsed by workers, as many as there are
// processors. The answers stay in order, and memory is bounded by the number of
// places.
//
// The goroutine that owns the session takes a free place for each message, lets a
// worker load it, and writes what is oldest when no place is free. A worker touches
// the place that it was given, the items of the command, and the store, which is
// safe for many; never the view or the encoder. What needs no file is loaded by the
// owner itself, so that it costs no hand-over. So are messages that are only to be read,
// not parsed, as long as they come from memory: the outbox sends in parallel. When one
// turns out to come from a disk, the next ones are read by workers.

// places is how many messages of a command are in hand at once.
const places = 8

// ahead are the messages in hand.
type ahead struct {
	f       *fetcher
	slots   [places]*fetched
	first   int // the oldest
	n       int // how many
	jobs    chan *fetched
	workers sync.WaitGroup

	cold int          // how many of the next ones must be expected to come from a disk
	done int64        // how many were answered for
	tick *time.Ticker // since there are workers: when to tell how far it is
	sent int          // see outbox: as of the last tick
}

// begin takes the next message of the command. It answers for others if there is no
// place for it.
func (a *ahead) begin(c *counted, alone bool) error {
	if a.n == places {
		if err := a.finish(); err != nil {
			return err
		}
	}
	if a.n == 0 {
		a.first = 0 // one place does where nothing has to be read
	}
	at := (a.first + a.n) % places
	m := a.slots[at]
	if m == nil {
		m = &fetched{f: a.f, loaded: make(chan struct{}, 1)}
		a.slots[at] = m
	}
	m.counted = *c
	a.n++
	quick := m.quick()
	if m.handed = !alone && !quick && !a.readsInline(); m.handed {
		a.start()
		a.jobs <- m
		return nil
	}
	if quick { // there may be very many, for which the clock is dear
		m.failed = m.load()
	} else {
		a.read(m)
	}
	if a.n == 1 {
		return a.finish()
	}
	return nil
}

const (
	// fromDisk is more than reading a message from memory takes, and less than from
	// any disk.
	fromDisk = 500 * time.Microsecond
	// afterDisk is how many messages are read by workers after one that came from a
	// disk.
	afterDisk = 64
)

// readsInline reports whether the next message is only to be read, and probably from
// memory.
func (a *ahead) readsInline() bool {
	if a.f.needs&(needStructure|needHeader|needBinary|needKept) != 0 {
		return false
	}
	if a.cold > 0 {
		a.cold--
		return false
	}
	return true
}

// read loads a message itself, and notes where it came from.
func (a *ahead) read(m *fetched) {
	began := time.Now()
	m.failed = m.load()
	if time.Since(began) > fromDisk {
		a.cold = afterDisk
	}
}

// start starts the workers.
func (a *ahead) start() {
	if a.jobs != nil {
		return
	}
	a.jobs = make(chan *fetched, places)
	a.tick = time.NewTicker(a.f.s.progressEvery)
	for range min(processors.Workers(a.f.ts.len(), places), places) {
		a.workers.Go(func() {
			for m := range a.jobs {
				m.failed = m.loadSafely()
				m.loaded <- struct{}{}
			}
		})
	}
}

// finish answers for the oldest message.
func (a *ahead) finish() error {
	m := a.slots[a.first]
	if m.handed {
		if err := a.await(m); err != nil {
			return err
		}
	}
	a.first = (a.first + 1) % places
	a.n--
	a.done++
	defer m.close()
	return a.f.answer(m)
}

// await waits until a message is loaded. A client to which nothing was sent for long is
// told how far it is: responses for many messages that take long to read may be too
// short to fill the outbox.
func (a *ahead) await(m *fetched) error {
	for {
		select {
		case <-m.loaded:
			return nil
		case <-a.tick.C:
			box := &a.f.s.stream.box
			if box.sent == a.sent {
				if err := a.f.s.tellProgress(a); err != nil {
					return err
				}
			}
			a.sent = box.sent
		}
	}
}

// Look implements progress.
func (a *ahead) Look() (done, total int64) { return a.done, int64(a.f.ts.len()) }

// drain answers for all that are left.
func (a *ahead) drain() error {
	for a.n > 0 {
		if err := a.finish(); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the workers, and gives up what was not answered.
func (a *ahead) stop() {
	if a.jobs != nil {
		close(a.jobs)
		a.workers.Wait()
		a.tick.Stop()
	}
	for ; a.n > 0; a.n-- {
		a.slots[a.first].close()
		a.first = (a.first + 1) % places
	}
}

// loadSafely is load for a worker: a panic is the session's, which ends alone.
func (m *fetched) loadSafely() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &workerPanic{fmt.Sprint(r), debug.Stack()}
		}
	}()
	return m.load()
}

// workerPanic is a panic on its way from a worker to the owner of the session.
type workerPanic struct {
	text  string
	stack []byte
}

func (p *workerPanic) Error() string { return p.text + "\n" + string(p.stack) }
