package message

import "strings"

// AddressKind tells addresses from the markers around a group.
type AddressKind uint8

// The kinds of address structure (RFC 9051 section 7.5.2).
const (
	Mailbox    AddressKind = iota
	GroupStart             // Mailbox is the group's name: host NIL
	GroupEnd               // all fields are empty: mailbox and host NIL
)

// What stands for the parts of an address that a header does not have. IMAP
// cannot leave them out, since NIL makes an address structure a group marker;
// these are the words that clients know from other servers.
const (
	MissingMailbox = "MISSING_MAILBOX"
	MissingDomain  = "MISSING_DOMAIN"
	SyntaxError    = "SYNTAX_ERROR"
	InvalidRoute   = "INVALID_ROUTE"
)

// Address is an address structure of RFC 9051 section 7.5.2. Its strings are
// unquoted and otherwise as stored: encoded-words are not decoded.
type Address struct {
	Kind    AddressKind
	Name    string // display name, or the last comment of an address without <>; "" is NIL
	Route   string // at-domain-list of obs-route; "" is NIL
	Mailbox string // local part
	Host    string
}

// Addr returns mailbox@host, which is no address if a part is missing.
func (a Address) Addr() string { return a.Mailbox + "@" + a.Host }

// Valid reports whether a is an address of which no part is missing.
func (a Address) Valid() bool {
	return a.Kind == Mailbox && a.Mailbox != MissingMailbox && a.Mailbox != "" &&
		a.Host != MissingDomain && a.Host != SyntaxError && a.Host != ""
}

// ParseAddresses reads an address-list (RFC 5322 section 3.4, with the obsolete
// forms of section 4.4), folded or not, and returns at most limit addresses and
// markers, and the end of an open group.
//
// It never fails. Beyond the RFC it accepts: a missing ">"; a display name
// before an address without brackets, or one that itself is an address; dots,
// brackets and encoded-words with commas in display names; dots anywhere in a
// local part; semicolons as separators. Behind an address that is followed by
// anything else it goes on with the next comma.
func ParseAddresses(s string, limit int) []Address {
	p := addressParser{s: unfold(s)}
	return p.list(nil, limit)
}

// addressParser reads one address-list.
type addressParser struct {
	s        string
	i        int
	unquoted bool    // a quote without its partner was seen
	group    bool    // between the colon and the semicolon of a group
	comment  string  // the last comment, with its parentheses
	words    []aword // of the current phrase or local part
}

// aword is an atom, possibly with dots, or a quoted-string.
type aword struct {
	text   string
	quoted bool
	space  bool // white space or comments before it
	start  int  // offset in the list
}

// maxWords bounds a phrase.
const maxWords = 500

// list reads addresses to the end and appends them to out.
func (p *addressParser) list(out []Address, limit int) []Address {
	for p.i < len(p.s) && len(out) < limit {
		switch p.comment = ""; p.phrase() {
		case ',':
			p.i++
			out = p.bare(out)
		case ';':
			p.i++
			out = p.bare(out)
			if p.group {
				out = append(out, Address{Kind: GroupEnd})
				p.group = false
			}
		case 0:
			out = p.bare(out)
		case '<':
			out = append(out, p.angle(p.name(p.words)))
			p.skip()
		case '@':
			out = append(out, p.address())
			p.skip()
		case ':':
			p.i++
			if p.group { // groups do not nest
				out = p.bare(out)
				p.skip()
				break
			}
			out = append(out, Address{Kind: GroupStart, Mailbox: p.name(p.words)})
			p.group = true
		}
	}
	if p.group {
		out = append(out, Address{Kind: GroupEnd})
	}
	return out
}

// bare appends what a phrase without an address stands for: one word is a
// local part, several are a name. None is none (RFC 5322 section 4.4).
func (p *addressParser) bare(out []Address) []Address {
	switch len(p.words) {
	case 0:
		return out
	case 1:
		return append(out, Address{Mailbox: p.words[0].text, Host: MissingDomain})
	}
	return append(out, Address{Name: p.name(p.words), Mailbox: MissingMailbox, Host: MissingDomain})
}

// skip passes over what follows an address up to the next separator, and over
// a comma.
func (p *addressParser) skip() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ',':
			p.i++
			return
		case ';':
			return
		case '"':
			p.i++
			p.quotedString()
		case '(':
			p.cfws()
		default:
			p.i++
		}
	}
}

// address reads on from the "@" of an address without brackets.
func (p *addressParser) address() Address {
	n := p.localStart()
	a := Address{Name: p.name(p.words[:n]), Mailbox: p.local(p.words[n:])}
	if n == len(p.words) {
		a.Mailbox = MissingMailbox
	}
	start := p.i
	if len(p.words) > 0 {
		start = p.words[0].start
	}
	p.i++
	a.Host = p.domain()
	end := p.i
	p.cfws()
	if p.peek() == '<' {
		// "user@host <user@host>": the address is the one in brackets.
		if b := p.angle(strings.TrimSpace(p.s[start:end])); b.Mailbox != MissingMailbox {
			return b
		}
		return a
	}
	if a.Name == "" {
		a.Name = commentText(p.comment)
	}
	return a
}

// angle reads an angle-addr (RFC 5322 section 3.4).
func (p *addressParser) angle(name string) Address {
	p.i++
	a := Address{Name: name}
	p.cfws()
	if p.peek() == '@' {
		route, ok := p.route()
		if !ok {
			p.closeAngle()
			return Address{Name: name, Route: InvalidRoute, Mailbox: MissingMailbox, Host: MissingDomain}
		}
		a.Route = route
	}
	p.localPart()
	a.Mailbox = MissingMailbox
	if len(p.words) > 0 {
		a.Mailbox = p.local(p.words[:p.localEnd()])
	}
	a.Host = MissingDomain
	switch c := p.peek(); {
	case p.localEnd() < len(p.words):
		a.Host = SyntaxError
	case c == '@':
		p.i++
		a.Host = p.domain()
	case c != '>' && c != 0 && c != ',':
		a.Host = SyntaxError
	}
	p.closeAngle()
	return a
}

// closeAngle passes over what remains up to ">", or before a comma or
// semicolon if that comes first.
func (p *addressParser) closeAngle() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '>':
			p.i++
			return
		case ',', ';':
			return
		case '"':
			p.i++
			p.quotedString()
		case '(':
			p.cfws()
		default:
			p.i++
		}
	}
}

// route reads an obs-route (RFC 5322 section 4.4) and its colon. It returns
// the list of domains without white space.
func (p *addressParser) route() (string, bool) {
	var b strings.Builder
	for {
		p.cfws()
		switch p.peek() {
		case ',':
			p.i++
		case ':':
			p.i++
			return b.String(), b.Len() > 0
		case '@':
			p.i++
			d := p.domain()
			if d == MissingDomain {
				return "", false
			}
			if b.Len() > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('@')
			b.WriteString(d)
		default:
			return "", false
		}
	}
}

// domain reads a domain: a dot-atom, with white space around the dots as in
// RFC 5322 section 4.4, or a domain-literal.
func (p *addressParser) domain() string {
	p.cfws()
	if p.peek() == '[' {
		return p.literal()
	}
	d := ""
	for {
		end := p.i
		p.cfws()
		if d != "" && p.i > end && !strings.HasSuffix(d, ".") && p.peek() != '.' {
			break
		}
		start := p.i
		for p.i < len(p.s) && addressOctets[p.s[p.i]]&inDomain != 0 {
			p.i++
		}
		if p.i == start {
			break
		}
		if d == "" {
			d = p.s[start:p.i]
		} else if len(d) < 1000 {
			d += p.s[start:p.i]
		}
	}
	if d = strings.TrimRight(d, "."); d == "" {
		return MissingDomain
	}
	return d
}

// literal reads a domain-literal (RFC 5322 section 3.4.1). Without its bracket
// it ends where the address does.
func (p *addressParser) literal() string {
	start := p.i
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ']':
			p.i++
			return p.s[start:p.i]
		case ',', ';', '<', '>':
			return p.s[start:p.i]
		}
		p.i++
	}
	return p.s[start:]
}

// peek returns the next octet, 0 at the end.
func (p *addressParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}
