package quota

import (
	"math"
	"testing"
)

func TestBeyond(t *testing.T) {
	l := Limits{Octets: 1000, Messages: 10}
	tenth, fifty := Margin{Percent: 10}, Margin{Amount: Usage{Octets: 50, Messages: 1}}
	for name, c := range map[string]struct {
		b       Beyond
		l       Limits
		u, more Usage
		room    bool
	}{
		"nothing":                         {Beyond{}, l, Usage{1000, 9}, Usage{1, 1}, false},
		"a part":                          {Beyond{Extra: tenth}, l, Usage{1000, 10}, Usage{100, 1}, true},
		"more than the part":              {Beyond{Extra: tenth}, l, Usage{1000, 9}, Usage{101, 1}, false},
		"more messages than the part":     {Beyond{Extra: tenth}, l, Usage{0, 10}, Usage{2, 2}, false},
		"an amount":                       {Beyond{Extra: fifty}, l, Usage{1000, 10}, Usage{50, 1}, true},
		"more than the amount":            {Beyond{Extra: fifty}, l, Usage{1000, 9}, Usage{51, 1}, false},
		"grace":                           {Beyond{Grace: fifty}, l, Usage{999, 9}, Usage{51, 1}, true},
		"more than grace":                 {Beyond{Grace: fifty}, l, Usage{999, 9}, Usage{52, 1}, false},
		"grace once":                      {Beyond{Grace: fifty}, l, Usage{1000, 9}, Usage{1, 1}, false},
		"no grace for messages":           {Beyond{Grace: fifty}, l, Usage{0, 10}, Usage{1, 1}, false},
		"grace on top of extra":           {Beyond{Extra: tenth, Grace: fifty}, l, Usage{1099, 9}, Usage{51, 1}, true},
		"no grace above extra":            {Beyond{Extra: tenth, Grace: fifty}, l, Usage{1100, 9}, Usage{1, 1}, false},
		"no limit of octets":              {Beyond{Extra: tenth, Grace: tenth}, Limits{Messages: 5}, Usage{1 << 60, 4}, Usage{1 << 60, 1}, true},
		"a limit that cannot be exceeded": {Beyond{Extra: Margin{Percent: 1000}}, Limits{Octets: math.MaxInt64}, Usage{math.MaxInt64 - 1, 1}, Usage{1, 1}, true},
		"a large limit":                   {Beyond{Extra: Margin{Percent: 1000}}, Limits{Octets: math.MaxInt64 / 12}, Usage{math.MaxInt64 / 12, 1}, Usage{math.MaxInt64 / 12, 1}, true},
		"a large amount":                  {Beyond{Extra: Margin{Amount: Usage{Octets: math.MaxInt64}}}, l, Usage{5000, 1}, Usage{5000, 1}, true},
	} {
		if c.b.room(c.l, c.u, c.more) != c.room {
			t.Errorf("%s: not %t", name, c.room)
		}
	}
}

// TestFitsBeyond: a sum that refuses is made sure of, with what is beyond as without.
func TestFitsBeyond(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000})
	mail := &f.box
	mail.usage = Usage{Octets: 100, Messages: 1}
	b := Beyond{Extra: Margin{Percent: 10}}
	if err := f.FitsBeyond(t.Context(), Usage{Octets: 1000, Messages: 1}, b); err != nil || mail.counts != 1 {
		t.Errorf("%v after %d counts", err, mail.counts)
	}
	if err := f.Add(500, 1); err != nil { // which is not there: the sum is wrong
		t.Fatal(err)
	}
	if err := f.FitsBeyond(t.Context(), Usage{Octets: 500, Messages: 1}, b); err != nil || mail.counts != 1 {
		t.Errorf("%v after %d counts", err, mail.counts)
	}
	if err := f.FitsBeyond(t.Context(), Usage{Octets: 900, Messages: 1}, b); err != nil || mail.counts != 2 {
		t.Errorf("%v after %d counts", err, mail.counts)
	}
	if err := f.FitsBeyond(t.Context(), Usage{Octets: 1001, Messages: 1}, b); err == nil {
		t.Error("everything fits")
	}
}
