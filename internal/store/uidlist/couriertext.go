package uidlist

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fantail/internal/mail"
)

// parseCourierUIDs reads a courierimapuiddb, which is a UID list of version 1.
// The Validity of the list is 0, and it is empty, if its header is damaged: the
// UIDs mean nothing without both of its numbers.
func parseCourierUIDs(text string) (*List, problems) {
	read := parse(text)
	l, p := read.list, read.problems
	lost := l.Version != 1 || slices.ContainsFunc(p.first, func(p Problem) bool { return p.Line == 1 })
	if lost && p.count == 0 {
		head, _, _ := strings.Cut(text, "\n")
		p.add(1, BadVersion, head)
	}
	if lost {
		return &List{Next: 1, From: 1}, p
	}
	if read.rest != "" { // Courier replaces the file, so it has cut lines only after a crash
		p.add(l.Lines+2, BadLine, read.rest)
	}
	return l, p
}

// courierMessage is a message of Courier's POP3 server.
type courierMessage struct {
	base string
	uidl string // "" if two messages had the same
}

// parseCourierPOP3 reads a courierpop3dsizelist of the versions 2 and 3, which
// are those that Courier itself reads:
//
//	"/3" SP next SP validity LF *( name SP size SP uid ":" validity [ ":" utf8 ] LF )
//
// Two messages with one unique-id lose it, since nobody knows which of them a
// client has. Of two lines for one message the first counts.
func parseCourierPOP3(text string) (drop []courierMessage, p problems) {
	head, body, whole := strings.Cut(text, "\n")
	version, _, _ := strings.Cut(head, " ")
	if !whole || version != "/2" && version != "/3" {
		p.add(1, BadHeader, head)
		return nil, p
	}
	bases := make(map[string]bool)
	owner := make(map[string]int) // by unique-id
	number := 1
	for line := range strings.Lines(body) {
		number++
		m, ok := parseCourierMessage(line)
		if !ok || bases[m.base] {
			p.add(number, BadLine, line)
			continue
		}
		bases[m.base] = true
		if first, twice := owner[m.uidl]; twice {
			p.add(number, DuplicateUID, line)
			drop[first].uidl, m.uidl = "", ""
		} else {
			owner[m.uidl] = len(drop)
		}
		drop = append(drop, m)
	}
	return drop, p
}

func parseCourierMessage(line string) (m courierMessage, ok bool) {
	line, whole := strings.CutSuffix(line, "\n")
	if !whole || len(line) > maxLine {
		return m, false
	}
	i := strings.LastIndexByte(line, ' ')
	j := strings.LastIndexByte(line[:max(i, 0)], ' ')
	if j < 0 || !isDigits(line[j+1:i]) {
		return m, false
	}
	ids := strings.Split(line[i+1:], ":")
	if len(ids) != 2 && len(ids) != 3 {
		return m, false
	}
	uid, err1 := strconv.ParseUint(ids[0], 10, 64)
	validity, err2 := strconv.ParseUint(ids[1], 10, 64)
	m.base, _, _ = strings.Cut(line[:j], ":")
	m.uidl = courierUIDL(uid, validity, m.base)
	return m, err1 == nil && err2 == nil && checkBase(m.base) == nil
}

// courierUIDL is the unique-id that Courier's POP3 server shows: in the form of
// the version in which the message came.
func courierUIDL(uid, validity uint64, base string) string {
	switch {
	case uid != 0 && validity != 0:
		return fmt.Sprintf("UID%d-%d", uid, validity)
	case uid != 0:
		return fmt.Sprintf("UID%d", uid)
	}
	var b strings.Builder
	for i := range len(base) {
		if c := base[i]; c <= ' ' || c >= 0x7f || c == '\'' || c == '"' || c == '+' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// parseCourierKeywords reads a courierimapkeywords/:list: keywords, an empty line,
// and for each message that has some their numbers, from 0.
//
//	*( keyword LF ) LF *( base ":" number *( SP number ) LF )
func parseCourierKeywords(text string) (sets map[string][]mail.Keyword, p problems) {
	sets = make(map[string][]mail.Keyword)
	var names []mail.Keyword
	number := 0
	messages := false
	for line := range strings.Lines(text) {
		number++
		line, whole := strings.CutSuffix(line, "\n")
		switch {
		case !whole:
			p.add(number, BadLine, line)
		case messages:
			if !setCourierKeywords(sets, line, names) {
				p.add(number, BadLine, line)
			}
		case line == "":
			messages = true
		default:
			kw := mail.Keyword(line)
			if !legalKeyword(kw) {
				p.add(number, BadLine, line)
				kw = ""
			}
			names = append(names, kw)
		}
	}
	return sets, p
}

// setCourierKeywords reads the line of a message. It reports false if part of it,
// or all, could not be read.
func setCourierKeywords(sets map[string][]mail.Keyword, line string, names []mail.Keyword) bool {
	base, numbers, ok := strings.Cut(line, ":")
	if !ok || checkBase(base) != nil || len(line) > maxOverflowLine {
		return false
	}
	var set []mail.Keyword
	for field := range splitFields(numbers) {
		n, err := strconv.ParseUint(field, 10, 32)
		if err != nil || n >= uint64(len(names)) || names[n] == "" {
			ok = false
			continue
		}
		set = append(set, names[n])
	}
	delete(sets, base)
	if len(set) > 0 {
		sets[base] = sortedSet(set)
	}
	return ok
}

// parseCourierUpdate reads the keywords of one message, each on its line.
func parseCourierUpdate(text string) (set []mail.Keyword, p problems) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, whole := strings.CutSuffix(line, "\n")
		if line == "" {
			continue
		}
		if kw := mail.Keyword(line); whole && legalKeyword(kw) {
			set = append(set, kw)
		} else {
			p.add(number, BadLine, line)
		}
	}
	return sortedSet(set), p
}

// cutCourierUpdate reads the name of an update file: the base, or .N.base once
// it is in the list. Others are temporary files, or none of Courier's.
func cutCourierUpdate(name string) (base string, age uint64, ok bool) {
	base, age = name, 1<<63
	if rest, aged := strings.CutPrefix(name, "."); aged {
		var n string
		n, base, _ = strings.Cut(rest, ".")
		var err error
		if age, err = strconv.ParseUint(n, 10, 63); err != nil || age == 0 {
			return "", 0, false
		}
	}
	return base, age, checkBase(base) == nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// legalNameText reports whether a mailbox name is text without what no directory
// name can hold.
func legalNameText(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' })
}
