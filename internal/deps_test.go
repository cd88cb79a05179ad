// Package internal_test holds the order of the house as a test: which package
// may import which, and what must never be linked into which program.
package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors lists the packages from the top down, one floor a line. A package may
// import packages of lower floors, and of its own floor where the lines below
// (within) say so.
const floors = `
	cmd/*
	admin
	login/front login/webfront login/lmtpfront login/session login/sources webmail imap/imapd pop3/pop3d pop3/expire deliver/deliverd
	login/frontd
	login/authd login/sessiond login/keyd login/own
	deliver deliver/parcel login/broker login/broker/brokertest imap imap/ident imap/wire pop3 webmail/htmlsafe webmail/contacts webmail/invite webmail/query store/storetest webmail/settings webmail/devices webmail/compose webmail/outbox webmail/submit login/submitd login/inquiry
	login/passdb/ldapdb login/passdb/sqldb login/passdb/oauth login/passdb/checkpassword
	search store/fsck login/launch login/passdb/shadow login/passdb/pam login/passdb/apppw login/passdb/factor
	store login/passdb login/roster login/session/sessiontest
	login/sasl login/userdb/nss login/userdb/self login/passdb/pam/wire login/passdb/checkpassword/wire login/passdb/accountdir login/dovecotauth login/webauthn/webauthntest
	login/crossed admin/courier
	login/userdb login/webauthn login/handover login/broker/wire login/penalty login/passdb/scheme
	store/zstd/linked store/warning deliver/policy
	deliver/lmtp store/maildir store/uidlist store/index store/watch store/packed store/quota store/text store/maildrop
	message store/volume store/zstd autoconfig admin/dovecot admin/translation
	locale mail crlf mutf7 webmail/contentline webmail/mbox webmail/authres deflate daemon/conf daemon/inetd daemon/tlsconf daemon/tlsconf/tlstest daemon/proxyproto daemon/fdpass daemon/quiet daemon/processors daemon/sandbox daemon/loglines daemon/command daemon/service daemon/slack
	daemon/journal daemon/metrics
`

// within lists the arrows inside one floor.
const within = `
	admin/dovecot < admin/translation
	login/broker/brokertest < login/broker
	login/broker/wire < login/handover
	imap < imap/wire
	imap/ident < imap/wire
	webmail/compose < webmail/htmlsafe
	webmail/devices < webmail/settings
	webmail/outbox < webmail/settings
	webmail/submit < webmail/outbox
	login/submitd < login/broker
	daemon/inetd < daemon/conf
	daemon/tlsconf < daemon/conf
	daemon/quiet < daemon/processors
	daemon/inetd < daemon/processors
`

// forbidden lists what a package must not even link, and why.
var forbidden = []struct {
	pkg    string
	links  []string
	reason string
}{
	{"cmd/imapd", []string{"login/passdb", "login/passdb/scheme", "login/passdb/shadow", "login/passdb/pam", "login/passdb/checkpassword", "login/passdb/apppw", "login/passdb/factor", "login/userdb/nss", "login/authd", "login/sources"}, "a front has no passwords"},
	{"cmd/pop3d", []string{"login/passdb", "login/passdb/scheme", "login/passdb/shadow", "login/passdb/pam", "login/passdb/checkpassword", "login/passdb/apppw", "login/passdb/factor", "login/userdb/nss", "login/authd", "login/sources"}, "a front has no passwords"},
	{"cmd/webmaild", []string{"login/webauthn", "login/passdb", "login/passdb/scheme", "login/passdb/shadow", "login/passdb/pam", "login/passdb/checkpassword", "login/passdb/apppw", "login/passdb/factor", "login/userdb/nss", "login/authd", "login/sources"}, "a front has no passwords"},
	{"cmd/authd", []string{"store", "store/maildir", "message", "imap", "login/roster", "login/launch"}, "authd holds no mail and starts no sessions"},
	{"cmd/keyd", []string{"imap/wire", "pop3", "message", "store", "login/passdb", "login/authd", "login/sessiond", "login/roster", "net/http"}, "what has the keys does nothing else"},
	{"cmd/pam-helper", []string{"login/passdb", "login/authd", "net/http", "crypto/tls"}, "modules of others are linked with it: it has one password"},
	{"cmd/checkpassword-reply", []string{"login/passdb", "login/authd", "net"}, "it runs as whoever has logged in, once for each login"},
	{"login/sessiond", []string{"imap/wire", "pop3", "message", "store", "login/passdb", "login/passdb/shadow", "login/passdb/pam", "login/passdb/checkpassword", "login/passdb/apppw", "login/passdb/factor", "login/userdb/nss", "login/authd", "net/http"}, "root reads nothing that a client wrote"},
	{"login/front", []string{"store", "store/maildir", "login/passdb", "os/user"}, "strangers talk to it: no mail, no passwords"},
	{"login/webfront", []string{"store", "store/maildir", "login/passdb"}, "strangers talk to it: no mail, no passwords"},
	{"cmd/imapd", []string{"store", "store/maildir", "message"}, "a front holds no mail"},
	{"cmd/pop3d", []string{"store", "store/maildir", "message"}, "a front holds no mail"},
	{"cmd/webmaild", []string{"store", "store/maildir", "message"}, "a front holds no mail"},
	{"cmd/imap-session", []string{"crypto/tls", "net/http", "login/passdb", "login/userdb/nss", "login/front"}, "a session has only its own mail"},
	{"cmd/pop3-session", []string{"crypto/tls", "net/http", "login/passdb", "login/userdb/nss", "login/front"}, "a session has only its own mail"},
	{"cmd/webmail-session", []string{"login/passdb", "login/userdb/nss", "login/front", "login/webfront"}, "a session has only its own mail"},
	{"cmd/lmtpd", []string{"login/passdb", "login/passdb/scheme", "login/passdb/shadow", "login/passdb/pam", "login/passdb/checkpassword", "login/passdb/apppw", "login/userdb/nss", "login/authd", "login/sources"}, "a front has no passwords"},
	{"cmd/lmtpd", []string{"store", "store/maildir", "message"}, "a front holds no mail"},
	{"login/lmtpfront", []string{"store", "store/maildir", "login/passdb", "os/user"}, "strangers talk to it: no mail, no passwords"},
	{"cmd/deliver-session", []string{"crypto/tls", "net/http", "login/passdb", "login/userdb/nss", "login/front", "login/lmtpfront"}, "a session has only its own mail"},
	{"deliver/lmtp", []string{"store", "net"}, "grammar does not know where mail is kept, nor who sends it"},
	{"cmd/deliver", []string{"net/http", "crypto/tls", "login/passdb"}, "on a pipe it opens no socket"},
	{"cmd/deliver", []string{"github.com/klauspost/compress/zstd", "github.com/emersion/go-message/charset"}, "its tables take longer to prepare than a message to be delivered"},
	{"cmd/deliver-session", []string{"github.com/klauspost/compress/zstd", "github.com/emersion/go-message/charset"}, "its tables take longer to prepare than a message to be delivered"},
	{"imap", []string{"store"}, "grammar does not know where mail is kept"},
	{"pop3", []string{"store"}, "grammar does not know where mail is kept"},
	{"store", []string{"imap", "pop3", "webmail", "net/http"}, "the store knows no protocol"},
}

const module = "fantail/"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func load(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "fantail/internal/...", "fantail/cmd/...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	pkgs := make(map[string]pkg)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs[short(p.ImportPath)] = p
	}
}

// short is a package's name in the tables above: without the module and without
// "internal/".
func short(path string) string {
	path, own := strings.CutPrefix(path, module)
	if own {
		path = strings.TrimPrefix(path, "internal/")
	}
	return path
}

func TestFloors(t *testing.T) {
	floor := make(map[string]int)
	for n, line := range strings.Split(strings.TrimSpace(floors), "\n") {
		for _, name := range strings.Fields(line) {
			floor[name] = n
		}
	}
	allowed := make(map[string][]string)
	for _, line := range strings.Split(strings.TrimSpace(within), "\n") {
		from, to, _ := strings.Cut(line, "<")
		allowed[strings.TrimSpace(from)] = strings.Fields(to)
	}
	pkgs := load(t)
	for name, p := range pkgs {
		at, ok := level(floor, name)
		if !ok {
			if len(p.Imports) > 0 { // this test's own package has no code
				t.Errorf("%s stands on no floor", name)
			}
			continue
		}
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, module) {
				continue
			}
			to := short(imp)
			below, ok := level(floor, to)
			if ok && below <= at && !slices.Contains(allowed[name], to) {
				t.Errorf("%s imports %s, which is not below it", name, to)
			}
		}
	}
	for name := range floor {
		if _, ok := pkgs[name]; !ok && !strings.HasSuffix(name, "*") {
			t.Errorf("the floors name %s, which does not exist", name)
		}
	}
}

func level(floor map[string]int, name string) (int, bool) {
	if n, ok := floor[name]; ok {
		return n, true
	}
	dir, _, _ := strings.Cut(name, "/")
	n, ok := floor[dir+"/*"]
	return n, ok
}

func TestLinks(t *testing.T) {
	pkgs := load(t)
	for _, f := range forbidden {
		p, ok := pkgs[f.pkg]
		if !ok {
			t.Errorf("the link rules name %s, which does not exist", f.pkg)
			continue
		}
		for _, dep := range p.Deps {
			if slices.Contains(f.links, short(dep)) {
				t.Errorf("%s links %s: %s", f.pkg, short(dep), f.reason)
			}
		}
	}
}

// needed lists what programs would miss only where they meet such mail.
var needed = []struct {
	pkg   string
	links []string
}{
	{"cmd/imap-session", []string{"store/zstd/linked", "github.com/emersion/go-message/charset"}},
	{"cmd/pop3-session", []string{"store/zstd/linked"}},
	{"cmd/webmail-session", []string{"store/zstd/linked", "github.com/emersion/go-message/charset"}},
}

func TestNeeded(t *testing.T) {
	pkgs := load(t)
	for _, n := range needed {
		for _, link := range n.links {
			if !slices.ContainsFunc(pkgs[n.pkg].Deps, func(dep string) bool { return short(dep) == link }) {
				t.Errorf("%s does not link %s", n.pkg, link)
			}
		}
	}
}

// drivers speak to directories and databases for authd.
var drivers = []string{"github.com/go-ldap/ldap/v3", "github.com/jackc/pgx/v5", "modernc.org/sqlite", "github.com/coreos/go-oidc/v3/oidc"}

// TestDrivers wants no other program to link them.
func TestDrivers(t *testing.T) {
	used := make(map[string]bool)
	for name, p := range load(t) {
		if !strings.HasPrefix(name, "cmd/") {
			continue
		}
		for _, driver := range drivers {
			switch {
			case !slices.Contains(p.Deps, driver):
			case name == "cmd/authd":
				used[driver] = true
			default:
				t.Errorf("%s links %s: only authd asks directories and databases", name, driver)
			}
		}
	}
	for _, driver := range drivers {
		if !used[driver] {
			t.Errorf("authd does not link %s", driver)
		}
	}
}
