package conf

import "testing"

func TestMailboxMargin(t *testing.T) {
	for text, want := range map[string]string{
		"Trash: +10%":               "Trash: +10%",
		"Trash:+1000%":              "Trash: +1000%",
		"a: b : + 50MB, 9 messages": "a: b: +50MB, 9 messages",
		"Trash: +0%":                "",
		"Trash: +1001%":             "",
		"Trash: +-1%":               "",
		"Trash: 10%":                "",
		"Trash: +":                  "",
		"Trash":                     "",
		": +10%":                    "",
		"Trash: +much":              "",
		"Junk:ignore":               "Junk: ignore",
		"a: b: ignore":              "a: b: ignore",
		"Junk: +ignore":             "",
		"Junk: ignored":             "",
		": ignore":                  "",
		"ignore":                    "",
	} {
		m, err := parseMailboxMargin(text)
		if (err == nil) != (want != "") || err == nil && showMailboxMargin(m) != want {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
	if m, err := ParseMargin(""); err != nil || m != (Margin{}) || m.String() != "" {
		t.Errorf("nothing: %+v, %v", m, err)
	}
}

// What is read is shown so that it is read again.
func FuzzMailboxMargin(f *testing.F) {
	for _, s := range []string{"Trash: +10%", "a: b: +50MB, 1 messages", "Junk: ignore", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMailboxMargin(text)
		if err != nil {
			return
		}
		if again, err := parseMailboxMargin(showMailboxMargin(m)); err != nil || again != m {
			t.Errorf("%q: %+v, again %+v, %v", text, m, again, err)
		}
	})
}
