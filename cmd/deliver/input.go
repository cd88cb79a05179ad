package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// endings are the signals by which the program is told to end.
var endings = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}

// input is the message as it comes, and what becomes of a program that is told to end:
//
//	nothing is read yet      it dies of the signal, as while it starts
//	there is more to come    it delivers nothing, and says so; a second signal kills
//	the message is whole     it delivers it, which takes milliseconds
//
// Waiting for signals takes threads, longer than all of a usual delivery. So they are
// waited for only where the message is not there at once as a whole.
type input struct {
	file   *os.File
	cancel context.CancelFunc // has the delivery end

	waits bool // for signals
	whole bool
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (n int, err error) {
	for !in.waits && !in.whole && n < len(p) && err == nil && in.ready() {
		var m int
		m, err = in.file.Read(p[n:])
		n += m
		in.atEnd(err)
	}
	if in.whole || err != nil {
		return n, err
	}
	in.wait()
	if n == 0 && len(p) > 0 {
		n, err = in.file.Read(p)
		in.atEnd(err)
	}
	return n, err
}

// ready reports whether there is something to read, or the end.
func (in *input) ready() bool {
	fds := []unix.PollFd{{Fd: int32(in.file.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return n == 1 && err == nil
}

// atEnd is told how a read went.
func (in *input) atEnd(err error) {
	if in.whole = in.whole || errors.Is(err, io.EOF); in.whole && !in.waits {
		signal.Ignore(endings...)
	}
}

// wait begins to wait for signals.
func (in *input) wait() {
	if in.waits {
		return
	}
	in.waits = true
	told := make(chan os.Signal, 1)
	signal.Notify(told, endings...)
	go func() {
		<-told
		signal.Stop(told)
		in.cancel()
	}()
}
