package container

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Cache is where roots are kept, each in a directory NAME-HASH.
const Cache = "/var/cache/fantail-test"

// Recipe says what is in the root of a container: a minimal Debian, from where the host has
// its packages, with further packages.
type Recipe struct {
	Name     string // of the kind of root
	Suite    string // the release, by its code name; "" is the host's own
	Packages []string
}

// edition changes when roots are made in another way.
const edition = "1"

// directory is where the root of the recipe is, or will be.
func (r Recipe) directory(suite string) string {
	sum := sha256.Sum256([]byte(edition + "\n" + runtime.GOARCH + "\n" + suite + "\n" + strings.Join(r.Packages, "\n")))
	return filepath.Join(Cache, fmt.Sprintf("%s-%x", r.Name, sum[:6]))
}

// Root returns the directory with the root, and makes it if it is not there, which needs
// the network and a minute. Nothing may be changed in it.
func (r Recipe) Root(ctx context.Context) (string, error) {
	suite, err := release()
	if err != nil {
		return "", err
	}
	own := r.Suite == "" || r.Suite == suite
	if !own {
		suite = r.Suite
	}
	if err := os.MkdirAll(Cache, 0o755); err != nil {
		return "", err
	}
	cache, err := os.Open(Cache)
	if err != nil {
		return "", err
	}
	defer cache.Close()
	if err := unix.Flock(int(cache.Fd()), unix.LOCK_EX); err != nil { // another test may be making it
		return "", fmt.Errorf("lock %s: %w", Cache, err)
	}
	dir := r.directory(suite)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	old, err := filepath.Glob(filepath.Join(Cache, r.Name+"-*"))
	if err != nil {
		return "", err
	}
	for _, path := range old {
		if err := os.RemoveAll(path); err != nil {
			return "", err
		}
	}
	if err := r.build(ctx, suite, own, dir+".new"); err != nil {
		return "", errors.Join(fmt.Errorf("make the root %s: %w", r.Name, err), os.RemoveAll(dir+".new"))
	}
	return dir, os.Rename(dir+".new", dir)
}

// build makes the root, of the host's own release or another.
func (r Recipe) build(ctx context.Context, suite string, own bool, dir string) error {
	sources, err := sources(ctx, suite, own)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory",
		"--include="+strings.Join(r.Packages, ","), suite, dir, "-")
	cmd.Stdin = strings.NewReader(sources)
	var says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &says, &says
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, says.Bytes())
	}
	return nil
}

// release is the code name of the host's Debian.
func release() (string, error) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", fmt.Errorf("find out the host's release: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"`), nil
		}
	}
	return "", errors.New("the host is no Debian with a code name")
}

// sources are the lines of sources.list(5) for where the host has Debian's packages. Those
// of another release are in the same places.
func sources(ctx context.Context, suite string, own bool) (string, error) {
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask apt for the host's sources: %w", err)
	}
	var host string
	if !own {
		if host, err = release(); err != nil {
			return "", err
		}
	}
	var list strings.Builder
	for line := range strings.Lines(string(out)) {
		origin, source, _ := strings.Cut(line, " ")
		if !own {
			source = strings.Replace(source, " "+host, " "+suite, 1)
		}
		if fields := strings.Fields(source); origin == "Debian" && len(fields) == 4 && strings.HasPrefix(fields[2], suite) {
			list.WriteString(source)
		}
	}
	if list.Len() == 0 {
		return "", fmt.Errorf("apt knows no source of Debian %s: run apt-get update", suite)
	}
	return list.String(), nil
}

// Systemd are the packages of a system that boots, and in which there can be users.
var Systemd = []string{"adduser", "dbus", "iproute2", "libpam-systemd", "openssl", "passwd", "procps", "systemd", "systemd-sysv"}
