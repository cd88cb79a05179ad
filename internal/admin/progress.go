package admin

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// progress is a line on a terminal that says how far a verb has come that takes long:
//
//	p := t.progress("accounts", len(names))
//	defer p.end()
//	for i, name := range names {
//		p.at(i, name)
//		...              // t.say and t.warn as ever
//	}
//
// States: out of sight, until showAfter is over and again whenever anything else is
// written; in sight, which begins at a tick. Invariants: while it is in sight it is what
// the terminal's cursor stands in, alone in its line; whatever the tool writes from t.out
// and t.stderr meanwhile takes the line away first, and the next tick brings it back, when
// what was written has ended its line. It is drawn at each tick at most, and if nobody
// sees it (standard error is no terminal, or one without a cursor to move) it is not there
// at all. Of a process in the background it is out of sight.
//
// Its methods are safe for many goroutines; a nil *progress does nothing.
type progress struct {
	t           *tool
	out, stderr io.Writer // what t had
	tty         *os.File
	done        chan struct{}
	ended       chan struct{}

	mu      sync.Mutex // guards what follows, and the terminal
	now     state
	drawn   bool // it is in sight
	midline bool // what was written last has not ended its line
}

// state is what the line says.
type state struct {
	what        string // of which there are count, in the plural
	count       int
	total       int // 0: nobody knows
	at          string
	begun, time time.Time
}

const (
	// showAfter keeps verbs that are done at once from flickering.
	showAfter = 300 * time.Millisecond
	tick      = 100 * time.Millisecond
	// clearLine goes to the beginning of the line and erases it.
	clearLine = "\r\x1b[K"
)

// progress begins to show how far the verb has come with so many things, 0 if nobody
// knows how many.
func (t *tool) progress(what string, total int) *progress {
	tty, ok := t.stderr.(*os.File)
	if !ok || !canRedraw(tty) {
		return nil
	}
	p := &progress{t: t, out: t.out, stderr: t.stderr, tty: tty, done: make(chan struct{}), ended: make(chan struct{})}
	p.now = state{what: what, total: total, begun: time.Now()}
	t.out, t.stderr = beside{p, t.out}, beside{p, t.stderr}
	go p.tick()
	return p
}

// canRedraw reports whether the file is a terminal on which a line can be drawn again.
func canRedraw(f *os.File) bool {
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return false
	}
	term := os.Getenv("TERM")
	return term != "" && term != "dumb"
}

// at says how many are done, and what is being done now.
func (p *progress) at(count int, name string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.count, p.now.at = count, name
}

// end takes the line away for good. It may be called more than once, by one goroutine.
func (p *progress) end() {
	if p == nil || p.t == nil {
		return
	}
	close(p.done)
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.t.out, p.t.stderr = p.out, p.stderr
	p.t = nil
}

func (p *progress) tick() {
	defer close(p.ended)
	for ticker := time.NewTicker(tick); ; {
		select {
		case <-p.done:
			ticker.Stop()
			return
		case now := <-ticker.C:
			p.draw(now)
		}
	}
}

// draw brings the line into sight, or up to date.
func (p *progress) draw(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.midline || now.Sub(p.now.begun) < showAfter || p.inBackground() {
		return
	}
	p.now.time = now
	// A line as wide as the terminal would make some of them begin another one.
	p.write(clearLine + p.now.line(columnsOf(p.tty)-1))
	p.drawn = true
}

// clear takes the line out of sight. mu is held.
func (p *progress) clear() {
	if p.drawn && !p.inBackground() {
		p.write(clearLine)
	}
	p.drawn = false
}

// write writes to the terminal. That it cannot be written to loses nothing.
func (p *progress) write(text string) { _, _ = io.WriteString(p.stderr, text) }

// inBackground reports whether the terminal is somebody else's at the moment: whose it
// is, is told only to those who were started from it.
func (p *progress) inBackground() bool {
	group, err := unix.IoctlGetInt(int(p.tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// columnsOf is how wide a terminal is. That is asked each time: it changes.
func columnsOf(tty *os.File) int {
	const usual = 80
	size, err := unix.IoctlGetWinsize(int(tty.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return usual
	}
	return int(size.Col)
}

// beside writes where the line may be in sight.
type beside struct {
	p  *progress
	to io.Writer
}

// Write implements io.Writer.
func (b beside) Write(text []byte) (int, error) {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.p.clear()
	if len(text) > 0 {
		b.p.midline = text[len(text)-1] != '\n'
	}
	return b.to.Write(text)
}

// line is the state in as many columns as there are: a bar where there is room for one
// and an end in sight, how many are done, how fast, how long it takes still, at which.
func (s state) line(columns int) string {
	const bar, least = 20, 60
	var b strings.Builder
	if s.total > 0 && columns >= least {
		full := bar * min(s.count, s.total) / s.total
		b.WriteString("[" + strings.Repeat("#", full) + strings.Repeat(".", bar-full) + "] ")
	}
	fmt.Fprint(&b, s.count)
	if s.total > 0 {
		fmt.Fprintf(&b, "/%d", s.total)
	}
	b.WriteString(" " + s.what)
	if took := s.time.Sub(s.begun); s.count > 0 && took > 0 {
		b.WriteString(", " + rate(s.count, took))
		if s.count < s.total {
			left := time.Duration(float64(took) / float64(s.count) * float64(s.total-s.count))
			b.WriteString(", " + roughly(left) + " left")
		}
	} else {
		b.WriteString(", " + roughly(took))
	}
	if s.at != "" {
		b.WriteString(": " + printable(s.at))
	}
	return cut(b.String(), columns)
}

// rate is how many there are in the longest unit of time in which there are some.
func rate(n int, took time.Duration) string {
	per := float64(n) / took.Seconds()
	switch {
	case per >= 10:
		return fmt.Sprintf("%.0f/s", per)
	case per >= 1:
		return fmt.Sprintf("%.1f/s", per)
	case per*60 >= 1:
		return fmt.Sprintf("%.1f/min", per*60)
	}
	return fmt.Sprintf("%.1f/h", per*3600)
}

// roughly is a time as it is said of what is not known exactly.
func roughly(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 1000*time.Hour:
		return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours()))
	}
	return "long"
}

// cut is the beginning of a line that fits into so many columns. Beyond Latin, Greek and
// Cyrillic a letter is counted as two, which some are, and none is more.
func cut(line string, columns int) string {
	const narrow = '\u0590'
	for i, r := range line {
		width := 1
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
			width = 0
		case r >= narrow:
			width = 2
		}
		if columns -= width; columns < 0 {
			return line[:i]
		}
	}
	return line
}
