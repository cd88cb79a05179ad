package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"fantail/test/dialogue"
)

// pop3Messages is how many messages are retrieved at most, and pop3Window how many
// commands are on their way.
const (
	pop3Messages = 10_000
	pop3Window   = 100
)

// retrieving measures POP3.
func (s *subject) retrieving() error {
	n := min(s.n, pop3Messages)
	// Once for all that a server keeps of what it has seen, and for \Seen.
	if err := s.pop3("", n, pop3Window); err != nil {
		return err
	}
	time.Sleep(settled)
	for range 4 {
		if err := s.pop3(pop3Look, 0, 1); err != nil {
			return err
		}
	}
	if err := s.pop3(pop3Retr, n, 1); err != nil {
		return err
	}
	if err := s.pop3(pop3Pipelined, n, pop3Window); err != nil {
		return err
	}
	return s.rest()
}

// pop3 is one session, of which a line is measured: all of it, or the retrieval of n
// messages.
func (s *subject) pop3(line string, n, window int) error {
	start := time.Now()
	server, err := s.peer.Start(&dialogue.Script{Protocol: dialogue.POP3}, s.box)
	if err != nil {
		return err
	}
	c := &pop3Session{r: bufio.NewReaderSize(server.Conn, 1<<20), w: server.Conn}
	if !server.Silent {
		err = c.answer(false)
	}
	if err == nil {
		err = c.look(s.n)
	}
	before := processorTime(server.PID)
	if n > 0 {
		start, c.octets = time.Now(), 0
	}
	for sent, got := 0, 0; got < n && err == nil; got++ {
		for ; sent < n && sent < got+window && err == nil; sent++ {
			_, err = fmt.Fprintf(c.w, "RETR %d\r\n", sent+1)
		}
		if err == nil {
			err = c.answer(true)
		}
	}
	a := answer{time: time.Since(start), cpu: processorTime(server.PID) - before, octets: c.octets}
	if n == 0 {
		a.cpu = processorTime(server.PID)
	}
	if err == nil {
		_, err = io.WriteString(c.w, "QUIT\r\n")
	}
	if err == nil {
		err = c.answer(false)
	}
	if err != nil {
		server.Kill()
	}
	log, werr := server.Wait()
	if err := errors.Join(err, server.Conn.Close(), werr); err != nil {
		return fmt.Errorf("POP3: %w\n%s", err, log)
	}
	if line == "" {
		return nil
	}
	return s.note(line, a, nil)
}

// pop3Session is a client.
type pop3Session struct {
	r      *bufio.Reader
	w      io.Writer
	octets int64
	lines  int // of the last answer
}

// look asks what there is; there are so many messages.
func (c *pop3Session) look(n int) error {
	for _, command := range []string{"STAT", "LIST", "UIDL"} {
		if _, err := io.WriteString(c.w, command+"\r\n"); err != nil {
			return err
		}
		if err := c.answer(command != "STAT"); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		if command != "STAT" && c.lines != n {
			return fmt.Errorf("%s: %d lines for %d messages", command, c.lines, n)
		}
	}
	return nil
}

// answer reads an answer, of more lines or of one.
func (c *pop3Session) answer(more bool) error {
	line, err := c.r.ReadSlice('\n')
	if err != nil || !bytes.HasPrefix(line, []byte("+OK")) {
		return fmt.Errorf("%q %w", line, err)
	}
	for c.lines = 0; more; c.lines++ {
		line, err := c.r.ReadSlice('\n')
		c.octets += int64(len(line))
		if err != nil {
			return err
		}
		if string(line) == ".\r\n" {
			return nil
		}
	}
	return nil
}
