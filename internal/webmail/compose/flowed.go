package compose

import (
	"strings"
	"unicode/utf8"
)

const (
	// wrapAt is how many characters a line of flowed text has if its words allow it,
	// with its quote marks and the space at its end: below the 78 of RFC 3676 section
	// 4.2.
	wrapAt = 76
	// leastWrap is how many of them there are beside any number of quote marks.
	leastWrap = 30
	// signature is the line before a signature (RFC 3676 section 4.3).
	signature = "-- "
)

// quotedLine is a line of text without its marks of quotation.
type quotedLine struct {
	depth int
	text  string
}

// splitQuote takes a line of a Message's text apart.
func splitQuote(line string) quotedLine {
	text := strings.TrimLeft(line, ">")
	q := quotedLine{len(line) - len(text), text}
	if q.depth > 0 {
		q.text = strings.TrimPrefix(text, " ")
	}
	return q
}

// String is the reverse of splitQuote.
func (q quotedLine) String() string {
	switch {
	case q.depth == 0:
		return q.text
	case q.text == "":
		return strings.Repeat(">", q.depth)
	}
	return strings.Repeat(">", q.depth) + " " + q.text
}

// Flow wraps text as format=flowed; delsp=no (RFC 3676 section 4.2). Every line ends in
// LF. Spaces before hard line ends go, but for those of "-- ". Words are never broken,
// whatever their length: also not what is written without spaces.
func Flow(text string) string {
	var out strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		flowLine(&out, splitQuote(strings.TrimSuffix(line, "\r")))
	}
	return out.String()
}

// flowLine writes one paragraph.
func flowLine(out *strings.Builder, q quotedLine) {
	if q.text != signature {
		q.text = strings.TrimRight(q.text, " ")
	}
	room := max(wrapAt-q.depth-1, leastWrap)
	for rest := q.text; ; {
		n := softBreak(rest, room)
		physical(out, q.depth, rest[:n])
		if rest = rest[n:]; rest == "" {
			return
		}
	}
}

// softBreak returns where the first line of a paragraph ends: behind the last space
// that is in the room, or else the first one. The line is never "-- ".
func softBreak(s string, room int) int {
	if utf8.RuneCountInString(s) <= room {
		return len(s)
	}
	best, column := 0, 0
	for i, r := range s {
		column++
		next := i + 1
		if r != ' ' || next < len(s) && s[next] == ' ' || s[:next] == signature {
			continue
		}
		if column > room && best > 0 {
			break
		}
		best = next
		if column > room {
			break
		}
	}
	if best == 0 {
		return len(s)
	}
	return best
}

// physical writes a line with its quote marks, and with a space where it could be
// mistaken (RFC 3676 section 4.4).
func physical(out *strings.Builder, depth int, text string) {
	for range depth {
		out.WriteByte('>')
	}
	stuff := depth > 0 && text != "" || strings.HasPrefix(text, " ") || strings.HasPrefix(text, ">") || strings.HasPrefix(text, "From ")
	if stuff {
		out.WriteByte(' ')
	}
	out.WriteString(text)
	out.WriteByte('\n')
}

// Unflow returns what a text/plain body says as text of a Message: paragraphs of
// format=flowed are one line each again, and quote marks are in one form. flowed and
// delsp are the parameters of RFC 3676 section 4. The last line end is not part of the
// text.
func Unflow(body string, flowed, delsp bool) string {
	body = strings.ReplaceAll(body, "\r\n", "\n")
	body = strings.TrimSuffix(body, "\n")
	if flowed {
		return unflowLines(body, delsp)
	}
	var out strings.Builder
	first := true
	for line := range strings.SplitSeq(body, "\n") {
		q := unquoteFixed(line)
		if !first {
			out.WriteByte('\n')
		}
		first = false
		out.WriteString(q.String())
	}
	return out.String()
}

// unquoteFixed takes a line apart that is not flowed: there "> > text" is as usual as
// ">> text". Spaces at its end mean nothing.
func unquoteFixed(line string) quotedLine {
	q := quotedLine{text: line}
	for {
		rest, ok := strings.CutPrefix(q.text, ">")
		if !ok && q.depth > 0 {
			rest, ok = strings.CutPrefix(q.text, " >")
		}
		if !ok {
			break
		}
		q.depth, q.text = q.depth+1, rest
	}
	if q.depth > 0 {
		q.text = strings.TrimPrefix(q.text, " ")
	}
	if q.text != signature {
		q.text = strings.TrimRight(q.text, " \r")
	}
	return q
}

// unflowLines joins lines that end in a space with the next one of the same depth (RFC
// 3676 section 4.1). Where the depth changes, or the signature comes, a paragraph ends
// anyhow.
func unflowLines(body string, delsp bool) string {
	var out strings.Builder
	open, depth := false, 0 // a paragraph goes on, at this depth
	first := true
	for line := range strings.SplitSeq(body, "\n") {
		text := strings.TrimLeft(line, ">")
		q := quotedLine{len(line) - len(text), text}
		q.text = strings.TrimPrefix(text, " ")
		fixed := q.text == signature
		soft := strings.HasSuffix(q.text, " ") && !fixed
		if soft && delsp {
			q.text = q.text[:len(q.text)-1]
		}
		if open && q.depth == depth && !fixed {
			out.WriteString(q.text)
		} else {
			if !first {
				out.WriteByte('\n')
			}
			if q.depth == 0 && strings.HasPrefix(q.text, ">") {
				q.text = " " + q.text // it is no quotation
			}
			out.WriteString(q.String())
		}
		first, open, depth = false, soft, q.depth
	}
	return trimLines(out.String())
}

// trimLines removes the spaces at the ends of lines, but for those of "-- ". A
// paragraph whose last line was flowed has one.
func trimLines(s string) string {
	if !strings.Contains(s, " \n") && !strings.HasSuffix(s, " ") {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if splitQuote(l).text != signature {
			lines[i] = strings.TrimRight(l, " ")
		}
	}
	return strings.Join(lines, "\n")
}

// Quote returns text one level deeper.
func Quote(text string) string {
	var out strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		q := splitQuote(line)
		q.depth++
		out.WriteString(q.String())
	}
	return out.String()
}
