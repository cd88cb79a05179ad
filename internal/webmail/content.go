package webmail

import (
	"cmp"
	"mime"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"fantail/internal/message"
)

// content is how a message is shown: the parts that are read in order, and the
// rest as files.
type content struct {
	shown []shown
	files []file
	plain bool // an alternative in plain text exists, and is not shown
	html  bool // an alternative in HTML exists, and is not shown
}

// shown is a text part.
type shown struct {
	section string // RFC 9051 section 6.4.5.1
	part    *message.Part
	html    bool
}

// file is an attachment.
type file struct {
	section string
	part    *message.Part
	Name    string
	Kind    string // what it is; its name is message.kind.Kind
	Size    int64  // about so many octets
	Path    string
}

// maxShown is how many text parts are shown at once; more are files.
const maxShown = 20

// contents sorts the parts of a message: of the stored one, or of one that is at a place in
// it. preferPlain chooses among
// alternatives (RFC 2046 section 5.1.4), where the last one that we know is the
// best otherwise.
func contents(root *message.Part, at []int, preferPlain bool) content {
	c := content{}
	if len(at) > 0 && len(root.Parts) == 0 {
		at = below(at, 0) // the only part of a message in a message has a number of its own
	}
	c.add(root, at, preferPlain)
	return c
}

func (c *content) add(p *message.Part, at []int, preferPlain bool) {
	switch {
	case p.Is("multipart", "alternative") && len(p.Parts) > 0:
		c.alternative(p, at, preferPlain)
	case p.Is("multipart", "related") && len(p.Parts) > 0:
		c.related(p, at, preferPlain)
	case len(p.Parts) > 0:
		for i, sub := range p.Parts {
			c.add(sub, below(at, i), preferPlain)
		}
	case c.isText(p):
		c.shown = append(c.shown, shown{section(at), p, p.Subtype == "html"})
	case p.BodySize > 0 || p.Filename() != "":
		c.file(p, at)
	}
}

// isText reports whether a leaf is to be read where it stands.
func (c *content) isText(p *message.Part) bool {
	return p.Type == "text" && (p.Subtype == "plain" || p.Subtype == "html" || p.Subtype == "enriched") &&
		p.Disposition != "attachment" && p.BodySize > 0 && len(c.shown) < maxShown &&
		(p.Filename() == "" || p.Disposition == "inline")
}

// alternative shows one of the parts. The others are other forms of the same,
// but for those that no mail client shows as text, such as invitations.
func (c *content) alternative(p *message.Part, at []int, preferPlain bool) {
	plain, rich := -1, -1
	for i, sub := range p.Parts {
		switch {
		case sub.Is("text", "plain"):
			plain = i
		case sub.Is("text", "html") || len(sub.Parts) > 0:
			rich = i
		case sub.Type != "text" || sub.Subtype == "calendar":
			c.file(sub, below(at, i))
		}
	}
	chosen := rich
	if rich < 0 || preferPlain && plain >= 0 {
		chosen = plain
	}
	c.plain = c.plain || plain >= 0 && chosen == rich
	c.html = c.html || rich >= 0 && chosen == plain
	if chosen >= 0 {
		c.add(p.Parts[chosen], below(at, chosen), preferPlain)
	} else if len(c.files) == 0 {
		c.add(p.Parts[len(p.Parts)-1], below(at, len(p.Parts)-1), preferPlain)
	}
}

// related shows the root (RFC 2387 section 3.2: named by start, or else the
// first) and lists what the root cannot show by itself.
func (c *content) related(p *message.Part, at []int, preferPlain bool) {
	root := 0
	if start, ok := p.Param("start"); ok {
		for i, sub := range p.Parts {
			if strings.Trim(sub.ID, "<> ") == strings.Trim(start, "<> ") && start != "" {
				root = i
			}
		}
	}
	c.add(p.Parts[root], below(at, root), preferPlain)
	for i, sub := range p.Parts {
		inline := sub.Type == "image" && sub.ID != "" && sub.Disposition != "attachment"
		if i != root && !inline {
			c.add(sub, below(at, i), preferPlain)
		}
	}
}

func (c *content) file(p *message.Part, at []int) {
	c.files = append(c.files, file{section: section(at), part: p, Name: fileName(p), Kind: kindOf(p), Size: decodedSize(p)})
}

func below(at []int, i int) []int { return append(slices.Clone(at), i+1) }

// section writes a section number; the only part of a message is number 1.
func section(at []int) string {
	if len(at) == 0 {
		return "1"
	}
	s := make([]string, len(at))
	for i, n := range at {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ".")
}

// parseSection reads a section number of at most 20 levels.
func parseSection(s string) ([]int, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 20 {
		return nil, false
	}
	at := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, false
		}
		at[i] = int(n)
	}
	return at, true
}

// decodedSize estimates the size of a part without its transfer encoding.
func decodedSize(p *message.Part) int64 {
	if p.Encoding == "base64" {
		return (p.BodySize - 2*p.BodyLines) / 4 * 3
	}
	return p.BodySize
}

// fileName returns a name under which a part can be saved anywhere: one level,
// no controls, nothing that reverses the direction of writing.
func fileName(p *message.Part) string {
	name := p.Filename()
	if p.Message != nil && name == "" {
		if subject, ok := p.Message.Get("Subject"); ok {
			name = message.DecodeHeader(subject) + ".eml"
		}
	}
	name = safeName(name)
	if name == "" {
		name = "attachment" + extension(p)
	}
	return name
}

func extension(p *message.Part) string {
	if p.Message != nil {
		return ".eml"
	}
	known, err := mime.ExtensionsByType(p.Type + "/" + p.Subtype)
	if err != nil || len(known) == 0 {
		return ".bin"
	}
	return slices.MinFunc(known, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
}

// safeName cleans a file name that a stranger chose.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:<>"|?*`, r): // separators, and what Windows cannot store
			return '_'
		case r == utf8.RuneError || !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		case r == '\u2800' || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r): // letters without a shape
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	// Windows drops dots and spaces at the end, which would hide what a file is.
	name = strings.TrimRight(strings.TrimLeft(strings.TrimSpace(name), "."), ". ")
	if len(name) <= 150 {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 15 {
		ext = ""
	}
	cut := 150 - len(ext)
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + ext
}

// kindOf says what a file is, for people who do not know its type.
func kindOf(p *message.Part) string {
	kind := p.Type + "/" + p.Subtype
	switch {
	case p.Message != nil:
		return "message"
	case p.Type == "image", p.Type == "audio", p.Type == "video":
		return p.Type
	case kind == "application/pdf":
		return "pdf"
	case kind == "text/calendar":
		return "calendar"
	case kind == "text/vcard", kind == "text/x-vcard":
		return "contact"
	case kind == "application/pgp-signature", kind == "application/pkcs7-signature", kind == "application/x-pkcs7-signature":
		return "signature"
	}
	if group := documents[strings.ToLower(path.Ext(fileName(p)))]; group != "" {
		return group
	}
	return "file"
}

// documents are kinds of files by what their names end in.
var documents = map[string]string{
	".doc": "document", ".docx": "document", ".odt": "document", ".rtf": "document", ".txt": "document", ".md": "document",
	".xls": "table", ".xlsx": "table", ".ods": "table", ".csv": "table",
	".ppt": "slides", ".pptx": "slides", ".odp": "slides",
	".zip": "archive", ".gz": "archive", ".tgz": "archive", ".7z": "archive", ".rar": "archive", ".xz": "archive",
}

// partPath is the address of a file of a message.
func partPath(f *found, x file) string {
	return f.path("/part/" + x.section + "/" + url.PathEscape(x.Name))
}
