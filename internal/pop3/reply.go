package pop3

import "encoding/base64"

// AppendOK appends the line "+OK [code] text" to b (RFC 1939 section 3, RFC
// 2449 section 3). An empty text gives "+OK" alone.
func AppendOK(b []byte, code Code, text string) []byte {
	return appendStatus(b, "+OK", code, text)
}

// AppendErr appends the line "-ERR [code] text" to b.
func AppendErr(b []byte, code Code, text string) []byte {
	return appendStatus(b, "-ERR", code, text)
}

// appendStatus writes a status line, cut to 512 octets with its CRLF. What is
// not printable ASCII becomes a question mark. A text that begins with "["
// would be read as a response code (RFC 2449 section 6.4), so it begins with
// "(" instead.
func appendStatus(b []byte, status string, code Code, text string) []byte {
	start := len(b)
	b = append(b, status...)
	if code != NoCode {
		b = append(b, " ["...)
		b = append(b, code...)
		b = append(b, ']')
	}
	if text != "" {
		b = append(b, ' ')
		if code == NoCode && text[0] == '[' {
			b = append(b, '(')
			text = text[1:]
		}
	}
	room := start + maxStatus - len("\r\n") - len(b)
	b = appendPrintable(b, text[:min(len(text), room)])
	return append(b, "\r\n"...)
}

func appendPrintable(b []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		if c != ' ' && !visible(c) {
			c = '?'
		}
		b = append(b, c)
	}
	return b
}

// AppendContinue appends a challenge of an AUTH exchange to b (RFC 5034
// section 4): "+", a space, which stays when the challenge is empty, and
// base64.
func AppendContinue(b, challenge []byte) []byte {
	b = append(b, "+ "...)
	b = base64.StdEncoding.AppendEncode(b, challenge)
	return append(b, "\r\n"...)
}
