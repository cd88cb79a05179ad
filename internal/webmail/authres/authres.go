// Package authres reads Authentication-Results fields (RFC 8601): what a mail server
// that took a message in has found out about who sent it.
//
// A field says by its authserv-id which server wrote it. Everybody can write one, so
// only those count whose authserv-id is that of the reader's own servers, which remove
// what comes from outside under their name (RFC 8601 section 5). Of returns these.
package authres

import "strings"

// Field is an Authentication-Results field.
type Field struct {
	ID      string // authserv-id, as it is written
	Results []Result
}

// Result is what one method has found out (RFC 8601 section 2.2, resinfo).
type Result struct {
	Method string // in lower case: dkim, spf, dmarc and so on
	Value  string // in lower case: pass, fail, none and so on
	Reason string
	props  []property
}

type property struct{ name, value string }

// Prop returns a property such as "header.d", named in lower case; "" if there is none.
func (r *Result) Prop(name string) string {
	for _, p := range r.props {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// Limits of what is kept of one field.
const (
	maxField   = 20_000 // octets; of a longer one nothing is believed
	maxResults = 100
	maxProps   = 50 // of one result
)

// Parse reads the value of a field, unfolded or not. ok is false if it is none; a field
// without results ("none") is one.
func Parse(value string) (f Field, ok bool) {
	if len(value) > maxField {
		return Field{}, false
	}
	l := lexer{s: value}
	id := l.next()
	if id.kind != word || id.text == "" {
		return Field{}, false
	}
	f.ID = id.text
	t := l.next()
	if t.kind == word { // the version; there is only one
		if t.text != "1" {
			return Field{}, false
		}
		t = l.next()
	}
	for t.kind == semicolon {
		if t = l.next(); t.kind != word {
			continue // an empty one, as some end with
		}
		var r Result
		if r, t, ok = l.result(t); !ok {
			return Field{}, false
		}
		if r.Method != "" && len(f.Results) < maxResults {
			f.Results = append(f.Results, r)
		}
	}
	return f, t.kind == end
}

// result reads a resinfo that begins with a word, and returns the token behind it. "none"
// is one without a method.
func (l *lexer) result(t token) (r Result, after token, ok bool) {
	first := true
	for t.kind == word {
		name := strings.ToLower(t.text)
		t = l.next()
		if first && name == "none" && t.kind != equals {
			return r, t, true
		}
		if t.kind != equals {
			return r, t, false
		}
		v := l.value()
		if v.kind != word {
			return r, v, false
		}
		switch {
		case first:
			r.Method, _, _ = strings.Cut(name, "/") // and a version
			r.Value = strings.ToLower(v.text)
		case name == "reason":
			r.Reason = v.text
		case len(r.props) < maxProps:
			r.props = append(r.props, property{name, v.text})
		}
		first = false
		t = l.next()
	}
	return r, t, true
}

// Of returns the results of all fields that a server with this authserv-id wrote, in
// order. Names of hosts have no case.
func Of(values []string, id string) []Result {
	var out []Result
	for _, v := range values {
		if f, ok := Parse(v); ok && id != "" && strings.EqualFold(f.ID, id) {
			out = append(out, f.Results...)
		}
	}
	return out
}
