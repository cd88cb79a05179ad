package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"fantail/test/container"
)

func TestMain(m *testing.M) {
	runtime.LockOSThread() // the container ends with the thread that started it
	os.Exit(m.Run())
}

// debian is where Fantail is installed.
var debian = container.Recipe{Name: "systemd", Packages: container.Systemd}

// The users of the system. Each has the password secret.
const (
	password = "secret"
	secret   = "1000000001.secret.host:2,"
)

// house is an installation in a container.
type house struct {
	*testing.T
	*container.Container
}

// with is the house for a subtest.
func (h house) with(t *testing.T) house { return house{t, h.Container} }

// sh runs a script in the container and returns what it writes.
func (h house) sh(script string, args ...string) string {
	h.Helper()
	out, err := h.Shell(script, args...)
	if err != nil {
		h.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func build(t *testing.T) house {
	t.Helper()
	h := house{t, container.Start(t, debian)}
	h.install("first")
	if err := h.Write("/etc/fantail/fantail.toml", "login.drain = \"2s\"\n", 0o644); err != nil {
		t.Fatal(err)
	}
	h.sh(`
		systemd-sysusers
		systemd-tmpfiles --create
		for user in ann bob carol gone; do
			adduser --quiet --disabled-password --gecos "" $user
			echo $user:secret | chpasswd
			install -d -o $user -g $user -m 700 /home/$user/Maildir /home/$user/Maildir/cur /home/$user/Maildir/new /home/$user/Maildir/tmp
			printf 'Subject: of %s\n\nsecret\n' $user >/home/$user/Maildir/cur/"$1"
			chown $user:$user /home/$user/Maildir/cur/"$1"
			chmod 600 /home/$user/Maildir/cur/"$1"
		done
		for group in mail games; do adduser --quiet carol $group; done
		chage -E 0 gone
		systemctl daemon-reload
		systemctl enable --quiet --now fantail-imap.socket fantail-imaps.socket fantail-pop3.socket fantail-pop3s.socket fantail-https.socket`, secret)
	t.Cleanup(func() {
		if t.Failed() {
			log, err := h.Shell("systemctl --failed --no-legend; journalctl --no-pager --lines=300 --output=short-precise")
			t.Logf("%s%v", log, err)
		}
	})
	return h
}

// install installs a version of Fantail, as it is here.
func (h house) install(version string) {
	h.Helper()
	dir := h.TempDir()
	cmd := exec.Command("make", "--silent", "install", "BIN="+filepath.Join(dir, "bin"), "DESTDIR="+filepath.Join(dir, "root"), "PREFIX=/usr", "VERSION="+version)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("make install: %v\n%s", err, out)
	}
	if err := h.Copy(filepath.Join(dir, "root"), "/"); err != nil {
		h.Fatal(err)
	}
}

// within waits until ok.
func (h house) within(limit time.Duration, what string, ok func() bool) time.Duration {
	h.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if ok() {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			h.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// pid returns the main process of a unit, in the container, "0" if there is none.
func (h house) pid(unit string) string {
	h.Helper()
	return h.sh(`systemctl show --property=MainPID --value "$1"`, unit)
}

// session returns the processes of an account's session program.
func (h house) sessions(program, account string) []string {
	h.Helper()
	return strings.Fields(h.sh(`pgrep --full -- "^/usr/libexec/fantail/$1 .*-u $2 " || true`, program, account))
}

// put builds a program and puts it in the place of one that is installed.
func (h house) put(program, path string) {
	h.Helper()
	dir := h.TempDir()
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, filepath.Base(path)), program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("build %s: %v\n%s", program, err, out)
	}
	if err := h.Copy(dir, filepath.Dir(path)); err != nil {
		h.Fatal(err)
	}
}
