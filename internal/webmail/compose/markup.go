package compose

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"

	xhtml "golang.org/x/net/html"
)

// maxBody is the longest text or HTML of a message, in octets. Pictures in data: URLs
// count.
const maxBody = 16 << 20

// sentElements are the elements that are sent. What is not here is replaced by its
// content, or vanishes with it if that is no text.
var sentElements = set("p div span h1 h2 h3 h4 h5 h6 table thead tbody tfoot tr td th caption col colgroup dl dt dd ul ol li blockquote " +
	"pre code tt kbd samp b strong i em u s strike del ins sub sup small big center address abbr cite q dfn mark time var " +
	"br wbr hr a img font")

// sentAttributes are the attributes that are sent: nothing that names or runs anything.
// href, src and style are looked at.
var sentAttributes = set("href src style alt dir lang align valign width height border cellpadding cellspacing colspan rowspan " +
	"span start size type nowrap bgcolor color face")

var voidElements = set("br wbr hr img col")

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// Markup returns HTML of the editor as it is sent, and the pictures that it shows.
// Classes, ids, style sheets and whatever loads from elsewhere are gone; a picture in a
// data: URL becomes one of the pictures, with a cid: URL. A second time it changes
// nothing. It is not what makes HTML safe: package htmlsafe has done that before.
func Markup(src string, inline []File, domain string) (string, []File, error) {
	if len(src) > maxBody {
		return "", nil, fmt.Errorf("%w: %d octets", ErrLong, len(src))
	}
	m := &markup{inline: make(map[string]bool), files: inline, domain: domain}
	for _, f := range inline {
		m.inline[f.ID] = true
	}
	z := xhtml.NewTokenizer(strings.NewReader(src))
	for {
		switch z.Next() {
		case xhtml.ErrorToken: // a string reader has no error but its end
			return m.out.String(), m.files, nil
		case xhtml.TextToken:
			if m.hidden == "" {
				m.out.WriteString(html.EscapeString(CleanText(string(z.Text()))))
			}
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			m.start(z.Token())
		case xhtml.EndTagToken:
			name, _ := z.TagName()
			m.close(string(name))
		}
	}
}

// markup writes the HTML that is sent.
type markup struct {
	out    strings.Builder
	hidden string // the element that vanishes with its content
	nested int    // elements of that name inside it
	inline map[string]bool
	files  []File
	domain string
}

func (m *markup) start(t xhtml.Token) {
	name := t.Data
	switch {
	case m.hidden != "":
		if name == m.hidden && t.Type == xhtml.StartTagToken {
			m.nested++
		}
		return
	case unread[name]:
		if t.Type == xhtml.StartTagToken || name != "svg" && name != "math" {
			m.hidden = name
		}
		return
	case !sentElements[name]:
		return
	}
	attrs := m.attributes(t)
	if name == "img" && !has(attrs, "src") {
		if alt := strings.TrimSpace(attr(t, "alt")); alt != "" {
			m.out.WriteString(html.EscapeString("[" + CleanText(alt) + "]"))
		}
		return
	}
	m.out.WriteString("<" + name)
	for _, a := range attrs {
		m.out.WriteString(" " + a.Key + `="` + html.EscapeString(a.Val) + `"`)
	}
	m.out.WriteString(">")
}

func (m *markup) close(name string) {
	switch {
	case m.hidden == "":
		if sentElements[name] && !voidElements[name] {
			m.out.WriteString("</" + name + ">")
		}
	case name == m.hidden:
		if m.nested--; m.nested < 0 {
			m.hidden, m.nested = "", 0
		}
	}
}

func has(attrs []xhtml.Attribute, name string) bool {
	for _, a := range attrs {
		if a.Key == name {
			return true
		}
	}
	return false
}

// attributes returns those that are sent.
func (m *markup) attributes(t xhtml.Token) []xhtml.Attribute {
	var out []xhtml.Attribute
	for _, a := range t.Attr {
		if !sentAttributes[a.Key] || has(out, a.Key) {
			continue
		}
		a.Val = OneLine(a.Val)
		switch {
		case a.Key == "href":
			if a.Val = shownURL(a.Val); t.Data != "a" {
				a.Val = ""
			}
		case a.Key == "src":
			if a.Val = m.picture(a.Val); t.Data != "img" {
				a.Val = ""
			}
		case a.Key == "style":
			a.Val = styles(a.Val)
		case a.Key == "type" && t.Data == "blockquote":
			continue
		}
		if a.Val != "" || a.Key == "alt" {
			out = append(out, a)
		}
	}
	if t.Data == "blockquote" {
		out = append([]xhtml.Attribute{{Key: "type", Val: "cite"}}, out...)
		if !has(out, "style") {
			out = append(out, xhtml.Attribute{Key: "style", Val: quoteStyle})
		}
	}
	return out
}

// styles returns the declarations that load nothing.
func styles(s string) string {
	var out []string
	for d := range strings.SplitSeq(s, ";") {
		d = strings.TrimSpace(d)
		lower := strings.ToLower(d)
		if d != "" && !strings.ContainsAny(d, `\@<>{}`) && !strings.Contains(d, "/*") &&
			!strings.Contains(lower, "url") && !strings.Contains(lower, "image") && !strings.Contains(lower, "src(") {
			out = append(out, d)
		}
	}
	return strings.Join(out, ";")
}

// picture returns the cid: URL of a picture that is part of the message, "" for all
// others.
func (m *markup) picture(src string) string {
	scheme, rest, _ := strings.Cut(src, ":")
	switch strings.ToLower(scheme) {
	case "cid":
		if id, err := url.PathUnescape(rest); err == nil && m.inline[id] {
			return "cid:" + cidURL(id)
		}
	case "data":
		return m.embedded(rest)
	}
	return ""
}

// embedded makes a file of what follows "data:".
func (m *markup) embedded(rest string) string {
	head, body, _ := strings.Cut(rest, ",")
	kind, ok := strings.CutSuffix(strings.ToLower(head), ";base64")
	ext, known := map[string]string{"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}[kind]
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, " ", ""))
	if !ok || !known || err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	id := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15])) + "@" + m.domain
	if !m.inline[id] {
		m.inline[id] = true
		// A new array: the caller's is not ours to append to.
		m.files = append(m.files[:len(m.files):len(m.files)], File{
			Name: fmt.Sprintf("image%d.%s", len(m.files)+1, ext), Type: kind, ID: id, Open: content(string(data)),
		})
	}
	return "cid:" + cidURL(id)
}

// content opens what is in memory.
func content(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
}

// cidURL returns what follows "cid:" (RFC 2392 section 2), which HTML need not escape.
func cidURL(id string) string {
	return strings.NewReplacer("%40", "@", "&", "%26").Replace(percentEncoded(id))
}

// The document around the HTML that is sent.
const (
	documentHead = `<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>`
	documentTail = "</body></html>"
)
