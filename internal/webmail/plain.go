package webmail

import (
	"slices"
	"strings"

	"fantail/internal/message"
	"fantail/internal/webmail/htmlsafe"
)

// block is a run of lines of plain text with the same depth of quotation.
type block struct {
	Depth     int  // levels of ">", at most maxQuote
	Signature bool // what follows "-- " (RFC 3676 section 4.3)
	Text      []htmlsafe.Segment
}

// passage is a run of blocks: what somebody wrote, or what they quote of others.
type passage struct {
	Blocks []block
	Folded bool // it is long, and was read before: it shows when somebody wants it
	Lines  int
}

// shortQuote is how many lines of a quotation are shown as a matter of course: people
// write their answers between such.
const shortQuote = 5

// passages joins blocks. If there is nothing but quotations they are what there is to read.
func passages(list []block) []passage {
	var out []passage
	own := false
	for _, b := range list {
		own = own || b.Depth == 0 && !b.Signature
		lines := 1
		for _, s := range b.Text {
			lines += strings.Count(s.Text, "\n")
		}
		if n := len(out); n == 0 || (out[n-1].Blocks[0].Depth > 0) != (b.Depth > 0) {
			out = append(out, passage{})
		}
		last := &out[len(out)-1]
		last.Blocks, last.Lines = append(last.Blocks, b), last.Lines+lines
	}
	for i := range out {
		out[i].Folded = own && out[i].Blocks[0].Depth > 0 && out[i].Lines > shortQuote
	}
	return out
}

// maxQuote is the deepest quotation that looks different from the one above it.
const maxQuote = 6

// plainText lays out a text/plain body. flowed and delsp are the parameters of
// RFC 3676 section 4. answer says that it answers another message.
func plainText(text string, flowed, delsp, answer bool) []block {
	lines := strings.Split(strings.ReplaceAll(strings.TrimRight(text, "\r\n \t"), "\r\n", "\n"), "\n")
	quoted := make([]quotedLine, len(lines))
	for i, l := range lines {
		quoted[i] = unquote(l, flowed)
	}
	if flowed {
		quoted = reflow(quoted, delsp)
	}
	if answer {
		quoteRest(quoted)
	}
	return blocks(quoted)
}

// quoteRest makes a quotation of what follows the head of the answered message, as Outlook
// leaves it: a line of hyphens with words between them, or of underscores, and a field.
func quoteRest(lines []quotedLine) {
	for i, l := range lines {
		if l.depth > 0 || !isSeparator(strings.TrimSpace(l.text)) || !fieldFollows(lines[i+1:]) {
			continue
		}
		for k := i; k < len(lines); k++ {
			lines[k].depth++
		}
		return
	}
}

func isSeparator(s string) bool {
	if strings.Trim(s, "_") == "" {
		return len(s) >= 20
	}
	words := strings.TrimPrefix(strings.TrimSuffix(s, "-----"), "-----")
	return len(words) == len(s)-10 && len(s) < 80 && strings.Trim(words, "- ") != ""
}

// fieldFollows reports whether the next line that is not empty is like "From: Ann", in any
// language.
func fieldFollows(lines []quotedLine) bool {
	for _, l := range lines {
		if text := strings.TrimSpace(l.text); text != "" {
			name, value, ok := strings.Cut(text, ":")
			return ok && len(name) > 0 && len(name) < 30 && strings.Count(name, " ") < 3 && strings.HasPrefix(value, " ")
		}
	}
	return false
}

// isAnswer reports whether a message answers another one, and does not just pass it on.
func isAnswer(root *message.Part) bool {
	if len(values(root, "In-Reply-To"))+len(values(root, "References")) == 0 {
		return false
	}
	before, _, prefixed := strings.Cut(subjectOf(root), ":")
	return !prefixed || !slices.Contains(forwardPrefixes, strings.ToLower(strings.TrimSpace(before)))
}

// forwardPrefixes begin the subjects of messages that were passed on, in many languages.
var forwardPrefixes = []string{"fwd", "fw", "wg", "tr", "rv", "enc", "pd", "i", "doorst", "vb", "vl", "ynt", "إعادة توجيه"}

// quotedLine is a line without the signs of quotation before it.
type quotedLine struct {
	depth int
	text  string
}

// unquote counts the ">" before a line. Flowed text has them without spaces in
// between and stuffs a space behind (RFC 3676 section 4.4, 4.5); elsewhere
// "> > text" is as usual as ">> text".
func unquote(line string, flowed bool) quotedLine {
	q := quotedLine{text: line}
	for {
		rest, ok := strings.CutPrefix(q.text, ">")
		if !ok && !flowed && q.depth > 0 {
			rest, ok = strings.CutPrefix(q.text, " >")
		}
		if !ok {
			break
		}
		q.depth, q.text = q.depth+1, rest
	}
	if flowed || q.depth > 0 {
		q.text = strings.TrimPrefix(q.text, " ")
	}
	return q
}

// reflow joins the lines that end in a space with the next of the same depth
// (RFC 3676 section 4.2). "-- " is not flowed.
func reflow(in []quotedLine, delsp bool) []quotedLine {
	var out []quotedLine
	var open *strings.Builder // the text of the last line of out, if it goes on
	for _, q := range in {
		signature := q.text == "-- "
		if open != nil && q.depth == out[len(out)-1].depth && !signature {
			// as if they had always been one line
		} else {
			out = append(out, quotedLine{depth: q.depth})
			open = new(strings.Builder)
		}
		soft := strings.HasSuffix(q.text, " ") && !signature
		if soft && delsp {
			q.text = q.text[:len(q.text)-1]
		}
		open.WriteString(q.text)
		out[len(out)-1].text = open.String()
		if !soft {
			open = nil
		}
	}
	return out
}

// blocks joins lines of the same depth and finds the links in them.
func blocks(lines []quotedLine) []block {
	var out []block
	signature := false
	for start := 0; start < len(lines); {
		depth, end := lines[start].depth, start
		begins := depth == 0 && strings.TrimRight(lines[start].text, "\r") == "-- "
		signature = signature && depth == 0 || begins
		var text strings.Builder
		for ; end < len(lines) && lines[end].depth == depth; end++ {
			if end > start && depth == 0 && lines[end].text == "-- " {
				break // the signature is a block of its own
			}
			if end > start {
				text.WriteByte('\n')
			}
			text.WriteString(lines[end].text)
		}
		start = end
		if strings.TrimSpace(text.String()) != "" {
			out = append(out, block{Depth: min(depth, maxQuote), Signature: signature, Text: htmlsafe.Linkify(trimBlank(text.String()))})
		}
	}
	return out
}

// trimBlank removes empty lines at both ends.
func trimBlank(s string) string {
	s = strings.TrimRight(s, "\n\r\t ")
	for {
		line, rest, ok := strings.Cut(s, "\n")
		if !ok || strings.TrimSpace(line) != "" {
			return s
		}
		s = rest
	}
}
