package conf

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Template is the absolute path of something that each account has its own of, with
// variables for the parts of the account's name:
//
//	%{user}     all of it
//	%{local}    what stands before the last "@", or all of it
//	%{domain}   what stands behind the last "@"
//	%%          a percent sign
//
// The zero Template is that none is set.
type Template string

// variables are the parts of a name.
var variables = map[string]func(name string) string{
	"user": func(name string) string { return name },
	"local": func(name string) string {
		if i := strings.LastIndexByte(name, '@'); i >= 0 {
			return name[:i]
		}
		return name
	},
	"domain": func(name string) string {
		if i := strings.LastIndexByte(name, '@'); i >= 0 {
			return name[i+1:]
		}
		return ""
	},
}

// ParseTemplate checks a template. One that is not empty is an absolute path and has
// %{user} or %{local} in it: accounts do not share a home.
func ParseTemplate(text string) (Template, error) {
	if text == "" {
		return "", nil
	}
	if !filepath.IsAbs(text) {
		return "", fmt.Errorf("%q is not an absolute path", text)
	}
	own := false
	_, err := substitute(text, func(variable string) (string, error) {
		if _, ok := variables[variable]; !ok {
			return "", fmt.Errorf("%%{%s} is none of %%{user}, %%{local}, %%{domain}", variable)
		}
		own = own || variable != "domain"
		return "x", nil
	})
	if err == nil && !own {
		err = fmt.Errorf("%q has neither %%{user} nor %%{local}: all accounts would share it", text)
	}
	return Template(text), err
}

// Expand returns the path for the account called name. A part of the name that could
// lead elsewhere in a path is an error: an empty one, "." and "..", one with "/" or NUL.
func (t Template) Expand(name string) (string, error) {
	path, err := substitute(string(t), func(variable string) (string, error) {
		part := variables[variable](name)
		switch {
		case part == "":
			return "", fmt.Errorf("the name has no %s", variable)
		case part == "." || part == ".." || strings.ContainsAny(part, "/\x00"):
			return "", fmt.Errorf("the %s of the name cannot stand in a path", variable)
		}
		return part, nil
	})
	return filepath.Clean(path), err
}

// Expand replaces the same variables in a text that is no path, with what escape makes
// of the parts of a name. It is an error if there is no such variable, or the name has
// not such a part.
func Expand(text, name string, escape func(part string) string) (string, error) {
	return substitute(text, func(variable string) (string, error) {
		of, ok := variables[variable]
		if !ok {
			return "", fmt.Errorf("%%{%.20s} is none of %%{user}, %%{local}, %%{domain}", variable)
		}
		part := of(name)
		if part == "" {
			return "", fmt.Errorf("the name has no %s", variable)
		}
		return escape(part), nil
	})
}

// substitute replaces the variables of a text.
func substitute(text string, value func(variable string) (string, error)) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		if rest, ok := strings.CutPrefix(after, "%"); ok {
			b.WriteByte('%')
			text = rest
			continue
		}
		inner, ok := strings.CutPrefix(after, "{")
		variable, rest, closed := strings.Cut(inner, "}")
		if !ok || !closed {
			return "", errors.New(`"%" is the beginning of a variable such as %{user}, or of %%`)
		}
		part, err := value(variable)
		if err != nil {
			return "", err
		}
		b.WriteString(part)
		text = rest
	}
}

// String is the template as ParseTemplate reads it.
func (t Template) String() string { return string(t) }

func template(field func(*Config) *Template) kind {
	return parsed("path with %{user}, %{local}, %{domain}", field, ParseTemplate)
}
