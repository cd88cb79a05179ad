package packaging

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var lab = flag.Bool("lab", false, "run what takes longer than a minute")

func TestMain(m *testing.M) {
	runtime.LockOSThread() // the container ends with the thread that started it
	flag.Parse()
	var err error
	if made, err = os.MkdirTemp("", "fantail-packages-"); err != nil {
		panic(err)
	}
	status := m.Run()
	if err := os.RemoveAll(made); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

// needsLab skips what takes long.
func needsLab(t *testing.T) {
	t.Helper()
	if !*lab {
		t.Skip("it takes longer than a minute: make lab")
	}
}

// made is the directory of the packages.
var made string

// The versions of packages: in the second the authors have changed two files in /etc.
const (
	first  = "1.1"
	second = "1.2"
)

// revised are the changes of the second, by the file of the source that has them.
var revised = map[string][2]string{
	"packaging/build/generated.go":           {"# Fantail's configuration: fantail.toml(5).", "# Revised. Fantail's configuration: fantail.toml(5)."},
	"packaging/fail2ban/jail.d/fantail.conf": {"# Bans addresses", "# Revised. Bans addresses"},
}

var (
	making   sync.Mutex
	packages = make(map[string]string)
)

// pack makes a package of a version, once, and returns its path.
func pack(t *testing.T, kind, version string) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	key := kind + " " + version
	if packages[key] == "" {
		source := "../.."
		if version == second {
			source = filepath.Join(made, "revised")
			if _, err := os.Stat(source); err != nil {
				copySource(t, source)
				revise(t, source)
			}
		}
		path, err := packIn(source, kind, version, made, "0")
		if err != nil {
			t.Fatal(err)
		}
		packages[key] = path
	}
	return packages[key]
}

// revise makes the changes of the second in a source.
func revise(t *testing.T, source string) {
	t.Helper()
	for path, change := range revised {
		path = filepath.Join(source, path)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("%s has no %q", path, change[0])
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// maintainer is whom the packages of the tests name.
const maintainer = "Ann Example <ann@example.org>"

// packIn makes a package of the source in a directory, which need not be a repository.
func packIn(source, kind, version, out, level string) (string, error) {
	cmd := exec.Command("go", "run", "./packaging/build", "-v", version, "-m", maintainer, "-o", out, "-z", level, kind)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("make %s: %w\n%s", kind, err, exit.Stderr)
	}
	return strings.TrimSpace(string(text)), err
}

// copySource copies the source, as git has it, to a directory.
func copySource(t *testing.T, there string) {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = "../.."
	names, err := list.Output()
	if err != nil {
		t.Skipf("the source is in no repository: %v", err)
	}
	tar := exec.Command("sh", "-ec", `mkdir -p "$1"; tar --create --null --files-from=- | tar --extract --directory="$1"`, "sh", there)
	tar.Dir, tar.Stdin = "../..", strings.NewReader(string(names))
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("copy the source: %v\n%s", err, out)
	}
}

// TestSame: whoever makes a package of one commit, wherever and with whatever umask, makes
// the same octets.
func TestSame(t *testing.T) {
	needsLab(t)
	there := filepath.Join(t.TempDir(), "another directory", "of the source")
	copySource(t, there)
	for _, kind := range []string{"deb", "rpm"} {
		here, err := packIn("../..", kind, first, t.TempDir(), "1")
		if err != nil {
			t.Fatal(err)
		}
		again, err := packIn(there, kind, first, t.TempDir(), "1")
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cmp", here, again).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
	}
}

// TestLint: the tools of the families find nothing that is not argued in packaging.
func TestLint(t *testing.T) {
	needsLab(t)
	for _, args := range [][]string{
		{"lintian", "--profile", "debian", "--allow-root", "--fail-on", "error,warning", pack(t, "deb", first)},
		{"rpmlint", "--config", "../../packaging/rpm/rpmlint.toml", pack(t, "rpm", first)},
	} {
		if _, err := exec.LookPath(args[0]); err != nil {
			t.Errorf("%s is not installed: run test/packages", args[0])
			continue
		}
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil || strings.Contains(string(out), ": W: ") || strings.Contains(string(out), ": E: ") {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
}

// TestLicences: of every module that is linked into a program of the package there is the
// licence in the package.
func TestLicences(t *testing.T) {
	needsLab(t)
	dir := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "-x", pack(t, "deb", first), dir).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "usr/share/doc/fantail/copyright"))
	if err != nil {
		t.Fatal(err)
	}
	modules, programs := 0, 0
	for _, place := range []string{"usr/sbin", "usr/libexec/fantail"} {
		linked, err := exec.Command("go", "version", "-m", filepath.Join(dir, place)).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(linked)) {
			f := strings.Fields(line)
			switch {
			case len(f) == 2 && f[0] == "path":
				programs++
			case len(f) >= 3 && f[0] == "dep":
				modules++
				if !strings.Contains(string(text), "\nFiles: "+f[1]+"/*\n") {
					t.Errorf("nothing is said of the licence of %s", f[1])
				}
			}
		}
	}
	if programs < 17 || modules == 0 {
		t.Errorf("%d programs have %d modules", programs, modules)
	}
}
