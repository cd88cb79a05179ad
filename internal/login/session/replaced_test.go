package session

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/daemon/conf"
)

// A process whose sandbox is around a Maildir that was moved away leaves, so that
// another serves the one in its place.
func TestReplacedMaildir(t *testing.T) {
	cfg, err := conf.Load(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	dir, left := filepath.Join(t.TempDir(), "Maildir"), 0
	f := &fence{dir: dir, entered: true, leave: func() { left++ }}
	m := &mail{maildir: dir, settings: cfg.Mail, log: slog.New(slog.NewTextHandler(io.Discard, nil)), own: true, fence: f}
	account, err := m.open()
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	if f.at, err = os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if again, err := m.open(); err != nil || again != account || left != 0 {
		t.Errorf("unchanged: %v, left %d times", err, left)
	}
	if err := errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.open(); !errors.Is(err, errReplaced) || left != 1 {
		t.Errorf("replaced: %v, left %d times", err, left)
	}
}
