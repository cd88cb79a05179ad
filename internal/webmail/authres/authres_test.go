package authres

import (
	"fmt"
	"strings"
	"testing"
)

// show writes results as method=value and their properties.
func show(list []Result) string {
	var out []string
	for _, r := range list {
		text := r.Method + "=" + r.Value
		for _, p := range r.props {
			text += fmt.Sprintf(" %s:%s", p.name, p.value)
		}
		if r.Reason != "" {
			text += " (" + r.Reason + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		// RFC 8601 appendix B
		"example.org 1; none": "",
		"example.com;\r\n spf=pass smtp.mailfrom=example.net":                                                "spf=pass smtp.mailfrom:example.net",
		"example.com; auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net": "auth=pass smtp.auth:sender@example.net; spf=pass smtp.mailfrom:example.net",
		"foo.example.net (foobar) 1 (baz);\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\n policy (A dot can go here) . (like that) expired\n (this surprised me) = (as I wasn't expecting it) 1362471462": "bad",
		"example.com; dkim=pass reason=\"good signature\" header.i=@mail-router.example.net header.b=oINEO8hg; dkim=fail (bad; \"signature\") header.d=b.example":                                                          "dkim=pass header.i:@mail-router.example.net header.b:oINEO8hg (good signature); dkim=fail header.d:b.example",
		"mx; DKIM/1=PASS header.D=a.example;":                     "dkim=pass header.d:a.example",
		"mx; dmarc=pass (p=none; dis=none) header.from=a.example": "dmarc=pass header.from:a.example",
		"mx; dkim=pass header.b=ab=cd; spf=none":                  "dkim=pass header.b:ab=cd; spf=none",
		"\"mx x\" 1; spf = softfail smtp.helo = \"a;b\"":          "spf=softfail smtp.helo:a;b",
		"":                     "bad",
		"; spf=pass":           "bad",
		"mx 2; spf=pass":       "bad",
		"mx; spf":              "bad",
		"mx; spf=":             "bad",
		"mx; spf=pass (":       "bad",
		"mx; spf=pass )":       "bad",
		"mx; spf=\"pass":       "bad",
		"mx (evil; spf=pass) ": "",
		"mx":                   "",
	} {
		f, ok := Parse(in)
		got := show(f.Results)
		if !ok {
			got = "bad"
		}
		if got != want {
			t.Errorf("%q\ngot  %q\nwant %q", in, got, want)
		}
	}
	if _, ok := Parse("mx; spf=pass " + strings.Repeat("x", maxField)); ok {
		t.Error("a field without a limit")
	}
}

func TestOf(t *testing.T) {
	fields := []string{"MX.example.org; spf=pass", "mx.example.org.evil.example; dmarc=pass", "evil (mx.example.org); dmarc=pass", "mx.example.org; dmarc=fail"}
	if got := show(Of(fields, "mx.example.org")); got != "spf=pass; dmarc=fail" {
		t.Errorf("got %q", got)
	}
	if got := Of([]string{"; dmarc=pass", "\"\"; dmarc=pass"}, ""); len(got) > 0 {
		t.Errorf("believes who has no name: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("example.com; dkim=pass reason=\"good\" header.i=@example.net (x (y)); spf=none")
	f.Add("mx 1; none")
	f.Fuzz(func(t *testing.T, in string) {
		got, ok := Parse(in)
		if !ok {
			return
		}
		if got.ID == "" || len(got.Results) > maxResults {
			t.Fatalf("%q: %+v", in, got)
		}
		for _, r := range got.Results {
			if r.Method == "" || strings.ToLower(r.Value) != r.Value || len(r.props) > maxProps {
				t.Fatalf("%q: %+v", in, r)
			}
		}
	})
}
