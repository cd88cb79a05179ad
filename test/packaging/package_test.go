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

// The versions of packages: of the second the configuration has another comment at its
// beginning.
const (
	first  = "1.1"
	second = "1.2"
)

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
		path, err := packIn("../..", kind, version, made, "0")
		if err != nil {
			t.Fatal(err)
		}
		packages[key] = path
	}
	return packages[key]
}

// packIn makes a package of the source in a directory.
func packIn(source, kind, version, out, level string) (string, error) {
	cmd := exec.Command("go", "run", "./packaging/build", "-v", version, "-o", out, "-z", level, kind)
	cmd.Dir = source
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("make %s: %w\n%s", kind, err, exit.Stderr)
	}
	return strings.TrimSpace(string(text)), err
}

// TestSame: whoever makes a package of one commit, wherever and with whatever umask, makes
// the same octets.
func TestSame(t *testing.T) {
	needsLab(t)
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = "../.."
	names, err := list.Output()
	if err != nil {
		t.Skipf("the source is in no repository: %v", err)
	}
	there := filepath.Join(t.TempDir(), "another directory", "of the source")
	copySource := exec.Command("sh", "-ec", `mkdir -p "$1"; tar --create --null --files-from=- | tar --extract --directory="$1"`, "sh", there)
	copySource.Dir, copySource.Stdin = "../..", strings.NewReader(string(names))
	if out, err := copySource.CombinedOutput(); err != nil {
		t.Fatalf("copy the source: %v\n%s", err, out)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1800000000")
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
