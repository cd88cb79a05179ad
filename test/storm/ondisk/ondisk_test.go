package ondisk

import (
	"errors"
	"strings"
	"testing"
)

func TestUIDList(t *testing.T) {
	const head = "3 V7 N9 G0123456789abcdef0123456789abcdef\n"
	for _, c := range []struct {
		text string
		want string // part of the error; "" for none
	}{
		{head, ""},
		{head + "1 :a\n3 S5 W6 :b\n", ""},
		{head + "1 :a\n3 :a\n", ""},
		{head + "1 :a\n3 :b", "no end"},
		{head + "1 :a\n1 :b\n", "behind"},
		{head + "3 :a\n2 :b\n", "behind"},
		{head + "0 :a\n", "line"},
		{head + "4294967295 :a\n", "line"},
		{head + "1:a\n", "line"},
		{head + "1 a\n", "line"},
		{head + "1 :\n", "name"},
		{head + "1 :a/b\n", "name"},
		{head + "x\n", "line"},
		{"3 V7 N9", ""},
		{"3 V0 N9\n", "header"},
		{"3 N9\n", "header"},
		{"3 V7 Nx\n", "header"},
		{"1 7 9\n", "header"},
		{"", "header"},
		{"\x00\x00", "header"},
	} {
		l, err := ParseUIDList(c.text)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
		if err == nil && (l.Validity != 7 || l.Next != 9) {
			t.Errorf("%q: %+v", c.text, l)
		}
		if errors.Is(err, ErrUnfinished) && len(l.Base) != 1 {
			t.Errorf("%q: %+v", c.text, l)
		}
	}
}
