package message

import "testing"

// TestParseKeysInPlace wants no allocation for what is read a million times.
func TestParseKeysInPlace(t *testing.T) {
	p := parse(t, smallMessage)
	sorting, threading := p.SortKeys().Append(nil), p.ThreadKeys().Append(nil)
	n := testing.AllocsPerRun(100, func() {
		s, err := ParseSortKeys(sorting)
		k, err2 := ParseThreadKeys(threading)
		if err != nil || err2 != nil || len(s.Subject) == 0 {
			t.Fatal(err, err2)
		}
		for ref := range k.References() {
			if len(ref) == 0 {
				t.Fatal("empty reference")
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
