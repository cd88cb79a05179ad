package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Response is one response of a server (RFC 9051 section 7).
type Response struct {
	Tag    string // "*", "+", or the tag of a command
	Number uint32 // of "* 3 EXISTS"; 0: there is none
	Name   string // in upper case: OK, FETCH, ...; "" if Tag is "+"
	Args   []Value
	Code   []Value // of a status response: its response code, name first
	Raw    string  // as it came, without the last CRLF
}

// Value is an atom, a string, NIL or a list.
type Value struct {
	Text   string
	List   []Value // nil: no list
	String bool    // it came as a quoted string or a literal
	Raw    string
}

// Nil reports whether the value is NIL.
func (v Value) Nil() bool { return v.List == nil && !v.String && strings.EqualFold(v.Text, "NIL") }

// Is reports whether the value is that atom.
func (v Value) Is(atom string) bool { return v.List == nil && strings.EqualFold(v.Text, atom) }

// Strings are the texts of a list.
func (v Value) Strings() []string {
	out := make([]string, 0, len(v.List))
	for _, x := range v.List {
		out = append(out, x.Text)
	}
	return out
}

// Status reports whether the response is OK, NO, BAD, BYE or PREAUTH.
func (r *Response) Status() bool {
	switch r.Name {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// HasCode reports whether the response has that response code, and returns what
// follows its name.
func (r *Response) HasCode(name string) ([]Value, bool) {
	if len(r.Code) > 0 && r.Code[0].Is(name) {
		return r.Code[1:], true
	}
	return nil, false
}

// Item returns a data item of a FETCH response.
func (r *Response) Item(name string) (Value, bool) {
	for item, v := range r.Items() {
		if item == name {
			return v, true
		}
	}
	return Value{}, false
}

// Items yields the data items of a FETCH response. Names are in upper case, with
// their section.
func (r *Response) Items() func(func(string, Value) bool) {
	return func(yield func(string, Value) bool) {
		if r.Name != "FETCH" || len(r.Args) != 1 {
			return
		}
		list := r.Args[0].List
		for i := 0; i+1 < len(list); i += 2 {
			if !yield(strings.ToUpper(list[i].Text), list[i+1]) {
				return
			}
		}
	}
}

// maxLine is the longest response line that a client reads.
const maxLine = 16 << 20

// Read reads one response.
func Read(r *bufio.Reader) (Response, error) {
	raw, err := readRaw(r)
	if err != nil {
		return Response{Raw: string(raw)}, err
	}
	resp, err := Parse(raw)
	if err != nil {
		return resp, fmt.Errorf("response %.200q: %w", raw, err)
	}
	return resp, nil
}

// readRaw reads a line with the literals in it, without its CRLF. The text of a
// status response is no place for literals.
func readRaw(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	for {
		from := len(raw)
		for {
			part, err := r.ReadSlice('\n')
			raw = append(raw, part...)
			if err == nil {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return raw, err
			}
			if len(raw) > maxLine {
				return raw[:100], errors.New("a line without end")
			}
		}
		if !bytes.HasSuffix(raw[from:], []byte("\r\n")) {
			return raw, errors.New("a line that ends in a bare LF")
		}
		n, ok := literal(raw[from:])
		if !ok || isStatus(raw) {
			return raw[:len(raw)-2], nil
		}
		at := len(raw)
		raw = append(raw, make([]byte, n)...)
		if _, err := io.ReadFull(r, raw[at:]); err != nil {
			return raw, err
		}
	}
}

// literal returns the size of the literal that a line announces.
func literal(line []byte) (int, bool) {
	line, ok := bytes.CutSuffix(line, []byte("}\r\n"))
	i := bytes.LastIndexByte(line, '{')
	if !ok || i < 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(line[i+1:]), 10, 31)
	return int(n), err == nil
}

func isStatus(raw []byte) bool {
	_, rest, _ := bytes.Cut(raw, []byte(" "))
	word, _, _ := bytes.Cut(rest, []byte(" "))
	r := Response{Name: string(word)}
	return r.Status() || raw[0] == '+'
}

var errGrammar = errors.New("it is not well-formed")

// Parse parses a response as readRaw returns it.
func Parse(raw []byte) (Response, error) {
	p := &parser{rest: string(raw)}
	r := Response{Raw: string(raw)}
	r.Tag = p.until(" ")
	if r.Tag == "+" {
		return r, nil
	}
	word := p.until(" ")
	if n, err := strconv.ParseUint(word, 10, 32); err == nil {
		if n == 0 && r.Tag != "*" {
			return r, errGrammar
		}
		r.Number, word = uint32(n), p.until(" ")
	}
	r.Name = strings.ToUpper(word)
	switch {
	case r.Tag == "" || r.Name == "" || r.Tag != "*" && !r.Status():
		return r, errGrammar
	case r.Status():
		if strings.HasPrefix(p.rest, "[") {
			p.rest = p.rest[1:]
			r.Code = p.values(']')
		}
		return r, p.err
	}
	r.Args = p.values(0)
	return r, p.err
}

type parser struct {
	rest string
	err  error
}

func (p *parser) until(sep string) string {
	word, rest, _ := strings.Cut(p.rest, sep)
	p.rest = rest
	return word
}

// values reads values up to a closing character or, if that is 0, the end. Between
// two of them is one space, except that lists may touch (RFC 9051 section 9:
// addresses, and the parts of a body).
func (p *parser) values(end byte) []Value {
	list := []Value{}
	for p.err == nil {
		if p.rest == "" {
			if end != 0 {
				p.err = errGrammar
			}
			return list
		}
		if p.rest[0] == end && end != 0 {
			p.rest = p.rest[1:]
			return list
		}
		if len(list) > 0 && p.rest[0] == ' ' {
			p.rest = p.rest[1:]
		} else if len(list) > 0 && p.rest[0] != '(' {
			p.err = errGrammar
			return list
		}
		list = append(list, p.value())
	}
	return list
}

func (p *parser) value() (v Value) {
	before := p.rest
	defer func() { v.Raw = before[:len(before)-len(p.rest)] }()
	if p.rest == "" {
		p.err = errGrammar
		return v
	}
	switch p.rest[0] {
	case '(':
		p.rest = p.rest[1:]
		return Value{List: p.values(')')}
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	case '~':
		if strings.HasPrefix(p.rest, "~{") {
			p.rest = p.rest[1:]
			return p.literal()
		}
	}
	return p.atom()
}

func (p *parser) quoted() Value {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '"':
			p.rest = p.rest[i+1:]
			return Value{Text: b.String(), String: true}
		case '\\':
			i++
			if i == len(p.rest) || p.rest[i] != '"' && p.rest[i] != '\\' {
				p.err = errGrammar
				return Value{}
			}
		case '\r', '\n':
			p.err = errGrammar
			return Value{}
		}
		b.WriteByte(p.rest[i])
	}
	p.err = errGrammar
	return Value{}
}

func (p *parser) literal() Value {
	head, rest, _ := strings.Cut(p.rest, "\r\n")
	n, ok := literal([]byte(head + "\r\n"))
	if !ok || n > len(rest) {
		p.err = errGrammar
		return Value{}
	}
	p.rest = rest[n:]
	return Value{Text: rest[:n], String: true}
}

// atom reads an atom, and the section that belongs to the name of a data item.
func (p *parser) atom() Value {
	depth := 0
	for i := range len(p.rest) {
		switch c := p.rest[i]; {
		case c == '[':
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0 && strings.IndexByte(" ()]\"", c) >= 0, c < ' ':
			return p.cut(i)
		}
	}
	return p.cut(len(p.rest))
}

func (p *parser) cut(n int) Value {
	v := Value{Text: p.rest[:n]}
	if n == 0 {
		p.err = errGrammar
	}
	p.rest = p.rest[n:]
	return v
}

// Numbers reads a sequence set without "*": the numbers in the order in which they
// are written, but a range upwards. More than limit are an error.
func Numbers(set string, limit int) ([]uint32, error) {
	var list []uint32
	for part := range strings.SplitSeq(set, ",") {
		first, last, ranged := strings.Cut(part, ":")
		a, err := strconv.ParseUint(first, 10, 32)
		b := a
		if err == nil && ranged {
			b, err = strconv.ParseUint(last, 10, 32)
		}
		if err != nil || a == 0 || b == 0 {
			return nil, fmt.Errorf("sequence set %.100q: %w", set, errGrammar)
		}
		if a > b {
			a, b = b, a
		}
		if b-a >= uint64(limit-len(list)) {
			return nil, fmt.Errorf("sequence set %.100q has more than %d numbers", set, limit)
		}
		for n := a; n <= b; n++ {
			list = append(list, uint32(n))
		}
	}
	return list, nil
}
