package conf

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestTemplate(t *testing.T) {
	for _, c := range []struct{ template, name, want string }{
		{"/srv/%{user}", "ann", "/srv/ann"},
		{"/srv/%{domain}/%{local}/", "ann@example.org", "/srv/example.org/ann"},
		{"/srv/%{domain}/%{local}", "a@b@example.org", "/srv/example.org/a@b"},
		{"/100%%/%{local}-mail", "ann", "/100%/ann-mail"},
		{"/srv/%{user}", "%{domain}", "/srv/%{domain}"},
		{"/srv/%{domain}/%{local}", "ann", ""},
		{"/srv/%{domain}/%{local}", "ann@", ""},
		{"/srv/%{domain}/%{local}", "ann@..", ""},
		{"/srv/%{domain}/%{local}", "@example.org", ""},
		{"/srv/%{domain}/%{local}", "..@example.org", ""},
		{"/srv/%{user}", "..", ""},
		{"/srv/%{user}", ".", ""},
		{"/srv/%{user}", "", ""},
		{"/srv/%{user}", "a/b", ""},
		{"/srv/%{user}", "a\x00b", ""},
	} {
		tm, err := ParseTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tm.Expand(c.name)
		if (err == nil) != (c.want != "") || err == nil && got != c.want {
			t.Errorf("%s of %q: %q, %v", c.template, c.name, got, err)
		}
	}
	for _, bad := range []string{"srv/%{user}", "/srv/%u", "/srv/%{user", "/srv/%{User}", "/srv/%", "/srv/%{}", "/srv/%{domain}", "/srv", "~/%{user}"} {
		if _, err := ParseTemplate(bad); err == nil {
			t.Errorf("%q is a template", bad)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("/srv/%{domain}/%{local}", "ann@example.org")
	f.Add("/%%{user}/%{user}", "..")
	f.Fuzz(func(t *testing.T, text, name string) {
		tm, err := ParseTemplate(text)
		if err != nil || tm == "" {
			return
		}
		path, err := tm.Expand(name)
		if err != nil {
			return
		}
		// However the name reads, the path has the template's levels.
		plain, err := tm.Expand("x@y")
		if err != nil || !filepath.IsAbs(path) || strings.Count(path, "/") != strings.Count(plain, "/") {
			t.Errorf("%q of %q: %q, %q, %v", text, name, path, plain, err)
		}
	})
}
