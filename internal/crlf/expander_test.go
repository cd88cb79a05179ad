package crlf

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// naiveExpand puts a CR before every LF that has none.
func naiveExpand(in string) string {
	return strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\n", "\r\n")
}

func TestExpander(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"a", "a"},
		{"a\n", "a\r\n"},
		{"a\r\n", "a\r\n"},
		{"\n\n", "\r\n\r\n"},
		{"\n\r\n\n", "\r\n\r\n\r\n"},
		{"a\rb\nc\r", "a\rb\r\nc\r"},
		{"\r\r\n", "\r\r\n"},
		{"a\n\rb", "a\r\n\rb"},
	}
	for _, tt := range tests {
		if naive := naiveExpand(tt.in); naive != tt.want {
			t.Errorf("the reference says %q for %q, not %q", naive, tt.in, tt.want)
		}
		for cut := range len(tt.in) + 1 {
			e := NewExpander(io.MultiReader(strings.NewReader(tt.in[:cut]), strings.NewReader(tt.in[cut:])))
			if err := iotest.TestReader(e, []byte(tt.want)); err != nil {
				t.Errorf("%q cut at %d: %v", tt.in, cut, err)
			}
		}
	}
}

func FuzzAppendExpanded(f *testing.F) {
	f.Add("a\nb\r\n\r\r\n\n")
	f.Fuzz(func(t *testing.T, in string) {
		if got, want := string(AppendExpanded([]byte("x"), []byte(in))), "x"+naiveExpand(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	})
}

func TestExpanderReset(t *testing.T) {
	e := NewExpander(strings.NewReader("a\n"))
	if _, err := e.Read(make([]byte, 2)); err != nil { // stops between CR and LF
		t.Fatal(err)
	}
	e.Reset(strings.NewReader("b\n"))
	if got, err := io.ReadAll(e); err != nil || string(got) != "b\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestExpanderPassesErrors(t *testing.T) {
	e := NewExpander(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a\nb"))))
	got, err := io.ReadAll(e)
	if err != iotest.ErrTimeout || string(got) != "a" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := NewExpander(iotest.ErrReader(nil)).Read(make([]byte, 1)); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
}

func TestCounter(t *testing.T) {
	for _, in := range []string{"", "a", "a\nb\n", "a\r\nb\n", "\r\r\n\n\r", "\n"} {
		want := Counter{
			Size:    int64(len(in)),
			Virtual: int64(len(naiveExpand(in))),
			Lines:   int64(strings.Count(in, "\n")),
			cr:      strings.HasSuffix(in, "\r"),
		}
		for cut := range len(in) + 1 {
			var c Counter
			for _, part := range []string{in[:cut], in[cut:]} {
				if n, err := io.WriteString(&c, part); n != len(part) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
			}
			if c != want {
				t.Errorf("%q cut at %d: got %+v, want %+v", in, cut, c, want)
			}
		}
	}
}

func FuzzExpander(f *testing.F) {
	f.Add("a\nb\r\n\r.\n", uint8(1), uint8(3))
	f.Add("\n\n\r\r\n", uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, in string, step, room uint8) {
		var got strings.Builder
		var c Counter
		e := NewExpander(inSteps(in, int(step)))
		p := make([]byte, int(room)+1)
		for {
			n, err := e.Read(p)
			got.Write(p[:n])
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		want := naiveExpand(in)
		if got.String() != want {
			t.Errorf("%q: got %q, want %q", in, got.String(), want)
		}
		if _, err := io.Copy(&c, inSteps(in, int(step))); err != nil {
			t.Fatal(err)
		}
		if c.Size != int64(len(in)) || c.Virtual != int64(len(want)) || c.Lines != int64(strings.Count(in, "\n")) {
			t.Errorf("%q: counted %+v", in, c)
		}
	})
}

// text is 1 MB of lines as mail has them.
func text(end string) []byte {
	line := strings.Repeat("x", 70) + end
	return []byte(strings.Repeat(line, 1<<20/len(line)))
}

func BenchmarkExpander(b *testing.B) {
	for name, in := range map[string][]byte{"LF": text("\n"), "CRLF": text("\r\n")} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			e := NewExpander(nil)
			p := make([]byte, 32<<10)
			src := bytes.NewReader(nil)
			for b.Loop() {
				src.Reset(in)
				e.Reset(src)
				for {
					if _, err := e.Read(p); err != nil {
						break
					}
				}
			}
		})
	}
}

func BenchmarkCounter(b *testing.B) {
	for name, in := range map[string][]byte{"LF": text("\n"), "CRLF": text("\r\n")} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				var c Counter
				if _, err := c.Write(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCopy is the limit that the others are compared with.
func BenchmarkCopy(b *testing.B) {
	in := text("\n")
	out := make([]byte, len(in))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		copy(out, in)
	}
}

func BenchmarkAppendExpanded(b *testing.B) {
	for name, in := range map[string][]byte{"LF": text("\n"), "CRLF": text("\r\n")} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			var out []byte
			for b.Loop() {
				out = AppendExpanded(out[:0], in)
			}
		})
	}
}
