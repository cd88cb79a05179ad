package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"fantail/test/dialogue"
)

// subject is one of the servers, its mailbox, and what was found out about it.
type subject struct {
	peer   dialogue.Peer
	box    dialogue.Box
	source dialogue.Box
	n      int
	only   *regexp.Regexp // the lines wanted
	found  map[string]*figures
}

// figures are all measurements of one line.
type figures struct {
	time, cpu []time.Duration
	octets    int64 // of the last answer
	kB        []int
}

func newSubjects(source dialogue.Box, n int, only *regexp.Regexp, peers ...dialogue.Peer) (all []*subject, err error) {
	for _, p := range peers {
		box, err := linkBox(source)
		all = append(all, &subject{p, box, source, n, only, make(map[string]*figures)})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func (s *subject) figures(line string) *figures {
	if s.found[line] == nil {
		s.found[line] = &figures{}
	}
	return s.found[line]
}

// note enters an answer.
func (s *subject) note(line string, a answer, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	f := s.figures(line)
	f.time = append(f.time, a.time)
	f.cpu = append(f.cpu, a.cpu)
	f.octets = a.octets
	return nil
}

// settled is how old a change must be for Dovecot to believe directory times.
const settled = 2500 * time.Millisecond

// in does something in a session of its own.
func (s *subject) in(do func(*session) error) error {
	c, err := connect(s.peer, s.box)
	if err != nil {
		return err
	}
	if err := do(c); err != nil {
		return c.broken(err)
	}
	return c.end()
}

// selected is in, in a session that has the inbox selected. line is where the
// SELECT counts, or "".
func (s *subject) selected(line string, do func(*session) error) error {
	return s.in(func(c *session) error {
		a, err := c.do("SELECT INBOX")
		if err != nil {
			return err
		}
		if line != "" {
			if err := s.note(line, a, nil); err != nil {
				return err
			}
		}
		if do == nil {
			return nil
		}
		return do(c)
	})
}

// measured is a command that counts. It must bring so many lines at least.
func (s *subject) measured(c *session, line, command string, lines int) error {
	a, err := c.do(command)
	if err == nil && a.lines < lines {
		err = fmt.Errorf("%d lines where %d were due", a.lines, lines)
	}
	return s.note(line, a, err)
}

// commands does what is not measured.
func commands(c *session, list ...string) error {
	for _, l := range list {
		if _, err := c.do(l); err != nil {
			return err
		}
	}
	return nil
}

// round measures every line once. It leaves the mailbox as it was.
func (s *subject) round() error {
	if err := forget(s.box.Maildir()); err != nil {
		return err
	}
	return s.parts([]part{
		{s.opening, []string{selectFirst, selectAgain, selectUnchanged, flagsOfAll, noop, memorySelected, memoryFlags}},
		{s.changedByOthers, []string{selectDelivered, selectFlagged}},
		{s.envelopes, []string{envelopesCold, envelopesCached}},
		{s.searching, searchLines()},
		{s.changing, []string{storeOne, storeAll, copyAll, moveAll, expungeAll}},
		{s.arriving, []string{appendOne, idle, idleSlow}},
		{s.status, []string{statusFirst, statusUnchanged}},
		{s.retrieving, []string{pop3Look, pop3Retr, pop3Pipelined}},
	})
}

// part measures some lines, together.
type part struct {
	do    func() error
	lines []string
}

// parts does those of which a line is wanted.
func (s *subject) parts(all []part) error {
	for _, p := range all {
		if !slices.ContainsFunc(p.lines, s.only.MatchString) {
			continue
		}
		if err := p.do(); err != nil {
			return err
		}
	}
	return nil
}

const (
	fetchFlags     = "FETCH 1:* (UID FLAGS)"
	fetchEnvelopes = "FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)"
)

func (s *subject) opening() error {
	if err := s.selected(selectFirst, func(c *session) error {
		if c.exists != s.n {
			return fmt.Errorf("%d messages where there are %d", c.exists, s.n)
		}
		return commands(c, fetchFlags)
	}); err != nil {
		return err
	}
	time.Sleep(settled)
	if err := s.selected(selectAgain, nil); err != nil {
		return err
	}
	for range 4 {
		if err := s.selected(selectUnchanged, nil); err != nil {
			return err
		}
	}
	return s.selected(selectUnchanged, func(c *session) error {
		if err := s.memory(c, memorySelected); err != nil {
			return err
		}
		if err := s.measured(c, flagsOfAll, fetchFlags, s.n); err != nil {
			return err
		}
		if err := s.memory(c, memoryFlags); err != nil {
			return err
		}
		for range 10 {
			if err := s.measured(c, noop, "NOOP", 1); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *subject) memory(c *session, line string) error {
	kB, err := c.memory()
	s.figures(line).kB = append(s.figures(line).kB, kB)
	return err
}

// removeArrivals removes what was delivered, and lets the mailbox come to rest.
func (s *subject) removeArrivals(c *session) error {
	if err := commands(c, fmt.Sprintf(`STORE %d:* +FLAGS.SILENT (\Deleted)`, s.n+1), "EXPUNGE"); err != nil {
		return err
	}
	if c, err := list(filepath.Join(s.box.Maildir(), "cur")); err != nil || len(c) != s.n {
		return fmt.Errorf("%d messages remain of %d: %w", len(c), s.n, err)
	}
	return nil
}

func (s *subject) changedByOthers() error {
	if _, err := deliver(s.box); err != nil {
		return err
	}
	if err := s.selected(selectDelivered, s.removeArrivals); err != nil {
		return err
	}
	if err := s.rest(); err != nil {
		return err
	}
	if err := flagFile(s.box); err != nil {
		return err
	}
	return s.selected(selectFlagged, nil)
}

// rest makes the next SELECT one of an unchanged mailbox.
func (s *subject) rest() error {
	time.Sleep(settled)
	return s.selected("", nil)
}

func (s *subject) envelopes() error {
	if err := s.rest(); err != nil {
		return err
	}
	for _, line := range []string{envelopesCold, envelopesCached} {
		if err := s.selected("", func(c *session) error { return s.measured(c, line, fetchEnvelopes, s.n) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *subject) changing() error {
	return s.selected("", func(c *session) error {
		for i := range 10 {
			if err := s.measured(c, storeOne, fmt.Sprintf(`STORE %d +FLAGS (\Flagged)`, s.n/2+i-5), 1); err != nil {
				return err
			}
		}
		if err := s.measured(c, storeAll, `STORE 1:* +FLAGS (\Flagged)`, s.n/2); err != nil {
			return err
		}
		if err := commands(c, `STORE 1:* -FLAGS.SILENT (\Flagged)`, "CREATE Copy", "CREATE Moved"); err != nil {
			return err
		}
		if err := s.measured(c, copyAll, "COPY 1:* Copy", 1); err != nil {
			return err
		}
		if err := commands(c, "SELECT Copy"); err != nil {
			return err
		}
		if c.capable["MOVE"] {
			if err := s.measured(c, moveAll, "MOVE 1:* Moved", s.n); err != nil {
				return err
			}
			if err := commands(c, "SELECT Moved"); err != nil {
				return err
			}
		}
		if err := commands(c, `STORE 1:* +FLAGS.SILENT (\Deleted)`); err != nil {
			return err
		}
		if err := s.measured(c, expungeAll, "UID EXPUNGE 1:*", s.n); err != nil {
			return err
		}
		return commands(c, "SELECT INBOX", "DELETE Copy", "DELETE Moved")
	})
}

// arriving measures the ways in which messages come.
func (s *subject) arriving() error {
	if err := s.rest(); err != nil {
		return err
	}
	return s.selected("", func(c *session) error {
		for range 20 {
			a, err := c.append("INBOX")
			if err := s.note(appendOne, a, err); err != nil {
				return err
			}
		}
		for range 20 {
			took, err := c.idle(func() (time.Time, error) { return deliver(s.box) })
			for _, line := range []string{idle, idleSlow} {
				if err := s.note(line, answer{time: took}, err); err != nil {
					return err
				}
			}
		}
		return s.removeArrivals(c)
	})
}
