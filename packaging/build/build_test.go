package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fantail/internal/admin"
	"fantail/internal/daemon/conf"
)

const root = "../.."

func TestChanges(t *testing.T) {
	list, err := parseChanges("Changes\n\n0.2 (not released)\n  + 3 (three)\n0.1 (2027-01-31)\n  + one\n")
	if err != nil || len(list) != 2 || list[0].version != "0.2" || !list[0].day.IsZero() || list[1].day.Format("0201") != "3101" {
		t.Errorf("%v, %v", list, err)
	}
	for _, text := range []string{"", "0.1 (soon)\n"} {
		if list, err := parseChanges(text); err == nil {
			t.Errorf("%q: %v", text, list)
		}
	}
}

// TestVersion: between releases versions follow each other, and the release follows them.
func TestVersion(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1800000000")
	r, err := newRelease(root, "", "Ann Example <ann@example.org>")
	if err != nil {
		t.Fatal(err)
	}
	base, _, ok := strings.Cut(r.version, "~")
	if r.changes[0].day.IsZero() != ok || base != r.changes[0].version {
		t.Errorf("the version is %s, that of CHANGES %+v", r.version, r.changes[0])
	}
	if !strings.Contains(r.debianChangelog(), " -- Ann Example <ann@example.org>  Fri, 15 Jan 2027 08:00:00 +0000\n") {
		t.Errorf("%s", r.debianChangelog())
	}
}

// TestMaintainer: who is named, or else the author of the commit, wherever packages are
// made of it.
func TestMaintainer(t *testing.T) {
	for _, named := range []string{"ann", "ann@example.org", "<ann@example.org>", "Ann <ann>", "Ann <a@b> more", "Ann\nX: y <a@b>"} {
		if got, err := maintainerOf(root, named); err == nil {
			t.Errorf("%q is %q", named, got)
		}
	}
	dir := t.TempDir()
	if got, err := maintainerOf(dir, ""); err == nil {
		t.Errorf("without git it is %q", got)
	}
	for _, args := range [][]string{{"init", "--quiet"}, {"-c", "user.name=Bob", "-c", "user.email=bob@example.org", "commit", "--quiet", "--allow-empty", "--author=Ann Example <ann@example.org>", "--message=one"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("git: %v\n%s", err, out)
		}
	}
	if got, err := maintainerOf(dir, ""); err != nil || got != "Ann Example <ann@example.org>" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestUnits: everything that listens is known by its port, and nothing is started again by
// an upgrade that does not run on.
func TestUnits(t *testing.T) {
	list, err := readUnits(filepath.Join(root, "packaging/systemd"))
	if err != nil {
		t.Fatal(err)
	}
	ports := []string{"fantail-https.socket:443", "fantail-imap.socket:143", "fantail-imaps.socket:993", "fantail-pop3.socket:110", "fantail-pop3s.socket:995"}
	if got := list.ports(); !slices.Equal(got, ports) {
		t.Errorf("ports: %q", got)
	}
	services := list.names(func(u unit) bool { return strings.HasSuffix(u.name, ".service") && u.name != "fantail-expire.service" })
	daemons := list.daemons()
	if !slices.Equal(daemons[len(daemons)-2:], last) {
		t.Errorf("the order of daemons is %q", daemons)
	}
	slices.Sort(daemons)
	if !slices.Equal(daemons, services) {
		t.Errorf("daemons: %q, services: %q", daemons, services)
	}
	for _, u := range list {
		if strings.HasSuffix(u.name, ".socket") && !u.enabled {
			t.Errorf("nothing switches %s on", u.name)
		}
	}
}

// TestDirectories: what is made for the package goes with it.
func TestDirectories(t *testing.T) {
	got := directories([]string{"/usr/share/doc/fantail/examples/exim/router", "/usr/share/man/man8/a.8", "/etc/fantail/conf.d/x"})
	want := append(slices.Clone(owned), "/usr/share/doc/fantail/examples", "/usr/share/doc/fantail/examples/exim")
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("directories: %q", got)
	}
}

// TestSettings: the configuration that is installed sets nothing, and says the defaults.
func TestSettings(t *testing.T) {
	text := settings(conf.Settings())
	dir := t.TempDir()
	path := filepath.Join(dir, "fantail.toml")
	load := func(text string) *conf.Config {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := conf.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	for _, v := range load(text).Effective() {
		if !v.Default {
			t.Errorf("%s is set", v.Name)
		}
	}
	set := regexp.MustCompile(`(?m)^#([a-z0-9]+\.[a-z0-9_]+ = )`).ReplaceAllString(text, "$1")
	standard := load("").Effective()
	for i, v := range load(set).Effective() {
		if v.Default || v.Value != standard[i].Value {
			t.Errorf("%s is %s by %s, the default is %s", v.Name, v.Value, v.Origin, standard[i].Value)
		}
	}
}

// TestScripts: shells understand what is made for them, and every name in a script is
// filled in.
func TestScripts(t *testing.T) {
	values := map[string]string{}
	for _, name := range []string{"VERSION", "MAINTAINER", "ARCH", "SIZE", "LIBRARIES", "PORTS", "PRIVATE", "ENABLED", "DAEMONS", "UNITS"} {
		values[name] = "some thing"
	}
	paths, err := filepath.Glob(filepath.Join(root, "packaging/debian/p*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sections {
		paths = append(paths, filepath.Join(root, "packaging/rpm", name))
	}
	if len(paths) != len(scripts)+len(sections) {
		t.Errorf("scripts are %q", paths)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		filled, err := fill(string(text), values)
		if err != nil || strings.Contains(strings.ReplaceAll(filled, `"$@"`, ""), "@") {
			t.Errorf("%s: %v\n%s", path, err, filled)
		}
		understood(t, "sh", filled)
	}
	understood(t, "bash", bash(admin.Verbs()))
	understood(t, "zsh", zsh(admin.Verbs()))
	understood(t, "fish", fish(admin.Verbs()))
	if text, err := fill("a @NOBODY@ b", values); err == nil {
		t.Errorf("a name that is not known: %q", text)
	}
}

// understood wants a shell to parse a script, where there is that shell.
func understood(t *testing.T, shell, script string) {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Logf("%s is not installed: run test/packages", shell)
		return
	}
	cmd := exec.Command(path, "-n", "/dev/stdin")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s: %v\n%s\n%s", shell, err, out, script)
	}
}

// TestCompletion has bash complete command lines.
func TestCompletion(t *testing.T) {
	verbs := admin.Verbs()
	first, then := words(verbs)
	script := bash(verbs) + `
fantail() {
	case $1 in
	user) echo '{"name":"ann","uid":"7"}'; echo '{"name":"bob"}' ;;
	config) echo 'imap.listen = []   # default'; echo 'pop3.expire = 0   # default' ;;
	esac
}
line=("$@")
COMP_WORDS=("${line[@]}") COMP_CWORD=$((${#line[@]} - 1))
_fantail
echo "${COMPREPLY[*]}"
`
	for _, test := range []struct {
		line []string
		want string
	}{
		{[]string{"fantail", ""}, strings.Join(first, " ")},
		{[]string{"fantail", "ap"}, "apppw"},
		{[]string{"fantail", "-"}, "-c -v"},
		{[]string{"fantail", "user", ""}, strings.Join(then["user"], " ")},
		{[]string{"fantail", "-c", "x", "totp", "s"}, "show"},
		{[]string{"fantail", "user", "add", "-s"}, "-s -stdin"},
		{[]string{"fantail", "who", "-"}, "-S -j -c"},
		{[]string{"fantail", "user", "del", ""}, "ann bob"},
		{[]string{"fantail", "kick", "b"}, "bob"},
		{[]string{"fantail", "config", "po"}, "pop3.expire"},
		{[]string{"fantail", "help", "w"}, "who"},
		{[]string{"fantail", "-c", "/etc/os-rel"}, "/etc/os-release"},
	} {
		cmd := exec.Command("bash", append([]string{"-c", script, "bash"}, test.line...)...)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || !strings.HasPrefix(test.want+" ", got+" ") || got == "" {
			t.Errorf("%q is completed by %q, want %q; %v", test.line, got, test.want, err)
		}
	}
	// Each verb has its options in all three.
	for _, v := range verbs {
		for _, text := range v.Options {
			name, _ := option(text)
			if !strings.Contains(zshArguments(v), name) {
				t.Errorf("zsh does not complete %s %s", v.Name, name)
			}
			if !strings.Contains(fish(verbs), " -o "+name[1:]) {
				t.Errorf("fish does not complete %s %s", v.Name, name)
			}
		}
	}
}

// TestCopyright: no licence of what is linked is unknown, and the file is in its format.
// Whether it has all that is linked is a test of the package.
func TestCopyright(t *testing.T) {
	text, err := copyright(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Files: go/*", "Files: squire/*", "/usr/share/common-licenses/Apache-2.0", "Copyright: 2026 The Fantail authors"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" && line[0] != ' ' && !regexp.MustCompile(`^(Format|Upstream-Name|Comment|Files|Copyright|License): `).MatchString(line) {
			t.Errorf("the line %q is neither a field nor the rest of one", line)
		}
	}
}
