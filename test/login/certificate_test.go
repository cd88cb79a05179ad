package login

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"fantail/internal/daemon/tlsconf/tlstest"
)

// certified has the fronts ask for certificates by an authority that is returned.
func certified(t *testing.T) (*house, *tlstest.Authority) {
	t.Helper()
	ca := tlstest.New(t)
	h := build(t, func(h *house, config string) string {
		ca.Write(t, h.path("front", "ca.pem"))
		if err := os.Chown(h.path("front", "ca.pem"), frontUID, gid); err != nil {
			t.Fatal(err)
		}
		h.own(0o755, frontUID, "front", "more")
		tlstest.Write(t, ca.Server(t, "second.example.org"), h.path("front", "more", "a.crt"), h.path("front", "more", "a.key"))
		if err := errors.Join(os.Chown(h.path("front", "more", "a.crt"), frontUID, gid), os.Chown(h.path("front", "more", "a.key"), frontUID, gid)); err != nil {
			t.Fatal(err)
		}
		config = strings.Replace(config, "[tls]\n", fmt.Sprintf("[tls]\nclient_ca = %q\ndirectory = %q\n", h.path("front", "ca.pem"), h.path("front", "more")), 1)
		return strings.Replace(config, `mechanisms = ["PLAIN",`, `mechanisms = ["PLAIN", "EXTERNAL",`, 1)
	})
	return h, ca
}

// TestExternal: a certificate is as good as a password, for the account with its name and
// for no other, in a session that runs as that account's user.
func TestExternal(t *testing.T) {
	h, ca := certified(t)
	show := func(name string) func(string, string) string {
		conn, err := tls.Dial("tcp", h.imaps, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{ca.Client(t, name, nil)}})
		if err != nil {
			t.Fatal(err)
		}
		return h.talk(conn)
	}
	carol := show("carol")
	if caps := carol(silent, "* OK"); !strings.Contains(caps, "AUTH=EXTERNAL") {
		t.Fatal(caps)
	}
	carol("a AUTHENTICATE EXTERNAL =", "a OK")
	carol("b SELECT INBOX", "b OK")
	if got := carol("c FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]", "Subject:"); got != "Subject: of carol" {
		t.Error(got)
	}
	for name, want := range map[string]string{
		"nobody": "a NO [AUTHENTICATIONFAILED]",
		"daemon": "a NO [UNAVAILABLE]", // below the lowest uid that may have mail
	} {
		say := show(name)
		say(silent, "* OK")
		if got := say("a AUTHENTICATE EXTERNAL =", "a "); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	other := show("ann")
	other(silent, "* OK")
	if got := other("a AUTHENTICATE EXTERNAL "+base64.StdEncoding.EncodeToString([]byte("bob")), "a "); !strings.HasPrefix(got, "a NO") {
		t.Error(got)
	}

	conn, err := net.Dial("tcp", h.pop3)
	if err != nil {
		t.Fatal(err)
	}
	say := h.talk(conn)
	say(silent, "+OK")
	say("STLS", "+OK")
	ann := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{ca.Client(t, "ann", nil)}})
	say = h.talk(ann)
	say("AUTH EXTERNAL =", "become root:") // what a session says that is a stranger's
}

// TestExternalByCurl: a client that others wrote logs in by its certificate.
func TestExternalByCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	h, ca := certified(t)
	tlstest.Write(t, ca.Client(t, "ann", nil), h.path("ann.pem"), h.path("ann.key"))
	curl := func(args ...string) (string, error) {
		args = append([]string{"-sS", "-k", "--user", "ann:", "--login-options", "AUTH=EXTERNAL"}, args...)
		out, err := exec.CommandContext(t.Context(), "curl", args...).CombinedOutput()
		return string(out), err
	}
	out, err := curl("--cert", h.path("ann.pem"), "--key", h.path("ann.key"), "imaps://"+h.imaps+"/INBOX;UID=1")
	if err != nil || !strings.Contains(out, "Subject: of ann") {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := curl("imaps://" + h.imaps + "/INBOX;UID=1"); err == nil {
		t.Errorf("without a certificate: %s", out)
	}
}

// TestEndPointBinding: a client with TLS 1.2 binds its proof to the certificate that it
// was shown, by the name that it wanted (RFC 5929 section 4).
func TestEndPointBinding(t *testing.T) {
	h, _ := certified(t)
	logIn := func(shown, bound string) string {
		conn, err := tls.Dial("tcp", h.imaps, &tls.Config{InsecureSkipVerify: true, ServerName: shown, MaxVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		other, err := tls.Dial("tcp", h.imaps, &tls.Config{InsecureSkipVerify: true, ServerName: bound, MaxVersion: tls.VersionTLS12})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		state := other.ConnectionState()
		binding, err := scram.NewTLSServerEndpointBinding(&state)
		if err != nil {
			t.Fatal(err)
		}
		return h.scram(conn, binding)
	}
	for _, name := range []string{"", "second.example.org"} {
		if got := logIn(name, name); !strings.HasPrefix(got, "a OK") {
			t.Errorf("%q: %s", name, got)
		}
	}
	if got := logIn("second.example.org", ""); strings.HasPrefix(got, "a OK") {
		t.Errorf("a proof that was bound to another certificate: %s", got)
	}
}
