package dialogue

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// vars are the captured texts by name.
type vars map[string]string

type kind uint8

const (
	text kind = iota
	anything
	variable
	anyOrder
)

type token struct {
	kind  kind
	text  string   // the text, or the variable's name
	items []string // anyOrder: sorted
}

// pattern is one S line, compiled.
type pattern []token

func varByte(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// variableAt gives the variable name that begins s after its "$", or "".
func variableAt(s string) string {
	if len(s) < 2 || s[0] != '$' || s[1] < 'a' || s[1] > 'z' {
		return ""
	}
	n := 1
	for n < len(s) && varByte(s[n]) {
		n++
	}
	return s[1:n]
}

func compile(s string) pattern {
	var p pattern
	lit := func(t string) {
		if n := len(p); n > 0 && p[n-1].kind == text {
			p[n-1].text += t
			return
		}
		p = append(p, token{kind: text, text: t})
	}
	for len(s) > 0 {
		name := variableAt(s)
		switch {
		case strings.HasPrefix(s, "..."):
			if n := len(p); n == 0 || p[n-1].kind != anything {
				p = append(p, token{kind: anything})
			}
			s = s[3:]
		case strings.HasPrefix(s, "$$"):
			lit("$")
			s = s[2:]
		case name != "":
			p = append(p, token{kind: variable, text: name})
			s = s[1+len(name):]
		case strings.HasPrefix(s, "(~") && strings.Contains(s, ")"):
			end := strings.IndexByte(s, ')')
			items := strings.Fields(strings.ReplaceAll(s[2:end], "$$", "$"))
			slices.Sort(items)
			p = append(p, token{kind: anyOrder, items: items})
			s = s[end+1:]
		default:
			lit(s[:1])
			s = s[1:]
		}
	}
	return p
}

// match reports whether s is what p says; the result is v with what p
// captured, v itself is left alone.
func (p pattern) match(s string, v vars) (vars, bool) {
	v = maps.Clone(v)
	if v == nil {
		v = vars{}
	}
	return v, p.try(s, v)
}

// try matches with the shortest texts first and undoes its captures on the
// way back.
func (p pattern) try(s string, v vars) bool {
	if len(p) == 0 {
		return s == ""
	}
	switch t := p[0]; t.kind {
	case text:
		rest, ok := strings.CutPrefix(s, t.text)
		return ok && p[1:].try(rest, v)
	case anything:
		for i := 0; i <= len(s); i++ {
			if p[1:].try(s[i:], v) {
				return true
			}
		}
		return false
	case anyOrder:
		return p.tryAnyOrder(s, v)
	default:
		return p.tryVariable(s, v)
	}
}

func (p pattern) tryVariable(s string, v vars) bool {
	name := p[0].text
	if have, ok := v[name]; ok {
		rest, ok := strings.CutPrefix(s, have)
		return ok && p[1:].try(rest, v)
	}
	for i := 1; i <= len(s) && s[i-1] != ' '; i++ {
		v[name] = s[:i]
		if p[1:].try(s[i:], v) {
			return true
		}
	}
	delete(v, name)
	return false
}

func (p pattern) tryAnyOrder(s string, v vars) bool {
	end := strings.IndexByte(s, ')')
	if end < 0 || s[0] != '(' {
		return false
	}
	items := strings.Split(s[1:end], " ")
	if s[1:end] == "" {
		items = nil
	}
	slices.Sort(items)
	return slices.Equal(items, p[0].items) && p[1:].try(s[end+1:], v)
}

// expand puts captured texts into what the client sends.
func (v vars) expand(s string) (string, error) {
	var b strings.Builder
	for len(s) > 0 {
		name := variableAt(s)
		switch {
		case strings.HasPrefix(s, "$$"):
			b.WriteByte('$')
			s = s[2:]
		case name != "":
			have, ok := v[name]
			if !ok {
				return "", fmt.Errorf("$%s has no value yet", name)
			}
			b.WriteString(have)
			s = s[1+len(name):]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return b.String(), nil
}

// assign finds an order in which every pattern of once matches one line, each
// line is matched, and lines left over match one of many. nil: there is none.
func assign(once, many []pattern, lines []string, v vars) (vars, bool) {
	if len(lines) == 0 {
		return v, len(once) == 0
	}
	for i, p := range once {
		if w, ok := p.match(lines[0], v); ok {
			if w, ok = assign(slices.Delete(slices.Clone(once), i, i+1), many, lines[1:], w); ok {
				return w, true
			}
		}
	}
	for _, p := range many {
		if w, ok := p.match(lines[0], v); ok {
			if w, ok = assign(once, many, lines[1:], w); ok {
				return w, true
			}
		}
	}
	return v, false
}
