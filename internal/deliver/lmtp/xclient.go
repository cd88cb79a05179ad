package lmtp

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// XClient is what a proxy says by XCLIENT of the client whose connection it relays. A
// field that it does not say is nil; one that it says not to know is "", or the zero
// Addr.
type XClient struct {
	Name  *string // of the host
	Addr  *netip.Addr
	HELO  *string
	Proto *string // SMTP, ESMTP or LMTP
	Login *string
}

// XClientAttributes are those that ScanXCLIENT knows, as a server announces them.
const XClientAttributes = "NAME ADDR PORT PROTO HELO LOGIN"

// ScanXCLIENT reads the arguments of XCLIENT.
func ScanXCLIENT(args string) (x XClient, err error) {
	if strings.TrimSpace(args) == "" {
		return x, badArguments("XCLIENT has NAME=value.")
	}
	err = eachParameter(args, func(name, value string) error {
		text, ok := decodeXtext(value)
		if !ok {
			return badArguments("A value of XCLIENT is xtext.")
		}
		if strings.EqualFold(text, "[UNAVAILABLE]") || strings.EqualFold(text, "[TEMPUNAVAIL]") {
			text = ""
		}
		return x.attribute(name, text)
	})
	return x, err
}

func (x *XClient) attribute(name, text string) error {
	switch name {
	case "NAME":
		x.Name = &text
	case "ADDR":
		var a netip.Addr
		if text != "" {
			plain, _ := cutPrefix(text, "IPV6:")
			var err error
			if a, err = netip.ParseAddr(plain); err != nil || a.Zone() != "" {
				return badArguments("ADDR is an address.")
			}
		}
		a = a.Unmap()
		x.Addr = &a
	case "PORT":
		if n, err := scanNumber(text); text != "" && (err != nil || n > 65535) {
			return badArguments("PORT is a number.")
		}
	case "PROTO":
		text = strings.ToUpper(text)
		x.Proto = &text
	case "HELO":
		x.HELO = &text
	case "LOGIN":
		x.Login = &text
	default:
		return badArguments("There is no such attribute.")
	}
	return nil
}

// decodeXtext decodes the rule xtext of RFC 3461 section 4. What comes out has no
// control characters.
func decodeXtext(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+2 >= len(s) {
				return "", false
			}
			high, low := hexDigit(s[i+1]), hexDigit(s[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			c = byte(high<<4 | low)
			i += 2
		}
		if c < ' ' || c == 0x7f {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), utf8.ValidString(b.String())
}

// hexDigit is the value of a digit, in capitals as RFC 3461 section 4 has it, or -1.
func hexDigit(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
