package command

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		status int
		done   bool
		out    string
		stderr string // a part
	}{
		{"nothing", nil, OK, false, "", ""},
		{"all", []string{"-c", "f.toml", "-n", "-x"}, OK, false, "", ""},
		{"version", []string{"-v"}, OK, true, "exampled 1.2\n", ""},
		{"help", []string{"-h"}, OK, true, "", "configuration file"},
		{"unknown option", []string{"-y"}, Usage, true, "", "-y"},
		{"no argument", []string{"-c"}, Usage, true, "", "-c"},
		{"an operand", []string{"-n", "start"}, Usage, true, "", "exampled: what is \"start\"?\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, stderr strings.Builder
			l := New("exampled", "1.2", &stderr)
			x := l.Bool("x", false, "an option of its own")
			status, done := l.Parse(tt.args, &out)
			if status != tt.status || done != tt.done || out.String() != tt.out || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("%d %t %q %q", status, done, out.String(), stderr.String())
			}
			if tt.stderr == "" && stderr.Len() > 0 {
				t.Errorf("it says %q", stderr.String())
			}
			if tt.name == "all" && (!*x || !l.Check || l.Config != "f.toml") {
				t.Errorf("%t %t %q", *x, l.Check, l.Config)
			}
		})
	}
}
