package admin

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestDoctorTells: what is found, to people and to scripts, with the exit status.
func TestDoctorTells(t *testing.T) {
	s := open(t, "ann::5000:5000::/nowhere/ann\nbob:{PLAIN}secret:5000:5000::/nowhere/bob\n")
	out, _ := s.runs(exitWrong, "", "doctor", "-j", "-offline")
	var lines, weak int
	for line := range strings.Lines(out) {
		lines++
		var f map[string]any
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if f["about"] == "" || f["text"] == "" {
			t.Errorf("%s", line)
		}
		if _, why := f["why"]; why != (f["level"] != levelOK) {
			t.Errorf("why: %s", line)
		}
		if list, _ := f["commands"].([]any); (len(list) > 0) != (f["level"] != levelOK) {
			t.Errorf("commands: %s", line)
		}
		if strings.Contains(line, `"fantail -c `+s.path("fantail.toml")+` passwd bob"`) {
			weak++
		}
	}
	if lines < 5 || weak != 1 {
		t.Errorf("%s", out)
	}
	quiet, _ := s.runs(exitWrong, "", "doctor", "-q", "-offline")
	if strings.Contains(quiet, "\nok ") || strings.HasPrefix(quiet, "ok ") || !strings.Contains(quiet, "    fantail -c "+s.path("fantail.toml")+" passwd bob\n") {
		t.Errorf("%s", quiet)
	}

	s.write("fantail.toml", "imap.lisen = 1\nlogin.drain = 5\n")
	broken, _ := s.runs(exitWrong, "", "doctor", "-q", "-offline")
	for _, want := range []string{"fantail.toml:1: unknown setting", "fantail.toml:2: login.drain", `"${EDITOR:-vi}" +2 ` + s.path("fantail.toml") + "\n"} {
		if !strings.Contains(broken, want) {
			t.Errorf("no %q in\n%s", want, broken)
		}
	}
	if _, says := s.runs(exitConfig, "", "doctor", "ann"); !strings.Contains(says, "unknown setting") {
		t.Errorf("%s", says)
	}
}

// TestDoctorLevels: the exit status is that of the worst.
func TestDoctorLevels(t *testing.T) {
	for want, level := range map[error]string{nil: levelOK, errFound: levelWarning, errWrong: levelError} {
		x := &examination{about: "test", ctx: t.Context(), done: make(chan struct{})}
		close(x.done)
		x.note(level, "it is so").because("of this").typing("true")
		if err := new(doctor).tell(&tool{out: os.Stderr}, []*examination{x}); err != want {
			t.Errorf("%s: %v", level, err)
		}
	}
	for n, want := range map[[2]int]string{{0, 0}: "Nothing is wrong", {1, 0}: "1 error", {2, 1}: "2 errors, 1 warning", {0, 3}: "3 warnings"} {
		if got := summary(n[0], n[1]); got != want {
			t.Errorf("%v: %s", n, got)
		}
	}
}

// TestDoctorHangs: what does not end is told, and the others are.
func TestDoctorHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := &examination{about: "disks", ctx: ctx, done: make(chan struct{})}
	if list := x.result(); len(list) != 1 || list[0].About != "disks" || list[0].Level != levelError || len(list[0].Commands) == 0 {
		t.Errorf("%+v", list)
	}
}

// TestTyped: fantail is told which configuration is meant, and nobody else is.
func TestTyped(t *testing.T) {
	own := &tool{config: "/etc/it's here.toml"}
	for next, want := range map[string]string{
		"fantail config tls":                           `fantail -c '/etc/it'\''s here.toml' config tls`,
		"chgrp _fantail /etc/key":                      "chgrp _fantail /etc/key",
		"apt-get install --reinstall fantail":          "apt-get install --reinstall fantail",
		"make it: fantail user add ann":                `make it: fantail -c '/etc/it'\''s here.toml' user add ann`,
		"systemd-tmpfiles --create fantail.conf && ls": "systemd-tmpfiles --create fantail.conf && ls",
	} {
		if got := own.typed(next); got != want {
			t.Errorf("%q: %q", next, got)
		}
		if got := new(tool).typed(next); got != next {
			t.Errorf("%q: %q", next, got)
		}
	}
}
