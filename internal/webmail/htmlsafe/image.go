package htmlsafe

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/idna"
)

// image decides about an <img>. Its src is a picture inside the message, as a
// data: URL, or absent: an image without src shows its alternative text. The
// result is false if the image is to vanish altogether.
func (b *rebuilder) image(n *html.Node, attrs *[]attribute) bool {
	var src string
	tiny := 0
	for _, a := range n.Attr {
		switch {
		case a.Namespace != "":
		case a.Key == "src":
			src = cleanURL(a.Val)
		case a.Key == "width" || a.Key == "height":
			if v, ok := checkLength(a.Val); ok && (v == "0" || v == "1") {
				tiny++
			}
		}
	}
	scheme, rest := splitScheme(src)
	var value string
	switch {
	case scheme == "http" || scheme == "https" || strings.HasPrefix(src, "//"):
		b.res.Remote++
		if tiny == 2 {
			b.res.Trackers++
		}
		if b.opt.Remote {
			value = remoteImage(scheme, rest)
		}
	case scheme == "data":
		value = b.dataImage(rest)
	case scheme == "cid" && (b.pass == innerPass || b.opt.KeepReferences):
		value = "cid:" + rest
	case scheme == "cid" && b.opt.Image != nil:
		value = b.inline(rest)
	}
	if tiny == 2 {
		return false
	}
	if value == "" { // then only a description or a gap of its size is left
		return has(*attrs, "alt") || has(*attrs, "width") || has(*attrs, "height")
	}
	b.images += len(value)
	*attrs = append(*attrs, attribute{"src", value})
	return true
}

// remoteImage returns the https address of a picture on another host, or "": the host has
// a name of several labels, so that nobody is made to ask the machines around him.
func remoteImage(scheme, rest string) string {
	if scheme == "" {
		rest = strings.TrimPrefix(rest, "//")
	} else if after, ok := strings.CutPrefix(rest, "//"); ok {
		rest = after
	} else {
		return ""
	}
	authority, _, _ := strings.Cut(rest, "/")
	h, err := idna.Lookup.ToASCII(strings.TrimSuffix(host(rest), "."))
	if err != nil || len(rest) > maxURL || strings.ContainsAny(authority, "@[\\") || !strings.Contains(h, ".") || strings.HasSuffix(h, ".") {
		return ""
	}
	if _, err := netip.ParseAddr(h); err == nil || !unicode.IsLetter(rune(h[strings.LastIndexByte(h, '.')+1])) {
		return "" // an address, however it is written: no domain of the top begins with a digit
	}
	for _, local := range []string{".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".invalid"} {
		if strings.HasSuffix(h, local) {
			return ""
		}
	}
	return escapeURL("https://" + rest)
}

// inline returns the data: URL of a part of the message (RFC 2392), or "".
// The type is told by the bytes, never by the part's header.
func (b *rebuilder) inline(id string) string {
	data, ok := b.opt.Image(percentDecoded(id))
	kind := ImageType(data)
	if !ok || kind == "" || len(data) > maxDataImage || b.images+len(data)*4/3 > maxImages || !b.paintable(kind, data) {
		return ""
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// paintable reports whether an image is small enough once it is unpacked, and counts it.
func (b *rebuilder) paintable(kind string, data []byte) bool {
	n := points(kind, data)
	if n > maxPoints || b.points+n > maxAllPoints {
		return false
	}
	b.points += n
	return true
}

// dataImage rebuilds what follows "data:", or returns "". SVG is not among the
// types: a picture, not a document, is what we show.
func (b *rebuilder) dataImage(rest string) string {
	head, body, ok := strings.Cut(rest, ",")
	if !ok || len(body) > maxDataImage {
		return ""
	}
	kind, ok := strings.CutSuffix(asciiLower(head), ";base64")
	if !ok || !hasWord("image/png image/jpeg image/gif image/webp", kind) {
		return ""
	}
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, " ", ""))
	if kind = ImageType(data); err != nil || kind == "" || !b.paintable(kind, data) {
		return ""
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// ImageType recognises the raster formats that every browser shows by their first octets,
// and returns their media type, or "".
func ImageType(data []byte) string {
	for _, f := range []struct{ magic, kind string }{
		{"\x89PNG\r\n\x1a\n", "image/png"},
		{"\xff\xd8\xff", "image/jpeg"},
		{"GIF87a", "image/gif"},
		{"GIF89a", "image/gif"},
	} {
		if strings.HasPrefix(string(data[:min(len(data), 12)]), f.magic) {
			return f.kind
		}
	}
	if len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP" {
		return "image/webp"
	}
	return ""
}

// percentDecoded undoes %hh, and leaves what is malformed as it is.
func percentDecoded(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				out.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
