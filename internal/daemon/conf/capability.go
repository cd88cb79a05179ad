package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ClientRule turns capabilities off for clients that break on them: those whose
// name and version, as they say them by ID (RFC 2971), fit a pattern.
type ClientRule struct {
	// Pattern is compared with "name/version", without regard to the case of ASCII
	// letters. "*" in it stands for any octets, also none, "?" for one.
	Pattern string
	Without []string // names of capabilities
}

// String is the rule as it stands in the configuration.
func (r ClientRule) String() string { return r.Pattern + ": " + strings.Join(r.Without, " ") }

// Fits reports whether the rule is for a client that says name/version. It takes
// time for the product of the two lengths at most.
func (r ClientRule) Fits(client string) bool {
	pattern := strings.ToLower(r.Pattern)
	client = strings.ToLower(client)
	p, c := 0, 0
	star, from := -1, 0 // the last star, and where what stands behind it was tried
	for c < len(client) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, c
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == client[c]):
			p++
			c++
		case star >= 0:
			from++
			p, c = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// parseRule reads a rule such as "Example Mail/2.*: NOTIFY QRESYNC".
func parseRule(text string) (ClientRule, error) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.TrimSpace(text[:i]) == "" {
		return ClientRule{}, fmt.Errorf(`%q is no rule such as "name/version*: NOTIFY QRESYNC"`, text)
	}
	r := ClientRule{Pattern: strings.TrimSpace(text[:i]), Without: strings.Fields(text[i+1:])}
	if len(r.Without) == 0 {
		return ClientRule{}, fmt.Errorf("%q names no capability", text)
	}
	for _, c := range r.Without {
		if err := CheckCapability(c); err != nil {
			return ClientRule{}, err
		}
	}
	return r, nil
}

// needed are the capabilities without which there is no IMAP, or no login.
var needed = []string{"IMAP4REV1", "STARTTLS", "LOGINDISABLED"}

// CheckCapability reports whether name can be that of a capability which an
// administrator turns off.
func CheckCapability(name string) error {
	upper := strings.ToUpper(name)
	if slices.Contains(needed, upper) || strings.HasPrefix(upper, "AUTH=") {
		return fmt.Errorf("capability %s cannot be turned off", name)
	}
	for _, c := range []byte(name) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-+=._/", rune(c)) {
			return fmt.Errorf("%q is no name of a capability", name)
		}
	}
	if name == "" || len(name) > 64 {
		return errors.New("the name of a capability has 1 to 64 letters")
	}
	return nil
}

// list is a list of strings, each of which parse reads and show writes.
func list[T any](words string, field func(*Config) *[]T, parse func(string) (T, error), show func(T) string) kind {
	return kind{
		words: words,
		set: func(c *Config, v value, _ string) error {
			texts, err := v.strings()
			if err != nil {
				return err
			}
			all := make([]T, len(texts))
			for i, t := range texts {
				if all[i], err = parse(t); err != nil {
					return v.at(i, err)
				}
			}
			*field(c) = all
			return nil
		},
		show: func(c *Config) string {
			quoted := make([]string, len(*field(c)))
			for i, t := range *field(c) {
				quoted[i] = quote(show(t))
			}
			return "[" + strings.Join(quoted, ", ") + "]"
		},
	}
}

func capabilities(field func(*Config) *[]string) kind {
	return list("list of capabilities", field,
		func(s string) (string, error) { return s, CheckCapability(s) },
		func(s string) string { return s })
}

func rules(field func(*Config) *[]ClientRule) kind {
	return list("list of rules", field, parseRule, ClientRule.String)
}

// mechanisms are names of SASL (RFC 4422 section 3.1); whether there is such a mechanism
// is for authd to say.
func mechanisms(field func(*Config) *[]string) kind {
	return list("list of mechanisms", field,
		func(s string) (string, error) {
			upper := strings.ToUpper(s)
			if s == "" || len(s) > 20 || strings.Trim(upper, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
				return "", fmt.Errorf("%q is no name of a mechanism", s)
			}
			return upper, nil
		},
		func(s string) string { return s })
}
