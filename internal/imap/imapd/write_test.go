package imapd_test

import (
	"fmt"
	"strings"
	"testing"
)

// pieces is a client that says one command at a time and counts the writes that
// answer it.
type pieces struct {
	feed
	commands []string
	writes   []int // for each command
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.commands) == 0 {
		return p.feed.Read(b)
	}
	p.writes = append(p.writes, 0)
	n := copy(b, p.commands[0])
	p.commands = p.commands[1:]
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error) {
	if len(p.writes) > 0 {
		p.writes[len(p.writes)-1]++
	}
	return p.feed.Write(b)
}

// TestOneWrite: the whole answer to a command is one write, so that no part of it
// waits until the client has acknowledged another.
func TestOneWrite(t *testing.T) {
	dir := newMaildir(t)
	deliver(t, dir, "1000000009.M1P1.h", "Subject: long\n\n"+strings.Repeat("some line of text\n", 2000))
	c := &pieces{commands: []string{"a SELECT INBOX\r\n"}}
	c.in = strings.NewReader("")
	for i, items := range []string{"FLAGS", "BODY[]", "(UID ENVELOPE BODYSTRUCTURE PREVIEW)", "BODY.PEEK[TEXT]",
		"BINARY.PEEK[1]", "(BODY.PEEK[HEADER] BODY.PEEK[]<3.20000>)", "BODY.PEEK[HEADER.FIELDS (Subject X)]"} {
		c.commands = append(c.commands, fmt.Sprintf("b%d FETCH 4 %s\r\n", i, items), fmt.Sprintf("c%d FETCH 1:3 %s\r\n", i, items))
	}
	commands := c.commands
	if err := serve(t, dir, c, quiet); err != nil {
		t.Fatal(err)
	}
	for i, n := range c.writes {
		if n != 1 {
			t.Errorf("%q: %d writes", commands[i], n)
		}
	}
	if len(c.writes) != len(commands) {
		t.Errorf("%d of %d commands were answered", len(c.writes), len(commands))
	}
}
