package admin

import (
	"slices"
	"strings"
	"testing"

	"fantail/internal/login/userdb"
)

// FuzzPasswdFile: whatever a file holds and whoever is changed in it, the parser reads
// back what was written, and every other line stays as it is.
func FuzzPasswdFile(f *testing.F) {
	for _, name := range []string{"bob", "BOB", "ann", "bad", "broken line", "#x", ""} {
		f.Add(odd, name)
	}
	f.Add("", "ann")
	f.Add("\n\n", "ann")
	f.Add("ann", "ann")
	f.Add("ann\r", "ann")
	f.Add("ann:\r\nann:x:\r", "ann")
	const field = "{PLAIN}new"
	f.Fuzz(func(t *testing.T, text, name string) {
		split := func() *passwdFile { return &passwdFile{lines: strings.SplitAfter(text, "\n")} }
		p := split()
		spelled, i, there := p.find(name)
		if there {
			before := slices.Clone(p.lines)
			p.setPassword(i, field)
			if r, err := p.record(spelled); err == nil && string(r.Password) != field {
				t.Errorf("the password of %q is %q", spelled, string(r.Password))
			}
			p.lines[i] = before[i]
			if !slices.Equal(p.lines, before) {
				t.Errorf("more has changed: %q, and it was %q", p.lines, before)
			}
			p.remove(spelled)
			if _, err := p.record(spelled); err == nil {
				t.Errorf("%q is still there in %q", spelled, p.lines)
			}
			return
		}
		add := &userAdd{uid: -1, gid: -1}
		if add.check(name) != nil {
			return
		}
		p.add(add.line(name, field))
		if err := add.verify(p, name, field); err != nil {
			t.Errorf("%q cannot be added: %v", name, err)
		}
		if now := strings.Join(p.lines, ""); !strings.HasPrefix(now, text) {
			t.Errorf("%q has become %q", text, now)
		}
		records, _, err := userdb.Scan(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		after, _, err := userdb.Scan(strings.NewReader(strings.Join(p.lines, "")))
		if err != nil || len(after) != len(records)+1 {
			t.Errorf("%d accounts have become %d, %v", len(records), len(after), err)
		}
	})
}
