package quota

import (
	"math"
	"strings"
	"testing"
)

func TestParseLimits(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Limits
		ok   bool
	}{
		{"1000S", Limits{Octets: 1000}, true},
		{"1000S,10C", Limits{1000, 10}, true},
		{"10C,1000S", Limits{1000, 10}, true},
		{"0S", Limits{}, true},
		{"1000S,5X", Limits{Octets: 1000}, true}, // of a kind that comes later
		{"99999999999999999999S", Limits{Octets: math.MaxInt64}, true},
		{"", Limits{}, false},
		{"1000S,", Limits{}, false},
		{"S", Limits{}, false},
		{"1000", Limits{}, false},
		{"-5S", Limits{}, false},
		{" 5S", Limits{}, false},
		{"x", Limits{}, false},
	} {
		got, err := parseLimits(tt.line)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: %+v, %v", tt.line, got, err)
		}
	}
	for _, l := range []Limits{{}, {Octets: 5}, {Messages: 7}, {5, 7}} {
		if got, err := parseLimits(l.line()); err != nil || got != l {
			t.Errorf("%q: %+v, %v", l.line(), got, err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Usage
		lines      int // 0: damaged
	}{
		{"one line", "9S\n5 1\n", Usage{5, 1}, 1},
		{"changes", "9S\n500 10\n-100 -2\n+7 +1\n", Usage{407, 9}, 3},
		{"Courier's padding", "9S\n         500           10\n        -100           -2\n", Usage{400, 8}, 2},
		{"sum below zero on the way", "9S\n-5 -1\n6 2\n", Usage{1, 1}, 2},
		{"empty file", "", Usage{}, 0},
		{"half a first line", "9", Usage{}, 0},
		{"no line", "9S\n", Usage{}, 0},
		{"no end", "9S\n5 1", Usage{}, 0},
		{"one number", "9S\n5\n", Usage{}, 0},
		{"three numbers", "9S\n5 1 1\n", Usage{}, 0},
		{"merged lines", "9S\n5 1-5 -1\n", Usage{}, 0},
		{"no number", "9S\nx 1\n", Usage{}, 0},
		{"zeros of a power cut", "9S\n5 1\n\x00\x00\x00\n", Usage{}, 0},
		{"NUL in the limits", "9S\x00\n5 1\n", Usage{}, 0},
		{"negative octets", "9S\n5 1\n-6 0\n", Usage{}, 0},
		{"negative messages", "9S\n5 1\n0 -2\n", Usage{}, 0},
		{"spoilt", "9S\n5 1\n" + spoilt.line() + "5000 900\n", Usage{}, 0},
		{"too large", "9S\n9223372036854775807 1\n9223372036854775807 1\n5 1\n", Usage{}, 0},
		{"smallest", "9S\n-9223372036854775808 1\n", Usage{}, 0},
		{"too long", "9S\n" + strings.Repeat("1 1\n", maxSize/4), Usage{}, 0},
		{"nearly too long", "9S\n" + strings.Repeat("1 1\n", maxSize/4-1), Usage{maxSize/4 - 1, maxSize/4 - 1}, maxSize/4 - 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parse([]byte(tt.text))
			if (err == nil) != (tt.lines > 0) {
				t.Fatalf("%+v, %v", c, err)
			}
			if err == nil && (c.usage != tt.want || c.lines != tt.lines || c.first != "9S" || c.limits.Octets != 9) {
				t.Errorf("%+v", c)
			}
		})
	}
	if c, err := parse([]byte("9S,7X\nrubbish")); err == nil || c.first != "9S,7X" {
		t.Errorf("the first line is lost: %+v, %v", c, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"9S\n5 1\n", "9S,3C\n500 10\n-100 -2\n", "0S\n  5   1\n", "9S\n5 1", "9S\n\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse(text)
		if err != nil {
			return
		}
		if c.usage.Octets < 0 || c.usage.Messages < 0 || c.lines == 0 || len(text) >= maxSize {
			t.Fatalf("believed %+v", c)
		}
		// What we would write for it says the same.
		again, err := parse([]byte(c.first + "\n" + c.usage.line()))
		if max(c.usage.Octets, c.usage.Messages) <= maxChange && (err != nil || again.usage != c.usage || again.limits != c.limits) {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
		if l, err := parseLimits(c.limits.line()); err != nil || l != c.limits {
			t.Errorf("limits %+v became %+v, %v", c.limits, l, err)
		}
		// Nobody believes it once it is spoilt.
		if c, err := parse(append(text, spoilt.line()...)); err == nil && c.usage.Messages < 1<<30 {
			t.Errorf("spoilt, and yet %+v", c)
		}
	})
}
