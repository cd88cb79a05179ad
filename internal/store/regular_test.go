package store

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadRegular: what somebody puts in the place of a derived file neither stops us
// nor is followed.
func TestReadRegular(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, err := range map[string]error{
		"file": os.WriteFile(path("file"), []byte("content"), 0o600),
		"long": os.WriteFile(path("long"), []byte("12345678"), 0o600),
		"fifo": unix.Mkfifo(path("fifo"), 0o600),
		"dir":  os.Mkdir(path("dir"), 0o700),
		"link": os.Symlink("file", path("link")),
	} {
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := readRegular(path(name), 7)
		want := ""
		if name == "file" {
			want = "content"
		}
		if string(got) != want || (err != nil) != (name == "link") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
