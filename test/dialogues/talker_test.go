package dialogues

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/test/dialogue"
)

// talker is a client of one session that understands just enough to compare.
type talker struct {
	t    *testing.T
	name string
	srv  *dialogue.Server
	r    *bufio.Reader
	n    int
}

func newTalker(t *testing.T, name string, srv *dialogue.Server) *talker {
	t.Helper()
	c := &talker{t: t, name: name, srv: srv, r: bufio.NewReader(srv.Conn)}
	t.Cleanup(func() {
		if err := srv.Conn.Close(); err != nil {
			t.Error(err)
		}
		if log, err := srv.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, log)
		}
	})
	c.response()
	return c
}

// response reads one response. Literals are in it behind their announcement.
func (c *talker) response() string {
	c.t.Helper()
	if err := c.srv.Conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("%s: %v after %q", c.name, err, line)
		}
		b.WriteString(line)
		i := strings.LastIndexByte(line, '{')
		if i < 0 || !strings.HasSuffix(line, "}\r\n") {
			return strings.TrimSuffix(b.String(), "\r\n")
		}
		n, err := strconv.Atoi(line[i+1 : len(line)-3])
		if err != nil {
			c.t.Fatalf("%s: literal in %q", c.name, line)
		}
		if _, err := io.CopyN(&b, c.r, int64(n)); err != nil {
			c.t.Fatalf("%s: %v in a literal", c.name, err)
		}
	}
}

// do sends a command and returns the untagged responses; if the answer is not OK,
// that is the last one.
func (c *talker) do(command string) []string {
	c.t.Helper()
	c.n++
	tag := fmt.Sprint("t", c.n)
	if _, err := io.WriteString(c.srv.Conn, tag+" "+command+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	var all []string
	for {
		r := c.response()
		status, tagged := strings.CutPrefix(r, tag+" ")
		switch {
		case !tagged:
			all = append(all, r)
		case strings.HasPrefix(status, "OK "):
			return all
		default:
			word, _, _ := strings.Cut(status, " ")
			return append(all, word)
		}
	}
}

// value is a parsed piece of a response: a list, or a string, NIL and atoms being
// told from strings by their kind.
type value struct {
	list []value
	kind byte // '(' list, '"' string, 'a' atom or number, 'N' NIL
	text string
}

func (v value) String() string {
	switch v.kind {
	case '(':
		var b strings.Builder
		b.WriteByte('(')
		for i, x := range v.list {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(x.String())
		}
		return b.String() + ")"
	case '"':
		return strconv.Quote(v.text)
	case 'N':
		return "NIL"
	}
	return v.text
}

// at gives the element i of a list, or nothing.
func (v value) at(i int) value {
	if i < len(v.list) {
		return v.list[i]
	}
	return value{}
}

// fetched parses "* n FETCH (name value)" and returns the value.
func fetched(response string) value {
	_, rest, _ := strings.Cut(response, "(")
	// The name may have brackets with a list of field names.
	end := strings.IndexByte(rest, ' ')
	if i := strings.IndexByte(rest, '['); i >= 0 && i < end {
		j := strings.IndexByte(rest, ']')
		end = j + strings.IndexByte(rest[j:], ' ')
	}
	v, _ := parseValue(rest[end+1:])
	return v
}

func parseValue(s string) (value, string) {
	switch {
	case s == "":
		return value{}, ""
	case s[0] == '(':
		return parseList(s[1:])
	case s[0] == '"':
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '"':
				return value{kind: '"', text: b.String()}, s[i+1:]
			case '\\':
				i++
			}
			b.WriteByte(s[i])
		}
		return value{kind: '"', text: "unended"}, ""
	case strings.HasPrefix(s, "~{"): // a literal8: whether it has to be one differs
		return parseValue(s[1:])
	case s[0] == '{':
		size, rest, _ := strings.Cut(s[1:], "}\r\n")
		n, err := strconv.Atoi(size)
		if err != nil || n > len(rest) {
			return value{kind: 'a', text: "bad literal " + size}, ""
		}
		return value{kind: '"', text: rest[:n]}, rest[n:]
	}
	n := strings.IndexAny(s, " )")
	if n < 0 {
		n = len(s)
	}
	if s[:n] == "NIL" {
		return value{kind: 'N'}, s[n:]
	}
	return value{kind: 'a', text: s[:n]}, s[n:]
}

func parseList(s string) (value, string) {
	list := value{kind: '('}
	for s != "" && s[0] != ')' {
		var v value
		v, s = parseValue(s)
		list.list = append(list.list, v)
		s = strings.TrimPrefix(s, " ")
	}
	return list, strings.TrimPrefix(s, ")")
}

// lower lowers the names whose case does not matter in a body structure: all
// strings, for the comparison.
func lower(v value) value {
	v.text = strings.ToLower(v.text)
	list := make([]value, len(v.list))
	for i, x := range v.list {
		list[i] = lower(x)
	}
	v.list = list
	return v
}

// sectionsOf gives every section of a BODY structure, and one that does not exist.
func sectionsOf(body value, prefix string) []string {
	dot := func(s string) string {
		if prefix == "" {
			return s
		}
		return prefix + "." + s
	}
	if body.at(0).kind != '(' {
		if prefix == "" {
			return []string{"1", "1.MIME"}
		}
		return nil
	}
	var all []string
	for i, part := range body.list {
		if part.kind != '(' {
			break
		}
		n := dot(strconv.Itoa(i + 1))
		all = append(all, n, n+".MIME")
		if strings.EqualFold(part.at(1).text, "rfc822") && part.at(8).kind == '(' {
			all = append(all, n+".HEADER", n+".TEXT", n+".HEADER.FIELDS (Subject)")
			inner := part.at(8)
			if inner.at(0).kind != '(' {
				all = append(all, n+".1", n+".1.MIME")
			}
			all = append(all, sectionsOf(inner, n)...)
			continue
		}
		all = append(all, sectionsOf(part, n)...)
	}
	return all
}
