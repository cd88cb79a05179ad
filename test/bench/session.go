package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/test/dialogue"
)

// session is one connection to a server of its own.
type session struct {
	r      *bufio.Reader
	w      io.Writer
	server *dialogue.Server
	pid    int
	exists int // messages, as the server said last

	capable map[string]bool
}

// answer is what one command cost, and brought.
type answer struct {
	time, cpu time.Duration
	lines     int
	octets    int64
}

func connect(peer dialogue.Peer, box dialogue.Box) (*session, error) {
	server, err := peer.Start(&dialogue.Script{Protocol: dialogue.IMAP}, box)
	if err != nil {
		return nil, err
	}
	s := &session{r: bufio.NewReaderSize(server.Conn, 1<<20), w: server.Conn, server: server}
	if _, err = s.r.ReadString('\n'); err == nil {
		s.pid, err = child()
	}
	if err == nil {
		err = s.capabilities()
	}
	if err != nil {
		server.Kill()
		log, _ := server.Wait() // err says more
		return nil, fmt.Errorf("greeting: %w: %s", err, log)
	}
	return s, nil
}

// child is the process that this one has started: there is one at a time.
func child() (int, error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, err
	}
	for _, t := range tasks {
		// A thread that has ended meanwhile has no children.
		list, err := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
		if f := strings.Fields(string(list)); err == nil && len(f) > 0 {
			return strconv.Atoi(f[len(f)-1])
		}
	}
	return 0, errors.New("no process was started")
}

func (s *session) capabilities() error {
	s.capable = make(map[string]bool)
	if _, err := io.WriteString(s.w, tag+" CAPABILITY\r\n"); err != nil {
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
func (s *session) cpu() (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED of the kernel
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^s.pid)<<3|sched, &ts)
	return time.Duration(ts.Nano()), err
}

// memory is the server's proportional set size in kB.
func (s *session) memory() (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.pid))
	if err != nil {
		return 0, err
	}
	var kB int
	_, rest, _ := strings.Cut(string(data), "\nPss:")
	_, err = fmt.Sscan(rest, &kB)
	return kB, err
}

const tag = "zz"

// do sends a command and reads up to its tagged OK.
func (s *session) do(command string) (a answer, err error) {
	before, err := s.cpu()
	if err != nil {
		return a, err
	}
	start := time.Now()
	if _, err := io.WriteString(s.w, tag+" "+command+"\r\n"); err != nil {
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
	var a answer
	before := s.exists
	if _, err := io.WriteString(s.w, tag+" IDLE\r\n"); err != nil {
		return 0, err
	}
	if line, err := s.line(&a); err != nil || line[0] != '+' {
		return 0, fmt.Errorf("IDLE: %s: %w", line, err)
	}
	// A server may begin to watch after its "+".
	time.Sleep(100 * time.Millisecond)
	at, err := event()
	if err != nil {
		return 0, err
	}
	if err := s.server.Conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	for s.exists == before {
		if _, err := s.line(&a); err != nil {
			return 0, fmt.Errorf("IDLE: %w", err)
		}
	}
	took := time.Since(at)
	if err := s.server.Conn.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(s.w, "DONE\r\n"); err != nil {
		return 0, err
	}
	return took, s.answer(&a)
}

// end logs out and waits for the end of the server.
func (s *session) end() error {
	_, err := s.do("LOGOUT")
	err = errors.Join(err, s.server.Conn.Close())
	log, werr := s.server.Wait()
	if err = errors.Join(err, werr); err != nil {
		return fmt.Errorf("%w: %s", err, log)
	}
	return nil
}
