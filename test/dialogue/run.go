package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// run is one script against one peer.
type run struct {
	script *Script
	peer   Peer
	box    Box
	steps  []step // those for this peer
	vars   vars
	conns  map[int]*conn
	log    strings.Builder
}

// Run holds the conversation with the peer and compares the mailbox
// afterwards. The box must be an empty directory that its account may enter.
// The error is a *Failure where the server did not do as the script says.
func (s *Script) Run(p Peer, b Box) error {
	r := &run{script: s, peer: p, box: b, vars: s.sizes(), conns: map[int]*conn{}}
	for _, st := range s.steps {
		if st.peer == "" || st.peer == p.Name {
			r.steps = append(r.steps, st)
		}
	}
	if err := s.Fill(b); err != nil {
		return err
	}
	line, err := r.converse()
	err = r.end(err)
	if err == nil {
		err = s.compareAfter(b, r.vars)
	}
	if err == nil {
		return nil
	}
	return &Failure{File: s.File, Line: line, Reason: err.Error(), Transcript: r.log.String()}
}

// Fill makes the mailbox as it is before the conversation. The box must be an empty
// directory.
func (s *Script) Fill(b Box) error {
	if err := b.write(section{name: "Maildir/maildirfolder"}); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(b.Maildir(), "maildirfolder")); err != nil {
		return err
	}
	for _, f := range s.fixture {
		if err := b.write(f); err != nil {
			return fmt.Errorf("%s: write the mailbox: %w", s.File, err)
		}
	}
	return nil
}

// note adds a line to the transcript.
func (r *run) note(line int, who, text string) {
	fmt.Fprintf(&r.log, "%4d %-4s %s\n", line, who, text)
}

// converse takes the steps. The line is that of the step that failed.
func (r *run) converse() (int, error) {
	for i := 0; i < len(r.steps); {
		st := r.steps[i]
		n := 1
		if st.verb == "S?" || st.verb == "S*" {
			for i+n < len(r.steps) && r.steps[i+n].conn == st.conn && (r.steps[i+n].verb == "S?" || r.steps[i+n].verb == "S*") {
				n++
			}
		}
		if err := r.take(r.steps[i : i+n]); err != nil {
			return st.line, err
		}
		i += n
	}
	return 0, nil
}

// take does one step, or one group of S? and S*.
func (r *run) take(group []step) error {
	st := group[0]
	switch st.verb {
	case "wait", "mv", "rm", "put":
		r.note(st.line, st.verb, st.text)
		return r.around(st)
	}
	c, err := r.conn(st)
	if err != nil {
		return err
	}
	switch st.verb {
	case "C:", "C<", "C@":
		return r.say(c, st)
	case "C.":
		r.note(st.line, r.who("C", st.conn), "(closes)")
		return r.closeConn(c)
	case "S:":
		return r.hearLine(c, st)
	case "S<", "S@":
		return r.hearBytes(c, st)
	case "S.":
		return r.hearEnd(c, st)
	default:
		return r.hearGroup(c, group)
	}
}

func (r *run) who(side string, n int) string {
	if n == 1 {
		return side
	}
	return fmt.Sprintf("%s%d", side, n)
}

// conn gives the connection of a step, opened if this is its first.
func (r *run) conn(st step) (*conn, error) {
	if c := r.conns[st.conn]; c != nil {
		return c, nil
	}
	srv, err := r.peer.Start(r.script, r.box)
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	c := newConn(srv, r.script.Protocol, r.script.Timeout)
	r.conns[st.conn] = c
	if st.verb[0] == 'S' || srv.Silent {
		return c, nil
	}
	l, err := c.line()
	if err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	r.note(st.line, r.who("S", st.conn), l)
	for _, good := range []string{"* PREAUTH ", "* OK ", "+OK"} {
		if strings.HasPrefix(l, good) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("greeting is %q", l)
}

func (r *run) say(c *conn, st step) error {
	data, text, err := r.script.said(st, r.vars)
	if err != nil {
		return err
	}
	r.note(st.line, r.who("C", st.conn), text)
	switch {
	case r.peer.manner == Ahead && c.said:
		return nil
	case r.peer.manner == Ahead:
		all, _ := r.script.Transcript()
		go c.send(all) // an error shows in what is heard
	case r.peer.manner == Compressed && !c.said:
		err = c.pack()
		fallthrough
	default:
		err = errors.Join(err, c.send(data))
	}
	c.said = true
	return err
}

// said gives the octets of a C step, and its text for the transcript.
func (s *Script) said(st step, v vars) (data []byte, text string, err error) {
	if st.verb == "C@" {
		return s.sections[st.text], st.text, nil
	}
	if text, err = v.expand(st.text); err != nil {
		return nil, text, err
	}
	if st.verb == "C:" {
		return []byte(text + "\r\n"), text, nil
	}
	data, err = unescape(text)
	return data, text, err
}

func (r *run) hearLine(c *conn, st step) error {
	l, err := c.line()
	if err != nil {
		return r.unheard([]step{st}, l, err)
	}
	r.note(st.line, r.who("S", st.conn), l)
	v, ok := compile(st.text).match(l, r.vars)
	if !ok {
		return fmt.Errorf("unexpected line\n  expected: %s\n  received: %s", st.text, l)
	}
	r.vars = v
	return nil
}

// unheard describes a line that did not come, or did not come whole.
func (r *run) unheard(want []step, got string, err error) error {
	var b strings.Builder
	for _, st := range want {
		fmt.Fprintf(&b, "\n  expected: %s", st.text)
	}
	if got != "" {
		r.note(want[0].line, r.who("S", want[0].conn), fmt.Sprintf("%q", got))
		fmt.Fprintf(&b, "\n  received: %q", got)
	}
	return fmt.Errorf("%w%s", err, b.String())
}

// hearGroup reads the lines of a group: as many as there are S?, or with S*
// until one comes that belongs to none of them.
func (r *run) hearGroup(c *conn, group []step) error {
	var once, many []pattern
	for _, st := range group {
		if p := compile(st.text); st.verb == "S?" {
			once = append(once, p)
		} else {
			many = append(many, p)
		}
	}
	var got []string
	for len(many) > 0 || len(got) < len(once) {
		l, err := c.line()
		if err != nil {
			return r.unheard(group, l, err)
		}
		known := slices.ContainsFunc(slices.Concat(once, many), func(p pattern) bool {
			_, ok := p.match(l, r.vars)
			return ok
		})
		if !known && len(many) > 0 {
			c.pushed = &l
			break
		}
		r.note(group[min(len(got), len(group)-1)].line, r.who("S", group[0].conn), l)
		if !known {
			return r.unheard(group, l, errors.New("unexpected line"))
		}
		got = append(got, l)
	}
	v, ok := assign(once, many, got, r.vars)
	if !ok {
		return r.unheard(group, "", errors.New("the lines do not fit the group"))
	}
	r.vars = v
	return nil
}

func (r *run) hearBytes(c *conn, st step) error {
	want := r.script.sections[st.text]
	if st.verb == "S<" {
		text, err := r.vars.expand(st.text)
		if err != nil {
			return err
		}
		if want, err = unescape(text); err != nil {
			return err
		}
	}
	got, err := c.exactly(len(want))
	r.note(st.line, r.who("S", st.conn), fmt.Sprintf("%q", got))
	if err != nil {
		return fmt.Errorf("%w\n  expected: %q\n  received: %q", err, want, got)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("unexpected bytes\n  expected: %q\n  received: %q", want, got)
	}
	return nil
}

// hearEnd expects the server to close, and to end well.
func (r *run) hearEnd(c *conn, st step) error {
	l, err := c.line()
	if !errors.Is(err, errNoMore) || l != "" {
		if err == nil {
			err = errors.New("unexpected line")
		}
		return r.unheard([]step{{line: st.line, conn: st.conn, text: "(end of the connection)"}}, l, err)
	}
	r.note(st.line, r.who("S", st.conn), "(closes)")
	return r.closeConn(c)
}

// closeConn closes our end and waits for the server's.
func (r *run) closeConn(c *conn) error {
	if c.ended {
		return nil
	}
	return errors.Join(c.server.Conn.Close(), c.finish())
}

// end stops all servers. Where the conversation went well it also checks that
// they have nothing more to say.
func (r *run) end(err error) error {
	for _, n := range slices.Sorted(maps.Keys(r.conns)) {
		c := r.conns[n]
		if err == nil && !c.ended {
			err = r.leftover(c, n)
		}
		if e := r.closeConn(c); err == nil && e != nil {
			err = fmt.Errorf("connection %d: %w", n, e)
		}
		for l := range strings.Lines(c.log) {
			r.note(0, fmt.Sprintf("log%d", n), strings.TrimRight(l, "\n"))
		}
	}
	return err
}

// leftover reads what the server says after the last step. A BYE in answer to
// the end of our half is fair.
func (r *run) leftover(c *conn, n int) error {
	if err := c.server.Conn.CloseWrite(); err != nil {
		return err
	}
	for {
		l, err := c.line()
		if errors.Is(err, errNoMore) && l == "" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("connection %d, after the last step: %w", n, err)
		}
		r.note(0, r.who("S", n), l)
		if !strings.HasPrefix(l, "* BYE") {
			return fmt.Errorf("connection %d: unexpected line after the last step\n  received: %s", n, l)
		}
	}
}

// around does what happens beside the conversation.
func (r *run) around(st step) error {
	arg := strings.Fields(st.text)
	for _, a := range arg {
		if st.verb != "wait" && !filepath.IsLocal(a) {
			return fmt.Errorf("%s leads out of the home directory", a)
		}
	}
	home := func(i int) string { return filepath.Join(r.box.Home, arg[i]) }
	switch {
	case st.verb == "wait" && len(arg) == 1:
		d, err := time.ParseDuration(arg[0])
		time.Sleep(d)
		return err
	case st.verb == "mv" && len(arg) == 2:
		return os.Rename(home(0), home(1))
	case st.verb == "rm" && len(arg) == 1:
		return os.Remove(home(0))
	case st.verb == "put" && len(arg) == 2:
		// As a delivery: a reader never sees half of it.
		tmp := filepath.Join(filepath.Dir(filepath.Dir(arg[1])), "tmp", filepath.Base(arg[1]))
		data := r.script.sections[arg[0]]
		if !r.script.crlf {
			data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		}
		if err := r.box.writeFile(tmp, data); err != nil {
			return err
		}
		return os.Rename(filepath.Join(r.box.Home, tmp), home(1))
	}
	return fmt.Errorf("%s: wrong number of words", st.verb)
}
