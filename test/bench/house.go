package main

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"fantail/test/site"
)

// The users of an installation.
const (
	frontUID   = 54001
	authdUID   = 54002
	accountUID = 54100 // of the first account
	houseGID   = 54000
)

// accounts are those of a house: a passwd-file, which both servers read, and their
// mail.
type accounts struct {
	dir   string
	names []string
}

// makeAccounts makes accounts with a Maildir of so many messages each, and a uid of its
// own for each unless one is for all of them.
func makeAccounts(dir string, n, messages int, oneUID bool) (a accounts, err error) {
	a.dir = dir
	var passwd strings.Builder
	for i := range n {
		name, uid := fmt.Sprintf("user%d", i), accountUID+i
		if oneUID {
			uid = accountUID
		}
		a.names = append(a.names, name)
		home := filepath.Join(dir, "mail", name)
		if err := makeMail(home, uid, messages); err != nil {
			return a, err
		}
		fmt.Fprintf(&passwd, "%s:%s:%d:%d::%s::\n", name, saltedHash(site.Password, name), uid, houseGID, home)
	}
	return a, os.WriteFile(a.passwd(), []byte(passwd.String()), 0o644)
}

func (a accounts) passwd() string { return filepath.Join(a.dir, "passwd") }

// saltedHash is a hash that costs nothing: what is measured is not hashing.
func saltedHash(password, salt string) string {
	sum := sha256.Sum256([]byte(password + salt))
	return "{SSHA256}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

func makeMail(home string, uid, messages int) error {
	maildir := filepath.Join(home, "Maildir")
	var err error
	for _, dir := range []string{home, maildir, filepath.Join(maildir, "tmp"), filepath.Join(maildir, "new"), filepath.Join(maildir, "cur")} {
		err = errors.Join(err, os.MkdirAll(dir, 0o700), os.Chown(dir, uid, houseGID), os.Chmod(dir, 0o700))
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(filepath.Dir(home), 0o755); err != nil { // whatever the umask
		return err
	}
	for i := range messages {
		name := filepath.Join(maildir, "cur", fmt.Sprintf("%d.M%dP1.bench,S=%d:2,S", 1700000000+i, i, len(body)))
		if err := errors.Join(os.WriteFile(name, []byte(body), 0o600), os.Chown(name, uid, houseGID)); err != nil {
			return err
		}
	}
	return nil
}

// certificates are a certificate and its key for both servers.
type certificates struct{ certificate, key string }

// startHouse starts Fantail as it is installed: imapd and authd as users of their own,
// sessiond as root. further is more of the configuration.
func startHouse(a accounts, bin string, c certificates, further string) (d daemon, err error) {
	runtime.LockOSThread() // the daemons end with their parent's thread
	path := func(name string) string { return filepath.Join(a.dir, name) }
	for name, uid := range map[string]int{"run": authdUID, "auth": authdUID, "tls": frontUID, "log": 0} {
		mode := map[bool]os.FileMode{true: os.ModeSetgid | 0o770, false: 0o700}[name == "run"]
		err = errors.Join(err, os.Mkdir(path(name), 0o700), os.Chown(path(name), uid, houseGID), os.Chmod(path(name), mode))
	}
	for name, from := range map[string]string{"tls/certificate.pem": c.certificate, "tls/key.pem": c.key} {
		err = errors.Join(err, os.WriteFile(path(name), []byte(read(from)), 0o600), os.Chown(path(name), frontUID, houseGID))
	}
	config := path("fantail.toml")
	text := fmt.Sprintf(`[imap]
listen = ["127.0.0.1:0"]
listen_tls = ["127.0.0.1:0"]
[tls]
certificate = %q
key = %q
[auth]
passwd_file = %q
directory = %q
[programs]
directory = %q
%s`, path("tls/certificate.pem"), path("tls/key.pem"), a.passwd(), path("auth"), bin, further)
	if err := errors.Join(err, os.WriteFile(config, []byte(text), 0o644)); err != nil {
		return d, err
	}
	d.stop = func() error { return nil }
	for _, p := range []struct {
		name, socket string
		uid          uint32
	}{{"authd", "login", authdUID}, {"sessiond", "session", 0}, {"imapd", "", frontUID}} {
		g := &site.Group{Dir: path("log"), Owner: &syscall.Credential{Uid: p.uid, Gid: houseGID}}
		if p.uid == 0 {
			g.Owner = nil
		}
		if err := g.Start(p.name, filepath.Join(bin, p.name), "-c", config, "-S", path("run")); err != nil {
			return d, errors.Join(err, d.stop())
		}
		d.also(g)
		if p.socket != "" {
			err = awaitSocket(path("run/" + p.socket))
		} else {
			err = d.awaitPorts(g, p.name)
		}
		if err != nil {
			return d, errors.Join(fmt.Errorf("%s: %w\n%s", p.name, err, g.Tail(p.name)), d.stop())
		}
	}
	stop := d.stop
	d.stop = func() error {
		all := d.pids() // sessions outlive sessiond, and write on
		return errors.Join(stop(), awaitEnd(all))
	}
	return d, nil
}

// also makes what g has started a part of the daemon.
func (d *daemon) also(g *site.Group) {
	pids, stop := d.pids, d.stop
	d.pids = func() []int {
		var all []int
		for _, pid := range g.PIDs() {
			all = append(all, family(pid)...)
		}
		if pids != nil {
			all = append(all, pids()...)
		}
		return all
	}
	d.stop = func() error {
		// The front first, and sessiond before authd.
		if killed := g.Stop(5 * time.Second); len(killed) > 0 {
			return errors.Join(fmt.Errorf("%v did not end", killed), stop())
		}
		return stop()
	}
}

// awaitEnd waits until processes have ended.
func awaitEnd(pids []int) error {
	for range 1000 {
		pids = slices.DeleteFunc(pids, func(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
		if len(pids) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("sessions %v did not end", pids)
}

func awaitSocket(path string) (err error) {
	for range 500 {
		var c net.Conn
		if c, err = net.Dial("unixpacket", path); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

var listensAt = regexp.MustCompile(`msg=listening proto=(\S+) address=(\S+)`)

func (d *daemon) awaitPorts(g *site.Group, name string) error {
	for range 500 {
		for _, m := range listensAt.FindAllStringSubmatch(read(g.Log(name)), -1) {
			if m[1] == "imap" {
				d.imap = m[2]
			} else {
				d.imaps = m[2]
			}
		}
		if d.imap != "" && d.imaps != "" {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("it does not listen")
}

// startFastDovecot starts Dovecot as fast as it goes: login processes that serve any
// number of clients, as many as there are processors ("high-performance mode"), and
// imap processes that are started in advance and serve one client after the other. That
// they can only if all accounts have one uid.
func startFastDovecot(a accounts, c certificates) (d daemon, err error) {
	return runDovecot(a.dir, c, fmt.Sprintf(`mail_location = maildir:~/Maildir
passdb {
  driver = passwd-file
  args = %[1]s
}
userdb {
  driver = passwd-file
  args = %[1]s
}
service imap-login {
  service_count = 0
  process_min_avail = %[2]d
}
service imap {
  service_count = 1000
  process_min_avail = %[3]d
  process_limit = 1000
}
`, a.passwd(), runtime.NumCPU(), loginClients))
}

// makeKey makes a key of some type with a self-signed certificate.
func makeKey(dir string, options ...string) (c certificates, err error) {
	c = certificates{filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")}
	args := append([]string{"req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out", c.certificate, "-keyout", c.key}, options...)
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		return c, fmt.Errorf("make a certificate: %w: %s", err, out)
	}
	return c, nil
}
