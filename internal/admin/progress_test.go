package admin

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		count, total int
		at           string
		took         time.Duration
		columns      int
		want         string
	}{
		{0, 10, "", 0, 79, "[....................] 0/10 accounts, 0 s"},
		{0, 0, "ann", 2 * time.Second, 79, "0 accounts, 2 s: ann"},
		{5, 10, "ann", 10 * time.Second, 79, "[##########..........] 5/10 accounts, 30.0/min, 10 s left: ann"},
		{5, 10, "ann", 10 * time.Second, 59, "5/10 accounts, 30.0/min, 10 s left: ann"},
		{5, 10, "ann", 10 * time.Second, 20, "5/10 accounts, 30.0/"},
		{10, 10, "zoe", time.Second, 79, "[####################] 10/10 accounts, 10/s: zoe"},
		{11, 10, "", time.Second, 79, "[####################] 11/10 accounts, 11/s"}, // one came meanwhile
		{700, 0, "", 100 * time.Second, 79, "700 accounts, 7.0/s"},
		{1, 10000, "", time.Hour, 79, "[....................] 1/10000 accounts, 1.0/h, long left"},
		{1, 100, "", 3 * time.Minute, 79, "[....................] 1/100 accounts, 20.0/h, 5 h left"},
		{1, 11, "", 3 * time.Minute, 79, "[#...................] 1/11 accounts, 20.0/h, 30 min left"},
		{1, 1, "a\x1b[2J\nb\u202e", time.Second, 79, `[####################] 1/1 accounts, 1.0/s: a\x1b[2J\nb\u202e`},
		{1, 0, "日本語", time.Second, 25, "1 accounts, 1.0/s: 日本語"},
		{1, 0, "日本語", time.Second, 24, "1 accounts, 1.0/s: 日本"},
		{1, 0, "", time.Second, 0, ""},
	} {
		begun := time.Unix(1e9, 0)
		s := state{"accounts", c.count, c.total, c.at, begun, begun.Add(c.took)}
		if got := s.line(c.columns); got != c.want {
			t.Errorf("%+v:\ngot  %q\nwant %q", c, got, c.want)
		}
	}
}

// screen is what a terminal shows of what it gets.
type screen struct {
	*testing.T
	slave  *os.File
	master *os.File
	mu     sync.Mutex // guards got
	got    bytes.Buffer
	ended  chan struct{}
}

func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	s := &screen{T: t, slave: slave, master: master, ended: make(chan struct{})}
	t.Cleanup(func() { slave.Close(); master.Close(); <-s.ended })
	s.resize(columns)
	go func() {
		defer close(s.ended)
		for buf := make([]byte, 4096); ; {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.got.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) resize(columns uint16) {
	s.Helper()
	if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		s.Fatal(err)
	}
}

// text is everything that was written.
func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// lines are what one sees: carriage returns and erased lines have happened.
func (s *screen) lines() []string {
	s.Helper()
	lines, column := []string{""}, 0
	for rest := s.text(); rest != ""; {
		last := len(lines) - 1
		switch {
		case strings.HasPrefix(rest, "\x1b[K"):
			lines[last] = lines[last][:column]
			rest = rest[3:]
			continue
		case rest[0] == '\r':
			column = 0
		case rest[0] == '\n':
			lines = append(lines, "")
		case rest[0] == '\x1b':
			s.Fatalf("an unknown sequence: %q", rest)
		case column < len(lines[last]):
			s.Fatalf("something is overwritten: %q", s.text())
		default:
			lines[last] += rest[:1]
			column++
		}
		rest = rest[1:]
	}
	return lines
}

// await waits until there is such a line on the screen.
func (s *screen) await(what string, shows func(line string) bool) {
	s.Helper()
	for range 500 {
		if slices.ContainsFunc(s.lines(), shows) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.Errorf("never seen: %s\n%q", what, s.text())
}

// TestProgress: a line comes into sight, gets out of the way of everything else, is as
// wide as the terminal is now, and leaves nothing behind.
func TestProgress(t *testing.T) {
	t.Setenv("TERM", "xterm")
	s := newScreen(t, 80)
	tool := &tool{out: s.slave, stderr: s.slave}
	p := tool.progress("accounts", 4)
	p.at(0, "ann")
	tool.say("ann: one")
	if got := s.lines()[0]; strings.Contains(got, "accounts") {
		t.Errorf("it is shown at once: %q", got)
	}
	s.await("ann", func(l string) bool { return strings.Contains(l, "0/4 accounts") && strings.HasSuffix(l, ": ann") })
	p.at(1, "ann")
	tool.warn("bob: two")
	io.WriteString(tool.out, "half")
	time.Sleep(3 * tick)
	io.WriteString(tool.out, " and half\n")
	s.await("a count", func(l string) bool { return strings.Contains(l, "1/4 accounts") && strings.Contains(l, " left: ann") })
	s.resize(20)
	s.await("a short line", func(l string) bool { return strings.HasPrefix(l, "1/4 accounts, ") && len(l) == 19 })
	p.end()
	p.end()
	tool.say("sum")
	want := []string{"ann: one", "fantail: bob: two", "half and half", "sum", ""}
	s.await("the end", func(l string) bool { return l == "sum" })
	if got := s.lines(); !slices.Equal(got, want) {
		t.Errorf("left: %q, want %q", got, want)
	}
	if tool.out != io.Writer(s.slave) || tool.stderr != io.Writer(s.slave) {
		t.Error("what it wrote between has stayed")
	}
}

// TestProgressRate: however fast things are done, the line is drawn ten times a second.
func TestProgressRate(t *testing.T) {
	t.Setenv("TERM", "xterm")
	s := newScreen(t, 80)
	tool := &tool{out: io.Discard, stderr: s.slave}
	p := tool.progress("things", 0)
	begun := time.Now()
	seldom := func() bool { return strings.Count(s.text(), " things") < 2 } // where others have the processors
	for n := 0; time.Since(begun) < time.Second || time.Since(begun) < 20*time.Second && seldom(); n++ {
		p.at(n, "")
		tool.say("to a file")
	}
	p.end()
	most := int(time.Since(begun)/tick) + 1
	s.await("nothing", func(l string) bool { return l == "" && strings.HasSuffix(s.text(), clearLine) })
	if n := strings.Count(s.text(), " things"); n < 2 || n > most {
		t.Errorf("drawn %d times, at most %d", n, most)
	}
	if got := s.lines(); len(got) != 1 || got[0] != "" {
		t.Errorf("left: %q", got)
	}
}

// TestProgressUnseen: without a terminal on which it can be drawn again there is none.
func TestProgressUnseen(t *testing.T) {
	t.Setenv("TERM", "dumb")
	s := newScreen(t, 80)
	if p := (&tool{out: s.slave, stderr: s.slave}).progress("accounts", 1); p != nil {
		t.Error("on a terminal that is dumb")
	}
	t.Setenv("TERM", "")
	if p := (&tool{out: s.slave, stderr: s.slave}).progress("accounts", 1); p != nil {
		t.Error("on a terminal of which nothing is known")
	}
	t.Setenv("TERM", "xterm")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, to := range []io.Writer{w, new(bytes.Buffer)} {
		p := (&tool{out: s.slave, stderr: to}).progress("accounts", 1)
		if p != nil {
			t.Errorf("%T is no terminal", to)
		}
		p.at(1, "ann")
		p.end()
	}
}

// TestProgressOfVerb: who expires mail of many accounts sees how far it is, and then what
// was said.
func TestProgressOfVerb(t *testing.T) {
	t.Setenv("TERM", "xterm")
	s := open(t, "", "pop3.expire = 30", "pop3.expire_least = 7")
	s.write("passwd", fmt.Sprintf("ann:{PLAIN}x:%d:%[1]d::/home/ann::userdb_pop3_expire=never\n", max(os.Geteuid(), 1000)))
	if err := os.Chmod(s.path("passwd"), 0o644); err != nil {
		t.Fatal(err)
	}
	const many = 150 // for each an authd is asked: together that takes a second
	c := onTerminal(t, s, append([]string{"expire"}, slices.Repeat([]string{"ann"}, many)...)...)
	if err := c.slave.Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(c.said) // the end of a terminal is an error
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
	said := "ann: mail stays for ever\r\n"
	if !strings.Contains(string(got), "/150 accounts, ") || strings.Count(string(got), said) != many || !strings.HasSuffix(string(got), said) {
		t.Errorf("%q", got)
	}
}
