package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// event is struct inotify_event of inotify(7).
type event struct {
	wd     int32
	mask   uint32
	cookie uint32
	name   []byte // in the buffer that it was read to
}

// has reports whether the event is one of those in mask.
func (e event) has(mask uint32) bool { return e.mask&mask != 0 }

// next cuts the first event from what was read. What is no whole event ends it;
// the kernel gives none such.
func next(buf []byte) (e event, rest []byte, ok bool) {
	if len(buf) < unix.SizeofInotifyEvent {
		return event{}, nil, false
	}
	size := binary.NativeEndian.Uint32(buf[12:])
	if uint64(size) > uint64(len(buf)-unix.SizeofInotifyEvent) {
		return event{}, nil, false
	}
	end := unix.SizeofInotifyEvent + int(size)
	e = event{
		wd:     int32(binary.NativeEndian.Uint32(buf)),
		mask:   binary.NativeEndian.Uint32(buf[4:]),
		cookie: binary.NativeEndian.Uint32(buf[8:]),
		name:   buf[unix.SizeofInotifyEvent:end],
	}
	if nul := bytes.IndexByte(e.name, 0); nul >= 0 {
		e.name = e.name[:nul]
	}
	return e, buf[end:], true
}

// largestEvent is the room without which the kernel keeps an event back.
const largestEvent = unix.SizeofInotifyEvent + unix.NAME_MAX + 1

// errNoQueue is that there is no inotify descriptor.
var errNoQueue = errors.New("no inotify descriptor")

// openQueue opens an inotify descriptor.
func openQueue() (int, error) {
	return unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
}

// start opens the descriptor if there is none; w.mu is held.
func (w *Watcher) start() error {
	if w.broken {
		return errNoQueue
	}
	if w.file != nil {
		return nil
	}
	fd, err := w.openQueue()
	if err != nil {
		return fmt.Errorf("%w: %w", errNoQueue, err)
	}
	file := os.NewFile(uintptr(fd), "inotify")
	conn, err := file.SyscallConn()
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", errNoQueue, err), file.Close())
	}
	w.file, w.fd = file, fd
	go w.read(conn)
	return nil
}

// buffers are what queues are read to. Watchers spend their lives waiting, so none has
// one of its own.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

const bufferSize = 16 << 10

// read hands out events as they come, until the descriptor is closed.
func (w *Watcher) read(conn syscall.RawConn) {
	// The error is that the descriptor was closed.
	_ = conn.Read(func(uintptr) (done bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pump()
		return w.closed || w.broken
	})
}

// pump hands out all events that were queued when it was called, and perhaps
// later ones; w.mu is held.
func (w *Watcher) pump() {
	if w.file == nil || w.closed || w.broken || !w.readSome() {
		return
	}
	// The buffer was filled. Others may write as fast as this reads: stop at what
	// was there. What comes later wakes the goroutine.
	left, err := unix.IoctlGetUint32(w.fd, unix.TIOCINQ)
	if err != nil {
		w.fail()
		return
	}
	for end := w.taken + int64(left); w.taken < end && w.readSome(); {
	}
}

// readSome hands out a bufferful, and reports whether there may be more.
func (w *Watcher) readSome() (more bool) {
	whole := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(whole)
	buf := whole[:w.room]
	for {
		n, err := unix.Read(w.fd, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return false
		case err != nil:
			w.fail()
			return false
		}
		w.taken += int64(n)
		w.handle(buf[:n])
		return n > len(buf)-largestEvent
	}
}

// fail gives the descriptor up, after an error that reading again would not mend:
// Watches are polled from now on, and Tails lost.
func (w *Watcher) fail() {
	w.broken = true
	w.loseAll()
}

// handle hands out what was read; w.mu is held.
func (w *Watcher) handle(buf []byte) {
	for {
		e, rest, ok := next(buf)
		if !ok {
			return
		}
		buf = rest
		if e.has(unix.IN_Q_OVERFLOW) {
			w.loseAll()
			continue
		}
		if d := w.byWD[e.wd]; d != nil {
			w.route(d, e)
		}
	}
}
