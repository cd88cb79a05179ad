package session

import (
	"io"
	"reflect"
	"testing"
)

// TestQuotaOption: -quota belongs to the account before it.
func TestQuotaOption(t *testing.T) {
	p := Program{Name: "deliver-session", Together: true}
	a, err := p.parse([]string{"-front", "-u", "ann", "-m", "/a", "-quota", "1GiB", "-u", "bob", "-m", "/b", "-u", "cyn", "-m", "/c", "-quota", "none"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if want := []other{{"bob", "/b", ""}, {"cyn", "/c", "none"}}; a.quota != "1GiB" || !reflect.DeepEqual(a.others, want) {
		t.Errorf("%q, %+v", a.quota, a.others)
	}
	for _, args := range [][]string{{"-quota", "much"}, {"-front", "-fence", "/mail", "-quota", "1GiB"}} {
		if _, err := p.parse(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
