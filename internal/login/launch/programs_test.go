package launch

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProgramsBeside(t *testing.T) {
	root := t.TempDir()
	sbin, bin := filepath.Join(root, "sbin"), filepath.Join(root, "bin")
	for _, d := range []string{sbin, bin} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "imap-session"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{bin: bin, sbin: filepath.Join(root, "libexec/fantail")} {
		if got, err := programsBeside(dir, "imap-session"); err != nil || got != want {
			t.Errorf("programs of a front in %s: %s, %v; want %s", dir, got, err, want)
		}
	}
	if got, err := Programs("/x", "imap-session"); err != nil || got != "/x" {
		t.Errorf("Programs(/x) = %s, %v", got, err)
	}
}
