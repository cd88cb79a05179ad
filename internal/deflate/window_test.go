package deflate

import (
	"bytes"
	"compress/flate"
	"testing"
)

// A Reader to which little was said holds little.
func TestWindowGrows(t *testing.T) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		t.Fatal(err)
	}
	z := NewReader(&b)
	p := make([]byte, 100)
	passed := 0
	for range 1000 {
		for i := range p {
			p[i]++
		}
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		for want := passed + len(p); passed < want; {
			n, err := z.Read(make([]byte, len(p)))
			if err != nil {
				t.Fatal(err)
			}
			passed += n
		}
		if n := len(z.window); n > max(firstSize, 2*passed) || n < min(passed, windowSize) {
			t.Fatalf("a window of %d octets after %d", n, passed)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
