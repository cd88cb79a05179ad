package login

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/tlsconf/tlstest"
	"fantail/internal/login/passdb/scheme"
)

// whole makes a house in which nothing is missing, and the configuration file that says
// where its daemons really listen.
func whole(t *testing.T) (*house, *tlstest.Authority, tls.Certificate) {
	h := build(t, func(h *house, config string) string {
		return fmt.Sprintf("[webmail]\nsendmail = \"/bin/true\"\nsubmit_directory = %q\n[mail]\nquota_warning_directory = %q\n", h.path("submit"), h.path("crossed")) + config
	})
	h.make("fantail/cmd/submitd")
	ca := tlstest.New(t)
	good := ca.Client(t, "", func(c *x509.Certificate) {
		c.DNSNames, c.EmailAddresses = []string{"mail.example.org"}, nil
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.NotAfter = time.Now().AddDate(0, 2, 0)
	})
	tlstest.Write(t, good, h.path("front", "c.pem"), h.path("front", "k.pem"))
	ca.Write(t, h.path("ca.pem"))
	t.Setenv("SSL_CERT_FILE", h.path("ca.pem"))
	text, err := os.ReadFile(h.path("fantail.toml"))
	if err != nil {
		t.Fatal(err)
	}
	h.hash()
	config := string(text)
	for _, address := range []string{h.imap, h.imaps, h.pop3} {
		config = strings.Replace(config, "127.0.0.1:0", address, 1)
	}
	if err := errors.Join(
		os.WriteFile(h.path("fantail.toml"), []byte(config), 0o644),
		os.WriteFile(h.path("bin", "webmail-session"), []byte("#!/bin/sh\n"), 0o755),
		os.WriteFile(h.path("bin", "webmail-submit"), []byte("#!/bin/sh\n"), 0o755),
		os.WriteFile(h.path("bin", "quota-command"), []byte("#!/bin/sh\n"), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	h.start("submitd", 0, "submit")
	return h, ca, good
}

// certify gives the fronts a certificate.
func (h *house) certify(c tls.Certificate) func() error {
	return func() error {
		tlstest.Write(h, c, h.path("front", "c.pem"), h.path("front", "k.pem"))
		return nil
	}
}

// TestDoctor: nothing is wrong with what there is, and each thing that is missing is found,
// with what to type.
func TestDoctor(t *testing.T) {
	h, ca, good := whole(t)
	out, _ := h.fantail(0, 0, "", "doctor", "-offline", "-S", h.path("run"))
	for _, want := range []string{
		"configuration", "programs", "certificate    " + h.path("front", "c.pem") + ", good until", "mail.example.org",
		"authd          " + h.path("auth"), "passwd-file    " + h.path("passwd") + ": 5 accounts", "sources", "authd answers",
		"sessiond answers", "submitd listens on " + h.path("run", "submit"), "imap.listen: " + h.imap + " answers", "imap.listen_tls: " + h.imaps + " answers", "pop3.listen: " + h.pop3 + " answers",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	passwd, err := os.ReadFile(h.path("passwd"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(h.path("fantail.toml"))
	if err == nil {
		err = os.WriteFile(h.path("bin", "closed"), []byte("#!/bin/sh\n"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	command := func(percents, program string) func() error { return h.command(config, percents, program) }
	for _, c := range []struct {
		what       string
		spoil      func() error
		mend       func() error
		text, next string // in the answer
		warning    bool
	}{
		{"hashes for everybody", h.chmod(0o444, "passwd"), h.chmod(0o400, "passwd"), "everybody on this machine can read the hashes", "chmod o= " + h.path("passwd"), false},
		{"not for authd", h.chown(0, "passwd"), h.chown(authdUID, "passwd"), "authd cannot read " + h.path("passwd"), "chmod g+r " + h.path("passwd"), false},
		{"a broken line", h.append("passwd", passwd, "x:y:z\n"), h.append("passwd", passwd, ""), h.path("passwd") + ":6: account x: uid is not a number", "+6 ", false},
		{"a file of tomorrow", h.touch(24*time.Hour, "passwd"), h.touch(0, "passwd"), "passwd will have been changed at", "touch " + h.path("passwd"), true},
		{"an old hash", h.append("passwd", passwd, "old:{OLD}x\n"), h.append("passwd", passwd, ""), "nobody can log in to old: ", "passwd old", true},
		{"no hash", h.append("passwd", passwd, "old:{PLAIN}x\n"), h.append("passwd", passwd, ""), "kept in a way that is no protection: PLAIN", "passwd old", true},
		{"the key for everybody", h.chmod(0o755, "front"), h.chmod(0o700, "front"), "everybody on this machine can read the key", "chmod o= " + h.path("front", "k.pem"), false},
		{"the directory for everybody", h.chmod(0o755, "auth"), h.chmod(0o700, "auth"), "open to everybody", "chmod o= " + h.path("auth"), false},
		{"a closed configuration", h.chmod(0o600, "fantail.toml"), h.chmod(0o644, "fantail.toml"), "session programs read it as the users of their accounts", "chmod a+r " + h.path("fantail.toml"), false},
		{"a closed program", h.chmod(0o700, "bin", "imap-session"), h.chmod(0o755, "bin", "imap-session"), "imap-session cannot be run", "chmod 755 " + h.path("bin", "imap-session"), false},
		{"no sessiond", h.rename("run/admin", "run/gone"), h.rename("run/gone", "run/admin"), "run/admin does not answer", "systemctl start fantail-sessiond-admin.socket", false},
		{"no submitd", all(command("[80]", "/bin/true"), h.rename("run/submit", "run/gone")), all(h.append("fantail.toml", config, ""), h.rename("run/gone", "run/submit")), "run/submit does not answer", "systemctl start fantail-submitd.socket", false},
		{"no quota-command", all(command("[80]", "/bin/true"), h.rename("bin/quota-command", "bin/gone")), all(h.append("fantail.toml", config, ""), h.rename("bin/gone", "bin/quota-command")), "programs are missing: " + h.path("bin", "quota-command"), "fantail", false},
		{"no program for quota", command("[80]", "/none/full"), h.append("fantail.toml", config, ""), "/none/full cannot be run when an account becomes full: ", "config mail.quota_warning_command", false},
		{"a closed program for quota", command("[80]", h.path("bin", "closed")), h.append("fantail.toml", config, ""), "not every user can run it", "chmod a+x " + h.path("bin", "closed"), true},
		{"no percentages for it", command("[]", "/bin/true"), h.append("fantail.toml", config, ""), "/bin/true is never run", "mail.quota_warnings", true},
		{"a closed directory for it", all(command("[80]", "/bin/true"), h.chmod(0o700, "crossed")), all(h.append("fantail.toml", config, ""), h.chmod(0o733|os.ModeSticky, "crossed")), "everybody can make files", "chmod 1733", true},
		{"nobody who reads it", all(command("[80]", "/bin/true"), h.unread), all(h.append("fantail.toml", config, ""), h.rename("crossed/.new-x", "crossed/x")), "nobody reads what deliver has written", "systemctl enable --now fantail-submitd.socket", true},
		{"a certificate that ends", h.certify(ca.Server(t, "mail.example.org")), h.certify(good), "c.pem expires in", "systemctl", true},
		{"no socket for mail servers", h.append("fantail.toml", config, "smtp_sockets = [\"run/none\"]\n"), h.append("fantail.toml", config, ""),
			"run/none, for mail servers, does not answer", "systemctl restart fantail-authd", false},
		{"nobody who certifies clients", h.append("fantail.toml", []byte(strings.Replace(string(config), "[tls]\n", "[tls]\nclient_ca = \"passwd\"\n", 1)), ""), h.append("fantail.toml", config, ""),
			h.path("passwd") + ": no certificate in it", "config tls.client_ca", false},
		{"half a certificate", h.rename("front/k.pem", "front/gone"), h.rename("front/gone", "front/k.pem"), "read tls.key", "fantail.toml config tls", false},
	} {
		err := errors.Join(h.chmod(0o644, "front", "k.pem")(), c.spoil())
		if err != nil {
			t.Fatal(err)
		}
		status := 2
		if c.warning {
			status = 1
		}
		out, _ := h.fantail(0, status, "", "doctor", "-offline", "-S", h.path("run"))
		if !strings.Contains(out, c.text) || !strings.Contains(out, c.next) || !strings.Contains(out, "ok ") {
			t.Errorf("%s: no %q, or no %q, in\n%s", c.what, c.text, c.next, out)
		}
		if err := c.mend(); err != nil {
			t.Fatal(err)
		}
	}
	h.fantail(0, 0, "", "doctor", "-offline", "-S", h.path("run"))
}

// TestDoctorAccount: why an account cannot log in is found with its own rights.
func TestDoctorAccount(t *testing.T) {
	h, _, _ := whole(t)
	if out, _ := h.fantail(0, 0, "", "doctor", "ann"); !strings.Contains(out, "its mail is "+h.path("mail", "ann", "Maildir")) {
		t.Error(out)
	}
	config, err := os.ReadFile(h.path("fantail.toml"))
	if err == nil {
		err = os.WriteFile(h.path("bin", "closed"), []byte("#!/bin/sh\n"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	waits := func() error {
		return os.WriteFile(h.path("mail", "ann", "Maildir", "fantail-quota-told"), []byte(" 80\n0 80 800 1 1000 0 1700000000\n"), 0o644)
	}
	for _, c := range []struct {
		account     string
		spoil, mend func() error
		text, next  string
	}{
		{"nobody-here", nothing, nothing, "no source of accounts knows nobody-here", "user add nobody-here"},
		{"root", nothing, nothing, "the superuser has no sessions", "config session"},
		{"daemon", nothing, nothing, "uid 1 is below the first one", "config session"},
		{"ann", h.chown(0, "mail", "ann", "Maildir", "cur"), h.chown(virtualUID, "mail", "ann", "Maildir", "cur"), "cur: permission denied", "chown -R "},
		{"ann", h.chmod(0o500, "mail", "ann", "Maildir"), h.chmod(0o700, "mail", "ann", "Maildir"), "Maildir: permission denied", "chmod u+rwx "},
		{"carol", h.command(config, "[80]", h.path("bin", "closed")), h.append("fantail.toml", config, ""), "for when it becomes full: permission denied", "config mail.quota_warning_command"},
		{"ann", all(h.command(config, "[80]", "/bin/true"), waits), h.append("fantail.toml", config, ""), "was not run for that yet", "journalctl -u fantail-submitd"},
		{"carol", h.rename("mail/carol", "mail/gone"), h.rename("mail/gone", "mail/carol"), "there is no mail at " + h.path("mail", "carol", "Maildir"),
			fmt.Sprintf("install -d -m 700 -o %d -g ", carolUID)},
		{"carol", h.rename("mail/carol", "mail/gone"), h.rename("mail/gone", "mail/carol"), "cannot make it", h.path("mail", "carol") + "\n"},
	} {
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		if out, _ := h.fantail(0, 2, "", "doctor", c.account); !strings.Contains(out, c.text) || !strings.Contains(out, c.next) {
			t.Errorf("%s: no %q, or no %q, in\n%s", c.account, c.text, c.next, out)
		}
		if err := c.mend(); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.rename("mail/carol/Maildir", "mail/carol/old")(); err != nil {
		t.Fatal(err)
	}
	if out, _ := h.fantail(0, 0, "", "doctor", "carol"); !strings.Contains(out, "which its first session makes") {
		t.Error(out)
	}
}

// command has the configuration name a program for quota.
func (h *house) command(config []byte, percents, program string) func() error {
	set := fmt.Sprintf("[mail]\nquota_warnings = %s\nquota_warning_command = [%q]\n", percents, program)
	return h.append("fantail.toml", []byte(strings.Replace(string(config), "[mail]\n", set, 1)), "")
}

// unread leaves an old file among those that say names of accounts, which submitd does not
// take for one.
func (h *house) unread() error {
	path := h.path("crossed", ".new-x")
	old := time.Now().Add(-10 * time.Minute)
	return errors.Join(os.WriteFile(path, []byte("ann\n"), 0o600), os.Chtimes(path, old, old))
}

func nothing() error { return nil }

// all does several things.
func all(list ...func() error) func() error {
	return func() (err error) {
		for _, f := range list {
			err = errors.Join(err, f())
		}
		return err
	}
}

func (h *house) chmod(mode os.FileMode, names ...string) func() error {
	return func() error { return os.Chmod(h.path(names...), mode) }
}

func (h *house) chown(uid int, names ...string) func() error {
	return func() error { return os.Chown(h.path(names...), uid, -1) }
}

func (h *house) touch(ahead time.Duration, names ...string) func() error {
	return func() error { return os.Chtimes(h.path(names...), time.Time{}, time.Now().Add(ahead)) }
}

func (h *house) rename(from, to string) func() error {
	return func() error { return os.Rename(h.path(filepath.FromSlash(from)), h.path(filepath.FromSlash(to))) }
}

// append writes a file with more behind what it has.
func (h *house) append(name string, text []byte, more string) func() error {
	return func() error { return os.WriteFile(h.path(name), append(text[:len(text):len(text)], more...), 0o400) }
}

// hash has the passwd-file keep passwords as it should.
func (h *house) hash() {
	h.Helper()
	hash, err := scheme.Make("BLF-CRYPT", "secret")
	if err != nil {
		h.Fatal(err)
	}
	text, err := os.ReadFile(h.path("passwd"))
	if err == nil {
		err = os.WriteFile(h.path("passwd"), []byte(strings.ReplaceAll(string(text), "{PLAIN}secret", hash)), 0o400)
	}
	if err != nil {
		h.Fatal(err)
	}
}
