package admin

import (
	"fmt"
	"strings"
)

// Levels of findings.
const (
	levelOK      = "ok"
	levelWarning = "warning" // it works, and should not stay so
	levelError   = "error"   // somebody cannot read mail, or more can be read than should
)

// finding is what has been found, as scripts see it.
type finding struct {
	Level    string   `json:"level"`
	About    string   `json:"about"`
	Text     string   `json:"text"`               // what is so
	Why      string   `json:"why,omitempty"`      // why that matters
	Commands []string `json:"commands,omitempty"` // what to type, in this order
}

// ok, warning and wrong note a finding. Those that are not ok go on with why and what to
// type:
//
//	x.wrong("%s has expired", path).because("no client connects").typing("certbot renew")
func (x *examination) ok(format string, args ...any) {
	x.note(levelOK, format, args...)
}

func (x *examination) warning(format string, args ...any) *finding {
	return x.note(levelWarning, format, args...)
}

func (x *examination) wrong(format string, args ...any) *finding {
	return x.note(levelError, format, args...)
}

func (x *examination) note(level, format string, args ...any) *finding {
	f := &finding{Level: level, About: x.about, Text: fmt.Sprintf(format, args...)}
	x.findings = append(x.findings, f)
	return f
}

// because says why it matters.
func (f *finding) because(why string) *finding {
	f.Why = why
	return f
}

// typing says what to type: commands of sh(1), as root where root has found it.
func (f *finding) typing(commands ...string) *finding {
	f.Commands = append(f.Commands, commands...)
	return f
}

// finding tells one, to people or to scripts.
func (t *tool) finding(f *finding, json bool) error {
	for i := range f.Commands {
		f.Commands[i] = t.typed(f.Commands[i])
	}
	if json {
		return t.object(f)
	}
	level, about := f.Level, f.About
	for line := range strings.SplitSeq(f.Text, "\n") {
		t.say("%s", strings.TrimRight(fmt.Sprintf("%-8s %-14s %s", level, about, printable(line)), " "))
		level, about = "", ""
	}
	if f.Why != "" {
		t.say("%23s %s", "", printable(f.Why))
	}
	for _, c := range f.Commands {
		t.say("%23s     %s", "", printable(c))
	}
	return nil
}

// editing is the command that opens a file at a line; 0 is none in particular.
func editing(path string, line int) string {
	if line == 0 {
		return `"${EDITOR:-vi}" ` + argumentOf(path)
	}
	return fmt.Sprintf(`"${EDITOR:-vi}" +%d %s`, line, argumentOf(path))
}
