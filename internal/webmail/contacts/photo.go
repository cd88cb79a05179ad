package contacts

import (
	"encoding/base64"
	"errors"
	"strings"

	"fantail/internal/webmail/contentline"
)

// ErrPhoto tells that octets are no picture that is shown, or too many.
var ErrPhoto = errors.New("not a picture, or too large")

// Photo returns the picture that the card holds and its media type. One that is only
// linked to is none: nobody fetches it.
func (c *Card) Photo() (mediaType string, data []byte, ok bool) {
	l := c.first("PHOTO")
	if l == nil || len(l.Value) > base64.StdEncoding.EncodedLen(maxPhoto)+100 {
		return "", nil, false
	}
	text := l.Value
	if strings.HasPrefix(strings.ToLower(text[:min(len(text), 5)]), "data:") {
		head, rest, found := strings.Cut(contentline.Unescape(text), ",")
		if !found || !strings.HasSuffix(strings.ToLower(head), ";base64") {
			return "", nil, false
		}
		text = rest
	} else if encoding, _ := l.Param("ENCODING"); !strings.EqualFold(encoding, "b") && !strings.EqualFold(encoding, "base64") {
		return "", nil, false
	}
	text = strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", nil, false
	}
	mediaType = pictureType(data)
	return mediaType, data, mediaType != "" && len(data) <= maxPhoto
}

// SetPhoto sets the picture; no octets remove it.
func (c *Card) SetPhoto(data []byte) error {
	if len(data) == 0 {
		c.remove("PHOTO")
		return nil
	}
	mediaType := pictureType(data)
	if mediaType == "" || len(data) > maxPhoto {
		return ErrPhoto
	}
	l := contentline.Line{Name: "PHOTO", Value: base64.StdEncoding.EncodeToString(data)}
	if c.version == "4.0" {
		l.Value = "data:" + mediaType + ";base64," + l.Value
	} else {
		subtype := strings.ToUpper(strings.TrimPrefix(mediaType, "image/"))
		l.Params = []contentline.Param{{Name: "ENCODING", Values: []string{"b"}}, {Name: "TYPE", Values: []string{subtype}}}
	}
	c.replace("PHOTO", l)
	return nil
}

// pictureType tells a picture by how it begins; what the card says is not believed.
func pictureType(data []byte) string {
	s := string(data[:min(len(data), 12)])
	switch {
	case strings.HasPrefix(s, "\xff\xd8\xff"):
		return "image/jpeg"
	case strings.HasPrefix(s, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case strings.HasPrefix(s, "GIF87a"), strings.HasPrefix(s, "GIF89a"):
		return "image/gif"
	case len(s) == 12 && strings.HasPrefix(s, "RIFF") && s[8:] == "WEBP":
		return "image/webp"
	}
	return ""
}
