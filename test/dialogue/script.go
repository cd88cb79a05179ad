package dialogue

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Script is a parsed dialogue file.
type Script struct {
	File     string
	Protocol Protocol
	Ours     string // reason why only our own server can pass, or ""
	Only     string // the single peer that it is for, or ""
	Args     []string
	Config   []string // further configuration lines of our own
	Dovecot  []string // further configuration lines
	Timeout  time.Duration

	crlf     bool   // the line ends of the mailbox's files
	validity uint64 // of the uidlist that the messages in cur are in; 0: there is none
	steps    []step
	fixture  []section // Maildir/...
	sections map[string][]byte
	after    []string // nil: not compared
	folders  []string // nil: not compared
	contents []section
}

type section struct {
	name string
	data []byte
}

// step is one line of a conversation. verb is "C:", "S?" and so on, or a word
// such as "wait".
type step struct {
	line int
	conn int
	peer string // "" for every peer
	verb string
	text string
}

// ReadFile parses the dialogue file of that name.
func ReadFile(name string, p Protocol) (*Script, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, p, data)
}

// Parse parses a dialogue. Errors begin with name and line.
func Parse(name string, p Protocol, data []byte) (*Script, error) {
	s := &Script{File: name, Protocol: p, Timeout: 10 * time.Second, sections: map[string][]byte{}}
	comment, files, err := splitArchive(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(comment, "\n"), "\n") {
		if err := s.parseLine(i+1, line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
	}
	if len(s.steps) == 0 {
		return nil, fmt.Errorf("%s: no conversation", name)
	}
	for _, f := range files {
		if err := s.addSection(f); err != nil {
			return nil, fmt.Errorf("%s:%d: section %s: %w", name, f.line, f.name, err)
		}
	}
	if s.validity > 0 {
		s.addUIDLists()
	}
	return s, s.checkNames()
}

// checkNames finds what a step names and the file does not have, before a
// server is started.
func (s *Script) checkNames() error {
	for _, st := range s.steps {
		name, ok := st.sectionName()
		if _, have := s.sections[name]; ok && !have {
			return fmt.Errorf("%s:%d: no section %q", s.File, st.line, name)
		}
	}
	return nil
}

func (st step) sectionName() (string, bool) {
	switch st.verb {
	case "C@", "S@":
		return st.text, true
	case "put":
		name, _, _ := strings.Cut(st.text, " ")
		return name, true
	}
	return "", false
}

func (s *Script) parseLine(n int, line string) error {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	if rest, ok := strings.CutPrefix(line, "#"); ok {
		return s.directive(strings.TrimSpace(rest))
	}
	st, err := parseStep(line)
	st.line = n
	s.steps = append(s.steps, st)
	return err
}

func (s *Script) directive(text string) error {
	key, value, ok := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	if !ok {
		return nil
	}
	switch key {
	case "ours":
		if value == "" {
			return errors.New("ours: without a reason")
		}
		s.Ours = value
	case "peer":
		if s.Only, ok = strings.CutSuffix(value, " only"); !ok {
			return errors.New(`peer: is not "NAME only"`)
		}
	case "args":
		s.Args = strings.Fields(value)
	case "config":
		s.Config = append(s.Config, value)
	case "dovecot":
		s.Dovecot = append(s.Dovecot, value)
	case "fixture":
		if value != "crlf" && value != "lf" {
			return fmt.Errorf("fixture: %q is neither crlf nor lf", value)
		}
		s.crlf = value == "crlf"
	case "uidvalidity":
		n, err := strconv.ParseUint(value, 10, 32)
		s.validity = n
		return err
	case "timeout":
		d, err := time.ParseDuration(value)
		s.Timeout = d
		return err
	}
	return nil // a comment that has a colon
}

func parseStep(line string) (step, error) {
	var st step
	for _, p := range []string{"ours", "dovecot"} {
		if rest, ok := strings.CutPrefix(line, "["+p+"] "); ok {
			st.peer, line = p, rest
		}
	}
	if word, rest, ok := strings.Cut(line, " "); ok {
		switch word {
		case "wait", "mv", "rm", "put":
			st.verb, st.text = word, rest
			return st, nil
		}
	}
	if line[0] != 'C' && line[0] != 'S' {
		return st, fmt.Errorf("unknown step %q", line)
	}
	end := 1
	for end < len(line) && line[end] >= '0' && line[end] <= '9' {
		end++
	}
	st.conn = 1
	if end > 1 {
		n, err := strconv.Atoi(line[1:end])
		if err != nil || n < 1 || n > 100 {
			return st, fmt.Errorf("no connection %q", line[1:end])
		}
		st.conn = n
	}
	if end == len(line) {
		return st, fmt.Errorf("unknown step %q", line)
	}
	st.verb = line[:1] + line[end:end+1]
	st.text = strings.TrimPrefix(line[end+1:], " ")
	switch st.verb {
	case "C:", "C<", "C@", "C.", "S:", "S?", "S*", "S<", "S@", "S.":
		return st, nil
	}
	return st, fmt.Errorf("unknown step %q", line)
}

// unescape resolves Go's escapes; quotes need none.
func unescape(s string) ([]byte, error) {
	var out []byte
	for len(s) > 0 {
		r, multi, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return nil, fmt.Errorf("bad escape in %q", s)
		}
		if multi {
			out = append(out, string(r)...)
		} else {
			out = append(out, byte(r))
		}
		s = rest
	}
	return out, nil
}
