package wire

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxQuoted is the longest string, in octets, that String writes quoted:
// clients read lines into buffers.
const maxQuoted = 1024

// Encoder writes responses. Its methods have the names of the grammar and
// return the Encoder, so that a response reads as it will look. It refuses
// what the grammar forbids: the first error stays, nothing is written after
// it, and the session closes the connection, since part of a line may be out.
// It is not safe for use by several goroutines at once.
type Encoder struct {
	// UTF8 says that the client enabled UTF8=ACCEPT (RFC 6855) or IMAP4rev2:
	// quoted strings and response text may then have UTF-8.
	UTF8 bool

	w     *bufio.Writer
	below func() error // what Flush calls besides; may be nil
	err   error
}

// NewEncoder returns an Encoder that writes to w.
func NewEncoder(w *bufio.Writer) *Encoder { return &Encoder{w: w} }

// FlushAlso makes Flush call below as well, for a layer between the Encoder's
// buffer and the connection that holds octets back, such as a compressor.
func (e *Encoder) FlushAlso(below func() error) { e.below = below }

// Err returns the first error.
func (e *Encoder) Err() error { return e.err }

// Fail makes err the error of the Encoder unless it has one: nothing more is
// written.
func (e *Encoder) Fail(err error) *Encoder {
	if e.err == nil {
		e.err = err
	}
	return e
}

func (e *Encoder) refuse(what, s string) *Encoder {
	return e.Fail(fmt.Errorf("encode %s: %.40q is not one", what, s))
}

// Flush sends what is buffered.
func (e *Encoder) Flush() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	if e.err == nil && e.below != nil {
		e.err = e.below()
	}
	return e.err
}

func (e *Encoder) byte(c byte) *Encoder {
	if e.err == nil {
		e.err = e.w.WriteByte(c)
	}
	return e
}

func (e *Encoder) raw(s string) *Encoder {
	if e.err == nil {
		_, e.err = e.w.WriteString(s)
	}
	return e
}

// Untagged begins an untagged response that has no number: "* " and its name,
// such as SEARCH or OK.
func (e *Encoder) Untagged(name string) *Encoder { return e.raw("* ").Atom(name) }

// Numbered begins an untagged response about a number: "* 5 EXISTS".
func (e *Encoder) Numbered(n uint32, name string) *Encoder {
	return e.raw("* ").Number(n).SP().Atom(name)
}

// Tagged begins the response that completes a command: its tag and OK, NO or
// BAD.
func (e *Encoder) Tagged(tag, status string) *Encoder {
	if !all(tag, tagChar) {
		return e.refuse("tag", tag)
	}
	return e.raw(tag).SP().Atom(status)
}

// Continue writes a continuation request with text, which may be empty; the
// space behind "+" is always there, since the grammar and the Gmail app for
// Android insist on it (RFC 9051 section 7.6).
func (e *Encoder) Continue(text string) *Encoder {
	e.raw("+ ")
	if text != "" {
		e.Text(text)
	}
	return e.CRLF()
}

// SP writes a space.
func (e *Encoder) SP() *Encoder { return e.byte(' ') }

// CRLF ends the response.
func (e *Encoder) CRLF() *Encoder { return e.raw("\r\n") }

// Atom writes the rule atom.
func (e *Encoder) Atom(s string) *Encoder {
	if !all(s, atomChar) {
		return e.refuse("atom", s)
	}
	return e.raw(s)
}

// Flag writes the rule flag-perm: an atom, one behind a backslash, or `\*`.
func (e *Encoder) Flag(s string) *Encoder {
	if s != `\*` && !all(strings.TrimPrefix(s, `\`), atomChar) {
		return e.refuse("flag", s)
	}
	return e.raw(s)
}

// Token writes s as it is: printable ASCII without spaces that a grammar has
// put together, such as a sequence-set.
func (e *Encoder) Token(s string) *Encoder {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return e.refuse("token", s)
		}
	}
	if s == "" {
		return e.refuse("token", s)
	}
	return e.raw(s)
}

// Number writes the rule number.
func (e *Encoder) Number(n uint32) *Encoder {
	if e.err == nil {
		_, e.err = e.w.Write(strconv.AppendUint(e.w.AvailableBuffer(), uint64(n), 10))
	}
	return e
}

// Number64 writes the rule number64.
func (e *Encoder) Number64(n int64) *Encoder {
	if n < 0 {
		return e.refuse("number64", strconv.FormatInt(n, 10))
	}
	if e.err == nil {
		_, e.err = e.w.Write(strconv.AppendInt(e.w.AvailableBuffer(), n, 10))
	}
	return e
}

// NIL writes the rule nil.
func (e *Encoder) NIL() *Encoder { return e.raw("NIL") }

// Quoted writes the rule quoted. It refuses CR, LF and NUL, and octets above
// ASCII unless they are UTF-8 and the client enabled that.
func (e *Encoder) Quoted(s string) *Encoder {
	if !e.quotable(s) {
		return e.refuse("quoted", s)
	}
	return e.quoted(s)
}

func (e *Encoder) quoted(s string) *Encoder {
	e.byte('"')
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			return e.raw(s).byte('"')
		}
		e.raw(s[:i]).byte('\\').byte(s[i])
		s = s[i+1:]
	}
}

// QuotedOf writes the rule quoted with octets of printable ASCII in which nothing
// has to be escaped: it is Quoted for what the caller has put together itself.
func (e *Encoder) QuotedOf(octets []byte) *Encoder {
	for _, c := range octets {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return e.refuse("plain quoted", string(octets))
		}
	}
	return e.byte('"').Encoded(octets).byte('"')
}

// quotable reports whether s can stand in a quoted string.
func (e *Encoder) quotable(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0 || c == '\r' || c == '\n':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ascii || e.UTF8 && utf8.ValidString(s)
}

// String writes the rule string: quoted if s allows that and is not long,
// else a literal. It refuses NUL, which neither can have.
func (e *Encoder) String(s string) *Encoder {
	if len(s) <= maxQuoted && e.quotable(s) {
		return e.quoted(s)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return e.refuse("string", s)
	}
	return e.literalSize(int64(len(s))).raw(s)
}

// NString writes the rule nstring: NIL if ok is false.
func (e *Encoder) NString(s string, ok bool) *Encoder {
	if !ok {
		return e.NIL()
	}
	return e.String(s)
}

// AString writes the rule astring: s as an atom if it is one and cannot be
// taken for NIL, else as a string.
func (e *Encoder) AString(s string) *Encoder {
	if all(s, astringChar) && !strings.EqualFold(s, "NIL") {
		return e.raw(s)
	}
	return e.String(s)
}

func (e *Encoder) literalSize(n int64) *Encoder {
	return e.byte('{').Number64(n).raw("}\r\n")
}

// Literal writes a literal of n octets, which it reads from r. If r has fewer
// the response cannot be completed: the error stays and the connection must
// be closed. More than n octets of r are not read. That r has no NUL is the
// caller's affair (RFC 9051 section 4.3.1).
func (e *Encoder) Literal(n int64, r io.Reader) *Encoder {
	return e.literalSize(n).octets(n, r)
}

// Literal8 writes a literal8 (RFC 9051 section 4.3.1), which may have NUL, as
// Literal does.
func (e *Encoder) Literal8(n int64, r io.Reader) *Encoder {
	return e.byte('~').literalSize(n).octets(n, r)
}

func (e *Encoder) octets(n int64, r io.Reader) *Encoder {
	if e.err != nil || n == 0 {
		return e
	}
	done, err := io.Copy(e.w, io.LimitReader(r, n))
	switch {
	case err != nil:
		e.err = fmt.Errorf("copy literal: %w", err)
	case done < n:
		e.err = fmt.Errorf("copy literal: %d of %d octets: %w", done, n, io.ErrUnexpectedEOF)
	}
	return e
}

// LiteralOf writes a literal of the octets, as Literal does.
func (e *Encoder) LiteralOf(octets []byte) *Encoder {
	return e.literalSize(int64(len(octets))).Encoded(octets)
}

// Encoded writes octets as they are: what an Encoder has written somewhere else,
// and is sent more than once.
func (e *Encoder) Encoded(octets []byte) *Encoder {
	if e.err == nil {
		_, e.err = e.w.Write(octets)
	}
	return e
}

// ListStart writes "(".
func (e *Encoder) ListStart() *Encoder { return e.byte('(') }

// ListEnd writes ")".
func (e *Encoder) ListEnd() *Encoder { return e.byte(')') }

// List writes "(", what items writes, and ")".
func (e *Encoder) List(items func()) *Encoder {
	e.ListStart()
	items()
	return e.ListEnd()
}

// CodeStart begins a response code: "[" and its name. Arguments follow, each
// behind a space, then CodeEnd.
func (e *Encoder) CodeStart(name string) *Encoder { return e.byte('[').Atom(name) }

// CodeEnd writes "] ": the text that the grammar wants is next.
func (e *Encoder) CodeEnd() *Encoder { return e.raw("] ") }

// Text writes the rule text: not empty, no CR, LF or NUL, and ASCII unless
// the client enabled UTF-8. It does not begin with "[", which would read as a
// response code.
func (e *Encoder) Text(s string) *Encoder {
	if s == "" || s[0] == '[' || !e.quotable(s) {
		return e.refuse("text", s)
	}
	return e.raw(s)
}
