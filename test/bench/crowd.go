package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"fantail/test/dialogue"
)

const (
	crowd    = 16 // connections
	perCrowd = 25 // messages that each of them appends
)

// crowd measures how fast many connections append to one mailbox.
func (s *subject) crowd() error {
	box, err := dialogue.NewBox()
	if err != nil {
		return err
	}
	defer os.RemoveAll(box.Home)
	if err := makeMaildir(box.Maildir(), box); err != nil {
		return err
	}
	var all []*session
	defer func() {
		for _, c := range all {
			_ = c.end() // measured or failed already
		}
	}()
	for range crowd {
		c, err := connect(s.peer, box)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	before, err := cpuOf(all)
	if err != nil {
		return err
	}
	took, err := together(crowd, func(i int) error {
		for range perCrowd {
			if _, err := all[i].append("INBOX"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", appendCrowd, err)
	}
	after, err := cpuOf(all)
	if names, lerr := list(filepath.Join(box.Maildir(), "cur")); lerr != nil || len(names) != crowd*perCrowd {
		return fmt.Errorf("%s: %d messages: %w", appendCrowd, len(names), lerr)
	}
	const n = crowd * perCrowd
	return s.note(appendCrowd, answer{time: took / n, cpu: (after - before) / n}, err)
}

func cpuOf(all []*session) (sum time.Duration, err error) {
	for _, c := range all {
		d, cerr := c.cpu()
		sum, err = sum+d, errors.Join(err, cerr)
	}
	return sum, err
}

// together does something n times at once, and tells how long that takes.
func together(n int, do func(i int) error) (time.Duration, error) {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return time.Since(start), errors.Join(errs...)
}

// crowdBare is the limit of crowd: write, fsync, rename, fsync of the directory.
func crowdBare(dir string) (time.Duration, error) {
	dir, err := os.MkdirTemp(dir, "crowd")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	took, err := together(crowd, func(i int) error {
		for k := range perCrowd {
			name := filepath.Join(dir, strconv.Itoa(i*perCrowd+k))
			if err := errors.Join(writeSynced(name+".tmp"), os.Rename(name+".tmp", name), syncDirectory(dir)); err != nil {
				return err
			}
		}
		return nil
	})
	return took / (crowd * perCrowd), err
}
