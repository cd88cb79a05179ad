package message

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// plainQP decodes quoted-printable line by line, as RFC 2045 section 6.7 says.
func plainQP(s string) string {
	var out strings.Builder
	for s != "" {
		line, eol := s, ""
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			line, eol = s[:i], "\n"
			if strings.HasSuffix(line, "\r") {
				line, eol = line[:i-1], "\r\n"
			}
		}
		s = s[len(line)+len(eol):]
		if eol != "" || !strings.HasSuffix(line, "\r") {
			line = strings.TrimRight(line, " \t")
		}
		if strings.HasSuffix(line, "=") { // a soft line break
			line, eol = line[:len(line)-1], ""
		}
		for i := 0; i < len(line); i++ {
			if hi, lo := hexPair([]byte(line[i+1:])); line[i] == '=' && hi >= 0 && lo >= 0 {
				out.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
			out.WriteByte(line[i])
		}
		out.WriteString(eol)
	}
	return out.String()
}

func TestQuotedPrintable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "word", " ", "\t", "=", "=\n", "=\r\n", " \n", "\r\n", "\n", "=C3=A4", "=c3", "=x", "\r", "  ", strings.Repeat("long ", 60)}
	for range 20_000 {
		var b strings.Builder
		for range r.IntN(30) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		s := b.String()
		var in io.Reader = strings.NewReader(s)
		if r.IntN(2) == 0 {
			in = iotest.OneByteReader(in)
		}
		got, err := io.ReadAll(newPipe(in, qpDecoder{}, pipeSize(int64(len(s)), 64+r.IntN(4000)*maxLookahead)))
		if want := plainQP(s); err != nil || string(got) != want {
			t.Fatalf("%q: %q, want %q, %v", s, got, want, err)
		}
	}
}

// TestQuotedPrintableWindow: what is plain goes on behind the window in which it is
// looked for.
func TestQuotedPrintableWindow(t *testing.T) {
	for n := range 3 * qpWindow {
		for _, tail := range []string{"e\r\nnext\r\n", "e\nnext\n", "=C3=A9\r\nnext", "e =\r\nnext", "e \r\nnext"} {
			s := strings.Repeat("x", n) + tail
			got, err := io.ReadAll(newPipe(strings.NewReader(s), qpDecoder{}, pipeSize(int64(len(s)), 4096)))
			if want := plainQP(s); err != nil || string(got) != want {
				t.Fatalf("%d and %q: %q, want %q, %v", n, tail, got[max(0, len(got)-20):], want[max(0, len(want)-20):], err)
			}
		}
	}
}

func TestASCIIPrefix(t *testing.T) {
	for n := range 40 {
		b := bytes.Repeat([]byte("a"), 40)
		b[n] = 0x80
		if got := asciiPrefix(b); got != n {
			t.Errorf("%d, want %d", got, n)
		}
	}
}
