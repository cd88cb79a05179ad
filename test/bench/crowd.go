package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	crowd    = 16 // connections
	perCrowd = 25 // messages that each of them appends
)

// crowd measures how fast many connections of an account append to one mailbox.
func (s *subject) crowd(d daemon) error {
	var all []*session
	defer func() {
		for _, c := range all {
			_ = c.end() // measured or failed already
		}
	}()
	for range crowd {
		c, err := d.dial(false)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if err := commands(all[0], "CREATE Crowd"); err != nil {
		return err
	}
	before, err := all[0].cpu()
	if err != nil {
		return err
	}
	took, err := together(crowd, func(i int) error {
		for range perCrowd {
			if _, err := all[i].append("Crowd"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", appendCrowd, err)
	}
	after, err := all[0].cpu()
	const n = crowd * perCrowd
	if names, lerr := list(filepath.Join(s.box.Maildir(), ".Crowd", "cur")); lerr != nil || len(names) != n {
		return fmt.Errorf("%s: %d messages: %w", appendCrowd, len(names), lerr)
	}
	if err := s.note(appendCrowd, answer{time: took / n, cpu: (after - before) / n}, err); err != nil {
		return err
	}
	return commands(all[0], "DELETE Crowd")
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
