package crlf

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// naiveStuff is DotWriter for a whole text with CRLF line ends.
func naiveStuff(in string) string {
	out := strings.ReplaceAll("\n"+in, "\n.", "\n..")[1:]
	if in != "" && !strings.HasSuffix(in, "\n") {
		out += "\r\n"
	}
	return out + ".\r\n"
}

func TestDotWriter(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ".\r\n"},
		{"a\r\n", "a\r\n.\r\n"},
		{"a", "a\r\n.\r\n"},
		{"a\r", "a\r\r\n.\r\n"},
		{".", "..\r\n.\r\n"},
		{".\r\n", "..\r\n.\r\n"},
		{"..\r\n.a\r\nb.\r\n", "...\r\n..a\r\nb.\r\n.\r\n"},
		{"\r\n.\r\n\r\n", "\r\n..\r\n\r\n.\r\n"},
	}
	for _, tt := range tests {
		if naive := naiveStuff(tt.in); naive != tt.want {
			t.Errorf("the reference says %q for %q, not %q", naive, tt.in, tt.want)
		}
		for cut := range len(tt.in) + 1 {
			var out bytes.Buffer
			d := NewDotWriter(&out)
			for _, part := range []string{tt.in[:cut], tt.in[cut:]} {
				if n, err := io.WriteString(d, part); n != len(part) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
			}
			if err := d.Close(); err != nil || out.String() != tt.want {
				t.Errorf("%q cut at %d: got %q, want %q, %v", tt.in, cut, out.String(), tt.want, err)
			}
		}
	}
}

// failing accepts n octets.
type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if len(p) <= f.n {
		f.n -= len(p)
		return len(p), nil
	}
	n := f.n
	f.n = 0
	return n, io.ErrClosedPipe
}

func TestDotWriterPassesErrors(t *testing.T) {
	const in = "a\r\n.b\r\n"
	for room := range len(naiveStuff(in)) {
		d := NewDotWriter(&failing{room})
		n, err := io.WriteString(d, in)
		if err == nil {
			err = d.Close()
		} else if n >= len(in) {
			t.Errorf("room for %d: all written, and %v", room, err)
		}
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("room for %d: got %v", room, err)
		}
	}
}

// naiveUnstuff returns the message and what follows it.
func naiveUnstuff(in string) (msg, rest string, ok bool) {
	var out strings.Builder
	for {
		line, after, found := strings.Cut(in, "\r\n")
		if found && line == "." {
			return out.String(), after, true
		}
		if !found && (in == "." || in == ".\r") {
			return out.String(), "", false // undecided when the source ended
		}
		out.WriteString(strings.TrimPrefix(line, "."))
		if !found {
			return out.String(), "", false
		}
		out.WriteString("\r\n")
		in = after
	}
}

// unstuff reads a message through DotReader, room octets at a time.
func unstuff(src io.Reader, room int) (msg, rest string, err error) {
	r := NewReader(src, 100)
	d := NewDotReader(r)
	var out strings.Builder
	p := make([]byte, room)
	for err == nil {
		var n int
		n, err = d.Read(p)
		out.Write(p[:n])
	}
	if err != io.EOF {
		return out.String(), "", err
	}
	after, err := io.ReadAll(r)
	return out.String(), string(after), err
}

func TestDotReader(t *testing.T) {
	tests := []struct {
		in, msg, rest string
		err           error
	}{
		{".\r\nQUIT\r\n", "", "QUIT\r\n", nil},
		{"a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n", nil},
		{"..\r\n..a\r\n.b\r\n.\r\n", ".\r\n.a\r\nb\r\n", "", nil},
		{"a\r\n", "a\r\n", "", io.ErrUnexpectedEOF},
		{"a\r\n.", "a\r\n", "", io.ErrUnexpectedEOF},
		{"a\r\n.\r", "a\r\n", "", io.ErrUnexpectedEOF},
		{"", "", "", io.ErrUnexpectedEOF},
		// None of these is the end of a message.
		{"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", "", nil},
		{"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", "", nil},
		{"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "", nil},
		{"a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", "", nil},
		{"a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n", "", nil},
		{"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "", nil},
		{"\r.\r.\r\n.\r\n", "\r.\r.\r\n", "", nil},
	}
	for _, tt := range tests {
		for cut := range len(tt.in) + 1 {
			for room := 1; room < 5; room++ {
				src := io.MultiReader(strings.NewReader(tt.in[:cut]), strings.NewReader(tt.in[cut:]))
				msg, rest, err := unstuff(src, room)
				if msg != tt.msg || rest != tt.rest || !errors.Is(err, tt.err) {
					t.Errorf("%q cut at %d: got %q, %q, %v, want %q, %q, %v", tt.in, cut, msg, rest, err, tt.msg, tt.rest, tt.err)
				}
			}
		}
	}
}

func TestDotReaderPassesErrors(t *testing.T) {
	_, _, err := unstuff(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("abc"))), 10)
	if !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func FuzzDotReader(f *testing.F) {
	for _, s := range []string{"a\r\n..\r\n.\r\nrest", "\n.\n\r.\r\n.\n.\r\n.\r\r\n", ".\r"} {
		f.Add(s, uint8(1), uint8(1))
		f.Add(s, uint8(0), uint8(99))
	}
	f.Fuzz(func(t *testing.T, in string, step, room uint8) {
		msg, rest, err := unstuff(inSteps(in, int(step)), int(room)+1)
		wantMsg, wantRest, ok := naiveUnstuff(in)
		if msg != wantMsg || rest != wantRest || (err == nil) != ok {
			t.Errorf("%q: got %q, %q, %v, want %q, %q", in, msg, rest, err, wantMsg, wantRest)
		}
	})
}

// What DotWriter writes, DotReader reads back, and stops where it ended.
func FuzzDotWriter(f *testing.F) {
	f.Add(".\n..\n\n.a\r.\n.", uint8(2))
	f.Fuzz(func(t *testing.T, in string, step uint8) {
		text := naiveExpand(in)
		var wire bytes.Buffer
		d := NewDotWriter(&wire)
		// The wrapper hides WriterTo, so that the division is kept.
		if _, err := io.Copy(d, struct{ io.Reader }{inSteps(text, int(step))}); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if want := naiveStuff(text); wire.String() != want {
			t.Fatalf("%q: wrote %q, want %q", text, wire.String(), want)
		}
		wire.WriteString("NEXT")
		msg, rest, err := unstuff(&wire, 100)
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\r\n"
		}
		if msg != text || rest != "NEXT" || err != nil {
			t.Errorf("%q: read back %q, %q, %v", text, msg, rest, err)
		}
	})
}

func BenchmarkDotWriter(b *testing.B) {
	in := text("\r\n")
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := NewDotWriter(io.Discard).Write(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDotReader(b *testing.B) {
	in := append(text("\r\n"), ".\r\n"...)
	b.SetBytes(int64(len(in)))
	p := make([]byte, 32<<10)
	for b.Loop() {
		d := NewDotReader(NewReader(bytes.NewReader(in), 100))
		for {
			if _, err := d.Read(p); err != nil {
				break
			}
		}
	}
}
