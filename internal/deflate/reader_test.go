package deflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"fantail/internal/deflate"
)

// errMore ends what has been received so far.
var errMore = errors.New("no more input yet")

// socket gives what was received, and errMore where a connection would wait.
type socket struct{ received []byte }

func (s *socket) Read(p []byte) (int, error) {
	if len(s.received) == 0 {
		return 0, errMore
	}
	n := copy(p, s.received)
	s.received = s.received[n:]
	return n, nil
}

// determined returns what a Reader says of what has arrived.
func determined(t *testing.T, z *deflate.Reader) string {
	t.Helper()
	var all []byte
	p := make([]byte, 7)
	for {
		n, err := z.Read(p)
		all = append(all, p[:n]...)
		if err != nil {
			if !errors.Is(err, errMore) {
				t.Fatalf("%v after %q", err, all)
			}
			return string(all)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The flushes of zlib 1.2.13, level 6, raw: each command is there as soon as its
// flush is.
func TestFlushes(t *testing.T) {
	for _, c := range []struct{ name, one, two string }{
		{"partial", "4a 54 f0 f3 f7 0f e0 e5 02 08", "a0 24 28 0d 10"},
		{"sync", "4a 54 f0 f3 f7 0f e0 e5 02 00 00 00 ff ff", "4a 82 d2 00 00 00 00 ff ff"},
		{"full", "4a 54 f0 f3 f7 0f e0 e5 02 00 00 00 ff ff", "4a 52 f0 f3 f7 0f e0 e5 02 00 00 00 ff ff"},
		{"finish", "4b 54 f0 f3 f7 0f e0 e5 02 00", "4b 52 f0 f3 f7 0f e0 e5 02 00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &socket{received: unhex(t, c.one)}
			z := deflate.NewReader(s)
			if got := determined(t, z); got != "a NOOP\r\n" {
				t.Errorf("first: %q", got)
			}
			s.received = unhex(t, c.two)
			if got := determined(t, z); got != "b NOOP\r\n" {
				t.Errorf("second: %q", got)
			}
		})
	}
}

// An octet is there when the last bit of its word is: the word of "a" in the fixed
// code ends three bits into the second octet.
func TestNotOneOctetLater(t *testing.T) {
	stream := unhex(t, "4a 4c 4a 06 08")
	s := &socket{}
	z := deflate.NewReader(s)
	got := ""
	// Header 3 bits, each letter 8: one ends in octet 1, one in 2, one in 3.
	for i, want := range []string{"", "a", "ab", "abc", "abc"} {
		s.received = stream[i : i+1]
		if got += determined(t, z); got != want {
			t.Errorf("after %d octets: %q, want %q", i+1, got, want)
		}
	}
}

func TestCorrupt(t *testing.T) {
	for name, in := range map[string]string{
		"block type 3":                 "07",
		"stored length":                "00 01 00 00 00",
		"distance before the start":    "4a 04 42",
		"too many lengths":             "f4 00 00",
		"oversubscribed precode":       "04 00 92 24 49 92 24 49 92 24",
		"repeat of nothing":            "04 80 00 00 00 00 00 00 10 ff",
		"symbol 286 of the fixed code": "1b 03",
	} {
		z := deflate.NewReader(&socket{received: unhex(t, in)})
		_, err := io.ReadAll(z)
		if !errors.Is(err, deflate.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if _, again := z.Read(make([]byte, 1)); !errors.Is(again, deflate.ErrCorrupt) {
			t.Errorf("%s, again: %v", name, again)
		}
	}
}

func TestEnd(t *testing.T) {
	for in, want := range map[string]error{
		"":                                 nil,
		"4b 54 f0 f3 f7 0f e0 e5 02 00":    nil, // behind a stream
		"4b 54 f0 f3 f7 0f e0 e5 02":       io.ErrUnexpectedEOF,
		"4b 54 f0 f3 f7 0f e0 e5 02 00 4b": io.ErrUnexpectedEOF,
		"4a 54 f0 f3 f7 0f e0 e5 02 04":    io.ErrUnexpectedEOF,
		"01 00 00 ff ff 01 00 00 ff ff":    nil,
		"01 05 00 fa ff 61 62":             io.ErrUnexpectedEOF,
	} {
		_, err := io.ReadAll(deflate.NewReader(bytes.NewReader(unhex(t, in))))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", in, err, want)
		}
	}
}

// sample is text with repetitions near and far, and noise.
func sample(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 0, n+1024)
	for len(b) < n {
		switch k := r.IntN(200) + 3; {
		case r.IntN(4) == 0:
			for range k {
				b = append(b, byte(r.Uint32()))
			}
		case len(b) > 40_000 && r.IntN(2) == 0:
			from := len(b) - 1 - r.IntN(min(len(b)-1, 33_000))
			for i := range k {
				b = append(b, b[from+i])
			}
		default:
			b = append(b, "* 1 FETCH (FLAGS (\\Seen))\r\n"[:min(k, 27)]...)
		}
	}
	return b
}

// Whatever wrote a stream and however it arrives, its content comes out.
func TestAgainstWriters(t *testing.T) {
	text := sample(200_000)
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, level)
		if err != nil {
			t.Fatal(err)
		}
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 1+len(rest)/3)
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		twice := append(bytes.Clone(b.Bytes()), b.Bytes()...)
		for name, src := range map[string]io.Reader{
			"whole":        bytes.NewReader(twice),
			"octets":       iotest.OneByteReader(bytes.NewReader(twice)),
			"with the end": iotest.DataErrReader(bytes.NewReader(twice)),
		} {
			got, err := io.ReadAll(deflate.NewReader(src))
			if err != nil || !bytes.Equal(got, append(bytes.Clone(text), text...)) {
				t.Errorf("level %d, %s: %d octets, %v", level, name, len(got), err)
			}
		}
		got, err := io.ReadAll(iotest.OneByteReader(deflate.NewReader(bytes.NewReader(b.Bytes()))))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("level %d, read by octets: %d octets, %v", level, len(got), err)
		}
	}
}

// FuzzReader: the Reader gives what compress/flate gives. Where that finds an error
// the Reader has at least as much, since it gives all that is determined; and how
// the input arrives makes no difference.
func FuzzReader(f *testing.F) {
	for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, level)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write(sample(2000)); err != nil {
			f.Fatal(err)
		}
		if err := errors.Join(w.Flush(), w.Close()); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte("\x4a\x54\xf0\xf3\xf7\x0f\xe0\xe5\x02\x08\xa0\x24\x28\x0d\x10"))
	f.Add([]byte("\x05\xe0\x81\x08\x00\x00\x00\x00\x20\x7f\xeb\x0b\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const most = 1 << 20
		src := bytes.NewReader(in)
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(src), most))
		got, err := io.ReadAll(io.LimitReader(deflate.NewReader(bytes.NewReader(in)), most))
		slow, slowErr := io.ReadAll(io.LimitReader(deflate.NewReader(iotest.OneByteReader(bytes.NewReader(in))), most))
		if !bytes.Equal(got, slow) || !errors.Is(slowErr, err) {
			t.Fatalf("by octets %d, %v; at once %d, %v", len(slow), slowErr, len(got), err)
		}
		if !bytes.HasPrefix(got, want) {
			t.Fatalf("%d octets, %v; want %d, %v", len(got), err, len(want), wantErr)
		}
		if wantErr == nil && src.Len() == 0 && len(want) < most && (err != nil || len(got) != len(want)) {
			t.Fatalf("%d octets, %v; want %d", len(got), err, len(want))
		}
		if errors.As(wantErr, new(flate.CorruptInputError)) && err == nil && len(got) < most {
			t.Fatalf("%d octets of corrupt input", len(got))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := sample(1 << 20)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, 6)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	for name, open := range map[string]func(io.Reader) io.Reader{
		"ours":           func(r io.Reader) io.Reader { return deflate.NewReader(r) },
		"compress/flate": func(r io.Reader) io.Reader { return flate.NewReader(r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			buf := make([]byte, 16<<10)
			for b.Loop() {
				z := open(bytes.NewReader(packed.Bytes()))
				if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, z, buf); n != int64(len(text)) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
