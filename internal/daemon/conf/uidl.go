package conf

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// UIDLFormat is what unique-ids of POP3 are made of: text with variables.
//
//	%{uid}  %u           the UID of the message
//	%{uidvalidity}  %v   the UIDVALIDITY of the mailbox
//	%{filename}  %f      the name of the message's file, up to the colon
//	%{guid}  %g          the identifier that Dovecot's list of UIDs has, or the same name
//	%%                   a percent sign
//
// Behind a "|" stand filters: hex (a number in lower-case hexadecimal digits), hex(8)
// (of them at least eight), md5 (the MD5 of a text in such digits). Behind the percent
// sign of a short variable stand X for hex, 08X for hex(8), M for md5. So what was
// written for Dovecot, of its version 2.3 or 2.4, means the same.
//
// The zero UIDLFormat is none.
type UIDLFormat struct {
	text   string
	pieces []uidlPiece
}

// uidlPiece is a literal, or a variable with its filters.
type uidlPiece struct {
	literal  string
	variable string // "" for a literal
	hex      bool
	width    int // of hex
	md5      bool
}

// UIDLSource is what a unique-id is made from.
type UIDLSource struct {
	UID, UIDValidity uint32
	Filename, GUID   string
}

// String is the format as ParseUIDLFormat reads it.
func (f UIDLFormat) String() string { return f.text }

// Equal reports whether two formats are the same.
func (f UIDLFormat) Equal(g UIDLFormat) bool { return f.text == g.text }

// Names reports whether it takes the names of files, or identifiers.
func (f UIDLFormat) Names() (filename, guid bool) {
	for _, p := range f.pieces {
		filename = filename || p.variable == "filename"
		guid = guid || p.variable == "guid"
	}
	return filename, guid
}

// Append appends the unique-id of a message to b. It may be longer than RFC 1939
// permits, and have other characters.
func (f UIDLFormat) Append(b []byte, s *UIDLSource) []byte {
	for i := range f.pieces {
		p := &f.pieces[i]
		switch p.variable {
		case "":
			b = append(b, p.literal...)
		case "uid":
			b = p.number(b, s.UID)
		case "uidvalidity":
			b = p.number(b, s.UIDValidity)
		case "filename":
			b = p.word(b, s.Filename)
		case "guid":
			b = p.word(b, s.GUID)
		}
	}
	return b
}

func (p *uidlPiece) number(b []byte, n uint32) []byte {
	if !p.hex {
		return strconv.AppendUint(b, uint64(n), 10)
	}
	const digits = "0123456789abcdef"
	for i := 7; i >= 0; i-- {
		if v := n >> (4 * i); v != 0 || i < p.width || i == 0 {
			b = append(b, digits[v&0xf])
		}
	}
	return b
}

func (p *uidlPiece) word(b []byte, s string) []byte {
	if !p.md5 {
		return append(b, s...)
	}
	sum := md5.Sum([]byte(s))
	return hex.AppendEncode(b, sum[:])
}

// uidlVariables are the variables by their short names.
var uidlVariables = map[byte]string{'u': "uid", 'v': "uidvalidity", 'f': "filename", 'g': "guid"}

// ParseUIDLFormat reads a format. It must tell messages apart: without the UID, the
// name or the identifier it does not.
func ParseUIDLFormat(text string) (UIDLFormat, error) {
	f := UIDLFormat{text: text}
	own := false
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "%")
		if literal != "" {
			f.pieces = append(f.pieces, uidlPiece{literal: literal})
		}
		if !found {
			break
		}
		p, more, err := scanUIDLPiece(after)
		if err != nil {
			return UIDLFormat{}, err
		}
		own = own || p.variable != "" && p.variable != "uidvalidity"
		f.pieces = append(f.pieces, p)
		rest = more
	}
	for _, p := range f.pieces {
		if strings.ContainsFunc(p.literal, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return UIDLFormat{}, fmt.Errorf("%q has characters that no unique-id may have", text)
		}
	}
	if !own {
		return UIDLFormat{}, fmt.Errorf("%q has neither %%{uid} nor %%{filename} nor %%{guid}: all messages would have one unique-id", text)
	}
	return f, nil
}

var errUIDLVariable = errors.New(`"%" is the beginning of %{uid}, %{uidvalidity}, %{filename} or %{guid}, with "|hex(8)" or "|md5" perhaps, or of %%`)

// scanUIDLPiece reads what stands behind a percent sign.
func scanUIDLPiece(text string) (p uidlPiece, rest string, err error) {
	if rest, ok := strings.CutPrefix(text, "%"); ok {
		return uidlPiece{literal: "%"}, rest, nil
	}
	inner, braced := strings.CutPrefix(text, "{")
	if !braced {
		return scanShortUIDL(text)
	}
	inner, rest, closed := strings.Cut(inner, "}")
	words := strings.Split(inner, "|")
	for _, name := range uidlVariables {
		if strings.TrimSpace(words[0]) == name {
			p.variable = name
		}
	}
	if !closed || p.variable == "" {
		return p, "", errUIDLVariable
	}
	for _, word := range words[1:] {
		if err := p.filter(strings.TrimSpace(word)); err != nil {
			return p, "", err
		}
	}
	return p, rest, nil
}

// scanShortUIDL reads a variable of one letter with its modifiers.
func scanShortUIDL(text string) (p uidlPiece, rest string, err error) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	width, rest := text[:i], text[i:]
	filter := ""
	switch {
	case strings.HasPrefix(rest, "X") && width == "":
		filter, rest = "hex", rest[1:]
	case strings.HasPrefix(rest, "X") && len(width) == 2 && width[0] == '0':
		filter, rest = "hex("+width[1:]+")", rest[1:]
	case strings.HasPrefix(rest, "M") && width == "":
		filter, rest = "md5", rest[1:]
	case width != "":
		return p, "", errUIDLVariable
	}
	if rest == "" || uidlVariables[rest[0]] == "" {
		return p, "", errUIDLVariable
	}
	p.variable = uidlVariables[rest[0]]
	if filter != "" {
		err = p.filter(filter)
	}
	return p, rest[1:], err
}

// filter takes one filter.
func (p *uidlPiece) filter(word string) error {
	number := p.variable == "uid" || p.variable == "uidvalidity"
	switch width, ok := strings.CutPrefix(word, "hex"); {
	case ok && number && !p.hex:
		p.hex = true
		if width == "" {
			return nil
		}
		if len(width) != len("(8)") || width[0] != '(' || width[2] != ')' || width[1] < '1' || width[1] > '8' {
			return fmt.Errorf("filter %q: hex has a width from 1 to 8", word)
		}
		p.width = int(width[1] - '0')
		return nil
	case word == "md5" && !number && !p.md5:
		p.md5 = true
		return nil
	}
	return fmt.Errorf("there is no filter %q for %%{%s}", word, p.variable)
}
