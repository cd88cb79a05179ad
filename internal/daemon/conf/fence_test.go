package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFence(t *testing.T) {
	for _, c := range []struct{ text, want, err string }{
		{"", "", ""},
		{"session.fence = \"/srv\"", "", ""},
		{"session.scope = \"uid\"", "", "neither"},
		{"session.scope = \"uid\"\nauth.virtual_home = \"/srv/mail/%{domain}/%{local}\"", "/srv/mail", ""},
		{"session.scope = \"uid\"\nauth.virtual_home = \"/srv/mail/of-%{user}\"", "/srv/mail", ""},
		{"session.scope = \"uid\"\nauth.virtual_home = \"/%{user}\"", "", "anywhere"},
		{"session.scope = \"uid\"\nauth.virtual_home = \"/a/%{user}\"\nsession.fence = \"/b/\"", "/b", ""},
		{"session.scope = \"uid\"\nsession.fence = \"/\"", "", "anywhere"},
	} {
		path := filepath.Join(t.TempDir(), "fantail.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(path)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		got, err := cfg.Fence()
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v; want %q, %q", c.text, got, err, c.want, c.err)
		}
	}
}
