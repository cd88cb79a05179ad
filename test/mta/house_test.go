package mta

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/test/container"
)

// directory is where Fantail is built.
var directory string

func TestMain(m *testing.M) {
	var err error
	if directory, err = os.MkdirTemp("", "fantail-mta"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	runtime.LockOSThread() // the containers end with the thread that started them
	code := m.Run()
	os.RemoveAll(directory)
	os.Exit(code)
}

// installed is a directory with all that "make install" installs.
var installed = sync.OnceValues(func() (string, error) {
	root := filepath.Join(directory, "root")
	cmd := exec.Command("make", "--silent", "install", "BIN="+filepath.Join(directory, "bin"), "DESTDIR="+root)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("make install: %w\n%s", err, out)
	}
	return root, err
})

// house is an installation of Fantail and of a mail server in a container.
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

// file writes one that all can read.
func (h house) file(path, text string) {
	h.Helper()
	if err := h.Write(path, text, 0o644); err != nil {
		h.Fatal(err)
	}
}

// fantail is the configuration: there is little room, and who has none is refused for good.
const fantail = `
mail.quota = "1MB"
deliver.quota_full = "permanent"
`

// build starts a container with a mail server, and installs Fantail there where the man
// pages say that it is. ann and bob are users of the system, vera is an account of a
// virtual domain; all have the password secret.
func build(t *testing.T, mailServer string) house {
	t.Helper()
	if err := container.Unavailable(); err != nil {
		t.Skip(err)
	}
	debian := container.Recipe{Name: mailServer, Packages: append([]string{mailServer}, container.Systemd...)}
	if _, err := debian.Root(t.Context()); err != nil {
		t.Skip("there is no root with the mail server, and none can be made: ", err)
	}
	h := house{t, container.Start(t, debian)}
	root, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Copy(root, "/"); err != nil {
		t.Fatal(err)
	}
	h.file("/etc/fantail/fantail.toml", fantail)
	h.file("/etc/mailname", "mail.example.org\n")
	h.file("/etc/hosts", "127.0.0.1 localhost mail.example.org\n")
	h.sh(`
		hostname mail.example.org
		systemd-sysusers
		systemd-tmpfiles --create
		for user in ann bob; do
			adduser --quiet --disabled-password --gecos "" $user
			echo $user:secret | chpasswd
		done
		adduser --quiet --disabled-password --gecos "" vmail
		install -d -o vmail -g vmail -m 700 /home/vmail/vera
		echo "vera@example.net:{PLAIN}secret:$(id -u vmail):$(id -g vmail)::/home/vmail/vera::" >/etc/fantail/passwd
		chown _fantail-auth:vmail /etc/fantail/passwd
		chmod 640 /etc/fantail/passwd
		systemctl daemon-reload
		systemctl enable --quiet --now fantail-imap.socket fantail-lmtp.socket fantail-policy.socket`)
	t.Cleanup(func() {
		if t.Failed() {
			log, err := h.Shell("systemctl --failed --no-legend; journalctl --no-pager --output=short-precise | grep -v imapd | tail -n 200; cat /var/log/exim4/mainlog || true")
			t.Logf("%s%v", log, err)
		}
	})
	return h
}

// patience is how long a mail server may take for what it does at once. A machine with
// much to do is slow.
const patience = 30 * time.Second

// until waits until ok.
func (h house) until(what string, ok func() bool) {
	h.Helper()
	for began := time.Now(); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > patience {
			h.Fatalf("not within %v: %s", patience, what)
		}
	}
}
