package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fantail/internal/admin"
	"fantail/internal/autoconfig"
)

// TestRecordVouches: the record that fantail prints is of the octets that webmaild serves.
func TestRecordVouches(t *testing.T) {
	s := start(t)
	body := fetch(t, s.client(t), s.url+autoconfig.PathPACC)
	var out, says bytes.Buffer
	if status := (admin.Program{}).Main([]string{"-c", filepath.Join(s.home, "fantail.toml"), "dns"}, os.Stdin, &out, &says); status != 0 {
		t.Fatalf("status %d: %s", status, &says)
	}
	want := `_ua-auto-config.example.org. IN TXT "` + autoconfig.PACCRecord([]byte(body)) + `"`
	if !strings.Contains(out.String(), want+"\n") {
		t.Errorf("no %s in\n%s", want, &out)
	}
}
