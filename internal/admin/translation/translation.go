// Package translation is what the configuration of another server becomes here: settings of
// fantail.toml, each with what it comes from, and notes on what does not come along.
//
// The packages that read other servers' configurations fill a Result; the verbs of fantail
// print it. What a setting of theirs means is theirs to know, and no name of one stands here.
package translation

import (
	"fmt"
	"slices"
	"strings"

	"fantail/internal/daemon/conf"
)

// Result is a configuration, translated. The zero Result is an empty one.
type Result struct {
	Settings []Setting
	Notes    []Note
}

// Setting is one of fantail.toml.
type Setting struct {
	Name  string // such as "mail.path"
	Value string // as the file has it
	From  Origin
}

// Note is on something that does not come along, or not as it was.
type Note struct {
	Grave bool // without a hand of the administrator, people miss something
	From  Origin
	Text  string
}

// String is the note in a line; "!" stands before a grave one.
func (n Note) String() string {
	mark := "  "
	if n.Grave {
		mark = "! "
	}
	return mark + n.From.String() + ": " + n.Text
}

// Origin is what of the other server's something comes from.
type Origin struct {
	Name string // such as "mail_location"
	File string // "" where there is one file
	Line int    // 0 if it stands nowhere
}

// String is the origin as reports have it.
func (o Origin) String() string {
	switch {
	case o.File != "" && o.Line > 0:
		return fmt.Sprintf("%s (%s, line %d)", o.Name, o.File, o.Line)
	case o.Line > 0:
		return fmt.Sprintf("%s (line %d)", o.Name, o.Line)
	case o.File != "" && o.Name != "":
		return fmt.Sprintf("%s (%s)", o.Name, o.File)
	}
	return o.Name + o.File
}

// Set makes a setting; what stood there before counts no more.
func (r *Result) Set(name, value string, from Origin) {
	r.Unset(name)
	r.Settings = append(r.Settings, Setting{name, value, from})
}

// Unset takes a setting away, if it is there.
func (r *Result) Unset(name string) {
	r.Settings = slices.DeleteFunc(r.Settings, func(s Setting) bool { return s.Name == name })
}

// Note tells of what people may notice.
func (r *Result) Note(from Origin, format string, args ...any) {
	r.Notes = append(r.Notes, Note{false, from, fmt.Sprintf(format, args...)})
}

// Grave tells of what they miss.
func (r *Result) Grave(from Origin, format string, args ...any) {
	r.Notes = append(r.Notes, Note{true, from, fmt.Sprintf(format, args...)})
}

// IsGrave reports whether there is a note without whose advice people miss something.
func (r *Result) IsGrave() bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Grave })
}

// Sort brings settings into the order of the manual, without those that are as they would
// be anyway, and the notes of each file into the order of its lines.
func (r *Result) Sort() {
	order, standard := make(map[string]int), make(map[string]string)
	for i, s := range conf.Settings() {
		order[s.Name], standard[s.Name] = i, s.Default
	}
	r.Settings = slices.DeleteFunc(r.Settings, func(s Setting) bool { return standard[s.Name] == s.Value })
	slices.SortStableFunc(r.Settings, func(a, b Setting) int { return order[a.Name] - order[b.Name] })
	files := make(map[string]int) // as they come first
	for _, n := range r.Notes {
		if _, known := files[n.From.File]; !known {
			files[n.From.File] = len(files)
		}
	}
	slices.SortStableFunc(r.Notes, func(a, b Note) int {
		if a.From.File != b.From.File {
			return files[a.From.File] - files[b.From.File]
		}
		return a.From.Line - b.From.Line
	})
}

// TOML is the settings as a file fantail.toml has them.
func (r *Result) TOML() string {
	var b strings.Builder
	section := ""
	for _, s := range r.Settings {
		table, key, _ := strings.Cut(s.Name, ".")
		if table != section {
			if section != "" {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "[%s]\n", table)
			section = table
		}
		fmt.Fprintf(&b, "%s = %s  # %s\n", key, s.Value, s.From.Name)
	}
	return b.String()
}

// Quote is a string as fantail.toml has it.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// QuoteAll is a list of strings as fantail.toml has it.
func QuoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// Short is as much of a value as a note quotes.
func Short(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
