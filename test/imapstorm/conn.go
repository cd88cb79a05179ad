package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"fantail/test/imapstorm/client"
)

// patience is how long a server may say nothing while a command is in progress.
const patience = 60 * time.Second

// remembered is how many lines of a connection a report shows.
const remembered = 16

// command is one command of a pipeline.
type command struct {
	name string // as in client.Progress: "UID FETCH"
	text string // without tag and CRLF; "" for name alone
	rest string // sent when the server asks for it by "+"

	sent    func()                         // when it is about to be sent
	started func()                         // when all commands before it have been answered
	hear    func(r *client.Response)       // untagged responses, before the view changes
	asked   func() error                   // at "+", before rest is sent
	done    func(r *client.Response)       // the tagged OK
	failed  func(r *client.Response)       // the tagged NO; nil: it must not be
	after   func(r *client.Response) error // the tagged response, whatever it is, and last

	tag string
}

// conn is one connection and what its client knows.
type conn struct {
	name   string
	nc     net.Conn
	r      *bufio.Reader
	caps   map[string]bool
	mode   client.Mode
	view   *client.View   // nil: no mailbox is selected
	next   *client.View   // of SELECT, while responses may still be about view
	own    map[owned]bool // messages that it has made
	truth  *client.Truth
	report *client.Report
	spoil  *spoiler // nil: what the server says is heard
	// loose is set for a server that answers commands in another order than they came,
	// where that makes no difference (RFC 9051 section 5.5). Dovecot does.
	loose bool

	running []*command
	tags    int
	lines   []string // the last ones of the conversation
	log     *os.File // of all of it; may be nil
}

// has reports whether the server has a capability.
func (c *conn) has(name string) bool { return c.caps[strings.ToUpper(name)] }

// blame notes that a promise was broken, with what was said before.
func (c *conn) blame(rule client.Rule, format string, args ...any) {
	c.report.Blame(rule, func() string {
		return fmt.Sprintf("%s: ", c.name) + fmt.Sprintf(format, args...) + "\n\t\t" + strings.Join(c.lines, "\n\t\t")
	})
}

// note remembers a line of the conversation.
func (c *conn) note(way, line string) {
	if c.log != nil {
		fmt.Fprintf(c.log, "%s %s%s\n", time.Now().Format("15:04:05.000000"), way, strings.TrimRight(line, "\r\n"))
	}
	if len(line) > 400 {
		line = line[:400] + "..."
	}
	for l := range strings.Lines(line) {
		c.lines = append(c.lines, way+strings.TrimRight(l, "\r\n"))
	}
	if over := len(c.lines) - remembered; over > 0 {
		c.lines = slices.Delete(c.lines, 0, over)
	}
}

// errEnded is the end of a connection that the server was to keep.
var errEnded = errors.New("the server ended the connection")

// send sends commands in one packet, after what else is to be in it.
func (c *conn) send(before string, commands ...*command) error {
	var b strings.Builder
	b.WriteString(before)
	for _, m := range commands {
		c.tags++
		m.tag = fmt.Sprintf("%s.%d", c.name, c.tags)
		if m.text == "" {
			m.text = m.name
		}
		if m.sent != nil {
			m.sent()
		}
		c.report.Count(m.name)
		fmt.Fprintf(&b, "%s %s\r\n", m.tag, m.text)
	}
	c.note("C: ", b.String())
	first := len(c.running) == 0
	c.running = append(c.running, commands...)
	if first {
		c.start()
	}
	return c.write(b.String())
}

func (c *conn) write(text string) error {
	if err := c.nc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := io.WriteString(c.nc, text)
	return err
}

// start begins the command that is now the first.
func (c *conn) start() {
	if len(c.running) > 0 && c.running[0].started != nil {
		c.running[0].started()
	}
}

// do sends commands in one packet and hears all answers. A loose server gets them
// one by one: what it tells during several at once is hardly anything to hold
// against it.
func (c *conn) do(commands ...*command) error {
	if len(commands) == 0 {
		return nil
	}
	if c.loose && len(commands) > 1 {
		return errors.Join(c.do(commands[0]), c.do(commands[1:]...))
	}
	if err := c.send("", commands...); err != nil {
		return err
	}
	return c.finish()
}

// finish hears until all commands are answered.
func (c *conn) finish() error {
	for len(c.running) > 0 {
		if err := c.hear(time.Now().Add(patience)); err != nil {
			return err
		}
	}
	return nil
}

// hear hears one response.
func (c *conn) hear(deadline time.Time) error {
	if err := c.nc.SetReadDeadline(deadline); err != nil {
		return err
	}
	r, err := client.Read(c.r)
	if err != nil {
		if r.Raw != "" && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			c.note("S: ", r.Raw)
		}
		return err
	}
	c.note("S: ", r.Raw)
	for _, r := range c.spoil.spoil(c, r) {
		if err := c.take(&r); err != nil {
			return err
		}
	}
	return nil
}

// take has a response heard by whom it concerns.
func (c *conn) take(r *client.Response) error {
	switch {
	case r.Tag == "+":
		return c.goOn()
	case r.Tag != "*":
		return c.tagged(r)
	case r.Name == "BYE":
		if len(c.running) > 0 && c.running[0].name == "LOGOUT" {
			return nil
		}
		return fmt.Errorf("%w: %s", errEnded, r.Raw)
	}
	if _, closed := r.HasCode("CLOSED"); closed && c.next != nil {
		c.left(c.view.Len())
		c.view, c.next = c.next, nil // RFC 7162 section 3.2.11
	}
	p, first := c.progress(r)
	if first != nil && first.hear != nil {
		first.hear(r)
	}
	if c.notified(r, first) {
		return nil
	}
	if c.view != nil && c.view.Hear(r, p) || first != nil && expected(first.name, r) {
		return nil
	}
	c.blame(client.Grammar, "nobody expects %.200s", r.Raw)
	return nil
}

// progress returns the command in progress that a response belongs to: the first,
// unless the server is loose.
func (c *conn) progress(r *client.Response) (client.Progress, *command) {
	if len(c.running) == 0 {
		return client.Progress{}, nil
	}
	first := c.running[0]
	p := client.Progress{Name: first.name, Loose: c.loose}
	if !c.loose {
		return p, first
	}
	for _, m := range slices.Backward(c.running) {
		p.Others = append(p.Others, m.name)
		if expected(m.name, r) && r.Name != "OK" {
			first = m
		}
	}
	return p, first
}

// expected reports whether an untagged response is an answer to a command.
func expected(name string, r *client.Response) bool {
	name = strings.TrimPrefix(name, "UID ")
	switch r.Name {
	case "SEARCH", "ESEARCH":
		return name == "SEARCH" || r.Name == "ESEARCH" && (name == "SORT" || name == "THREAD")
	case "SORT", "THREAD", "CAPABILITY", "STATUS", "NAMESPACE", "ID":
		return name == r.Name
	case "ENABLED":
		return name == "ENABLE"
	case "LIST": // also from SELECT (RFC 9051 section 6.3.2)
		return name == r.Name || name == "SELECT" || name == "EXAMINE"
	case "LSUB":
		return name == r.Name
	case "OK":
		return true
	case "NO": // a warning (RFC 9051 section 7.1.2)
		return true
	}
	return false
}

// goOn answers "+".
func (c *conn) goOn() error {
	if len(c.running) == 0 {
		c.blame(client.Grammar, "\"+\" without a command")
		return nil
	}
	m := c.running[0]
	if m.asked != nil {
		if err := m.asked(); err != nil {
			return err
		}
	}
	if m.rest == "" {
		return nil
	}
	c.note("C: ", m.rest)
	rest := m.rest
	m.rest = ""
	return c.write(rest)
}

// tagged hears the answer to the first command: a server that has answered one
// before those that were sent earlier would confuse all clients that pipeline.
func (c *conn) tagged(r *client.Response) error {
	at := slices.IndexFunc(c.running, func(m *command) bool { return m.tag == r.Tag })
	if at < 0 || at > 0 && !c.loose {
		c.blame(client.Grammar, "%.200s is not the answer to the first of %d commands", r.Raw, len(c.running))
		return errEnded
	}
	m := c.running[at]
	if c.view != nil {
		c.view.Tagged(r)
	}
	switch {
	case r.Name == "OK" && m.done != nil:
		m.done(r)
	case r.Name == "NO" && m.failed != nil:
		m.failed(r)
	case r.Name != "OK":
		c.blame(client.Refused, "%s: %s", m.text, r.Raw)
	}
	c.running = slices.Delete(c.running, at, at+1)
	if m.after != nil {
		if err := m.after(r); err != nil {
			return err
		}
	}
	if at == 0 {
		c.start()
	}
	return nil
}

// set writes numbers as a sequence set.
func set(list []uint32) string {
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	var b strings.Builder
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, list[i])
		if j > i {
			fmt.Fprintf(&b, ":%d", list[j])
		}
		i = j + 1
	}
	return b.String()
}
