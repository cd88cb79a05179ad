package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fantail/internal/store/index"
)

// Directories that an account is linked to belong to it; files, and what is not
// there, do not.
func TestPlaces(t *testing.T) {
	dir, elsewhere := filepath.Join(t.TempDir(), "Maildir"), t.TempDir()
	a, err := OpenAccount(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	err = errors.Join(
		os.Symlink(elsewhere, filepath.Join(dir, ".Shared")),
		os.Symlink("/etc/passwd", filepath.Join(dir, ".file")),
		os.Symlink("nothing", filepath.Join(dir, ".dangling")),
		os.Symlink(".loop", filepath.Join(dir, ".loop")),
		os.WriteFile(filepath.Join(dir, "dovecot-acl"), nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Places()
	if want := []string{dir, filepath.Join(dir, ".Shared")}; err != nil || !slices.Equal(p.Trees, want) {
		t.Errorf("trees %q, want %q: %v", p.Trees, want, err)
	}
	if want := []string{index.BootFile}; !slices.Equal(p.Files, want) {
		t.Errorf("files %q, want %q", p.Files, want)
	}
}
