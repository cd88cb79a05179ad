package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWarningSettings(t *testing.T) {
	load := func(text string) (*Config, error) {
		path := filepath.Join(t.TempDir(), "fantail.toml")
		if err := os.WriteFile(path, []byte("[mail]\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	c, err := load("quota_warnings = [95, 80, 95]\nquota_warning_language = 'pl'\nquota_warning_from = 'The Post <post@example.org>'\nquota_warning_text = '''\nSubject: x %{percent} %%\r\n\r\nbody\n'''\n")
	if err != nil {
		t.Fatal(err)
	}
	w := c.Mail.Warnings
	if !slices.Equal(w.Percents, []int{80, 95}) || w.Language != "pl" || w.From == "" || w.Text != "Subject: x %{percent} %%\n\nbody\n" {
		t.Errorf("%+v", w)
	}
	for _, v := range c.Effective() {
		if v.Name == "mail.quota_warnings" && v.Value != "[80, 95]" {
			t.Errorf("%+v", v)
		}
	}
	for text, want := range map[string]string{
		"quota_warnings = [0]":                                         "between 1 and 100",
		"quota_warnings = [101]":                                       "between 1 and 100",
		"quota_warnings = ['80']":                                      "want a number",
		"quota_warnings = 80":                                          "want a list",
		"quota_warning_language = 'xx'":                                "none of en",
		"quota_warning_command = ['full']":                             "absolute",
		"quota_warning_from = 'nobody'":                                "no address",
		"quota_warning_from = \"a@b\\nBcc: c@d\"":                      "control",
		"quota_warning_text = 'x'":                                     "no first line",
		"quota_warning_text = \"Subject: \\n\\nx\"":                    "no first line",
		"quota_warning_text = \"Subject: a\\nx\"":                      "no first line",
		"quota_warning_text = \"Subject: a\\n\\n%{bytes}\"":            "none of %{user}",
		"quota_warning_text = \"Subject: a\\n\\n5 %\"":                 "beginning of a variable",
		"quota_warning_text = \"Subject: a\\n\\n\\u0000\"":             "control",
		"quota_warning_text = \"Subject: a\\u001b\\n\\nx\"":            "control",
		"quota_warning_text = \"Subject: a\\n\\n" + long(17<<10) + `"`: "more than",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v; want %q", text, err, want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// What is read is expanded, and read again as it is shown.
func FuzzWarningText(f *testing.F) {
	for _, s := range []string{"Subject: a\n\nb %{user} %{percent} %{used} %{limit} %%\n", "Subject: %{user}\n\n", "Subject:\n\n", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := ParseWarningText(s)
		if err != nil || text == "" {
			return
		}
		if again, err := ParseWarningText(text.String()); err != nil || again != text {
			t.Errorf("%q, again %q, %v", text, again, err)
		}
		subject, _, err := text.Expand(func(string) string { return "x" })
		if err != nil || strings.ContainsAny(subject, "\r\n") {
			t.Errorf("%q: subject %q, %v", text, subject, err)
		}
	})
}
