package message

import "strings"

// interpret reads the fields of RFC 2045, RFC 2183, RFC 3282, RFC 1864 and RFC
// 2557 from the part's header, the first of each. digest says that the part is
// one of a multipart/digest.
func (p *Part) interpret(digest bool, maxParams int) {
	var seen contentFields
	for i := range p.Fields {
		f := &p.Fields[i]
		if len(f.Name) < len("Content-ID") || lower(f.Name[0]) != 'c' {
			continue
		}
		if slot := seen.slot(f.Name); slot != nil && *slot == nil {
			*slot = f
		}
	}
	p.contentType(seen.typ, digest, maxParams)
	p.Encoding = "7bit"
	if seen.encoding != nil {
		sc := fieldScanner{s: seen.encoding.Value()}
		sc.space()
		if e := sc.token(); e != "" {
			p.Encoding = known(lowerString(e))
		}
	}
	if f := seen.disposition; f != nil {
		sc := fieldScanner{s: f.Value()}
		sc.space()
		p.Disposition = known(lowerString(sc.token()))
		p.DispositionParams = sc.params(maxParams)
	}
	if f := seen.language; f != nil {
		p.Language = languages(f.Value(), maxParams)
	}
	p.ID, p.Description = seen.id.text(), seen.description.text()
	p.MD5, p.Location = seen.md5.text(), seen.location.text()
}

// contentFields collects the fields that describe a body.
type contentFields struct {
	typ, encoding, disposition, language *Field
	id, description, md5, location       *Field
}

// slot returns the place for the field of that name, nil if it is none of these.
func (c *contentFields) slot(name string) **Field {
	const prefix = len("content-")
	if !equalFold(name[:prefix], "content-") {
		return nil
	}
	switch name = name[prefix:]; {
	case equalFold(name, "type"):
		return &c.typ
	case equalFold(name, "transfer-encoding"):
		return &c.encoding
	case equalFold(name, "disposition"):
		return &c.disposition
	case equalFold(name, "id"):
		return &c.id
	case equalFold(name, "description"):
		return &c.description
	case equalFold(name, "language"):
		return &c.language
	case equalFold(name, "md5"):
		return &c.md5
	case equalFold(name, "location"):
		return &c.location
	}
	return nil
}

// text returns the value of a field that may be missing.
func (f *Field) text() string {
	if f == nil {
		return ""
	}
	return f.Value()
}

// contentType sets type, subtype and parameters from the field f, which may be
// nil. A field that begins with type and subtype is good enough: whatever
// stands before the next semicolon is passed over.
func (p *Part) contentType(f *Field, digest bool, maxParams int) {
	if f == nil && digest {
		p.Type, p.Subtype = "message", "rfc822" // RFC 2046 section 5.1.5
		return
	}
	if f != nil {
		sc := fieldScanner{s: f.Value()}
		sc.space()
		typ := sc.token()
		sc.space()
		if typ != "" && sc.take('/') {
			sc.space()
			if sub := sc.token(); sub != "" {
				p.Type, p.Subtype = known(lowerString(typ)), known(lowerString(sub))
				p.Params = sc.params(maxParams)
				return
			}
		}
	}
	p.Type, p.Subtype = "text", "plain" // RFC 2045 section 5.2
	p.Params = []Param{{Name: "charset", Value: "us-ascii"}}
}

// languages returns the tags of a Content-Language field (RFC 3282 section 2).
func languages(s string, limit int) []string {
	var tags []string
	sc := fieldScanner{s: s}
	for sc.i < len(sc.s) && len(tags) < limit {
		sc.space()
		if tag := sc.token(); tag != "" {
			tags = append(tags, tag)
		}
		for sc.i < len(sc.s) && !sc.take(',') {
			sc.i++
		}
	}
	return tags
}

// known returns a constant for the words that nearly all mail uses, so that a
// cached Part need not keep them in memory.
func known(s string) string {
	switch s {
	case "text":
		return "text"
	case "plain":
		return "plain"
	case "html":
		return "html"
	case "multipart":
		return "multipart"
	case "alternative":
		return "alternative"
	case "mixed":
		return "mixed"
	case "related":
		return "related"
	case "quoted-printable":
		return "quoted-printable"
	case "base64":
		return "base64"
	case "7bit":
		return "7bit"
	case "8bit":
		return "8bit"
	case "attachment":
		return "attachment"
	case "inline":
		return "inline"
	}
	return strings.Clone(s)
}
