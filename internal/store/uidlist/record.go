package uidlist

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/mail"
)

// parser reads record lines.
type parser struct {
	version  int
	line     int      // number of the next line, from 1
	prev     mail.UID // of the record before
	seen     mail.UID // highest anywhere, also in lines that are dropped
	recs     []Record
	unsorted bool
	afterBad bool // the line before was unreadable
	problems
}

// lines reads every whole line and returns what follows the last.
func (ps *parser) lines(text string) (rest string) {
	// Three searches at memory speed spare every line of a sound file the same
	// search.
	clean := strings.IndexByte(text, '/') < 0 && strings.IndexByte(text, '\r') < 0 && strings.IndexByte(text, 0) < 0
	for {
		end := strings.IndexByte(text, '\n')
		if end < 0 {
			ps.torn(text)
			return text
		}
		ps.record(text[:end], clean)
		text = text[end+1:]
		ps.line++
	}
}

// torn notes the UID of an unfinished line. Only a number that is followed by a
// space is whole.
func (ps *parser) torn(line string) {
	if uid, rest := leadingUID(line); uid != 0 && rest != "" && rest[0] == ' ' {
		ps.seen = max(ps.seen, uid)
	}
}

// leadingUID reads the digits at the start of the line. What is no UID is 0.
func leadingUID(line string) (uid mail.UID, rest string) {
	var n uint64
	i := 0
	for i < len(line) && '0' <= line[i] && line[i] <= '9' {
		n = min(n*10+uint64(line[i]-'0'), math.MaxUint32)
		i++
	}
	if n > uint64(MaxUID) {
		n = 0
	}
	return mail.UID(n), line[i:]
}

// record reads one line. clean promises that no octet in it is illegal.
func (ps *parser) record(line string, clean bool) {
	afterBad := ps.afterBad
	ps.afterBad = false
	uid, rest := leadingUID(line)
	if rest == line || rest == "" || rest[0] != ' ' {
		ps.bad(BadLine, line)
		return
	}
	ps.seen = max(ps.seen, uid)
	if len(line) > maxLine || !clean && strings.ContainsAny(line, "/\r\x00") {
		ps.bad(BadLine, line)
		return
	}
	if uid == 0 {
		ps.bad(BadUID, line)
		return
	}
	r := Record{UID: uid}
	var ok bool
	if r.Ext, r.Base, ok = ps.fields(rest); !ok {
		ps.bad(BadLine, line)
		return
	}
	if i := strings.IndexByte(r.Base, ':'); i >= 0 {
		if r.Base, ok = ps.cut(r, i); !ok {
			ps.bad(Merged, line)
			return
		}
	}
	if r.Base == "" || len(r.Base) > MaxBase {
		ps.bad(BadLine, line)
		return
	}
	if uid <= ps.prev {
		if afterBad {
			ps.bad(BadLine, line)
			return
		}
		ps.problem(Descending, line)
		ps.unsorted = true
	}
	ps.prev = uid
	ps.recs = append(ps.recs, r)
}

// fields splits what follows the UID into extension fields and name.
func (ps *parser) fields(rest string) (ext, name string, ok bool) {
	if strings.HasPrefix(rest, " :") {
		return "", rest[2:], true
	}
	if ps.version == 1 {
		return "", strings.TrimLeft(rest, " "), true
	}
	// A value may hold a colon (the P of some POP3 servers); the name begins at
	// the first field that starts with one.
	i := strings.Index(rest, " :")
	if i < 0 {
		return "", "", false
	}
	return cleanExt(rest[:i]), rest[i+2:], true
}

// cleanExt returns the fields that have a key from A to Z, in one spelling.
// Others are dropped, as Dovecot does.
func cleanExt(ext string) string {
	good := true
	for i := 0; i < len(ext) && good; i++ {
		if ext[i] == ' ' {
			good = i+1 < len(ext) && 'A' <= ext[i+1] && ext[i+1] <= 'Z'
		}
	}
	if good {
		return ext
	}
	var b strings.Builder
	for field := range splitFields(ext) {
		if 'A' <= field[0] && field[0] <= 'Z' {
			b.WriteString(" " + field)
		}
	}
	return b.String()
}

// cut returns the base of a name that goes on with a colon at i. Old Dovecots
// wrote the flags too ("base:2,S"). A name with a second " :" is two records in
// one line: the first half was torn and Dovecot wrote the second behind it.
func (ps *parser) cut(r Record, i int) (base string, ok bool) {
	second := strings.LastIndex(r.Base, " :")
	if second < 0 || strings.HasPrefix(r.Base[second:], " :2,") {
		return r.Base[:i], true
	}
	// Where the first name ends and the second UID begins cannot be seen. But
	// Dovecot had not read the torn line, so it gave the same UID again.
	if !strings.HasSuffix(r.Base[:second], strconv.FormatUint(uint64(r.UID), 10)) {
		return "", false
	}
	ps.problem(Merged, r.Base)
	base = r.Base[second+2:]
	base, _, _ = strings.Cut(base, ":")
	return base, true
}

func (ps *parser) bad(k Kind, line string) {
	ps.afterBad = true
	ps.problem(k, line)
}

func (ps *parser) problem(k Kind, line string) {
	ps.add(ps.line, k, line)
}

// sort puts records of a file that was not ascending into order, and drops those
// whose UID stands for two files.
func (ps *parser) sort() {
	if !ps.unsorted {
		return
	}
	slices.SortStableFunc(ps.recs, byUID)
	kept := ps.recs[:0]
	for i := 0; i < len(ps.recs); {
		j, same := i+1, true
		for ; j < len(ps.recs) && ps.recs[j].UID == ps.recs[i].UID; j++ {
			same = same && ps.recs[j].Base == ps.recs[i].Base
		}
		if j > i+1 {
			ps.problem(DuplicateUID, strconv.FormatUint(uint64(ps.recs[i].UID), 10))
		}
		if same {
			kept = append(kept, ps.recs[i])
		}
		i = j
	}
	ps.recs = kept
}

func byUID(a, b Record) int { return cmp.Compare(a.UID, b.UID) }

// legalHeader reports whether fields can stand in the header as they are, beside
// ours.
func legalHeader(fields string) bool {
	return len(fields) <= maxLine/2 && !strings.ContainsAny(fields, "\n\r\x00") && (fields == "" || fields[0] == ' ')
}

// legalExt reports whether extension fields can stand in a line as they are,
// beside a name.
func legalExt(ext string) bool {
	return !strings.ContainsAny(ext, "\n\r/\x00") && !strings.Contains(ext, " :") && (ext == "" || ext[0] == ' ')
}
