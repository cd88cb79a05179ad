package dovecot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Budgets of a configuration.
const (
	maxInput = 4 << 20 // octets
	maxLine  = 64 << 10
	maxDepth = 16
)

// ErrNotDovecot says that a text is not what doveconf prints.
var ErrNotDovecot = errors.New("not the output of doveconf -n")

// Block is a section, or all of a configuration.
type Block struct {
	Name     string // such as "passdb"; "" for all of it
	Label    string // such as "pam" in 2.4, or the name of a namespace
	Line     int
	Settings []Setting
	Blocks   []*Block
}

// Setting is a line of Dovecot's.
type Setting struct {
	Name, Value string
	Line        int
}

// Config is what doveconf has printed.
type Config struct {
	Version string // such as "2.3.19.1"; "" if it does not say
	Block
}

// is24 reports whether it is of version 2.4 or later, whose settings have other names.
func (c *Config) is24() bool {
	var major, minor int
	if _, err := fmt.Sscanf(c.Version, "%d.%d", &major, &minor); err != nil {
		return c.has("dovecot_config_version")
	}
	return major > 2 || major == 2 && minor >= 4
}

// Value returns the last value that a setting of the block has.
func (b *Block) Value(name string) string {
	for i := len(b.Settings) - 1; i >= 0; i-- {
		if b.Settings[i].Name == name {
			return b.Settings[i].Value
		}
	}
	return ""
}

func (b *Block) has(name string) bool {
	for _, s := range b.Settings {
		if s.Name == name {
			return true
		}
	}
	return false
}

// Parse reads what doveconf -n has printed.
func Parse(r io.Reader) (*Config, error) {
	c := &Config{}
	stack := []*Block{&c.Block}
	in := bufio.NewScanner(io.LimitReader(r, maxInput+1))
	in.Buffer(nil, maxLine)
	read, n := 0, 0
	for in.Scan() {
		n++
		if read += len(in.Bytes()) + 1; read > maxInput {
			return nil, fmt.Errorf("%w: it has more than %d octets", ErrNotDovecot, maxInput)
		}
		line := strings.TrimSpace(in.Text())
		top := stack[len(stack)-1]
		switch {
		case line == "":
		case line[0] == '#':
			c.comment(line)
		case line == "}":
			if len(stack) == 1 {
				return nil, fmt.Errorf("%w: line %d ends a section that was not begun", ErrNotDovecot, n)
			}
			stack = stack[:len(stack)-1]
		case strings.HasSuffix(line, "{") && !isAssignment(line):
			if len(stack) == maxDepth {
				return nil, fmt.Errorf("%w: line %d: sections within %d others", ErrNotDovecot, n, maxDepth)
			}
			name, label, _ := strings.Cut(strings.TrimSpace(strings.TrimSuffix(line, "{")), " ")
			if name == "" {
				return nil, fmt.Errorf("%w: line %d: a section without a name", ErrNotDovecot, n)
			}
			b := &Block{Name: name, Label: unquote(strings.TrimSpace(label)), Line: n}
			top.Blocks = append(top.Blocks, b)
			stack = append(stack, b)
		default:
			name, value, ok := strings.Cut(line, "=")
			if name = strings.TrimSpace(name); !ok || name == "" {
				return nil, fmt.Errorf("%w: line %d: %.60q", ErrNotDovecot, n, line)
			}
			top.Settings = append(top.Settings, Setting{name, unquote(strings.TrimSpace(value)), n})
		}
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%w: line %d has more than %d octets", ErrNotDovecot, n+1, maxLine)
	case err != nil:
		return nil, fmt.Errorf("read the output of doveconf: %w", err)
	case len(stack) > 1:
		return nil, fmt.Errorf("%w: the section %s of line %d has no end", ErrNotDovecot, stack[len(stack)-1].Name, stack[len(stack)-1].Line)
	case len(c.Settings)+len(c.Blocks) == 0 && c.Version == "":
		return nil, fmt.Errorf("%w: there is nothing in it", ErrNotDovecot)
	}
	return c, nil
}

// isAssignment reports whether a line with "{" at its end is a value after all, such as that of
// auth_username_format in 2.4.
func isAssignment(line string) bool {
	before, _, ok := strings.Cut(line, "=")
	return ok && !strings.ContainsAny(strings.TrimSpace(before), " \t\"")
}

// comment reads the first one, such as "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf".
func (c *Config) comment(line string) {
	word, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "#")), " ")
	if c.Version == "" && word != "" && word[0] >= '0' && word[0] <= '9' {
		c.Version = strings.TrimSuffix(word, ":")
	}
}

// unquote takes the quotation marks from a value that is in them.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
