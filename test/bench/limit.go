package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/test/dialogue"
)

// measureLimits measures the bare work of each line that has any, and that was
// measured or is a part of others' limits.
func measureLimits(source dialogue.Box, of *subject, rounds int) (limits map[string]time.Duration, err error) {
	cur := filepath.Join(source.Maildir(), "cur")
	all := make(map[string][]time.Duration)
	for range min(rounds, 5) {
		for line, work := range map[string]func() (time.Duration, error){
			selectFirst:     func() (time.Duration, error) { return timed(func() error { return readDirectory(cur) }) },
			selectUnchanged: roundTrip,
			flagsOfAll:      func() (time.Duration, error) { return moveOctets(of.found[flagsOfAll].octets) },
			envelopesCached: func() (time.Duration, error) { return moveOctets(of.found[envelopesCached].octets) },
			envelopesCold:   func() (time.Duration, error) { return readAll(cur) },
			appendOne:       func() (time.Duration, error) { return deliverBare(source.Home) },
			lmtpOne:         func() (time.Duration, error) { return deliverBare(source.Home) },
			lmtpMany:        func() (time.Duration, error) { return crowdBare(source.Home) },
			appendCrowd:     func() (time.Duration, error) { return crowdBare(source.Home) },
			deliverPipe:     func() (time.Duration, error) { return deliverBare(source.Home) },
			deliverPipeFull: func() (time.Duration, error) { return deliverBare(source.Home) },
			textCold:        func() (time.Duration, error) { return readWhole(cur) },
			loginOne:        func() (time.Duration, error) { return loginBare(false) },
			loginTLS:        func() (time.Duration, error) { return loginBare(true) },
			idle:            func() (time.Duration, error) { return wakeUp(source.Home) },
		} {
			if of.found[line] == nil && line != selectFirst && line != selectUnchanged {
				continue
			}
			d, err := work()
			if err != nil {
				return nil, fmt.Errorf("limit of %s: %w", line, err)
			}
			all[line] = append(all[line], d)
		}
		if err := changeAll(source, all); err != nil {
			return nil, fmt.Errorf("limit of changes: %w", err)
		}
	}
	limits = make(map[string]time.Duration)
	for line, d := range all {
		limits[line] = least(d)
	}
	trip := limits[selectUnchanged]
	limits[selectAgain], limits[selectDelivered], limits[noop] = trip, trip, trip
	limits[selectFlagged] = limits[selectFirst]
	for _, line := range []string{download, downloadTLS} {
		if f := of.found[line]; f != nil {
			if limits[line], err = moveOctets(f.octets); err != nil {
				return nil, err
			}
		}
	}
	limits[loginMany], limits[loginShared] = limits[loginOne], limits[loginOne]
	limits[loginTLSMany], limits[loginTLSShared] = limits[loginTLS], limits[loginTLS]
	limits[lmtpLarge], limits[lmtpShared] = limits[lmtpOne], limits[lmtpMany]
	limits[storeOne] = trip + limits[storeAll]/time.Duration(of.n)
	limits[statusUnchanged] = trip * folders
	limits[statusFirst] = trip*folders + limits[selectFirst]*folders*perFolder/time.Duration(of.n)
	return limits, nil
}

func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

func readDirectory(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4<<20)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil || n == 0 {
			return err
		}
	}
}

// readAll opens every message and reads 4 kB of it.
func readAll(dir string) (time.Duration, error) {
	names, err := list(dir)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	return timed(func() error {
		for _, name := range names {
			f, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if _, err := unix.Read(f, buf); err != nil {
				return err
			}
			if err := unix.Close(f); err != nil {
				return err
			}
		}
		return nil
	})
}

// readWhole opens every message and reads all of it, with as many readers as there
// are processors.
func readWhole(dir string) (time.Duration, error) {
	names, err := list(dir)
	if err != nil {
		return 0, err
	}
	n := runtime.NumCPU()
	return together(n, func(i int) error {
		buf := make([]byte, 1<<20)
		for k := i; k < len(names); k += n {
			f, err := os.Open(filepath.Join(dir, names[k]))
			if err != nil {
				return err
			}
			for err == nil {
				_, err = f.Read(buf)
			}
			if cerr := f.Close(); err != io.EOF || cerr != nil {
				return errors.Join(err, cerr)
			}
		}
		return nil
	})
}

// changeAll makes a link to every message in another directory, renames them
// there, moves them to a third and removes them.
func changeAll(source dialogue.Box, to map[string][]time.Duration) error {
	names, err := list(filepath.Join(source.Maildir(), "cur"))
	if err != nil {
		return err
	}
	var fds []int
	for i := range 3 {
		path := filepath.Join(source.Maildir(), "cur")
		if i > 0 {
			if path, err = os.MkdirTemp(source.Home, "scratch"); err != nil {
				return err
			}
			defer os.RemoveAll(path)
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		fds = append(fds, fd)
	}
	for _, step := range []struct {
		line string
		do   func(name string) error
	}{
		{copyAll, func(name string) error { return unix.Linkat(fds[0], name, fds[1], name, 0) }},
		{storeAll, func(name string) error { return unix.Renameat(fds[1], name, fds[1], name+"F") }},
		{moveAll, func(name string) error { return unix.Renameat(fds[1], name+"F", fds[2], name) }},
		{expungeAll, func(name string) error { return unix.Unlinkat(fds[2], name, 0) }},
	} {
		d, err := timed(func() error {
			for _, name := range names {
				if err := step.do(name); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		to[step.line] = append(to[step.line], d)
	}
	return nil
}

// deliverBare writes a message so that it is on disk: write, fsync, rename, fsync
// of the directory. It is the least of twenty.
func deliverBare(dir string) (time.Duration, error) {
	from, to := filepath.Join(dir, "bare.tmp"), filepath.Join(dir, "bare")
	var all []time.Duration
	for range 20 {
		d, err := timed(func() error {
			return errors.Join(writeSynced(from), os.Rename(from, to), syncDirectory(dir))
		})
		if err != nil {
			return 0, err
		}
		all = append(all, d)
	}
	return least(all), os.Remove(to)
}

func writeSynced(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, body)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// wakeUp is how long the kernel takes to tell of a new file.
func wakeUp(dir string) (time.Duration, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return 0, err
	}
	f := os.NewFile(uintptr(fd), "inotify")
	defer f.Close()
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE); err != nil {
		return 0, err
	}
	woken := make(chan error, 1)
	go func() {
		_, err := f.Read(make([]byte, 4096))
		woken <- err
	}()
	time.Sleep(10 * time.Millisecond) // until it waits
	name := filepath.Join(dir, "wake")
	d, err := timed(func() error {
		return errors.Join(os.WriteFile(name, nil, 0o600), <-woken)
	})
	return d, errors.Join(err, os.Remove(name))
}

// moveOctets moves octets through a socket pair, with the buffers of this program.
func moveOctets(n int64) (time.Duration, error) {
	near, far, err := dialogue.Pair()
	if err != nil {
		return 0, err
	}
	defer near.Close()
	defer far.Close()
	done := make(chan error, 1)
	start := time.Now()
	go func() {
		chunk := strings.Repeat("x", 64<<10)
		var err error
		for left := n; left > 0 && err == nil; left -= int64(len(chunk)) {
			_, err = far.WriteString(chunk[:min(left, int64(len(chunk)))])
		}
		done <- err
	}()
	if _, err := io.CopyN(io.Discard, bufio.NewReaderSize(near, 1<<20), n); err != nil {
		return 0, err
	}
	return time.Since(start), <-done
}

// roundTrip is a line to another process and back.
func roundTrip() (time.Duration, error) {
	near, far, err := dialogue.Pair()
	if err != nil {
		return 0, err
	}
	echo := exec.Command("cat")
	echo.Stdin, echo.Stdout = far, far
	if err := errors.Join(echo.Start(), far.Close()); err != nil {
		return 0, errors.Join(err, near.Close())
	}
	buf := make([]byte, 64)
	var all []time.Duration
	for range 50 {
		d, err := timed(func() error {
			if _, err := near.Write([]byte("a NOOP\r\n")); err != nil {
				return err
			}
			_, err := near.Read(buf)
			return err
		})
		if err != nil {
			return 0, errors.Join(err, near.Close(), echo.Wait())
		}
		all = append(all, d)
	}
	return least(all), errors.Join(near.Close(), echo.Wait())
}
