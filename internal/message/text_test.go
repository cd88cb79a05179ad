package message

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDecoded(t *testing.T) {
	tests := []struct{ name, encoding, in, want string }{
		{"plain", "8bit", "a=20\n", "a=20\n"},
		{"unknown", "x-foo", "a=20\n", "a=20\n"},
		{"base64", "base64", "SGVs\r\nbG8=\r\n", "Hello"},
		{"without padding", "base64", "SGVs\nbG8", "Hello"},
		{"junk", "base64", "!SG-Vs\x00 b\tG8=", "Hello"},
		{"footer", "base64", "SGVsbG8=\n____\nA list of ours\n", "Hello"},
		{"stray padding", "base64", "=SGVsbG8", "Hello"},
		{"qp", "quoted-printable", "a=C3=a4=\r\nb=\nc =20 \r\nd\t\n", "aäbc  \r\nd\n"},
		{"qp damage", "quoted-printable", "a=b=ZZ=4\n==41= \t\nx =", "a=b=ZZ=4\n=Ax "},
		{"qp end", "quoted-printable", "a  ", "a"},
		{"qp text", "QUOTED-printable", "a b  c", "a b  c"},
		{"qp many blanks", "quoted-printable", "a" + strings.Repeat(" ", 3000) + "b\nc ", "a" + strings.Repeat(" ", 3000) + "b\nc"},
		{"qp lone CR", "quoted-printable", "a \rb=\rc", "a \rb=\rc"},
		{"uu", "x-uuencode", "text\nbegin 644 x\n#86)C\n%9&5F9V@\n`\nend\nmore\n", "abcdefgh"},
		{"uu long line", "x-uuencode", strings.Repeat("x", 9000) + "\nbegin 644 x\r\n#86)C\r\n" + strings.Repeat("x", 9000) + "\nend", "abc"},
	}
	for _, tt := range tests {
		in := "Content-Transfer-Encoding: " + tt.encoding + "\n\n" + tt.in
		p := parse(t, in)
		got, err := io.ReadAll(p.Decoded(strings.NewReader(in)))
		if err != nil {
			t.Fatal(err)
		}
		// Of a line that is too long the begin is decoded.
		if tt.name == "uu long line" && strings.HasPrefix(string(got), tt.want) {
			continue
		}
		if string(got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		slow, err := io.ReadAll(iotest.OneByteReader(p.Decoded(strings.NewReader(in))))
		if err != nil || string(slow) != string(got) {
			t.Errorf("%s, octet by octet: %q, want %q: %v", tt.name, slow, got, err)
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct {
		header, body string
		limit        int64
		want         string
	}{
		{"", "plain\r\n", 100, "plain\r\n"},
		{"", "gr\xc3\xbc\xdf", 100, "grüß"},
		{"Content-Type: text/plain; charset=iso-8859-15", "\xa4", 100, "€"},
		{"Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: base64", "w6TDtg==", 100, "äö"},
		{"Content-Type: text/plain; charset=utf-8", "äö", 3, "ä"},
		{"Content-Type: text/plain; charset=utf-8", "äö", 4, "äö"},
		{"Content-Type: text/plain; charset=utf-8", "äö", 0, ""},
		{"Content-Type: text/plain; charset=utf-32", "\x00", 100, ""},
		{"Content-Type: text/plain; charset=utf-16le", "a\x00\xe4\x00", 100, "aä"},
		{"Content-Type: text/plain; charset=iso-2022-jp", "\x1b$BF|K\\\x1b(B", 100, "日本"},
		{"Content-Type: text/plain; charset=x-none", "\xe4", 100, "ä"},
	}
	for _, tt := range tests {
		in := tt.header + "\n\n" + tt.body
		if tt.header == "" {
			in = "\n" + tt.body
		}
		p := parse(t, in)
		for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
			got, err := io.ReadAll(wrap(p.Text(strings.NewReader(in), tt.limit)))
			if err != nil || string(got) != tt.want {
				t.Errorf("%s %q: %q, want %q: %v", tt.header, tt.body, got, tt.want, err)
			}
		}
	}
}

// brokenAt is a ReaderAt that always fails.
type brokenAt struct{ err error }

func (b brokenAt) ReadAt([]byte, int64) (int, error) { return 0, b.err }

func TestTextError(t *testing.T) {
	broken := errors.New("broken")
	for _, header := range []string{
		"Content-Type: text/plain",
		"Content-Type: text/html",
		"Content-Type: text/plain; charset=utf-16",
		"Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64",
	} {
		p := parse(t, header+"\n\nbody")
		if _, err := io.ReadAll(p.Text(brokenAt{broken}, 100)); !errors.Is(err, broken) {
			t.Errorf("%s: text: %v", header, err)
		}
		if _, err := Preview(p, brokenAt{broken}); !errors.Is(err, broken) {
			t.Errorf("%s: preview: %v", header, err)
		}
	}
}
