package imap

import (
	"slices"
	"strconv"
	"strings"

	"fantail/internal/imap/wire"
)

// FetchKind is what a FETCH item is about.
type FetchKind uint8

// The items of RFC 3501 section 6.4.5.
const (
	FetchFlags FetchKind = iota
	FetchUID
	FetchInternalDate
	FetchSize
	FetchEnvelope
	FetchBody          // BODY: the structure without extension data
	FetchBodyStructure // BODYSTRUCTURE
	FetchSection       // BODY[...] and RFC822, RFC822.HEADER, RFC822.TEXT
)

// FetchItem is one data item of FETCH.
type FetchItem struct {
	Kind    FetchKind
	Name    string // as the response names it
	Peek    bool   // \Seen is not set
	Section Section
	Partial *Partial
}

// Partial is the rule partial: octets of a section, from Offset, at most Count.
type Partial struct {
	Offset int64
	Count  int64 // not 0
}

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

// Limits of what one FETCH may ask for.
const (
	maxFetchItems    = 100
	maxSectionPath   = 100
	maxSectionFields = 500
)

// FetchArgs are the arguments of FETCH.
type FetchArgs struct {
	Set   SeqSet
	Items []FetchItem
}

// ScanFetch scans the arguments of FETCH and UID FETCH, and the end of the
// command.
func ScanFetch(s *wire.Scanner) (FetchArgs, error) {
	var a FetchArgs
	s.SP()
	a.Set = ScanSeqSet(s)
	s.SP()
	switch {
	case s.Peek() == '(':
		if s.List(func() { a.scanItem(s) }) == 0 {
			s.Expected("a data item")
		}
	default:
		if items := scanMacro(s); items != nil {
			a.Items = items
		} else {
			a.scanItem(s)
		}
	}
	s.CRLF()
	return a, s.Err()
}

var (
	itemFlags    = FetchItem{Kind: FetchFlags, Name: "FLAGS"}
	itemUID      = FetchItem{Kind: FetchUID, Name: "UID"}
	itemDate     = FetchItem{Kind: FetchInternalDate, Name: "INTERNALDATE"}
	itemSize     = FetchItem{Kind: FetchSize, Name: "RFC822.SIZE"}
	itemEnvelope = FetchItem{Kind: FetchEnvelope, Name: "ENVELOPE"}
	itemBody     = FetchItem{Kind: FetchBody, Name: "BODY"}
)

// UIDItem is the item that the responses to UID commands have whether or not the
// client asked for it (RFC 9051 section 6.4.9).
func UIDItem() FetchItem { return itemUID }

// scanMacro scans a macro, which stands alone (RFC 9051 section 6.4.5), or
// returns nil.
func scanMacro(s *wire.Scanner) []FetchItem {
	switch {
	case s.TryName("ALL"):
		return []FetchItem{itemFlags, itemDate, itemSize, itemEnvelope}
	case s.TryName("FAST"):
		return []FetchItem{itemFlags, itemDate, itemSize}
	case s.TryName("FULL"):
		return []FetchItem{itemFlags, itemDate, itemSize, itemEnvelope, itemBody}
	}
	return nil
}

func (a *FetchArgs) scanItem(s *wire.Scanner) {
	item := scanItem(s)
	if s.Err() != nil {
		return
	}
	if len(a.Items) >= maxFetchItems {
		s.Expected("fewer data items")
		return
	}
	// An item that is asked for twice is answered once.
	if slices.ContainsFunc(a.Items, func(b FetchItem) bool { return b.Name == item.Name && b.Peek == item.Peek && b.same(item) }) {
		return
	}
	a.Items = append(a.Items, item)
}

// same reports whether two items of one name ask for the same octets.
func (i FetchItem) same(j FetchItem) bool {
	return i.Partial == nil && j.Partial == nil || i.Partial != nil && j.Partial != nil && *i.Partial == *j.Partial
}

func scanItem(s *wire.Scanner) FetchItem {
	switch name := s.Name(); name {
	case "FLAGS":
		return itemFlags
	case "UID":
		return itemUID
	case "INTERNALDATE":
		return itemDate
	case "RFC822.SIZE":
		return itemSize
	case "ENVELOPE":
		return itemEnvelope
	case "BODYSTRUCTURE":
		return FetchItem{Kind: FetchBodyStructure, Name: name}
	case "RFC822":
		return FetchItem{Kind: FetchSection, Name: name}
	case "RFC822.HEADER": // RFC 3501 section 6.4.5: as BODY.PEEK[HEADER]
		return FetchItem{Kind: FetchSection, Name: name, Peek: true, Section: Section{Kind: SectionHeader}}
	case "RFC822.TEXT":
		return FetchItem{Kind: FetchSection, Name: name, Section: Section{Kind: SectionText}}
	case "BODY", "BODY.PEEK":
		if s.Peek() != '[' {
			if name == "BODY" {
				return itemBody
			}
			s.Expected(`"["`)
			return FetchItem{}
		}
		return scanSectionItem(s, name == "BODY.PEEK")
	}
	s.Expected("a data item")
	return FetchItem{}
}

// scanSectionItem scans what follows BODY or BODY.PEEK.
func scanSectionItem(s *wire.Scanner, peek bool) FetchItem {
	item := FetchItem{Kind: FetchSection, Peek: peek}
	s.Byte('[')
	item.Section = scanSection(s)
	s.Byte(']')
	item.Name = "BODY[" + item.Section.String() + "]"
	if s.Try('<') {
		p := Partial{Offset: s.Number64()}
		s.Byte('.')
		p.Count = s.NzNumber64() // RFC 9051 section 9: partial has an nz-number
		s.Byte('>')
		item.Partial = &p
		// RFC 9051 section 7.5.2: the response names the origin only.
		item.Name += "<" + strconv.FormatInt(p.Offset, 10) + ">"
	}
	return item
}

func scanSection(s *wire.Scanner) Section {
	var sec Section
	for c := s.Peek(); c >= '0' && c <= '9'; c = s.Peek() {
		n := s.NzNumber()
		if len(sec.Path) >= maxSectionPath || n > 1<<30 {
			s.Expected("a part number that can exist")
			return sec
		}
		sec.Path = append(sec.Path, int(n))
		if !s.Try('.') {
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

// scanHeaderList scans SP and the rule header-list.
func scanHeaderList(s *wire.Scanner) []string {
	var names []string
	s.SP()
	n := s.List(func() {
		name := s.AString()
		switch {
		case s.Err() != nil:
		case len(names) >= maxSectionFields:
			s.Expected("fewer field names")
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
