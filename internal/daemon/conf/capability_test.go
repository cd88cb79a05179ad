package conf

import (
	"strings"
	"testing"
	"time"
)

func TestClientRules(t *testing.T) {
	for _, tc := range []struct {
		pattern, client string
		want            bool
	}{
		{"Microsoft Office 365/*", "Microsoft Office 365/15.20.1", true},
		{"microsoft office 365/*", "Microsoft Office 365/", true},
		{"Microsoft Office 365/*", "Microsoft Office 366/", false},
		{"*mail*/?.1", "com.apple.email.maild/3.1", true},
		{"*mail*/?.1", "com.apple.email.maild/33.1", false},
		{"*", "", true},
		{"**", "x", true},
		{"a", "ab", false},
		{"ab", "a", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-b-", false},
		{"?", "", false},
		{"*a*a*a*a*a*a*a*a*b", strings.Repeat("a", 10_000), false},
	} {
		begin := time.Now()
		if got := (ClientRule{Pattern: tc.pattern}).Fits(tc.client); got != tc.want {
			t.Errorf("%q, %.40q: %v", tc.pattern, tc.client, got)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%q took %v", tc.pattern, took)
		}
	}
}

func TestRuleErrors(t *testing.T) {
	for text, want := range map[string]string{
		"NOTIFY":               "is no rule such as",
		": NOTIFY":             "is no rule such as",
		"a/1:":                 "names no capability",
		"a/1: IMAP4rev1":       "cannot be turned off",
		"a/1: x(y":             "is no name of a capability",
		"a/1: auth=plain":      "cannot be turned off",
		"a/1: NOTIFY ,QRESYNC": "is no name of a capability",
	} {
		if r, err := parseRule(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", text, r, err)
		}
	}
	r, err := parseRule(" a:b/1 :  NOTIFY   QRESYNC ")
	if err != nil || r.String() != "a:b/1: NOTIFY QRESYNC" {
		t.Errorf("%v, %v", r, err)
	}
}
