package metrics

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// examples is where what is made for others' programs lies.
const examples = "../../../packaging/examples/"

// named are the names of series, in what Prometheus is asked.
var named = regexp.MustCompile(`\b(?:fantail|process)_[a-z0-9_]+`)

// exported are all names of series that there are.
func exported() map[string]bool {
	names := map[string]bool{"fantail_up": true, "fantail_build_info": true}
	for series := range lookup() {
		name, _, _ := strings.Cut(series, "{")
		names[name] = true
	}
	return names
}

// TestRules: the rules for alerts speak of nothing that does not exist, are such as
// Prometheus takes, and say what their own test wants.
func TestRules(t *testing.T) {
	names := exported()
	for _, file := range []string{"rules.yml", "rules_test.yml"} {
		text, err := os.ReadFile(examples + "prometheus/" + file)
		if err != nil {
			t.Fatal(err)
		}
		found := named.FindAllString(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s has no names", file)
		}
		for _, name := range found {
			if !names[name] {
				t.Errorf("%s has %s, which does not exist", file, name)
			}
		}
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		cmd := exec.Command(promtool(t), args...)
		cmd.Dir = examples + "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}

// promtool returns the path of the program, absolute.
func promtool(t *testing.T) string {
	t.Helper()
	if program, err := exec.LookPath("promtool"); err == nil {
		return program
	}
	path, err := filepath.Abs("../../../bin/debian/prometheus/usr/bin/promtool")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Skip("promtool is not there: run test/packages")
	}
	return path
}

// TestDashboard: it shows what exists, and every family but those that only say how a
// process is made.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(examples + "grafana/fantail.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	names, shown := exported(), ""
	var ids []int
	for _, p := range board.Panels {
		if slices.Contains(ids, p.ID) || p.Title == "" {
			t.Errorf("panel %d, %q", p.ID, p.Title)
		}
		ids = append(ids, p.ID)
		for _, target := range p.Targets {
			shown += target.Expr + "\n"
			for _, name := range named.FindAllString(target.Expr, -1) {
				if !names[name] {
					t.Errorf("%s: %s does not exist", p.Title, name)
				}
			}
		}
	}
	not := []ID{Build, StartTime, MaxFiles, CheckTime, Runs, Signatures}
	for id := range families {
		if f := &families[id]; !strings.Contains(shown, f.name) && !slices.Contains(not, ID(id)) {
			t.Errorf("%s is not shown", f.name)
		}
	}
}
