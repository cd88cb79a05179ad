package admin

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// columns writes a list for people: the columns as wide as they must be, with their
// names above; one that is empty in a row is "-".
func (t *tool) columns(names []string, rows [][]string) {
	widths := make([]int, len(names))
	all := append([][]string{names}, rows...)
	for _, row := range all {
		for i := range row {
			if row[i] = printable(row[i]); row[i] == "" {
				row[i] = "-"
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		t.say("%s", strings.TrimRight(line.String(), " "))
	}
}

// printable is text with what could do something to a terminal as escapes.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return text
	}
	quoted := fmt.Sprintf("%q", text)
	return quoted[1 : len(quoted)-1]
}

// object writes one object of a list for scripts: JSON on a line of its own.
func (t *tool) object(v any) error {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
