package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"fantail/test/dialogue"
)

// session is one connection to a server.
type session struct {
	r      *bufio.Reader
	conn   net.Conn
	exists int // messages, as the server said last

	processes func() []int                            // of the server
	finish    func(kill bool) (log string, err error) // closes the connection and waits for what it was for

	capable map[string]bool
}

// answer is what one command cost, and brought.
type answer struct {
	time, cpu time.Duration
	lines     int
	octets    int64
}

// connect starts a server for one connection.
func connect(peer dialogue.Peer, box dialogue.Box) (*session, error) {
	server, err := peer.Start(&dialogue.Script{Protocol: dialogue.IMAP}, box)
	if err != nil {
		return nil, err
	}
	s := newSession(server.Conn)
	s.finish = func(kill bool) (string, error) {
		if kill {
			server.Kill()
		}
		err := server.Conn.Close()
		log, werr := server.Wait()
		return log, errors.Join(err, werr)
	}
	s.processes = func() []int { return []int{server.PID} }
	if _, err = s.r.ReadString('\n'); err == nil {
		err = s.capabilities()
	}
	if err != nil {
		return nil, s.broken(fmt.Errorf("greeting: %w", err))
	}
	return s, nil
}

func newSession(conn net.Conn) *session {
	return &session{r: bufio.NewReaderSize(conn, 1<<20), conn: conn}
}

// broken ends a session that cannot go on, and returns why.
func (s *session) broken(why error) error {
	log, _ := s.finish(true) // it was killed
	return fmt.Errorf("%w\n%s", why, log)
}

func (s *session) capabilities() error {
	s.capable = make(map[string]bool)
	if _, err := io.WriteString(s.conn, tag+" CAPABILITY\r\n"); err != nil {
		return err
	}
	var a answer
	line, err := s.line(&a)
	if err != nil {
		return err
	}
	for _, c := range strings.Fields(string(line)) {
		s.capable[c] = true
	}
	return s.answer(&a)
}

// cpu is the processor time that the server has used, of all its threads.
func (s *session) cpu() (sum time.Duration, err error) {
	for _, pid := range s.processes() {
		sum += processorTime(pid)
	}
	return sum, nil
}

// memory is the server's proportional set size in kB.
func (s *session) memory() (sum int, err error) {
	for _, pid := range s.processes() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		var kB int
		_, rest, _ := strings.Cut(string(data), "\nPss:")
		if _, err = fmt.Sscan(rest, &kB); err != nil {
			return 0, err
		}
		sum += kB
	}
	return sum, err
}

const tag = "zz"

// do sends a command and reads up to its tagged OK.
func (s *session) do(command string) (a answer, err error) {
	before, err := s.cpu()
	if err != nil {
		return a, err
	}
	start := time.Now()
	if _, err := io.WriteString(s.conn, tag+" "+command+"\r\n"); err != nil {
		return a, err
	}
	err = s.answer(&a)
	a.time = time.Since(start)
	if err != nil {
		return a, fmt.Errorf("%.40s: %w", command, err)
	}
	after, err := s.cpu()
	a.cpu = after - before
	return a, err
}

// answer reads up to the tagged OK.
func (s *session) answer(a *answer) error {
	for {
		line, err := s.line(a)
		if err != nil {
			return err
		}
		text, ok := bytes.CutPrefix(line, []byte(tag+" "))
		if !ok {
			continue
		}
		if !bytes.HasPrefix(text, []byte("OK")) {
			return fmt.Errorf("%s", text)
		}
		return nil
	}
}

// line reads a line of any length, of which it returns the beginning.
func (s *session) line(a *answer) ([]byte, error) {
	line, err := s.r.ReadSlice('\n')
	a.octets += int64(len(line))
	for err == bufio.ErrBufferFull {
		var more []byte
		more, err = s.r.ReadSlice('\n')
		a.octets += int64(len(more))
	}
	if err != nil {
		return nil, err
	}
	a.lines++
	if text, ok := bytes.CutSuffix(line, []byte(" EXISTS\r\n")); ok {
		s.exists, err = strconv.Atoi(strings.TrimPrefix(string(text), "* "))
	}
	return line, err
}

// append appends the sample message.
func (s *session) append(mailbox string) (a answer, err error) {
	// A literal that does not wait (RFC 7888), which both servers take.
	return s.do(fmt.Sprintf("APPEND %s (\\Seen) {%d+}\r\n%s", mailbox, len(body), body))
}

// idle waits for the next EXISTS within IDLE (RFC 2177), which event brings about,
// and tells how long after it that came.
func (s *session) idle(event func() (time.Time, error)) (time.Duration, error) {
	before := s.exists
	if err := s.beginIdle(); err != nil {
		return 0, err
	}
	// A server may begin to watch after its "+".
	time.Sleep(100 * time.Millisecond)
	at, err := event()
	if err != nil {
		return 0, err
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	var a answer
	for s.exists == before {
		if _, err := s.line(&a); err != nil {
			return 0, fmt.Errorf("IDLE: %w", err)
		}
	}
	took := time.Since(at)
	if err := s.conn.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	return took, s.endIdle()
}

func (s *session) beginIdle() error {
	var a answer
	if _, err := io.WriteString(s.conn, tag+" IDLE\r\n"); err != nil {
		return err
	}
	if line, err := s.line(&a); err != nil || line[0] != '+' {
		return fmt.Errorf("IDLE: %s: %w", line, err)
	}
	return nil
}

func (s *session) endIdle() error {
	if _, err := io.WriteString(s.conn, "DONE\r\n"); err != nil {
		return err
	}
	return s.answer(&answer{})
}

// end logs out and waits for the end of the server.
func (s *session) end() error {
	_, err := s.do("LOGOUT")
	log, ferr := s.finish(false)
	if err = errors.Join(err, ferr); err != nil {
		return fmt.Errorf("%w: %s", err, log)
	}
	return nil
}
