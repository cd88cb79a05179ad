package login

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/tlsconf"
)

// TestEnclosed: the daemons are in their sandboxes, and can do there what they have to.
func TestEnclosed(t *testing.T) {
	h := build(t)
	for _, name := range []string{"imapd", "pop3d", "authd", "sessiond"} {
		status := h.status(name, "-S")
		for _, want := range []string{"NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
			if !strings.Contains(status, want) {
				t.Errorf("%s has not %q:\n%s", name, want, status)
			}
		}
	}
	limits, err := os.ReadFile("/proc/" + field(h.status("sessiond", "-S"), "Pid") + "/limits")
	if err != nil || !strings.Contains(string(limits), "Max core file size        0                    0") {
		t.Errorf("sessiond has core dumps: %s%v", limits, err)
	}
}

// field returns a field of a file status in /proc.
func field(status, name string) string {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestNewCertificate: a front in its sandbox sees new certificates, and those to which
// links lead.
func TestNewCertificate(t *testing.T) {
	h := build(t)
	first := h.certificate()
	for _, pair := range []string{"2", "3"} {
		pem, key := h.path("front", "archive", "c"+pair+".pem"), h.path("front", "archive", "k"+pair+".pem")
		h.own(0o700, frontUID, "front", "archive")
		if _, err := tlsconf.Load(tlsconf.Options{Certificate: pem, Key: key, Host: "new" + pair + ".example", Clock: time.Now, Log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		for target, link := range map[string]string{pem: h.path("front", "c.pem"), key: h.path("front", "k.pem")} {
			target = filepath.Join("archive", filepath.Base(target))
			if err := errors.Join(os.Chown(h.path("front", target), frontUID, gid), os.Symlink(target, link+".new"), os.Rename(link+".new", link)); err != nil {
				t.Fatal(err)
			}
		}
		deadline := time.Now().Add(20 * time.Second)
		for h.certificate().Equal(first) && time.Now().Before(deadline) {
			time.Sleep(100 * time.Millisecond)
		}
		now := h.certificate()
		if now.Equal(first) {
			t.Fatalf("certificate %s is not used", pair)
		}
		first = now
	}
}

// certificate returns what a client of IMAPS is shown.
func (h *house) certificate() *x509.Certificate {
	h.Helper()
	conn, err := tls.Dial("tcp", h.imaps, &tls.Config{InsecureSkipVerify: true}) // it is self-signed
	if err != nil {
		h.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// TestNotEnclosed: an admin can have the daemons without their sandboxes.
func TestNotEnclosed(t *testing.T) {
	h := build(t, func(_ *house, config string) string { return config + "[programs]\nsandbox = \"off\"\n" })
	for _, name := range []string{"imapd", "authd", "sessiond"} {
		if status := h.status(name, "-S"); !strings.Contains(status, "Seccomp:\t0\n") {
			t.Errorf("%s:\n%s", name, status)
		}
	}
	h.dial(h.imap)("a LOGIN ann secret", "a OK")
	if status := h.sessionOf("ann"); !strings.Contains(status, "Seccomp:\t0\n") {
		t.Errorf("the session of ann:\n%s", status)
	}
}
