package message

import "testing"

func TestHeaderEnd(t *testing.T) {
	for _, c := range []struct {
		in string
		n  int
		ok bool
	}{
		{"", 0, false}, {"\n", 1, true}, {"\r\nx", 2, true}, {"a: b\n\nx", 6, true}, {"a: b\r\n\r\nx", 8, true},
		{"a: b\n\r\nx", 7, true}, {"a: b\r\n\nx", 7, true}, {"a: b\n", 5, false}, {"a: b\n\r", 6, false}, {"a\n \n\nx", 5, true},
		{"a\n\r\r\n\n", 6, true}, // a line of a CR is not empty
	} {
		if n, ok := HeaderEnd([]byte(c.in)); n != c.n || ok != c.ok {
			t.Errorf("%q: %d %v, want %d %v", c.in, n, ok, c.n, c.ok)
		}
	}
}
