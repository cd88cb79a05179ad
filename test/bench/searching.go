package main

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// searches are the commands that are measured when no server knows anything yet
// and once more in the next session.
var searches = []struct {
	first, again         string // lines
	capable              string // what a server has to have for it
	command, commandWarm string
	more                 map[string]string // command by line, after again in its session
}{
	// No message has these words, so that all text has to be looked through.
	{textCold, textWarm, "", "SEARCH TEXT zqxjkv", "SEARCH TEXT vkjxqz", map[string]string{bodyWarm: "SEARCH BODY kqzvxj", unseen: "SEARCH UNSEEN"}},
	{subjectCold, subjectWarm, "", "SEARCH SUBJECT ange", "SEARCH SUBJECT ange", nil},
	{sortCold, sortWarm, "SORT", "SORT (REVERSE DATE) UTF-8 ALL", "SORT (REVERSE DATE) UTF-8 ALL", nil},
	{threadCold, threadWarm, "THREAD=REFERENCES", "THREAD REFERENCES UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", nil},
}

// searchLines are the lines that searching measures.
func searchLines() (all []string) {
	for _, q := range searches {
		all = slices.AppendSeq(append(all, q.first, q.again), maps.Keys(q.more))
	}
	return all
}

// searching measures every search, first in a mailbox that has just been opened
// for the first time.
func (s *subject) searching() error {
	for _, q := range searches {
		if err := forget(s.box.Maildir()); err != nil {
			return err
		}
		able := true
		err := s.selected("", func(c *session) error {
			if able = q.capable == "" || c.capable[q.capable]; !able {
				return nil
			}
			return s.measured(c, q.first, q.command, 2)
		})
		if err != nil {
			return err
		}
		if !able {
			continue
		}
		time.Sleep(settled)
		err = s.selected("", func(c *session) error {
			for range 3 {
				if err := s.measured(c, q.again, q.commandWarm, 2); err != nil {
					return err
				}
			}
			for line, command := range q.more {
				if err := s.measured(c, line, command, 2); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("search again: %w", err)
		}
	}
	return s.rest()
}
