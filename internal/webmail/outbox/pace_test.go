package outbox

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSpend(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_800_000_000, 0)
	for i, c := range []struct {
		recipients int
		later      time.Duration
		want       error
	}{
		{6, 0, nil}, {5, time.Minute, ErrPace}, {4, 2 * time.Minute, nil}, {1, 3 * time.Minute, ErrPace},
		{6, time.Hour, nil}, {1, time.Hour, ErrPace}, {11, 5 * time.Hour, ErrPace}, {10, 5 * time.Hour, nil},
		{10, 0, nil}, // the clock was set back
	} {
		if err := Open(dir).Spend(now.Add(c.later), c.recipients, 10); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := Open(dir).Spend(now, 1000, 0); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(Open(dir).dir, "pace"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Open(dir).Spend(now, 10, 10); err != nil {
		t.Error(err)
	}
}
