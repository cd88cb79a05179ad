package dialogues

import (
	"slices"
	"strconv"
	"strings"
)

// explanation says why a value may differ from Dovecot's in messages of some
// names; without names, in all for which same holds.
type explanation struct {
	item   string // prefix of what differs
	reason string
	names  []string
	same   func(ours, theirs value) bool
}

// holds reports whether it explains this difference.
func (e explanation) holds(f mailFile, ours, theirs value) bool {
	return (e.names == nil || slices.Contains(e.names, f.name)) && (e.same == nil || e.same(ours, theirs))
}

// explained are the differences to Dovecot 2.3 that are meant.
var explained = []explanation{
	{"BODY", "Dovecot adds charset us-ascii to every text part without charset; RFC 2045 section 5.2 has it where there is no Content-Type",
		nil, func(ours, theirs value) bool { return withCharset(ours).String() == withCharset(theirs).String() }},
	{"BODY[HEADER.FIELDS", "Dovecot has the empty line in HEADER.FIELDS where the message has none",
		[]string{"header only", "header without end"}, endsDiffer},
	{"BODY[HEADER.FIELDS.NOT", "a line without colon is no field, so neither a field that was not named",
		[]string{"mbox line", "line without colon"}, nil},
	{"ENVELOPE", "nothing between two commas is no address (RFC 5322 section 4.4)", []string{"no domain"}, nil},
	{"ENVELOPE", "an address is found behind an unended quote or comment", []string{"unended quote", "unended comment"}, nil},
	{"BODY", "a multipart in which no part begins is shown as the octets that it is; Dovecot makes up an empty text part",
		[]string{"empty multipart", "multipart of no parts", "multipart without boundary", "boundary that is not there"}, nil},
	{"BODY", "a boundary does not end with a space (RFC 2046 section 5.1.1)", []string{"boundary with space"}, nil},
	{"BODY", "the line end before a boundary is the boundary's (RFC 2046 section 5.1.1), also behind an inner final one",
		[]string{"same boundary inside", "message of multipart", "deep"}, innerEnd},
	{"BODY[2.MIME]", "the empty line of a part without header is there", []string{"empty part"}, endsDiffer},
	{"BODY", "what is no type is text/plain (RFC 2045 section 5.2)", []string{"type without subtype", "type of nothing"}, nil},
	{"BODY", "a parameter without value is kept, and one without \"=\" dropped", []string{"params without value"}, nil},
	{"BODY", "the pieces of a parameter are joined as far as they go (RFC 2231 section 3)", []string{"RFC 2231 in disorder"}, nil},
	{"BINARY[", "a multipart in which no part begins is shown as the octets that it is; Dovecot shows nothing",
		[]string{"multipart of no parts", "multipart without boundary", "boundary that is not there"}, nil},
	{"BINARY.SIZE[", "a multipart in which no part begins is shown as the octets that it is; to Dovecot its size is 0",
		[]string{"multipart of no parts", "multipart without boundary", "boundary that is not there"}, nil},
	{"BINARY.SIZE[", "a message has no transfer encoding (RFC 2045 section 6.4)", []string{"message in base64"}, nil},
	{"BINARY[", "lines of text end in CRLF, also where their transfer encoding has LF (RFC 9051 section 7.5.2)", nil, linesDiffer},
	{"BINARY.SIZE[", "the size of a part that is sent with CRLF counts the CRs; Dovecot's does not", nil, isGreater},
	{"BODY", "Dovecot heeds no other MIME field where there is neither MIME-Version nor Content-Type",
		[]string{"disposition alone", "unknown encoding"}, nil},
}

// withCharset removes the default charset, and an empty list that was none.
func withCharset(v value) value {
	if v.String() == `("charset" "us-ascii")` {
		return value{kind: 'N'}
	}
	list := make([]value, len(v.list))
	for i, x := range v.list {
		list[i] = withCharset(x)
	}
	v.list = list
	return v
}

// endsDiffer reports whether only line ends at the end differ.
func endsDiffer(ours, theirs value) bool {
	return ours.kind == theirs.kind && strings.TrimRight(ours.text, "\r\n") == strings.TrimRight(theirs.text, "\r\n")
}

// linesDiffer reports whether only line ends differ, as far as both go.
func linesDiffer(ours, theirs value) bool {
	a, b := strings.ReplaceAll(ours.text, "\r", ""), strings.ReplaceAll(theirs.text, "\r", "")
	return ours.kind == theirs.kind && a != "" && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a))
}

// isGreater reports whether our size is the greater one.
func isGreater(ours, theirs value) bool {
	a, errA := strconv.Atoi(ours.text)
	b, errB := strconv.Atoi(theirs.text)
	return errA == nil && errB == nil && a > b
}

// innerEnd reports whether that is so, or a structure differs, whose sizes do.
func innerEnd(ours, theirs value) bool {
	return ours.kind == '(' && theirs.kind == '(' || ours.text+"\r\n" == theirs.text
}

// searchExplained are those in what SEARCH finds: the kinds of message that only
// one of the two finds.
var searchExplained = []struct {
	query, reason string
	more, less    []string
}{
	{"FROM example", "an address is found behind an unended quote or comment", []string{"unended comment", "unended quote"}, nil},
	{"TEXT \"Subject: x\"", "a field is searched as name, colon and value", []string{"space before colon"}, nil},
	{"BODY unsubscribe", "the body of a message has the headers of the messages in it", []string{"digest"}, nil},
	{"NOT BODY e", "the body of a message has the headers of the messages in it", nil,
		[]string{"digest", "message in base64", "message in message", "message of multipart"}},
	{"CHARSET UTF-8 SUBJECT \"\xc3\xbc\"", "octets that are no UTF-8 are read as windows-1252", []string{"undeclared-8bit"}, nil},
	{"CHARSET UTF-8 BODY \"\xc3\xbc\"", "octets that are no UTF-8 are read as windows-1252", []string{"undeclared-8bit"}, nil},
	{"SENTBEFORE 1-Jan-2024", "what has no Date matches no key about it (RFC 3501 section 6.4.4)", nil, undated()},
}

// undated are the names of the messages without a Date.
func undated() []string {
	var names []string
	for _, f := range nastyMail() {
		if _, date, _ := strings.Cut(string(f.data), "Date: "); !strings.HasPrefix(date, "Sat") && !strings.HasPrefix(date, "1 Jan") {
			names = append(names, f.name)
		}
	}
	return names
}

// orderExplained are the differences in what SORT and THREAD answer: the kinds of
// message that have another value of a key.
var orderExplained = []struct {
	key, reason string
	names       []string
}{
	{"FROM", "an address is found behind an unended quote or comment", []string{"unended quote", "unended comment"}},
	{"DISPLAYFROM", "octets that are no UTF-8 are read as windows-1252", []string{"undeclared-8bit", "8-bit header"}},
	{"DISPLAYFROM", "an address without domain is shown as its mailbox (RFC 5957 section 3)", []string{"no domain"}},
	{"DISPLAYFROM", "a character is whole also where two encoded-words share it", []string{"torn-words"}},
	{"CC", "nothing between two commas is no address (RFC 5322 section 4.4)", []string{"no domain"}},
	{"DISPLAYTO", "nothing between two commas is no address (RFC 5322 section 4.4)", []string{"no domain"}},
	{"SUBJECT", "octets that are no UTF-8 are read as windows-1252", []string{"undeclared-8bit"}},
	{"SUBJECT", "of several Subject fields the last one counts, as in ENVELOPE", []string{"twice"}},
	{"SUBJECT", "a character is whole also where two encoded-words share it", []string{"torn-words"}},
	{"THREAD REFERENCES", "octets that are no UTF-8 are read as windows-1252", []string{"undeclared-8bit"}},
	{"THREAD REFERENCES", "a character is whole also where two encoded-words share it", []string{"torn-words"}},
}
