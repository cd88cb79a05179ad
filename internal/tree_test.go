package internal_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMerged wants no file to have two sides that nobody has chosen from. The Go files
// would not compile; scripts, units and manuals would go unnoticed.
func TestMerged(t *testing.T) {
	marks := [][]byte{[]byte("\n" + strings.Repeat("<", 7) + " "), []byte("\n" + strings.Repeat(">", 7) + " ")}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin" || d.Name() == "run"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		for _, mark := range marks {
			if bytes.Contains(append([]byte("\n"), text...), mark) {
				t.Errorf("%s has a conflict that is not resolved", path)
				break
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDecisions wants each decision record to have a number of its own, the one that its
// title says.
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob("../doc/adr/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no records", err)
	}
	used := make(map[string]string)
	for _, path := range files {
		number, _, _ := strings.Cut(filepath.Base(path), "-")
		if other := used[number]; other != "" {
			t.Errorf("%s and %s have one number", other, path)
		}
		used[number] = path
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if title := "# " + strings.TrimLeft(number, "0") + ". "; !strings.HasPrefix(string(text), title) {
			t.Errorf("%s does not begin with %q", path, title)
		}
	}
}
