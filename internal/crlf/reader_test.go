package crlf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll describes everything that ReadLine returns until an error that lasts.
func readAll(r *Reader) (got []string) {
	for {
		line, err := r.ReadLine()
		switch {
		case err == nil:
			got = append(got, string(line))
		case errors.Is(err, ErrLineTooLong):
			got = append(got, "<long>")
		default:
			return append(got, "<"+err.Error()+">")
		}
	}
}

// naiveLines is what readAll must return, written for its plainness.
func naiveLines(in string, limit int) (want []string) {
	lines := strings.SplitAfter(in, "\n")
	for _, l := range lines {
		body, ended := strings.CutSuffix(l, "\n")
		body = strings.TrimSuffix(body, "\r")
		switch {
		case !ended && l == "":
			return append(want, "<EOF>")
		case !ended:
			return append(want, "<unexpected EOF>")
		case len(body) > limit:
			want = append(want, "<long>")
		default:
			want = append(want, body)
		}
	}
	return want
}

func TestReadLine(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "<EOF>"},
		{"NOOP\r\n", "NOOP <EOF>"},
		{"NOOP\n", "NOOP <EOF>"},
		{"\r\n\n", "  <EOF>"},
		{"NO", "<unexpected EOF>"},
		{"12345678\r\n", "12345678 <EOF>"},
		{"12345678\r", "<unexpected EOF>"},
		{"123456789\r\nNOOP\r\n", "<long> NOOP <EOF>"},
		{"12345678\r9\r\nNOOP\r\n", "<long> NOOP <EOF>"},
		{"123456789012345678901234567890", "<unexpected EOF>"},
		{"a\rb\r\r\n", "a\rb\r <EOF>"},
	}
	for _, tt := range tests {
		for name, r := range map[string]io.Reader{
			"whole":  strings.NewReader(tt.in),
			"octets": iotest.OneByteReader(strings.NewReader(tt.in)),
			"eof":    iotest.DataErrReader(strings.NewReader(tt.in)),
		} {
			if got := strings.Join(readAll(NewReader(r, 8)), " "); got != tt.want {
				t.Errorf("%s %q: got %q, want %q", name, tt.in, got, tt.want)
			}
		}
	}
}

// A buffer of 4 kB must neither lose a line across its end nor grow beyond the
// limit.
func TestReadLineGrows(t *testing.T) {
	const limit = 10000
	var in strings.Builder
	for _, n := range []int{4094, 4095, 4096, 1, limit - 1, limit, limit + 1, 0, 3 * limit, 7} {
		fmt.Fprintf(&in, "%s\r\n", strings.Repeat("x", n))
	}
	for name, src := range map[string]io.Reader{
		"whole":  strings.NewReader(in.String()),
		"halves": iotest.HalfReader(strings.NewReader(in.String())),
		"octets": iotest.OneByteReader(strings.NewReader(in.String())),
	} {
		r := NewReader(src, limit)
		got, want := readAll(r), naiveLines(in.String(), limit)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: lines differ", name)
		}
		if len(r.buf) > limit+2 {
			t.Errorf("%s: the buffer has %d octets", name, len(r.buf))
		}
	}
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.read += len(p)
	return len(p), nil
}

func TestEndlessLine(t *testing.T) {
	src := new(endless)
	r := NewReader(src, 100)
	for range 2 {
		if _, err := r.ReadLine(); !errors.Is(err, ErrEndlessLine) {
			t.Fatalf("got %v", err)
		}
	}
	if len(r.buf) != initialBuffer || src.read > 2*maxSkip {
		t.Errorf("buffer of %d octets after reading %d", len(r.buf), src.read)
	}
}

// A time-out inside a line, short or too long, is not the end of the line.
func TestReadLineGoesOnAfterError(t *testing.T) {
	r := NewReader(&timeouts{parts: []string{"NO", "OP\r\n1234", "56789", "0\r", "\nQUIT\r\n"}}, 8)
	var got []string
	for len(got) < 3 {
		line, err := r.ReadLine()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, ErrLineTooLong):
			got = append(got, "<long>")
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, string(line))
		}
	}
	if s := strings.Join(got, " "); s != "NOOP <long> QUIT" {
		t.Errorf("got %q", s)
	}
}

// timeouts gives its parts one by one with a time-out between them.
type timeouts struct {
	parts []string
	late  bool
}

func (t *timeouts) Read(p []byte) (int, error) {
	t.late = !t.late
	if t.late {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, t.parts[0])
	t.parts = t.parts[1:]
	return n, nil
}

func TestReadAfterLine(t *testing.T) {
	r := NewReader(strings.NewReader("a {3}\r\nxyzb NOOP\r\nrest"), 20)
	if line, err := r.ReadLine(); err != nil || string(line) != "a {3}" {
		t.Fatalf("got %q, %v", line, err)
	}
	if n := r.Buffered(); n != len("xyzb NOOP\r\nrest") {
		t.Errorf("%d octets are buffered", n)
	}
	literal := make([]byte, 3)
	if _, err := io.ReadFull(r, literal); err != nil || string(literal) != "xyz" {
		t.Fatalf("got %q, %v", literal, err)
	}
	if line, err := r.ReadLine(); err != nil || string(line) != "b NOOP" {
		t.Fatalf("got %q, %v", line, err)
	}
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "rest" || r.Buffered() != 0 {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestSetLimit(t *testing.T) {
	long := strings.Repeat("x", 6000)
	r := NewReader(strings.NewReader(long+"\r\n"+long+"\r\n"+long+"\r\nNOOP\r\n"), 10)
	for i, limit := range []int{10, 6000, 10} {
		r.SetLimit(limit)
		line, err := r.ReadLine()
		if tooLong := limit < len(long); tooLong != errors.Is(err, ErrLineTooLong) || !tooLong && string(line) != long {
			t.Errorf("line %d: %d octets, %v", i, len(line), err)
		}
	}
	if line, err := r.ReadLine(); err != nil || string(line) != "NOOP" {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestReaderStuckSource(t *testing.T) {
	r := NewReader(iotest.ErrReader(nil), 10)
	if _, err := r.ReadLine(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

func FuzzReadLine(f *testing.F) {
	f.Add("NOOP\r\nQUIT\r\n", uint8(4), uint8(0))
	f.Add("a\rb\r\r\n\n\nxxxxxxxxxxxx\r\ny", uint8(3), uint8(1))
	f.Fuzz(func(t *testing.T, in string, limit, step uint8) {
		n := int(limit) + 1
		got := readAll(NewReader(inSteps(in, int(step)), n))
		want := naiveLines(in, n)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	})
}

// inSteps returns a reader of in that gives n octets at a time; 0 means all.
func inSteps(in string, n int) io.Reader {
	if n == 0 {
		return strings.NewReader(in)
	}
	return &steps{in, n}
}

type steps struct {
	in string
	n  int
}

func (s *steps) Read(p []byte) (int, error) {
	if s.in == "" {
		return 0, io.EOF
	}
	n := copy(p, s.in[:min(s.n, len(s.in))])
	s.in = s.in[n:]
	return n, nil
}

func BenchmarkReadLine(b *testing.B) {
	in := strings.Repeat("RETR 12345\r\n", 10000)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		r := NewReader(strings.NewReader(in), 255)
		for {
			if _, err := r.ReadLine(); err != nil {
				break
			}
		}
	}
}
