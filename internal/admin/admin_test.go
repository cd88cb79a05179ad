package admin

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// built is where the programs are that verbs run, once a test has needed them.
var built struct {
	once      sync.Once
	directory string
	err       error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if built.directory != "" {
		os.RemoveAll(built.directory)
	}
	os.Exit(status)
}

// installed returns where they are.
func installed(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.directory, built.err = os.MkdirTemp("", "fantail-admin"); built.err != nil {
			return
		}
		args := []string{"build", "-o", built.directory + "/"}
		for _, name := range append([]string{"fantail", "deliver-session"}, needed...) {
			args = append(args, "fantail/cmd/"+name)
		}
		out, err := exec.Command("go", args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		built.err = errors.Join(err, os.Chmod(built.directory, 0o755))
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.directory
}

// site is an installation of which no daemon runs.
type site struct {
	*testing.T
	dir string
}

func open(t *testing.T, passwd string, settings ...string) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "fantail-site") // others can get there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &site{t, dir}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.write("fantail.toml", strings.Join(append(settings,
		"auth.passwd_file = \"passwd\"", "auth.directory = \"auth\"", "auth.sources = [\"passwd-file\"]",
		"programs.directory = \""+installed(t)+"\""), "\n"))
	if err := os.Mkdir(s.path("auth"), 0o700); err != nil {
		t.Fatal(err)
	}
	if passwd != "" {
		s.write("passwd", passwd)
	}
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o640); err != nil {
		s.Fatal(err)
	}
	if err := os.Chmod(s.path("fantail.toml"), 0o644); err != nil {
		s.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

// runs runs the tool with an input, and wants its exit status.
func (s *site) runs(status int, input string, args ...string) (out, says string) {
	s.Helper()
	in, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	defer in.Close()
	if _, err := w.WriteString(input); err != nil {
		s.Fatal(err)
	}
	w.Close()
	var outBuf, errBuf bytes.Buffer
	got := Program{Version: "1.2"}.Main(append([]string{"-c", s.path("fantail.toml")}, args...), in, &outBuf, &errBuf)
	if got != status {
		s.Errorf("%q: status %d, want %d\n%s%s", args, got, status, &outBuf, &errBuf)
	}
	return outBuf.String(), errBuf.String()
}

// TestCommandLine: what is typed wrong is answered with what is right.
func TestCommandLine(t *testing.T) {
	s := open(t, "ann:{PLAIN}x:1:1::/home/ann::\n")
	for _, c := range []struct {
		args   string
		status int
		out    string // part of it
		says   string
	}{
		{"", exitUsage, "", "user add name"},
		{"-h", exitOK, "", "user add name"},
		{"-v", exitOK, "fantail 1.2\n", ""},
		{"-x", exitUsage, "", "not defined: -x"},
		{"usr", exitUsage, "", "no verb \"usr\"\nfantail:     the verbs: fantail -c"},
		{"user", exitUsage, "", "user what?"},
		{"user make", exitUsage, "", "fantail -c " + s.path("fantail.toml") + " user add"},
		{"user add", exitUsage, "", "usage: fantail user add"},
		{"user list more", exitUsage, "", "usage: fantail user list"},
		{"user add -h", exitOK, "", "-home directory"},
		{"user list -x", exitUsage, "", "not defined: -x"},
		{"help", exitOK, "user add name", ""},
		{"help user", exitOK, "usage: fantail user show", ""},
		{"help user add", exitOK, "-home directory", ""},
		{"help usr", exitUsage, "", "no verb"},
		{"user list -j", exitOK, `{"name":"ann"`, ""},
		{"user list --", exitOK, "NAME", ""},
		{"config -- -x", exitUsage, "", "unknown setting"},
		{"config auth.sources -j", exitOK, `"name":"auth.sources"`, ""},
	} {
		out, says := s.runs(c.status, "", strings.Fields(c.args)...)
		if !strings.Contains(out, c.out) || !strings.Contains(says, c.says) || c.out == "" && out != "" || c.says == "" && says != "" {
			t.Errorf("%q: %q, %q", c.args, out, says)
		}
	}
}

// TestTable: no verb hides another, and each says what it is.
func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, v := range verbs {
		got, rest, err := find(append(strings.Fields(v.name), "x", "y"))
		if err != nil || got.name != v.name || len(rest) != 2 || seen[v.name] || v.doc == "" {
			t.Errorf("%s: %s, %q, %v", v.name, got.name, rest, err)
		}
		seen[v.name] = true
	}
	for args, want := range map[string][2]int{"": {0, 0}, "name": {1, 1}, "[name]": {0, 1}, "name [label]": {1, 2}, "name label": {2, 2}} {
		if least, most := (verb{args: args}).arguments(); least != want[0] || most != want[1] {
			t.Errorf("%q: %d to %d", args, least, most)
		}
	}
	if least, most := (verb{args: "[setting ...]"}).arguments(); least != 0 || most < 1000 {
		t.Errorf("any number: %d to %d", least, most)
	}
}

// TestConfig: what is shown can be written to the file.
func TestConfig(t *testing.T) {
	s := open(t, "", `imap.listen = ["[::1]:143", "127.0.0.1:143"]`, `mail.quota = "2GB"`)
	all, _ := s.runs(exitOK, "", "config")
	explained, _ := s.runs(exitOK, "", "config", "-d")
	for name, text := range map[string]string{"config": all, "config -d": explained} {
		s.write("again.toml", text)
		again, _ := s.runs(exitOK, "", "config", "-c", s.path("again.toml"))
		for n, line := range strings.Split(all, "\n") {
			value, _, _ := strings.Cut(line, "  #")
			if !strings.Contains(strings.Split(again, "\n")[n], value) {
				t.Errorf("%s: %q has become %q", name, line, strings.Split(again, "\n")[n])
			}
		}
	}
	if !strings.Contains(all, s.path("fantail.toml")+":1\n") || !strings.Contains(all, "# default\n") {
		t.Errorf("no origins: %s", all)
	}
	if one, _ := s.runs(exitOK, "", "config", "mail"); !strings.Contains(one, "mail.quota") || strings.Contains(one, "imap") {
		t.Errorf("of one table: %s", one)
	}
	s.write("fantail.toml", "imap.lisen = []\n[auth]\nsources = 1\n")
	if _, says := s.runs(exitConfig, "", "config", "-n"); !strings.Contains(says, "fantail.toml:1: ") || !strings.Contains(says, "\nfantail: "+s.path("fantail.toml")+":3: ") {
		t.Errorf("it says %s", says)
	}
}

// TestNobodyThere: where no sessiond runs, who and kick say what they looked for.
func TestNobodyThere(t *testing.T) {
	s := open(t, "")
	for _, args := range [][]string{{"who"}, {"kick", "ann"}} {
		_, says := s.runs(exitUnavailable, "", append(args, "-S", s.path("run"))...)
		if !strings.Contains(says, "no socket "+s.path("run/admin")) || !strings.Contains(says, "-S directory") {
			t.Errorf("%q: %s", args, says)
		}
	}
	s.runs(exitNoUser, "", "kick", "a\nb")
}

func TestColumns(t *testing.T) {
	var out bytes.Buffer
	(&tool{out: &out}).columns([]string{"NAME", "X"}, [][]string{{"zoë", ""}, {"a\x1b[2J", "long"}})
	if want := "NAME      X\nzoë       -\na\\x1b[2J  long\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
