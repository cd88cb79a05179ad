package uidlist

import (
	"encoding/hex"
	"strconv"
	"strings"

	"fantail/internal/mail"
)

// Parse reads the text of a dovecot-uidlist or a courierimapuiddb, whose format
// is version 1 of it. The records share the memory of the text. An unfinished
// last line is not read, but its UID counts as spent. The error is a
// *DamagedError or nil.
func Parse(text string) (*List, error) {
	read := parse(text)
	if read.count > 0 {
		return nil, read.damage("")
	}
	return read.list, nil
}

// reading is what parse found.
type reading struct {
	list  *List // what can be saved, if there are problems
	index baseIndex
	rest  string // the unfinished last line
	problems
}

// damage returns the problems, of which there are some, and what can be saved.
func (r *reading) damage(path string) *DamagedError {
	d := r.problems.damage(path)
	d.Saved = r.list
	return d
}

func parse(text string) reading {
	head, body, whole := strings.Cut(text, "\n")
	ps := parser{line: 1}
	l := &List{Next: 1, From: 1}
	rest := ""
	switch {
	case text == "":
		ps.problem(Empty, "")
	case !whole:
		ps.problem(BadHeader, head)
		rest = head // not even the header is finished
	default:
		ps.header(l, head)
		ps.line++
	}
	if l.Version != 0 {
		ps.version = l.Version
		ps.recs = make([]Record, 0, strings.Count(body, "\n")+64)
		if l.Validity == 0 && strings.Contains(head, " :") {
			l.Header = ""
			ps.record(head, false) // the header is lost, and this is a record
		}
		rest = ps.lines(body)
		ps.sort()
		l.Lines = ps.line - 2
	}
	l.Records = ps.recs
	l.Next = max(l.Next, ps.seen+1)
	read := reading{list: l, rest: rest, problems: ps.problems}
	if read.index.add(l, 0) {
		read.index.fill(l.Records, cap(l.Records))
	}
	return read
}

// header reads the first line. The list's Version stays 0 if its lines cannot
// be read.
func (ps *parser) header(l *List, line string) {
	version, fields, _ := strings.Cut(line, " ")
	if len(line) > maxLine {
		version = ""
	}
	switch version {
	case "1":
		l.Version = 1
		v, n, _ := strings.Cut(fields, " ")
		ps.numbers(l, line, v, n)
	case "3":
		l.Version = 3
		ps.header3(l, line, fields)
	default:
		if len(version) == 1 && isDigits(version) && !strings.Contains(line, " :") {
			ps.problem(BadVersion, line)
			return
		}
		l.Version = 3 // no header at all; its lines are those of a list
		ps.problem(BadHeader, line)
	}
}

func (ps *parser) header3(l *List, line, fields string) {
	var v, n string
	for field := range splitFields(fields) {
		switch key, value := field[0], field[1:]; key {
		case 'V':
			v = value
		case 'N':
			n = value
		case 'G':
			if !isGUID(value) {
				ps.problem(BadGUID, line)
				value = ""
			}
			l.GUID = value
		default:
			l.Header += " " + field
		}
	}
	ps.numbers(l, line, v, n)
	if !legalHeader(l.Header) {
		ps.problem(BadHeader, line)
		l.Header = ""
	}
}

func (ps *parser) numbers(l *List, line, v, n string) {
	validity, err1 := strconv.ParseUint(v, 10, 32)
	next, err2 := strconv.ParseUint(n, 10, 32)
	l.Validity = mail.UIDValidity(validity)
	if err1 != nil {
		l.Validity = 0
	}
	if err2 == nil && next > 0 {
		l.Next = mail.UID(next)
	}
	if l.Validity == 0 || err2 != nil || next == 0 {
		ps.problem(BadHeader, line)
	}
}

func isGUID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 16
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
