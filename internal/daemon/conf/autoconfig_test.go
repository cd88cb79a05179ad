package conf

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	for text, want := range map[string]Endpoint{
		"":                                {},
		"off":                             {Off: true},
		"mail.example.org:993":            {Host: "mail.example.org", Port: 993},
		":465":                            {Port: 465},
		":587":                            {Port: 587, STARTTLS: true},
		":587 starttls":                   {Port: 587, STARTTLS: true},
		":587 tls":                        {Port: 587},
		"Mail.Example.org.:2143 starttls": {Host: "mail.example.org", Port: 2143, STARTTLS: true},
	} {
		got, err := ParseEndpoint(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := ParseEndpoint(got.String()); err != nil || again != got {
			t.Errorf("%q is shown as %q, which is %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"on", "mail.example.org", ":0", ":70000", ":imap", "a b:1", ":1 starttls tls", ":1 tls starttls", "a/b:1", "*:1", ".:1", "a..b:1", "a..:1"} {
		if got, err := ParseEndpoint(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// FuzzParseEndpoint: what is read is shown so that it is read again.
func FuzzParseEndpoint(f *testing.F) {
	for _, seed := range []string{"", "off", "mail.example.org:993", ":587", ":587 tls", "m:1143 starttls", "[::1]:993"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEndpoint(text)
		if err != nil {
			return
		}
		if again, err := ParseEndpoint(e.String()); err != nil || again != e {
			t.Errorf("%q is %+v, shown as %q, which is %+v, %v", text, e, e.String(), again, err)
		}
	})
}

func TestAutoconfig(t *testing.T) {
	load := func(text string) (*Config, error) {
		return Load(filepath.Join(write(t, map[string]string{"fantail.toml": "[autoconfig]\n" + text}), "fantail.toml"))
	}
	c, err := load("host = \"Mail.Example.org.\"\ndomains = [\"Example.org\", \"bücher.example\"]\nwebmail = \"https://mail.example.org:8443/\"\nlogin = \"local\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if a := c.Autoconfig; a.Host != "mail.example.org" || !slices.Equal(a.Domains, []string{"example.org", "bücher.example"}) || a.Webmail != "https://mail.example.org:8443" || a.Login != LoginLocal {
		t.Errorf("%+v", a)
	}
	for _, text := range []string{
		`host = "a b"`, `host = "mail.example.org:993"`, `host = "https://mail.example.org"`, `domains = [""]`, `domains = ["*"]`, `domains = ["ann@example.org"]`,
		`login = "name"`, `webmail = "http://mail.example.org"`, `webmail = "https://mail.example.org/mail"`, `webmail = "https://"`, `webmail = "mail.example.org"`,
	} {
		if _, err := load(text); err == nil {
			t.Errorf("%s is permitted", text)
		}
	}
}
