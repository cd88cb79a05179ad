package lmtp

import (
	"strconv"
	"strings"
)

// Mail are the arguments of MAIL (RFC 5321 section 4.1.1.2).
type Mail struct {
	From     Path
	Size     int64 // that the client announces, in octets (RFC 1870 section 6.1); 0 if it does not
	SMTPUTF8 bool  // RFC 6531 section 3.4
	EightBit bool  // BODY=8BITMIME (RFC 6152 section 3)
}

// ScanMail reads the arguments of MAIL.
func ScanMail(args string) (m Mail, err error) {
	rest, ok := cutPrefix(args, "FROM:")
	if !ok {
		return m, errSender
	}
	var parameters string
	if m.From, parameters, err = scanPath(rest, errSender); err != nil {
		return m, err
	}
	if err := eachParameter(parameters, m.parameter); err != nil {
		return m, err
	}
	if !m.SMTPUTF8 && !m.From.ASCII() {
		return m, errNeedsUTF8
	}
	return m, nil
}

// parameter takes one that MAIL has.
func (m *Mail) parameter(name, value string) error {
	switch name {
	case "SIZE":
		n, err := scanNumber(value)
		if err != nil {
			return badArguments("SIZE is a number of octets.")
		}
		m.Size = n
	case "BODY":
		switch strings.ToUpper(value) {
		case "7BIT":
			m.EightBit = false
		case "8BITMIME":
			m.EightBit = true
		default: // BINARYMIME among them, which is not offered (RFC 3030 section 3)
			return badArguments("BODY is 7BIT or 8BITMIME.")
		}
	case "SMTPUTF8":
		if value != "" {
			return badArguments("SMTPUTF8 has no value.")
		}
		m.SMTPUTF8 = true
	default:
		return errParameter
	}
	return nil
}

// ScanRcpt reads the arguments of RCPT (RFC 5321 section 4.1.1.3). There are no
// parameters: those of RFC 3461 are for a server that can report, which a server of LMTP
// leaves to its client. utf8 is whether MAIL had SMTPUTF8.
func ScanRcpt(args string, utf8 bool) (Path, error) {
	rest, ok := cutPrefix(args, "TO:")
	if !ok {
		return Path{}, errRecipient
	}
	p, parameters, err := scanPath(rest, errRecipient)
	switch {
	case err != nil:
		return Path{}, err
	case p.Local == "":
		return Path{}, errRecipient
	case !utf8 && !p.ASCII():
		return Path{}, errNeedsUTF8
	}
	err = eachParameter(parameters, func(string, string) error { return errParameter })
	return p, err
}

var (
	errParameter = &Reply{555, Status{5, 5, 4}, "There is no such parameter."}
	errNeedsUTF8 = &Reply{553, Status{5, 6, 7}, "That address needs SMTPUTF8."}
	errTwice     = badArguments("A parameter comes twice.")
)

// eachParameter takes "NAME=value NAME ..." apart (RFC 5321 section 4.1.2, esmtp-param).
func eachParameter(text string, take func(name, value string) error) error {
	var seen []string
	for word := range strings.FieldsSeq(text) {
		name, value, given := strings.Cut(word, "=")
		name = strings.ToUpper(name)
		if given && value == "" || name == "" || !isKeyword(name) || !isValue(value) {
			return badArguments("A parameter is NAME=value.")
		}
		for _, s := range seen {
			if s == name {
				return errTwice
			}
		}
		if len(seen) == mostParameters {
			return errParameter
		}
		seen = append(seen, name)
		if err := take(name, value); err != nil {
			return err
		}
	}
	return nil
}

// mostParameters of one command are looked at.
const mostParameters = 20

func isKeyword(s string) bool {
	for i := range len(s) {
		if !isLetDig(s[i]) && (i == 0 || s[i] != '-') {
			return false
		}
	}
	return true
}

func isValue(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == '=' {
			return false
		}
	}
	return true
}

// cutPrefix is strings.CutPrefix whatever the case.
func cutPrefix(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// scanNumber reads digits: at most 18, as no size is longer.
func scanNumber(s string) (int64, error) {
	if s == "" || len(s) > 18 || strings.Trim(s, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// Chunk are the arguments of BDAT (RFC 3030 section 2).
type Chunk struct {
	Size int64 // of the octets that follow the line
	Last bool  // the message ends with them
}

// ScanBDAT reads the arguments of BDAT. After an error nobody knows where the next
// command begins.
func ScanBDAT(args string) (Chunk, error) {
	size, last, more := strings.Cut(args, " ")
	n, err := scanNumber(size)
	last = strings.Trim(last, " ")
	if err != nil || more && last != "" && !strings.EqualFold(last, "LAST") {
		return Chunk{}, badArguments("BDAT has a number of octets, and LAST with the last.")
	}
	return Chunk{Size: n, Last: last != ""}, nil
}
