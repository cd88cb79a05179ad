package htmlsafe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	encodepng "image/png"
	"strings"
	"testing"

	hostilemail "fantail/test/hostile"
)

// corpus is the HTML of test/hostile.
func corpus() []hostilemail.Message {
	var out []hostilemail.Message
	for _, m := range hostilemail.Messages("http://canary.example", "http://knock.example") {
		if m.HTML != "" {
			out = append(out, m)
		}
	}
	return out
}

// TestCorpus: what is made of hostile mail holds nothing but what may be there, and making
// it again changes nothing. Few messages are refused altogether.
func TestCorpus(t *testing.T) {
	refused := 0
	for _, m := range corpus() {
		r, err := Sanitize(m.HTML, Options{Image: func(string) ([]byte, bool) { return []byte("<svg onload=alert(1)>"), true }})
		if errors.Is(err, ErrTooComplex) {
			refused++
			if !m.Heavy {
				t.Errorf("%s/%s: %v", m.Class, m.Name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range violations(r.HTML) {
			t.Errorf("%s/%s: %s\n in %.1000s\nout %.1000s", m.Class, m.Name, bad, m.HTML, r.HTML)
		}
		settled(t, r.HTML)
	}
	if refused > 15 {
		t.Errorf("%d messages are refused", refused)
	}
}

// TestPoints compares what is read of the heads of pictures with what others read.
func TestPoints(t *testing.T) {
	const w, h = 37, 1201
	img := image.NewPaletted(image.Rect(0, 0, w, h), nil)
	encoded := make(map[string][]byte)
	for name, encode := range map[string]func(*bytes.Buffer) error{
		"image/png":  func(b *bytes.Buffer) error { return encodepng.Encode(b, image.NewGray(img.Rect)) },
		"image/jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, image.NewGray(img.Rect), nil) },
		"image/gif":  func(b *bytes.Buffer) error { return gif.Encode(b, image.NewGray(img.Rect), nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		encoded[name] = b.Bytes()
	}
	for kind, data := range encoded {
		if got := points(kind, data); got != w*h {
			t.Errorf("%s: %d points, want %d", kind, got, w*h)
		}
		for n := range min(len(data), 2000) { // a head that is cut off is no reason to fail
			if got := points(kind, data[:n]); got != 0 && got != w*h {
				t.Errorf("%s, %d octets: %d points", kind, n, got)
			}
		}
	}
	u24 := func(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n))[:3] }
	riff := func(chunk string, body []byte) []byte {
		return append(append([]byte("RIFF....WEBP"+chunk), 0, 0, 0, 0), body...)
	}
	for name, data := range map[string][]byte{
		"lossy":    riff("VP8 ", append([]byte{0, 0, 0, 0x9d, 0x01, 0x2a}, byte(w), w>>8, byte(h&0xff), h>>8)),
		"lossless": riff("VP8L", binary.LittleEndian.AppendUint32([]byte{0x2f}, (w-1)|(h-1)<<14)),
		"extended": riff("VP8X", append(append([]byte{0, 0, 0, 0}, u24(w-1)...), u24(h-1)...)),
	} {
		if got := points("image/webp", data); got != w*h {
			t.Errorf("webp, %s: %d points, want %d", name, got, w*h)
		}
	}
	// A frame that is larger than its GIF.
	g := bytes.Clone(encoded["image/gif"])
	copy(g[6:], []byte{1, 0, 1, 0})
	if got := points("image/gif", g); got != w*h {
		t.Errorf("gif with a large frame: %d points, want %d", got, w*h)
	}
}

func FuzzPoints(f *testing.F) {
	f.Add(0, []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x75\x30\x00\x00\x75\x30"))
	f.Add(1, []byte("\xff\xd8\xff\xe0\x00\x02\xff\xc0\x00\x0b\x08\x00\x01\x00\x01"))
	f.Add(2, []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00......\x21\xf9\x01x\x00,\x00\x00\x00\x00\x01\x00\x01\x00"))
	f.Add(3, []byte("RIFF....WEBPVP8X\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		kinds := []string{"image/png", "image/jpeg", "image/gif", "image/webp"}
		if n := points(kinds[uint(kind)%4], data); n < 0 {
			t.Fatalf("%d points", n)
		}
	})
}

// TestLargePictures: small files that are large pictures are not shown.
func TestLargePictures(t *testing.T) {
	of := func(w, h uint32) []byte {
		b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
		return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, w), h), 8, 6, 0, 0, 0)
	}
	show := func(html string, picture []byte) int {
		r, err := Sanitize(html, Options{Image: func(string) ([]byte, bool) { return picture, true }})
		if err != nil {
			t.Fatal(err)
		}
		settled(t, r.HTML)
		return strings.Count(r.HTML, "src=")
	}
	for _, c := range []struct {
		name, html string
		picture    []byte
		want       int
	}{
		{"a photograph", `<img src="cid:a">`, of(6000, 4000), 1},
		{"too many points", `<img src="cid:a">`, of(30000, 30000), 0},
		{"more than there are numbers", `<img src="cid:a">`, of(0xFFFFFFFF, 0xFFFFFFFF), 0},
		{"too many together", strings.Repeat(`<img src="cid:a">`, 10), of(6000, 4000), 4},
	} {
		if got := show(c.html, c.picture); got != c.want {
			t.Errorf("%s: %d are shown, want %d", c.name, got, c.want)
		}
	}
}
