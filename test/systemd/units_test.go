package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exposures are the highest that units may have, in the tenths that systemd-analyze
// takes as a threshold. The fronts, which strangers talk to, must be below 1.0. authd has
// a network for its sources and their modules; sessiond is root and becomes others; expire
// does as well, and starts what needs the network of authd; submitd starts the programs of
// MTAs.
var exposures = map[string]string{
	"fantail-imapd.service":    "9",
	"fantail-pop3d.service":    "9",
	"fantail-lmtpd.service":    "9",
	"fantail-webmaild.service": "9",
	"fantail-keyd.service":     "9",
	"fantail-authd.service":    "16",
	"fantail-sessiond.service": "19",
	"fantail-expire.service":   "30",
	"fantail-submitd.service":  "60",
	"fantail-metrics@.service": "14",
}

// TestUnits: systemd understands every line of the units, and they are as closed as they
// are meant to be.
func TestUnits(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: run test/packages")
	}
	units, err := filepath.Glob("../../packaging/systemd/*")
	if err != nil || len(units) == 0 {
		t.Fatal("no units", err)
	}
	dir := t.TempDir()
	var paths []string
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.Base(unit))
		paths = append(paths, path)
		if err := os.WriteFile(path, []byte(standIn(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"verify", "--man=no", "--recursive-errors=yes"}, paths...)
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	services := 0
	for _, path := range paths {
		name := filepath.Base(path)
		if filepath.Ext(name) != ".service" {
			continue
		}
		services++
		out, err := exec.Command(program, "security", "--offline=yes", "--no-pager", "--threshold="+exposures[name], path).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if services != len(exposures) {
		t.Errorf("%d services, of which %d have a limit", services, len(exposures))
	}
}

// standIn is a unit whose program is one that is there.
func standIn(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ExecStart=") {
			line = "ExecStart=/bin/true\n"
		}
		b.WriteString(line)
	}
	return b.String()
}
