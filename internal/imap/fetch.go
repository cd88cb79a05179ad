package imap

import (
	"slices"
	"strconv"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
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
	FetchModSeq        // RFC 7162 section 3.1.4.2
	FetchBinary        // BINARY[...], RFC 3516 section 4.2: a section without transfer encoding
	FetchBinarySize    // BINARY.SIZE[...]
	FetchSaveDate      // RFC 8514 section 4.2
	FetchEmailID       // RFC 8474 section 5.3
	FetchThreadID      // RFC 8474 section 5.3
	FetchPreview       // RFC 8970 section 3.1
)

// FetchItem is one data item of FETCH.
type FetchItem struct {
	Kind    FetchKind
	Name    string // as the response names it
	Peek    bool   // \Seen is not set
	Lazy    bool   // of a preview: only if it is there already (RFC 8970 section 4.1)
	Section Section
	Partial *Partial
}

// Partial is the rule partial: octets of a section, from Offset, at most Count.
type Partial struct {
	Offset int64
	Count  int64 // not 0
}

// maxFetchItems is how many data items one FETCH may ask for.
const maxFetchItems = 100

// FetchArgs are the arguments of FETCH.
type FetchArgs struct {
	Set   SeqSet
	Items []FetchItem
	FetchModifiers
}

// FetchModifiers narrow down what FETCH is about (RFC 4466 section 2.4).
type FetchModifiers struct {
	ChangedSince *mail.ModSeq // RFC 7162 section 3.1.4.1; nil: not given
	Vanished     bool         // RFC 7162 section 3.2.6; only beside ChangedSince

	// Partial is the part of the set that counts (RFC 9394 section 3.3); nil: all.
	Partial *PartialRange
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
	if s.Err() == nil && s.Try(' ') {
		a.scanModifiers(s)
	}
	s.CRLF()
	return a, s.Err()
}

// scanModifiers scans the rule fetch-modifiers behind its space. One that is not
// known is an error.
func (m *FetchModifiers) scanModifiers(s *wire.Scanner) {
	n := s.List(func() {
		switch {
		case m.ChangedSince == nil && s.TryName("CHANGEDSINCE"):
			s.SP()
			since := scanModSeq(s)
			m.ChangedSince = &since
		case s.TryName("VANISHED"):
			m.Vanished = true
		case m.Partial == nil && s.TryName("PARTIAL"):
			s.SP()
			p := ScanPartialRange(s)
			m.Partial = &p
		default:
			s.Expected("a modifier")
		}
	})
	if n == 0 {
		s.Expected("a modifier")
	}
	if m.Vanished && m.ChangedSince == nil {
		s.Expected("CHANGEDSINCE beside VANISHED") // RFC 7162 section 3.2.6
	}
}

var (
	itemFlags    = FetchItem{Kind: FetchFlags, Name: "FLAGS"}
	itemUID      = FetchItem{Kind: FetchUID, Name: "UID"}
	itemDate     = FetchItem{Kind: FetchInternalDate, Name: "INTERNALDATE"}
	itemSize     = FetchItem{Kind: FetchSize, Name: "RFC822.SIZE"}
	itemEnvelope = FetchItem{Kind: FetchEnvelope, Name: "ENVELOPE"}
	itemBody     = FetchItem{Kind: FetchBody, Name: "BODY"}
	itemModSeq   = FetchItem{Kind: FetchModSeq, Name: "MODSEQ"}
)

// UIDItem is the item that the responses to UID commands have whether or not the
// client asked for it (RFC 9051 section 6.4.9).
func UIDItem() FetchItem { return itemUID }

// ModSeqItem is the item that goes with FLAGS once a client knows of CONDSTORE (RFC
// 7162 section 3.1).
func ModSeqItem() FetchItem { return itemModSeq }

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
		s.Fail(&wire.LimitError{Budget: "number of data items", Limit: maxFetchItems})
		return
	}
	// An item that is asked for twice is answered once.
	if !slices.ContainsFunc(a.Items, item.same) {
		a.Items = append(a.Items, item)
	}
}

// same reports whether two items ask for the same.
func (i FetchItem) same(j FetchItem) bool {
	if i.Name != j.Name || i.Peek != j.Peek || i.Lazy != j.Lazy || (i.Partial == nil) != (j.Partial == nil) {
		return false
	}
	return i.Partial == nil || *i.Partial == *j.Partial
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
	case "MODSEQ":
		return itemModSeq
	case "SAVEDATE":
		return FetchItem{Kind: FetchSaveDate, Name: name}
	case "EMAILID":
		return FetchItem{Kind: FetchEmailID, Name: name}
	case "THREADID":
		return FetchItem{Kind: FetchThreadID, Name: name}
	case "PREVIEW":
		return FetchItem{Kind: FetchPreview, Name: name, Lazy: scanLazy(s)}
	case "BINARY", "BINARY.PEEK", "BINARY.SIZE":
		return scanBinary(s, name)
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
	item.scanPartial(s)
	return item
}

// scanPartial scans [partial].
func (i *FetchItem) scanPartial(s *wire.Scanner) {
	if !s.Try('<') {
		return
	}
	p := Partial{Offset: s.Number64()}
	s.Byte('.')
	p.Count = s.NzNumber64() // RFC 9051 section 9: partial has an nz-number
	s.Byte('>')
	i.Partial = &p
	// RFC 9051 section 7.5.2: the response names the origin only.
	i.Name += "<" + strconv.FormatInt(p.Offset, 10) + ">"
}
