package compose

import (
	"html"
	"strings"

	"fantail/internal/webmail/htmlsafe"
)

// manyQuotes is how many quotations a text may open until those below the first level
// are not shown apart any more: a mark is one octet, and an element more than a hundred.
const manyQuotes = 5000

// ToHTML returns text as HTML for the editor: a div for each line, blockquotes for
// quotation, links where addresses are.
func ToHTML(text string) string {
	var out strings.Builder
	depth, opened, deepest := 0, 0, maxQuotes
	for line := range strings.SplitSeq(text, "\n") {
		q := splitQuote(line)
		for q.depth = min(q.depth, deepest); depth < q.depth; depth++ {
			out.WriteString(openQuote)
			if opened++; opened > manyQuotes {
				deepest = 1
			}
		}
		for ; depth > q.depth; depth-- {
			out.WriteString("</blockquote>")
		}
		out.WriteString("<div>")
		if q.text == "" {
			out.WriteString("<br>")
		}
		for _, s := range htmlsafe.Linkify(q.text) {
			if s.URL == "" {
				writeSpaced(&out, s.Text)
				continue
			}
			out.WriteString(`<a href="` + html.EscapeString(s.URL) + `">` + html.EscapeString(s.Text) + "</a>")
		}
		out.WriteString("</div>")
	}
	for ; depth > 0; depth-- {
		out.WriteString("</blockquote>")
	}
	return out.String()
}

// quoteStyle is what a quotation looks like where nobody has said it: a line beside it.
const quoteStyle = "margin:0 0 0 0.8ex;border-left:2px solid #ccc;padding-left:1ex"

// openQuote begins a quotation. Programs know type="cite", which HTML does not.
const openQuote = `<blockquote type="cite" style="` + quoteStyle + `">`

// writeSpaced writes text such that its spaces stay: of several, and at both ends of
// it, there are some that do not break.
func writeSpaced(out *strings.Builder, s string) {
	s = strings.ReplaceAll(s, "\t", "    ")
	for i, run := 0, 0; i < len(s); i += run {
		run = len(s[i:]) - len(strings.TrimLeft(s[i:], " "))
		if run == 0 {
			run = len(s) - i
			if n := strings.IndexByte(s[i:], ' '); n >= 0 {
				run = n
			}
			out.WriteString(html.EscapeString(s[i : i+run]))
			continue
		}
		if i > 0 && i+run < len(s) {
			out.WriteString(strings.Repeat("&nbsp;", run-1) + " ")
		} else {
			out.WriteString(strings.Repeat("&nbsp;", run))
		}
	}
}
