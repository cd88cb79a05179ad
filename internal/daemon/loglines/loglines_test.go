package loglines

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestCopy(t *testing.T) {
	var log bytes.Buffer
	Copy(strings.NewReader("a\n\n"+strings.Repeat("x", 3*max)+"\nlast"), slog.New(slog.NewTextHandler(&log, nil)), "it says")
	if n := strings.Count(log.String(), "it says"); n < 5 || n > 6 || !strings.Contains(log.String(), "text=last") {
		t.Errorf("%d lines", n)
	}
}
