package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/test/dialogue"
	"fantail/test/site"
)

// ourDaemon is our server, and where the certificate of both lies.
type ourDaemon struct {
	daemon
	certificate string // and key.pem beside it
}

// startSite starts our front on a mailbox.
func startSite(dir, bin string, box dialogue.Box) (d ourDaemon, err error) {
	runtime.LockOSThread() // the daemons end with their parent's thread
	s, err := site.New(filepath.Join(dir, "site"), bin)
	if err != nil {
		return d, err
	}
	s.Owner = &syscall.Credential{Uid: uint32(box.UID), Gid: uint32(box.GID)}
	if err := errors.Join(os.MkdirAll(s.Dir, 0o755), s.Prepare(site.Ports{}), os.Symlink(box.Maildir(), s.Home())); err != nil {
		return d, err
	}
	c, err := conf.Load(s.Config())
	if err != nil {
		return d, err
	}
	g := &site.Group{Dir: s.Dir, Owner: s.Owner}
	if err := g.Start("imapd", filepath.Join(s.Bin, "imapd"), "-c", s.Config()); err != nil {
		return d, err
	}
	d.stop = func() error {
		if killed := g.Stop(5 * time.Second); len(killed) > 0 {
			return fmt.Errorf("%v did not end", killed)
		}
		return nil
	}
	var services []site.Service
	for _, svc := range site.Services(c) {
		if svc.Program == "imapd" {
			services = append(services, svc)
		}
	}
	ready, err := g.Ready(context.Background(), services)
	if err != nil {
		return d, errors.Join(err, d.stop())
	}
	for _, svc := range ready {
		if svc.TLS {
			d.imaps = svc.Address
		} else {
			d.imap = svc.Address
		}
	}
	front := family(os.Getpid())[1] // this program has no other child now
	d.pids = func() []int { return family(front) }
	d.certificate = c.TLS.Certificate
	return d, err
}

// startDovecot starts Dovecot on a mailbox, with nothing but what it must be told.
func startDovecot(dir, certificate string, box dialogue.Box) (d daemon, err error) {
	home := filepath.Join(dir, "dovecot")
	if err := os.Mkdir(home, 0o755); err != nil {
		return d, err
	}
	c := certificates{certificate, filepath.Join(filepath.Dir(certificate), "key.pem")}
	return runDovecot(home, c, fmt.Sprintf(`mail_location = maildir:%s
passdb {
  driver = static
  args = password=%s
}
userdb {
  driver = static
  args = uid=%d gid=%d home=%s
}
`, box.Maildir(), site.Password, box.UID, box.GID, box.Home))
}

// runDovecot runs Dovecot in a directory, where it listens, with these settings.
func runDovecot(home string, c certificates, settings string) (d daemon, err error) {
	var port [2]int
	for i := range port {
		if port[i], err = freePort(); err != nil {
			return d, err
		}
	}
	config := filepath.Join(home, "dovecot.conf")
	text := fmt.Sprintf(`protocols = imap
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
ssl_cert = <%[2]s
ssl_key = <%[3]s
disable_plaintext_auth = no
first_valid_uid = 1
mail_max_userip_connections = 1000
service imap-login {
  inet_listener imap {
    port = %[4]d
  }
  inet_listener imaps {
    port = %[5]d
    ssl = yes
  }
}
%[6]s`, home, c.certificate, c.key, port[0], port[1], settings)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return d, err
	}
	cmd := exec.Command("/usr/sbin/dovecot", "-F", "-c", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return d, err
	}
	d.imap, d.imaps = fmt.Sprintf("127.0.0.1:%d", port[0]), fmt.Sprintf("127.0.0.1:%d", port[1])
	d.pids = func() []int { return family(cmd.Process.Pid) }
	d.stop = func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}
	for range 100 {
		var conn net.Conn
		if conn, err = net.Dial("tcp", d.imaps); err == nil {
			return d, conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return d, errors.Join(fmt.Errorf("dovecot does not listen: %w\n%s", err, read(filepath.Join(home, "log"))), d.stop())
}

// freePort is one that nobody listens on at this moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
