package uidlist

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestHasFields(t *testing.T) {
	const header = "3 V7 N9 G0123456789abcdef0123456789abcdef\n"
	for text, want := range map[string]bool{
		header:                        false,
		header + "1 :a\n2 :b W7 :c\n": false,
		header + "1 :a\n2 W7 :b\n":    true,
		header + "1 :a\n2 Pabc :b":    true,
		header + "1 :a\n2":            true, // torn: whoever reads it all knows what that is
		header + "1 :a\n\n":           true,
		"1 7 9\n1 a\n2 b\n":           false,
		"":                            true,
		"nonsense":                    true,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "dovecot-uidlist"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Open(dir).HasFields(); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := Open(t.TempDir()).HasFields(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// FuzzHasFields: a list of which it says no has no record with fields.
func FuzzHasFields(f *testing.F) {
	f.Add("3 V7 N9 G0123456789abcdef0123456789abcdef\n1 :a\n2 W7 :b\n")
	f.Add("1 7 9\n1 a\n2 b\n")
	f.Fuzz(func(t *testing.T, text string) {
		if hasFields(text) {
			return
		}
		list, err := Parse(text)
		if err != nil {
			return
		}
		for _, r := range list.Records {
			if r.Ext != "" {
				t.Errorf("%q: %+v", text, r)
			}
		}
	})
}
