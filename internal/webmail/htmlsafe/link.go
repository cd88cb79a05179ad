package htmlsafe

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Suspicion is a link that may deceive.
type Suspicion struct {
	Kind   Deception
	Text   string // what the message shows, shortened
	Host   string // where the link leads, in ASCII
	Shown  string // of Letters: how the host looks; of OtherHost: the domain that the text names
	Reason string // a sentence without a full stop, by Options.Words
}

// Deception is how a link may deceive.
type Deception uint8

// The deceptions.
const (
	UserInfo  Deception = iota // before the host stands a name that looks like one
	Letters                    // the host has letters that can look like others
	OtherHost                  // the text names another host
)

// inEnglish is what is wrong with a link.
func inEnglish(s Suspicion) string {
	switch s.Kind {
	case UserInfo:
		return "This link contains a name that looks like an address; it leads to " + s.Host
	case Letters:
		return "This link uses letters that can look like others; it leads to " + s.Host + " (" + s.Shown + ")"
	}
	return "This link shows " + s.Shown + " but leads to " + s.Host
}

// link adds the attributes of <a>: href if the address is harmless to follow,
// and then what keeps the new page away from ours. The title of a link is
// always ours, since it looks like the browser's own display of the address.
func (b *rebuilder) link(n *html.Node, attrs *[]attribute) {
	*attrs = without(*attrs, "title")
	var raw, name string
	for _, a := range n.Attr {
		switch {
		case a.Namespace != "":
		case a.Key == "href":
			raw = a.Val
		case a.Key == "name":
			name = a.Val
		}
	}
	if id, ok := ownName(name); ok && !has(*attrs, "id") { // anchors of old HTML
		*attrs = append(*attrs, attribute{"id", id})
	}
	href := checkHref(raw)
	if href == "" {
		return
	}
	*attrs = append(*attrs, attribute{"href", href})
	if strings.HasPrefix(href, "#") {
		return
	}
	if s, ok := suspect(href, linkText(n)); ok {
		words := b.opt.Words
		if words == nil {
			words = inEnglish
		}
		s.Reason = words(s)
		addClass(attrs, ourClass)
		*attrs = append(*attrs, attribute{"title", s.Reason})
		if len(b.res.Suspicious) < maxSuspicious {
			b.res.Suspicious = append(b.res.Suspicious, s)
		}
	}
	*attrs = append(*attrs, attribute{"target", "_blank"}, attribute{"rel", linkRel})
}

// linkRel: the new page gets no handle on ours and no referrer.
const linkRel = "noopener noreferrer nofollow ugc"

func without(attrs []attribute, name string) []attribute {
	out := attrs[:0]
	for _, a := range attrs {
		if a.name != name {
			out = append(out, a)
		}
	}
	return out
}

func has(attrs []attribute, name string) bool {
	for _, a := range attrs {
		if a.name == name {
			return true
		}
	}
	return false
}

func addClass(attrs *[]attribute, class string) {
	for i, a := range *attrs {
		if a.name == "class" {
			(*attrs)[i].value += " " + class
			return
		}
	}
	*attrs = append(*attrs, attribute{"class", class})
}

// cleanURL does what the URL standard does before it looks for a scheme: tabs
// and newlines go wherever they are, spaces and controls at both ends.
func cleanURL(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, s)
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// splitScheme returns the lower-case scheme (RFC 3986 section 3.1) and what
// follows the colon; "" if there is none.
func splitScheme(s string) (scheme, rest string) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case c == ':' && i > 0:
			return asciiLower(s[:i]), s[i+1:]
		default:
			return "", s
		}
	}
	return "", s
}

// checkHref returns the address as it is written, or "" if it is not of the
// few kinds that only a person's click follows: web pages, mail, telephone, and
// places in the same message.
func checkHref(raw string) string {
	u := cleanURL(raw)
	if u == "" || len(u) > maxURL {
		return ""
	}
	if strings.HasPrefix(u, "#") {
		if id, ok := ownName(u[1:]); ok {
			return "#" + id
		}
		return ""
	}
	scheme, rest := splitScheme(u)
	switch scheme {
	case "http", "https":
		rest, ok := strings.CutPrefix(rest, "//")
		if !ok || host(rest) == "" {
			return ""
		}
		return escapeURL(scheme + "://" + rest)
	case "mailto", "tel":
		return escapeURL(scheme + ":" + rest)
	}
	return ""
}

// escapeURL percent-encodes what may not stand in a URL and what would make it
// read differently from what it is: quotes, backslashes, controls and
// characters without a shape. Letters of all scripts stay, for host names.
func escapeURL(u string) string {
	var out strings.Builder
	for _, r := range u {
		if r <= ' ' || r == 0x7F || strings.ContainsRune("\"'<>\\^`{|}()", r) || r >= 0x80 && !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) || blank(r) {
			for _, c := range []byte(string(r)) {
				fmt.Fprintf(&out, "%%%02X", c)
			}
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// blank reports whether a letter or sign has no shape: fillers of Hangul, the empty
// pattern of Braille, and what Unicode calls default ignorable.
func blank(r rune) bool {
	return r == '\u2800' || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// host returns the host in what follows "//", without user and port.
func host(authority string) string {
	if i := strings.IndexAny(authority, "/?#\\"); i >= 0 {
		authority = authority[:i]
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	if strings.HasPrefix(authority, "[") {
		h, _, _ := strings.Cut(authority, "]")
		return h + "]"
	}
	h, _, _ := strings.Cut(authority, ":")
	return h
}

// suspect reports why the link to href with this visible text may deceive.
func suspect(href, text string) (Suspicion, bool) {
	scheme, rest := splitScheme(href)
	if scheme != "http" && scheme != "https" {
		return Suspicion{}, false
	}
	rest = strings.TrimPrefix(rest, "//")
	named := host(rest)
	ascii, err := idna.Lookup.ToASCII(named)
	if err != nil {
		ascii = named
	}
	s := Suspicion{Text: shorten(text), Host: ascii}
	authority, _, _ := strings.Cut(rest, "/")
	claimed := claimedDomain(text, registrable(ascii))
	switch {
	case strings.Contains(authority, "@"):
		s.Kind = UserInfo
	case strings.Contains(ascii, "xn--"):
		s.Kind = Letters
		s.Shown, _ = idna.ToUnicode(ascii) // what cannot be decoded stays ASCII, which is all we show then
	case claimed != "":
		s.Kind, s.Shown = OtherHost, claimed
	default:
		return Suspicion{}, false
	}
	return s, true
}

// claimedDomain returns a registrable domain that a link's text seems to name and that is
// not the one it leads to, or "". The first word may be a bare name; later ones are names
// only with a scheme or www.
func claimedDomain(text, leads string) string {
	for i, word := range strings.Fields(strings.Map(shown, text)) {
		scheme, _ := splitScheme(word)
		if i > 0 && scheme != "http" && scheme != "https" && !strings.HasPrefix(asciiLower(word), "www.") {
			continue
		}
		if d := namedDomain(word); d != "" && d != leads {
			return d
		}
	}
	return ""
}

// shown drops what nobody sees in a text.
func shown(r rune) rune {
	if blank(r) || !unicode.IsGraphic(r) && !unicode.IsSpace(r) {
		return -1
	}
	return r
}

// namedDomain returns the registrable domain that a word names, or "".
func namedDomain(word string) string {
	scheme, rest := splitScheme(word)
	if scheme == "http" || scheme == "https" {
		word = strings.TrimPrefix(rest, "//")
	} else if strings.ContainsRune(word, '@') {
		return ""
	}
	h, err := idna.Lookup.ToASCII(strings.TrimRight(host(word), ".,;:!?)>"))
	if err != nil || !strings.Contains(h, ".") {
		return ""
	}
	if _, known := publicsuffix.PublicSuffix(h); !known {
		return ""
	}
	return registrable(h)
}

// registrable returns the part of a host name that somebody registered;
// addresses and unknown names stand for themselves.
func registrable(h string) string {
	h = asciiLower(strings.TrimSuffix(h, "."))
	if _, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return h
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(h)
	if err != nil {
		return h
	}
	return d
}

// linkText collects the visible text of a link, up to a limit of nodes and
// characters: a link in a link in a link is legal in a tree.
func linkText(a *html.Node) string {
	var out strings.Builder
	visited := 0
	for n := range a.Descendants() {
		if visited++; visited > maxWordRunes || out.Len() > maxWordRunes {
			break
		}
		if n.Type == html.TextNode && n.Parent != nil && elements[n.Parent.Data].fate <= keep {
			out.WriteString(visible(n.Data))
		}
	}
	return out.String()
}

func shorten(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > 80 {
		return string(runes[:79]) + "…"
	}
	return string(runes)
}
