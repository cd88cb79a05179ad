package imap

import (
	"strings"
	"time"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// SearchOp is the kind of a search key.
type SearchOp uint8

// The kinds, each with the fields of Search that it uses.
const (
	SearchAll     SearchOp = iota
	SearchAnd              // Keys
	SearchOr               // Keys, two of them
	SearchNot              // Keys, one
	SearchSeq              // Set of message numbers
	SearchUID              // Set of UIDs
	SearchFlag             // Flag is set
	SearchKeyword          // Keyword is set
	SearchRecent           // \Recent
	SearchBefore           // Date: INTERNALDATE, as the others
	SearchOn
	SearchSince
	SearchSentBefore // Date: the Date field
	SearchSentOn
	SearchSentSince
	SearchLarger  // Size
	SearchSmaller // Size
	SearchHeader  // Field has Text; an empty Text is found in any field of that name
	SearchBody    // Text in the body
	SearchText    // Text in header or body
)

// Search is a search key (RFC 3501 section 6.4.4). Keys that are short for others
// (NEW, UNSEEN, FROM) are written out as those.
type Search struct {
	Op      SearchOp
	Keys    []*Search
	Set     SeqSet
	Flag    mail.Flags
	Keyword mail.Keyword
	Date    time.Time // a day, midnight UTC
	Size    int64
	Field   string
	Text    string // UTF-8
}

// maxSearchKeys bounds one query.
const maxSearchKeys = 2000

// BadCharset is the error of ScanSearch for a charset other than those of
// Charsets.
type BadCharset struct{ Name string }

func (e *BadCharset) Error() string { return "unknown charset" }

// Charsets are those that search strings may have (RFC 9051 section 6.4.4 wants
// these two).
var Charsets = []string{"US-ASCII", "UTF-8"}

// ScanSearch scans the arguments of SEARCH and UID SEARCH, and the end of the
// command. The key that it returns is the AND of all.
func ScanSearch(s *wire.Scanner) (*Search, error) {
	s.SP()
	if s.TryName("CHARSET") {
		s.SP()
		name := s.AString()
		s.SP()
		if s.Err() == nil && !strings.EqualFold(name, Charsets[0]) && !strings.EqualFold(name, Charsets[1]) {
			s.Fail(&BadCharset{name})
		}
	}
	p := searchParser{s: s}
	q := p.keys()
	s.CRLF()
	return q, s.Err()
}

type searchParser struct {
	s     *wire.Scanner
	count int
}

// keys scans search keys separated by spaces.
func (p *searchParser) keys() *Search {
	q := &Search{Op: SearchAnd}
	for {
		q.Keys = append(q.Keys, p.key())
		if p.s.Err() != nil || !p.s.Try(' ') {
			return q
		}
	}
}

// key scans one search key.
func (p *searchParser) key() *Search {
	s := p.s
	if p.count++; p.count > maxSearchKeys {
		s.Expected("fewer search keys")
		return &Search{}
	}
	s.Enter()
	defer s.Leave()
	switch c := s.Peek(); {
	case c == '(':
		s.Byte('(')
		q := p.keys()
		s.Byte(')')
		return q
	case c == '*' || c >= '0' && c <= '9':
		return &Search{Op: SearchSeq, Set: ScanSeqSet(s)}
	}
	name := s.Name()
	if s.Err() != nil {
		return &Search{}
	}
	scan, ok := searchKeys[name]
	if !ok {
		s.Expected("a search key")
		return &Search{}
	}
	return scan(p, name)
}

// searchKeys are the keys that have a name.
var searchKeys map[string]func(p *searchParser, name string) *Search

// init fills the table, whose functions refer to it by way of key.
func init() {
	searchKeys = map[string]func(*searchParser, string) *Search{
		"ALL":        func(*searchParser, string) *Search { return &Search{Op: SearchAll} },
		"ANSWERED":   flagKey(mail.Answered, true),
		"DELETED":    flagKey(mail.Deleted, true),
		"DRAFT":      flagKey(mail.Draft, true),
		"FLAGGED":    flagKey(mail.Flagged, true),
		"SEEN":       flagKey(mail.Seen, true),
		"UNANSWERED": flagKey(mail.Answered, false),
		"UNDELETED":  flagKey(mail.Deleted, false),
		"UNDRAFT":    flagKey(mail.Draft, false),
		"UNFLAGGED":  flagKey(mail.Flagged, false),
		"UNSEEN":     flagKey(mail.Seen, false),
		"KEYWORD":    (*searchParser).keyword,
		"UNKEYWORD":  func(p *searchParser, n string) *Search { return not(p.keyword(n)) },
		"RECENT":     func(*searchParser, string) *Search { return &Search{Op: SearchRecent} },
		"OLD":        func(*searchParser, string) *Search { return not(&Search{Op: SearchRecent}) },
		"NEW": func(*searchParser, string) *Search {
			return &Search{Op: SearchAnd, Keys: []*Search{{Op: SearchRecent}, not(&Search{Op: SearchFlag, Flag: mail.Seen})}}
		},
		"BEFORE":     dateKey(SearchBefore),
		"ON":         dateKey(SearchOn),
		"SINCE":      dateKey(SearchSince),
		"SENTBEFORE": dateKey(SearchSentBefore),
		"SENTON":     dateKey(SearchSentOn),
		"SENTSINCE":  dateKey(SearchSentSince),
		"LARGER":     sizeKey(SearchLarger),
		"SMALLER":    sizeKey(SearchSmaller),
		"BCC":        fieldKey,
		"CC":         fieldKey,
		"FROM":       fieldKey,
		"SUBJECT":    fieldKey,
		"TO":         fieldKey,
		"HEADER":     (*searchParser).header,
		"BODY":       textKey(SearchBody),
		"TEXT":       textKey(SearchText),
		"UID": func(p *searchParser, _ string) *Search {
			p.s.SP()
			return &Search{Op: SearchUID, Set: ScanSeqSet(p.s)}
		},
		"NOT": func(p *searchParser, _ string) *Search {
			p.s.SP()
			return not(p.key())
		},
		"OR": func(p *searchParser, _ string) *Search {
			p.s.SP()
			a := p.key()
			p.s.SP()
			return &Search{Op: SearchOr, Keys: []*Search{a, p.key()}}
		},
	}
}

func not(q *Search) *Search { return &Search{Op: SearchNot, Keys: []*Search{q}} }

func flagKey(f mail.Flags, set bool) func(*searchParser, string) *Search {
	return func(*searchParser, string) *Search {
		q := &Search{Op: SearchFlag, Flag: f}
		if !set {
			return not(q)
		}
		return q
	}
}

func (p *searchParser) keyword(string) *Search {
	p.s.SP()
	return &Search{Op: SearchKeyword, Keyword: mail.Keyword(p.s.Atom())}
}

func dateKey(op SearchOp) func(*searchParser, string) *Search {
	return func(p *searchParser, _ string) *Search {
		p.s.SP()
		return &Search{Op: op, Date: ScanDate(p.s)}
	}
}

func sizeKey(op SearchOp) func(*searchParser, string) *Search {
	return func(p *searchParser, _ string) *Search {
		p.s.SP()
		return &Search{Op: op, Size: p.s.Number64()}
	}
}

func fieldKey(p *searchParser, name string) *Search {
	return &Search{Op: SearchHeader, Field: name, Text: p.text()}
}

func (p *searchParser) header(string) *Search {
	p.s.SP()
	field := p.s.AString()
	return &Search{Op: SearchHeader, Field: field, Text: p.text()}
}

func textKey(op SearchOp) func(*searchParser, string) *Search {
	return func(p *searchParser, _ string) *Search {
		return &Search{Op: op, Text: p.text()}
	}
}

// text scans SP and a search string. A client that says nothing of a charset and
// sends UTF-8 means UTF-8.
func (p *searchParser) text() string {
	p.s.SP()
	return strings.ToValidUTF8(p.s.AString(), "\uFFFD")
}
