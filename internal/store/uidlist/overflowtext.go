package uidlist

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fantail/internal/mail"
)

const (
	overflowMagic  = "fantail-keywords "
	overflowHeader = overflowMagic + "1\n"
)

// overflowText is the content of a fantail-keywords.
type overflowText struct {
	sets   map[string][]mail.Keyword // by base; never empty
	names  []mail.Keyword            // first spelling, in the order of their coming
	folded map[string]mail.Keyword   // the same by lower case
	shared map[string][]mail.Keyword // sets by what stands in a line

	line  int    // lines read, with the header
	end   int64  // behind the last whole line
	last  string // last whole line, with LF: it must still stand before end
	torn  bool   // something follows it
	sound bool   // the header is right: the file can be appended to

	unreadable bool // it is not, and there is something to keep
	problems
}

// parseOverflow reads a whole file. Of an unknown version it reads nothing. If
// the header is damaged its lines may still be whole.
func parseOverflow(text string) overflowText {
	t := overflowText{
		sets:   map[string][]mail.Keyword{},
		folded: map[string]mail.Keyword{},
		shared: map[string][]mail.Keyword{},
	}
	body, sound := strings.CutPrefix(text, overflowHeader)
	if sound {
		t.sound, t.line, t.end, t.last = true, 1, int64(len(overflowHeader)), overflowHeader
		t.lines(body)
		return t
	}
	t.unreadable = text != ""
	head, _, _ := strings.Cut(text, "\n")
	switch {
	case text == "":
		t.add(1, Empty, "")
	case strings.HasPrefix(head, overflowMagic):
		t.add(1, BadVersion, head)
	default:
		t.add(1, BadHeader, head)
		t.lines(text)
	}
	return t
}

// lines reads every whole line of what follows.
func (t *overflowText) lines(text string) {
	for {
		end := strings.IndexByte(text, '\n')
		if end < 0 {
			t.torn = text != ""
			return
		}
		if !t.set(text[:end]) {
			t.add(t.line+1, BadLine, text[:end])
		}
		t.line++
		t.end += int64(end + 1)
		t.last = strings.Clone(text[:end+1])
		text = text[end+1:]
	}
}

// set reads one line. A line that breaks a rule changes nothing.
func (t *overflowText) set(line string) bool {
	// A keyword may hold a colon, a base may not.
	i := strings.LastIndexByte(line, ':')
	if i < 0 || len(line) > maxOverflowLine || checkBase(line[i+1:]) != nil {
		return false
	}
	base := line[i+1:]
	if i == 0 {
		delete(t.sets, base)
		return true
	}
	set, ok := t.shared[line[:i]]
	if !ok {
		words, spaced := strings.CutSuffix(line[:i], " ")
		if !spaced {
			return false
		}
		if set, ok = t.parseSet(words); !ok {
			return false
		}
		t.shared[strings.Clone(line[:i])] = set
	}
	t.sets[strings.Clone(base)] = set
	return true
}

// parseSet reads keywords between single spaces, and remembers them.
func (t *overflowText) parseSet(words string) ([]mail.Keyword, bool) {
	var set []mail.Keyword
	for word := range strings.SplitSeq(words, " ") {
		if !legalKeyword(mail.Keyword(word)) {
			return nil, false
		}
		set = append(set, mail.Keyword(word))
	}
	for i, kw := range set {
		kw = mail.Keyword(strings.Clone(string(kw)))
		key := strings.ToLower(string(kw))
		first, ok := t.folded[key]
		if !ok {
			first = kw
			t.folded[key] = kw
			t.names = append(t.names, kw)
		}
		set[i] = first
	}
	return sortedSet(set), true
}

// sortedSet sorts keywords and drops those that are there twice.
func sortedSet(set []mail.Keyword) []mail.Keyword {
	slices.SortFunc(set, func(a, b mail.Keyword) int {
		return strings.Compare(strings.ToLower(string(a)), strings.ToLower(string(b)))
	})
	return slices.Clip(slices.CompactFunc(set, mail.Keyword.Equal))
}

// plan returns the lines that make the changes, those that change nothing left
// out, and how many keywords are new.
func (t *overflowText) plan(changes map[string][]mail.Keyword) (lines string, names int, err error) {
	fresh := map[string]mail.Keyword{}
	var b strings.Builder
	for _, base := range slices.Sorted(maps.Keys(changes)) {
		if err := checkBase(base); err != nil {
			return "", 0, err
		}
		set := slices.Clone(changes[base])
		for i, kw := range set {
			if !legalKeyword(kw) {
				return "", 0, fmt.Errorf("%q: %w", kw, ErrKeyword)
			}
			set[i] = t.spelling(kw, fresh)
		}
		set = sortedSet(set)
		if slices.Equal(set, t.sets[base]) {
			continue
		}
		line := overflowLine(set, base)
		if len(line) > maxOverflowLine {
			return "", 0, fmt.Errorf("%w: %d for one message", ErrTooManyKeywords, len(set))
		}
		b.WriteString(line)
	}
	return b.String(), len(fresh), nil
}

// spelling returns the keyword as it was spelled first, here or in fresh.
func (t *overflowText) spelling(kw mail.Keyword, fresh map[string]mail.Keyword) mail.Keyword {
	key := strings.ToLower(string(kw))
	if first, ok := t.folded[key]; ok {
		return first
	}
	if _, ok := fresh[key]; !ok {
		fresh[key] = kw
	}
	return fresh[key]
}

// encode returns a file with those bases for which keep is true, all if it is
// nil.
func (t *overflowText) encode(keep func(base string) bool) string {
	var b strings.Builder
	b.WriteString(overflowHeader)
	for _, base := range slices.Sorted(maps.Keys(t.sets)) {
		if keep == nil || keep(base) {
			b.WriteString(overflowLine(t.sets[base], base))
		}
	}
	return b.String()
}

func overflowLine(set []mail.Keyword, base string) string {
	var b strings.Builder
	for _, kw := range set {
		b.WriteString(string(kw) + " ")
	}
	b.WriteString(":" + base + "\n")
	return b.String()
}

// used returns the keywords that some message has.
func (t *overflowText) used() map[mail.Keyword]bool {
	used := map[mail.Keyword]bool{}
	for _, set := range t.sets {
		for _, kw := range set {
			used[kw] = true
		}
	}
	return used
}

// wasteful reports whether the file has many lines more than messages.
func (t *overflowText) wasteful(live int) bool {
	dead := t.line - 1 - live
	return dead > overflowSlack && dead*4 > t.line
}
