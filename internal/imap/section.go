package imap

import (
	"strconv"
	"strings"

	"fantail/internal/imap/wire"
)

// SectionKind is the part of a section that is text, not numbers.
type SectionKind uint8

// The section-texts of RFC 9051 section 6.4.5.1.
const (
	SectionAll    SectionKind = iota // nothing: the whole part
	SectionHeader                    // HEADER
	SectionFields                    // HEADER.FIELDS
	SectionNot                       // HEADER.FIELDS.NOT
	SectionText                      // TEXT
	SectionMIME                      // MIME
)

// Section is the rule section: which part of a message, and what of it.
type Section struct {
	Path   []int
	Kind   SectionKind
	Fields []string // of SectionFields and SectionNot, as the client spelled them
}

// Limits of one section.
const (
	maxSectionPath   = 100
	maxSectionFields = 500
)

// scanSection scans [section-spec].
func scanSection(s *wire.Scanner) Section {
	var sec Section
	for c := s.Peek(); c >= '0' && c <= '9'; c = s.Peek() {
		if !sec.scanNumber(s) || !s.Try('.') {
			return sec
		}
	}
	if len(sec.Path) == 0 && s.Peek() == ']' {
		return sec
	}
	switch {
	case s.TryName("HEADER.FIELDS.NOT"):
		sec.Kind = SectionNot
	case s.TryName("HEADER.FIELDS"):
		sec.Kind = SectionFields
	case s.TryName("HEADER"):
		sec.Kind = SectionHeader
	case s.TryName("TEXT"):
		sec.Kind = SectionText
	case len(sec.Path) > 0 && s.TryName("MIME"):
		sec.Kind = SectionMIME
	default:
		s.Expected("a section")
	}
	if sec.Kind == SectionFields || sec.Kind == SectionNot {
		sec.Fields = scanHeaderList(s)
	}
	return sec
}

// scanNumber scans one number of the rule section-part, and reports false after an
// error.
func (sec *Section) scanNumber(s *wire.Scanner) bool {
	n := s.NzNumber()
	if len(sec.Path) >= maxSectionPath {
		s.Fail(&wire.LimitError{Budget: "length of a part number", Limit: maxSectionPath})
	}
	if s.Err() != nil {
		return false
	}
	sec.Path = append(sec.Path, int(n))
	return true
}

// scanHeaderList scans SP and the rule header-list.
func scanHeaderList(s *wire.Scanner) []string {
	var names []string
	s.SP()
	n := s.List(func() {
		name := s.AString()
		switch {
		case s.Err() != nil:
		case len(names) >= maxSectionFields:
			s.Fail(&wire.LimitError{Budget: "number of field names", Limit: maxSectionFields})
		case !isFieldName(name):
			s.Expected("a field name")
		default:
			names = append(names, name)
		}
	})
	if n == 0 {
		s.Expected("a field name")
	}
	return names
}

// isFieldName reports whether a field could have the name (RFC 5322 section 2.2).
// The name is echoed in the response, so it must be printable.
func isFieldName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

var sectionNames = map[SectionKind]string{
	SectionHeader: "HEADER",
	SectionFields: "HEADER.FIELDS",
	SectionNot:    "HEADER.FIELDS.NOT",
	SectionText:   "TEXT",
	SectionMIME:   "MIME",
}

// String writes the section as a response names it: keywords in capitals, field
// names as the client spelled them.
func (sec Section) String() string {
	var b strings.Builder
	for i, n := range sec.Path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	if sec.Kind == SectionAll {
		return b.String()
	}
	if len(sec.Path) > 0 {
		b.WriteByte('.')
	}
	b.WriteString(sectionNames[sec.Kind])
	if sec.Kind == SectionFields || sec.Kind == SectionNot {
		b.WriteString(" (")
		for i, f := range sec.Fields {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(fieldName(f))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// fieldName writes a field name as an astring.
func fieldName(s string) string {
	if wire.IsAtom(s) && !strings.EqualFold(s, "NIL") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
