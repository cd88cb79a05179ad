// Package ident is the grammar of ID (RFC 2971), the one command with arguments of
// its own that fronts and sessions both know. So it is apart from the rest of the
// grammar, which needs more than a front may link.
package ident

import (
	"strings"

	"fantail/internal/imap/wire"
)

// Field is one pair of an ID parameter list (RFC 2971 section 3.3).
type Field struct{ Name, Value string }

// Limits of RFC 2971 section 3.3.
const (
	maxFields = 30
	maxName   = 30
	maxValue  = 1024
)

// Client is what the fields say about the client: its name and version, with a slash
// between them, or "" if there is no name. It has 128 octets at most.
func Client(fields []Field) string {
	var name, version string
	for _, f := range fields {
		switch {
		case strings.EqualFold(f.Name, "name"):
			name = f.Value
		case strings.EqualFold(f.Name, "version"):
			version = f.Value
		}
	}
	if name == "" {
		return ""
	}
	const most = 128
	client := name + "/" + version
	return client[:min(len(client), most)]
}

// Scan scans the arguments of ID and the end of the command.
func Scan(s *wire.Scanner) ([]Field, error) {
	var fields []Field
	s.SP()
	if s.TryName("NIL") {
		s.CRLF()
		return nil, s.Err()
	}
	s.ListStart()
	for s.Err() == nil && s.Peek() != ')' {
		if len(fields) > 0 {
			s.SP()
		}
		f := Field{Name: s.IMAPString()}
		s.SP()
		f.Value, _ = s.NString()
		if len(fields) >= maxFields || len(f.Name) > maxName || len(f.Value) > maxValue {
			s.Expected("fields within the limits of RFC 2971")
		}
		fields = append(fields, f)
	}
	s.ListEnd()
	s.CRLF()
	return fields, s.Err()
}
