package quota

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestUnlimited: limits that the file has do not count, and nobody finds a sum later that
// was not kept.
func TestUnlimited(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "maildirsize")
	if err := errors.Join(os.Mkdir(filepath.Join(root, "tmp"), 0o700), os.WriteFile(path, []byte("10S\n10 1\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	mail := &box{usage: Usage{Octets: 10, Messages: 1}}
	f := Open(root, Limits{}, Options{Mail: mail, Unlimited: true})
	if l, err := f.Limits(); err != nil || l != (Limits{}) {
		t.Errorf("limits %+v, %v", l, err)
	}
	if err := f.Fits(t.Context(), Usage{Octets: 1 << 40, Messages: 1}); err != nil {
		t.Error(err)
	}
	if !f.Exists() {
		t.Error("nobody would remove the file")
	}
	if err := f.Add(5, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file stays: %v", err)
	}
	if f.Exists() {
		t.Error("there is a quota")
	}
	mail.change(5, 1)
	again := Open(root, Limits{Octets: 10}, Options{Mail: mail})
	if u, err := again.Usage(t.Context()); err != nil || u != mail.usage {
		t.Errorf("with limits again: %+v, %v", u, err)
	}
}
