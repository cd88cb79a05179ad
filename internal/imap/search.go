package imap

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// SearchOp is the kind of a search key.
type SearchOp uint8

// The kinds, each with the fields of Search that it uses.
const (
	SearchAll     SearchOp = iota
	SearchAnd              // Keys
	SearchOr               // Keys, two or more
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
	SearchSavedBefore // Date: when the message came into the mailbox (RFC 8514 section 4.3)
	SearchSavedOn
	SearchSavedSince
	SearchOlder    // Number of seconds, or more, since INTERNALDATE (RFC 5032)
	SearchYounger  // Number, or less
	SearchEmailID  // Text is the EMAILID (RFC 8474 section 6)
	SearchThreadID // Text is the THREADID
	SearchModSeq   // Number: that modseq or a greater one (RFC 7162 section 3.1.5)
	SearchLarger   // Number of octets
	SearchSmaller  // Number
	SearchHeader   // Field has Text; an empty Text is found in any field of that name
	SearchBody     // Text in the body
	SearchText     // Text in header or body
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
	Number  int64
	Field   string
	Text    string // UTF-8
}

// Asks reports whether a key of that kind is part of q.
func (q *Search) Asks(op SearchOp) bool {
	return q.Op == op || slices.ContainsFunc(q.Keys, func(k *Search) bool { return k.Asks(op) })
}

// maxSearchKeys is how many keys one query may have. Clients make long ones, such
// as an OR of a hundred Message-IDs.
const maxSearchKeys = 2000

// BadCharset is the error of ScanSearch for a charset other than those of
// Charsets.
type BadCharset struct{ Name string }

func (e *BadCharset) Error() string { return "unknown charset" }

// Charsets are those that search strings may have (RFC 9051 section 6.4.4 wants
// these two).
var Charsets = []string{"US-ASCII", "UTF-8"}

// SearchArgs are the arguments of SEARCH.
type SearchArgs struct {
	Return *SearchReturn // nil: not given
	Key    *Search       // the AND of all keys
}

// ScanSearch scans the arguments of SEARCH and UID SEARCH, and the end of the
// command. After an error Return is what was read of it before.
func ScanSearch(s *wire.Scanner) (SearchArgs, error) {
	var a SearchArgs
	s.SP()
	if s.TryName("RETURN") {
		s.SP()
		a.Return = scanReturn(s)
		s.SP()
	}
	if s.TryName("CHARSET") {
		if s.UTF8 {
			// RFC 6855 section 3: after ENABLE UTF8=ACCEPT there is no other charset.
			s.Expected("no CHARSET in a session with UTF-8")
		}
		s.SP()
		scanCharset(s)
	}
	a.Key = scanKeys(s)
	return a, s.Err()
}

// scanKeys scans search keys and the end of the command.
func scanKeys(s *wire.Scanner) *Search {
	p := searchParser{s: s}
	q := p.keys()
	s.CRLF()
	return q
}

// scanCharset scans a charset and the space behind it.
func scanCharset(s *wire.Scanner) {
	name := s.AString()
	s.SP()
	if s.Err() == nil && !strings.EqualFold(name, Charsets[0]) && !strings.EqualFold(name, Charsets[1]) {
		s.Fail(&BadCharset{name})
	}
}

type searchParser struct {
	s     *wire.Scanner
	count int
}

// add counts a key towards maxSearchKeys.
func (p *searchParser) add(q Search) *Search {
	if p.count++; p.count > maxSearchKeys {
		p.s.Fail(&wire.LimitError{Budget: "number of search keys", Limit: maxSearchKeys})
	}
	return &q
}

// keys scans search keys separated by spaces.
func (p *searchParser) keys() *Search {
	q := p.add(Search{Op: SearchAnd})
	for {
		q.Keys = append(q.Keys, p.key())
		if p.s.Err() != nil || !p.s.Try(' ') {
			return q
		}
	}
}

// key scans one search key. It recurses for parentheses and for the first operand
// of OR, within the budget for nesting; NOT and the chains that OR makes with its
// second operand, which have no end in what clients generate, are loops.
func (p *searchParser) key() *Search {
	s := p.s
	s.Enter()
	defer s.Leave()
	negate := false
	for s.TryName("NOT") {
		s.SP()
		negate = !negate
	}
	var q *Search
	switch c := s.Peek(); {
	case s.Err() != nil:
		return &Search{}
	case c == '(':
		s.Byte('(')
		q = p.keys()
		s.Byte(')')
	case c == '*' || c == '$' || c >= '0' && c <= '9':
		q = p.add(Search{Op: SearchSeq, Set: ScanSeqSet(s)})
	case s.TryName("OR"):
		q = p.or()
	default:
		q = p.named()
	}
	if negate {
		return p.not(q)
	}
	return q
}

// or scans what follows OR. A second operand that is an OR gives its operands to
// this one.
func (p *searchParser) or() *Search {
	q := p.add(Search{Op: SearchOr})
	for {
		p.s.SP()
		q.Keys = append(q.Keys, p.key())
		p.s.SP()
		if !p.s.TryName("OR") {
			q.Keys = append(q.Keys, p.key())
			return q
		}
	}
}

// not returns the opposite of a key. That of an opposite is the key itself.
func (p *searchParser) not(q *Search) *Search {
	if q.Op == SearchNot {
		return q.Keys[0]
	}
	return p.add(Search{Op: SearchNot, Keys: []*Search{q}})
}

// named scans a key that has a name, and its argument.
func (p *searchParser) named() *Search {
	name := p.s.Name()
	k, ok := searchKeys[name]
	if !ok {
		p.s.Expected("a search key")
		return &Search{}
	}
	q := Search{Op: k.op, Flag: k.flag}
	switch k.arg {
	case argText:
		q.Text = p.text()
	case argField:
		q.Field, q.Text = name, p.text()
	case argHeader:
		p.s.SP()
		q.Field, q.Text = p.s.AString(), p.text()
	case argKeyword:
		p.s.SP()
		q.Keyword = mail.Keyword(p.s.Atom())
		checkKeyword(p.s, q.Keyword)
	case argDate:
		p.s.SP()
		q.Date = ScanDate(p.s)
	case argSize:
		p.s.SP()
		q.Number = p.s.Number64()
	case argInterval:
		p.s.SP()
		q.Number = int64(p.s.NzNumber())
	case argObjectID:
		p.s.SP()
		q.Text = scanObjectID(p.s)
	case argModSeq:
		p.s.SP()
		q.Number = scanModSeqKey(p.s)
	case argSet:
		p.s.SP()
		q.Set = ScanSeqSet(p.s)
	}
	if k.not {
		return p.not(p.add(q))
	}
	if name == "NEW" { // RFC 3501 section 6.4.4: (RECENT UNSEEN)
		unseen := p.not(p.add(Search{Op: SearchFlag, Flag: mail.Seen}))
		return p.add(Search{Op: SearchAnd, Keys: []*Search{p.add(q), unseen}})
	}
	return p.add(q)
}

// text scans SP and a search string. It is UTF-8, of which US-ASCII is a part:
// many clients search for what people type and never name a charset.
func (p *searchParser) text() string {
	p.s.SP()
	v := p.s.AString()
	if !utf8.ValidString(v) {
		p.s.Expected("search text in UTF-8")
	}
	return v
}

// searchArg is the argument of a search key.
type searchArg uint8

const (
	argNone searchArg = iota
	argText
	argField // text, in the field that has the key's name
	argHeader
	argKeyword
	argDate
	argSize
	argSet
	argInterval // RFC 5032 section 3
	argModSeq   // RFC 7162 section 7
	argObjectID // RFC 8474 section 7
)

// maxObjectID is how long an object identifier may be, in octets.
const maxObjectID = 255 // RFC 8474 section 4

// scanObjectID scans the rule objectid (RFC 8474 section 7).
func scanObjectID(s *wire.Scanner) string {
	id := s.Atom()
	other := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}
	if len(id) > maxObjectID || strings.ContainsFunc(id, other) {
		s.Expected("an object identifier")
	}
	return id
}

// scanModSeqKey scans the argument of MODSEQ. The name of a metadata item and its
// type are passed over, as the law wants of a server that has one modseq for all
// (RFC 7162 section 3.1.5).
func scanModSeqKey(s *wire.Scanner) int64 {
	if s.Peek() == '"' {
		s.QuotedString()
		s.SP()
		switch kind := s.Name(); kind {
		case "PRIV", "SHARED", "ALL":
		default:
			s.Expected("priv, shared or all")
		}
		s.SP()
	}
	return s.Number64()
}

// searchKeys are the keys of RFC 3501 section 6.4.4 and of extensions that have a
// name, but for NOT and OR.
var searchKeys = map[string]struct {
	op   SearchOp
	arg  searchArg
	flag mail.Flags
	not  bool
}{
	"ALL":               {op: SearchAll},
	"ANSWERED":          {op: SearchFlag, flag: mail.Answered},
	"BCC":               {op: SearchHeader, arg: argField},
	"BEFORE":            {op: SearchBefore, arg: argDate},
	"BODY":              {op: SearchBody, arg: argText},
	"CC":                {op: SearchHeader, arg: argField},
	"DELETED":           {op: SearchFlag, flag: mail.Deleted},
	"DRAFT":             {op: SearchFlag, flag: mail.Draft},
	"EMAILID":           {op: SearchEmailID, arg: argObjectID},
	"FLAGGED":           {op: SearchFlag, flag: mail.Flagged},
	"FROM":              {op: SearchHeader, arg: argField},
	"HEADER":            {op: SearchHeader, arg: argHeader},
	"KEYWORD":           {op: SearchKeyword, arg: argKeyword},
	"LARGER":            {op: SearchLarger, arg: argSize},
	"NEW":               {op: SearchRecent},
	"OLD":               {op: SearchRecent, not: true},
	"MODSEQ":            {op: SearchModSeq, arg: argModSeq},
	"OLDER":             {op: SearchOlder, arg: argInterval},
	"ON":                {op: SearchOn, arg: argDate},
	"RECENT":            {op: SearchRecent},
	"SAVEDATESUPPORTED": {op: SearchAll}, // RFC 8514 section 4.3: it is, in each mailbox
	"SAVEDBEFORE":       {op: SearchSavedBefore, arg: argDate},
	"SAVEDON":           {op: SearchSavedOn, arg: argDate},
	"SAVEDSINCE":        {op: SearchSavedSince, arg: argDate},
	"SEEN":              {op: SearchFlag, flag: mail.Seen},
	"SENTBEFORE":        {op: SearchSentBefore, arg: argDate},
	"SENTON":            {op: SearchSentOn, arg: argDate},
	"SENTSINCE":         {op: SearchSentSince, arg: argDate},
	"SINCE":             {op: SearchSince, arg: argDate},
	"SMALLER":           {op: SearchSmaller, arg: argSize},
	"SUBJECT":           {op: SearchHeader, arg: argField},
	"TEXT":              {op: SearchText, arg: argText},
	"THREADID":          {op: SearchThreadID, arg: argObjectID},
	"TO":                {op: SearchHeader, arg: argField},
	"UID":               {op: SearchUID, arg: argSet},
	"UNANSWERED":        {op: SearchFlag, flag: mail.Answered, not: true},
	"UNDELETED":         {op: SearchFlag, flag: mail.Deleted, not: true},
	"UNDRAFT":           {op: SearchFlag, flag: mail.Draft, not: true},
	"UNFLAGGED":         {op: SearchFlag, flag: mail.Flagged, not: true},
	"UNKEYWORD":         {op: SearchKeyword, arg: argKeyword, not: true},
	"UNSEEN":            {op: SearchFlag, flag: mail.Seen, not: true},
	"YOUNGER":           {op: SearchYounger, arg: argInterval},
}
