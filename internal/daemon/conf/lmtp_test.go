package conf

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLMTP(t *testing.T) {
	load := func(text string) (*Config, error) {
		return Load(filepath.Join(write(t, map[string]string{"fantail.toml": "[lmtp]\n" + text}), "fantail.toml"))
	}
	c, err := load(`listen = ["127.0.0.1:24", "/run/lmtp"]
domains = ["Example.org", "*"]
`)
	if err != nil || !slices.Equal(c.LMTP.Listen, []string{"127.0.0.1:24", "/run/lmtp"}) || !slices.Equal(c.LMTP.Domains, []string{"example.org", "*"}) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, text := range []string{
		`listen = ["127.0.0.1"]`, `listen = ["run/lmtp"]`, `listen = ["/run/../lmtp"]`, `listen = ["/` + strings.Repeat("x", 107) + `"]`,
		`domains = [""]`, `domains = ["a b"]`, `domains = ["ann@example.org"]`,
	} {
		if _, err := load(text); err == nil {
			t.Errorf("%s is permitted", text)
		}
	}
}
