package dovecot

import (
	"errors"
	"strings"
)

// errVariable says that a text has a variable that there is nothing like.
var errVariable = errors.New("a variable that there is nothing like")

// variablesOf are Dovecot's, of both versions, and ours; names are small letters here
// already.
var variablesOf = map[string]string{
	"u": "%{user}", "n": "%{local}", "d": "%{domain}", "h": "~", "%": "%%",
	"user": "%{user}", "username": "%{local}", "domain": "%{domain}", "home": "~",
	"user|username": "%{local}", "user|domain": "%{domain}", "user|lower": "%{user}",
	"user|username|lower": "%{local}", "user|domain|lower": "%{domain}", "user|lower|username": "%{local}", "user|lower|domain": "%{domain}",
	"original_user": "%{user}", "owner_user": "%{user}", "owner_home": "~",
}

// variables says a text of Dovecot's in our variables.
func variables(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		rest := s[i+1:]
		name := ""
		switch {
		case strings.HasPrefix(rest, "{"):
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return "", errVariable
			}
			name = strings.ReplaceAll(rest[1:end], " ", "")
			i += end + 1
		case strings.HasPrefix(rest, "L") && len(rest) > 1:
			name = rest[1:2]
			i += 2
		case rest != "":
			name = rest[:1]
			i++
		}
		ours, ok := variablesOf[name]
		if !ok {
			return "", errVariable
		}
		b.WriteString(ours)
	}
	return b.String(), nil
}
