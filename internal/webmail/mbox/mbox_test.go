package mbox

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func readAll(t testing.TB, file string) (messages []string, dates []time.Time, err error) {
	t.Helper()
	r := NewReader(strings.NewReader(file))
	for {
		m, err := r.Next()
		if err == io.EOF {
			return messages, dates, nil
		}
		if err != nil {
			return messages, dates, err
		}
		b, err := io.ReadAll(m)
		if err != nil {
			return messages, dates, err
		}
		if !bytes.HasPrefix(b, m.Header) {
			t.Errorf("%q does not begin with its header %q", b, m.Header)
		}
		messages, dates = append(messages, string(b)), append(dates, m.Date)
	}
}

func TestReader(t *testing.T) {
	const line = "From a@b Sat Jan  3 01:05:34 1996\n"
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"two", line + "A: b\n\nx\n\n" + line + "C: d\n\ny\n\n", []string{"A: b\n\nx\n", "C: d\n\ny\n"}},
		{"no empty line at the end", line + "A: b\n\nx\n", []string{"A: b\n\nx\n"}},
		{"no end of line at the end", line + "A: b\n\nx", []string{"A: b\n\nx"}},
		{"quoted", line + "A: b\n\n>From x\n>>From y\n> From z\n", []string{"A: b\n\nFrom x\n>From y\n> From z\n"}},
		{"not quoted, but no separator", line + "A: b\n\nx\nFrom here\n", []string{"A: b\n\nx\nFrom here\n"}},
		{"CRLF", strings.ReplaceAll(line+"A: b\n\nx\n\n"+line+"C: d\n\ny\n", "\n", "\r\n"), []string{"A: b\n\nx\n", "C: d\n\ny\n"}},
		{"empty lines inside", line + "A: b\n\n\n\nx\n\n\n" + line + "C: d\n\n\n", []string{"A: b\n\n\n\nx\n\n", "C: d\n\n"}},
		{"header alone", line + "A: b\n\n" + line + "C: d\n\n", []string{"A: b\n", "C: d\n"}},
		{"nothing in between", line + "\n" + line, []string{"", ""}},
		{"one message", "A: b\n\nx\n\nFrom here\n>From there\n\n", []string{"A: b\n\nx\n\nFrom here\n>From there\n\n"}},
		{"one message behind empty lines", "\n\nA: b\n\nx\n", []string{"A: b\n\nx\n"}},
		{"long lines", line + "A: b\n\n" + strings.Repeat("x", 3*piece) + "\n\n" + line + strings.Repeat("y", 2*piece), []string{"A: b\n\n" + strings.Repeat("x", 3*piece) + "\n", strings.Repeat("y", 2*piece)}},
		{"long separator", line[:5] + strings.Repeat("z", 2*piece) + "\nA: b\n", []string{"A: b\n"}},
	} {
		got, _, err := readAll(t, c.in)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v\n got %.300q\nwant %.300q", c.name, err, got, c.want)
		}
	}
	for _, in := range []string{"", "\n\n", "PK\x03\x04", "hello world: x\n", "<html>:", "\x00A: b", ": x"} {
		if got, _, err := readAll(t, in); !errors.Is(err, ErrNotMail) {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
}

func TestSeparatorDate(t *testing.T) {
	for line, want := range map[string]string{
		"From a@b Sat Jan  3 01:05:34 1996":        "1996-01-03 01:05:34",
		"From a@b  Mon Nov 23 11:22:33 2026 +0100": "2026-11-23 11:22:33",
		"From x y z Mon Nov 23 11:22:33 2026":      "2026-11-23 11:22:33",
		"From a@b":                                 "0001-01-01 00:00:00", "From ": "0001-01-01 00:00:00", "From a Mon Foo 1 1 1 1": "0001-01-01 00:00:00",
	} {
		if got := separatorDate([]byte(line)).Format("2006-01-02 15:04:05"); got != want {
			t.Errorf("%q: %s", line, got)
		}
	}
}

type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// An error of the file is no end of a message.
func TestReaderError(t *testing.T) {
	r := NewReader(broken{strings.NewReader("From a\nA: b\n\nx\n\nFrom a\nC: d\n\ny")})
	for {
		m, err := r.Next()
		if err == nil {
			_, err = io.ReadAll(m)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	at := time.Date(2026, 11, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
	for _, m := range []string{"A: b\r\n\r\nFrom x\r\n>From y\r\n", "C: d\n\nz"} {
		if err := w.Add("a b\n@c", at, strings.NewReader(m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	const line = "From ab@c Tue Nov  3 03:05:06 2026\n"
	if want := line + "A: b\n\n>From x\n>>From y\n\n" + line + "C: d\n\nz\n\n"; out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}

// What was written is read again, whatever is in it; what is read of any file ends.
func FuzzRoundTrip(f *testing.F) {
	f.Add("A: b\n\nFrom x\n>From y\n", "\n\nFrom ")
	f.Add("", "From a\r\n\r\n\r")
	f.Fuzz(func(t *testing.T, one, two string) {
		if _, _, err := readAll(t, one+two); err != nil && !errors.Is(err, ErrNotMail) {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w := NewWriter(&out)
		for _, m := range []string{one, two} {
			if err := w.Add("a@b", time.Unix(0, 0), strings.NewReader(m)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, _, err := readAll(t, out.String())
		want := []string{normal(one), normal(two)}
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v\n got %.300q\nwant %.300q", err, got, want)
		}
	})
}

// normal is how a message comes back: with LF at the end of each line, and one CR less
// before it by the Writer and by the Reader.
func normal(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return strings.ReplaceAll(s, "\r\n", "\n")
}
