package imap

import "fantail/internal/imap/wire"

// IDField is one pair of an ID parameter list (RFC 2971 section 3.3).
type IDField struct{ Name, Value string }

// Limits of RFC 2971 section 3.3.
const (
	maxIDFields = 30
	maxIDName   = 30
	maxIDValue  = 1024
)

// ScanID scans the arguments of ID and the end of the command.
func ScanID(s *wire.Scanner) ([]IDField, error) {
	var fields []IDField
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
		f := IDField{Name: s.IMAPString()}
		s.SP()
		f.Value, _ = s.NString()
		if len(fields) >= maxIDFields || len(f.Name) > maxIDName || len(f.Value) > maxIDValue {
			s.Expected("fields within the limits of RFC 2971")
		}
		fields = append(fields, f)
	}
	s.ListEnd()
	s.CRLF()
	return fields, s.Err()
}
