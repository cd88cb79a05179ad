package contacts

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fantail/internal/webmail/contentline"
)

// Card is a vCard.
type Card struct {
	version string             // 3.0 or 4.0
	lines   []contentline.Line // without BEGIN, VERSION and END
}

// New returns a vCard 4.0 with that UID and nothing else.
func New(uid string) *Card {
	return &Card{version: "4.0", lines: []contentline.Line{{Name: "UID", Value: contentline.Escape(uid)}}}
}

// Append appends the vCard, with CRLF.
func (c *Card) Append(dst []byte) []byte {
	write := func(l contentline.Line) { dst = l.Append(dst) }
	write(contentline.Line{Name: "BEGIN", Value: "VCARD"})
	write(contentline.Line{Name: "VERSION", Value: c.version})
	for _, l := range c.lines {
		write(l)
	}
	write(contentline.Line{Name: "END", Value: "VCARD"})
	return dst
}

// Parse reads the vCards of a text: those that are whole. bad counts the others.
func Parse(text string) (cards []*Card, bad int) {
	text = printable(utf8Text(text))
	// No line is cut: a card would lose something.
	s := contentline.NewScanner(text, contentline.Limits{Lines: len(text), Line: len(text), Params: maxParams})
	var c *Card
	depth, size := 0, 0
	for s.Scan() {
		l := s.Line()
		begins := l.Is("BEGIN") && strings.EqualFold(strings.TrimSpace(l.Value), "VCARD")
		ends := l.Is("END") && strings.EqualFold(strings.TrimSpace(l.Value), "VCARD")
		switch {
		case begins && c == nil:
			c, depth, size = &Card{version: "3.0"}, 0, 0
		case c == nil:
		case ends && depth == 0:
			if len(c.lines) > maxLines || size > maxCard {
				bad++
			} else {
				cards = append(cards, c)
			}
			c = nil
		default: // an AGENT of vCard 2.1 is a vCard in a vCard
			if begins {
				depth++
			} else if ends {
				depth--
			}
			size += len(l.Value)
			if len(c.lines) <= maxLines && size <= maxCard {
				c.add(l, depth)
			}
		}
	}
	if c != nil {
		bad++
	}
	return cards, bad
}

// add adds a line that was read.
func (c *Card) add(l contentline.Line, depth int) {
	if depth == 0 && l.Is("VERSION") {
		if v := strings.TrimSpace(l.Value); v == "2.1" || v == "4.0" {
			c.version = v
			if v == "2.1" {
				c.version = "3.0"
			}
		}
		return
	}
	if l.Name == "" {
		return // no property; written again it could be another line
	}
	c.lines = append(c.lines, modern(l))
}

// first returns the first line of a name, nil if there is none.
func (c *Card) first(name string) *contentline.Line {
	for i := range c.lines {
		if c.lines[i].Is(name) {
			return &c.lines[i]
		}
	}
	return nil
}

func (c *Card) text(name string) string {
	if l := c.first(name); l != nil {
		return shown(l.Text())
	}
	return ""
}

// UID returns what identifies the contact; empty if nothing does.
func (c *Card) UID() string { return oneLine(c.text("UID")) }

// Contact returns what people see.
func (c *Card) Contact() Contact {
	v := Contact{
		UID: c.UID(), Name: oneLine(c.text("FN")), Nickname: oneLine(c.text("NICKNAME")),
		Title: oneLine(c.text("TITLE")), Note: c.text("NOTE"),
		Emails: c.reaches("EMAIL"), Phones: c.reaches("TEL"),
		Org: strings.Join(c.components("ORG"), "; "), Photo: c.first("PHOTO") != nil,
	}
	n := append(c.components("N"), "", "", "", "", "")
	v.Family, v.Given, v.Additional, v.Prefix, v.Suffix = n[0], n[1], n[2], n[3], n[4]
	if v.Name == "" {
		v.Name = strings.Join(strings.Fields(v.Given+" "+v.Family), " ")
	}
	if v.Name == "" {
		v.Name = v.Org
	}
	if l := c.first("CATEGORIES"); l != nil {
		for _, s := range contentline.Split(l.Value, ',', maxValues) {
			if s = oneLine(contentline.Unescape(s)); s != "" {
				v.Groups = append(v.Groups, s)
			}
		}
	}
	kind, member := c.groupNames()
	if v.IsGroup = strings.EqualFold(c.text(kind), "group"); v.IsGroup {
		for i := range c.lines {
			if c.lines[i].Is(member) && len(v.Members) < maxValues {
				v.Members = append(v.Members, oneLine(c.lines[i].Text()))
			}
		}
	}
	return v
}

// groupNames returns the properties of groups: 3.0 has none, and Apple's are used.
func (c *Card) groupNames() (kind, member string) {
	if c.version == "4.0" {
		return "KIND", "MEMBER"
	}
	return "X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER"
}

// components returns the parts of a structured value.
func (c *Card) components(name string) []string {
	l := c.first(name)
	if l == nil {
		return nil
	}
	var list []string
	for _, s := range contentline.Split(l.Value, ';', 20) {
		list = append(list, oneLine(contentline.Unescape(s)))
	}
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// reaches returns the addresses or numbers.
func (c *Card) reaches(name string) []Reach {
	var list []Reach
	for i := range c.lines {
		if c.lines[i].Is(name) && len(list) < maxValues {
			if r := reach(&c.lines[i]); r.Value != "" {
				list = append(list, r)
			}
		}
	}
	return list
}

func reach(l *contentline.Line) Reach {
	r := Reach{Value: oneLine(l.Text())}
	for _, scheme := range []string{"mailto:", "tel:"} {
		if len(r.Value) > len(scheme) && strings.EqualFold(r.Value[:len(scheme)], scheme) {
			r.Value, _, _ = strings.Cut(r.Value[len(scheme):], ";")
		}
	}
	for _, p := range l.Params {
		switch {
		case strings.EqualFold(p.Name, "PREF") && len(p.Values) > 0:
			r.Preferred = r.Preferred || p.Values[0] == "1"
		case strings.EqualFold(p.Name, "TYPE"):
			for _, v := range p.Values {
				for t := range strings.SplitSeq(strings.ToLower(v), ",") { // TYPE="home,work" of 4.0
					r.addType(oneLine(t))
				}
			}
		}
	}
	return r
}

func (r *Reach) addType(t string) {
	switch {
	case t == "pref":
		r.Preferred = true
	case t == "internet" || t == "" || t == "voice": // which all are
	case !slices.Contains(r.Types, t):
		r.Types = append(r.Types, t)
	}
}

// shown returns a text without control characters, but for line feeds.
func shown(s string) string {
	if len(s) > maxText {
		n := maxText
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r) && r != '\n':
			return -1
		}
		return r
	}, s))
}

// oneLine returns it on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(shown(s)), " ") }

// stamp sets REV (RFC 6350 section 6.7.4).
func (c *Card) stamp(now time.Time) {
	c.replace("REV", contentline.Line{Name: "REV", Value: now.UTC().Format("20060102T150405Z")})
}

// replace replaces the first line of that name, or adds one.
func (c *Card) replace(name string, l contentline.Line) {
	if old := c.first(name); old != nil {
		*old = l
		return
	}
	c.lines = append(c.lines, l)
}

// remove removes all lines of that name.
func (c *Card) remove(name string) {
	c.lines = slices.DeleteFunc(c.lines, func(l contentline.Line) bool { return l.Is(name) })
}
