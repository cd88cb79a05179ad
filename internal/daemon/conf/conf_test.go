package conf

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write makes a tree of files and returns its directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEmptyFileIsTheDefaults(t *testing.T) {
	dir := write(t, map[string]string{"a.toml": ""})
	got, err := Load(filepath.Join(dir, "a.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Mail.Path != "~/Maildir" || got.Login.Plaintext != PlaintextLoopback ||
		got.Login.Drain != 10*time.Second || len(got.IMAP.Listen) != 0 || got.Programs.Directory != "" {
		t.Errorf("defaults: %+v", got)
	}
	for _, v := range got.Effective() {
		if !v.Default || v.Origin != "default" {
			t.Errorf("%s: origin %q", v.Name, v.Origin)
		}
		if r, _ := find(v.Name); r.def != v.Value {
			t.Errorf("%s shows as %s, its default is %s", v.Name, v.Value, r.def)
		}
	}
}

func TestEverySetting(t *testing.T) {
	dir := write(t, map[string]string{"f.toml": `
# comment
imap.listen = [
  "127.0.0.1:1143",
  "[::1]:1143", # both
]
login = { plaintext = "always", drain = "1m30s", proxies = ["192.0.2.1", "::ffff:192.0.2.2", "2001:db8::/64"] }
imap.append_limit = "50 MB"
[imap]
listen_tls = [":1993"]
without = ["NOTIFY"]
clients = ["a b/1*: COMPRESS=DEFLATE IDLE"]
inbox_prefix = true
[pop3]
listen = ["localhost:1110"]
listen_tls = []
login_delay = "90s"
uidl_format = "UID%u-%v"
uidl_duplicates = "allow"
deleted_flag = "$Gone"
client_workarounds = ["outlook-no-nuls"]
[lmtp]
listen = ["127.0.0.1:24", "/run/lmtp"]
size = "1MiB"
domains = ["Example.org"]
connections = 7
spool = "spool"
xclient = ["192.0.2.3"]
policy_listen = ["/run/policy"]
[deliver]
recipient_delimiter = "+-"
detail_mailbox = true
mailbox_autocreate = true
mailbox_autosubscribe = true
delivered_to = false
duplicates = "24h"
quota_full = "permanent"
[webmail]
"listen_tls" = ['127.0.0.1:8443']
authserv_id = "mx.example.org"
message_size_limit = "1MiB"
addresses = ["ann: Info@Example.org @lists.example.org"]
transport = "smtp"
smtp_server = "/run/smtp"
smtp_tls = "none"
smtp_credentials = "relay"
[autoconfig]
name = "Example Ltd"
host = "Mail.example.org"
domains = ["example.org"]
login = "local"
imap = ":143"
pop3 = "off"
submission = "smtp.example.org:465"
webmail = "https://mail.example.org"
[tls]
certificate = "cert.pem"
key = "/abs/key.pem"
directory = "live"
client_ca = "ca.pem"
key_process = true
client_name = "common-name"
[auth]
passwd_file = "users/pass\u0077d"
mechanisms = ["plain", "SCRAM-SHA-256"]
sources = ["pam", "passwd-file"]
virtual_uid = "vmail"
virtual_gid = "500"
virtual_home = "/srv/%{user}"
ldap_uri = "ldaps://ldap.example.org"
ldap_starttls = false
ldap_ca_file = "ca.pem"
ldap_base = "dc=example,dc=org"
ldap_filter = "(mail=%{user})"
ldap_bind_dn = "cn=search"
ldap_bind_password_file = "/run/secret"
ldap_attributes = "user=mail,mail=mailDir"
oauth_issuer = "https://i"
oauth_keys = "/k"
oauth_audience = "imap"
oauth_claim = "email"
oauth_scope = "mail"
oauth_introspection = "https://i/i"
oauth_client_id = "fantail"
oauth_client_secret_file = "secret"
oauth_ca_file = "/ca"
checkpassword = ["/opt/check", "-d", "x y"]
checkpassword_lookup = true
smtp_sockets = ["/run/smtp", "auth"]
sql_driver = "sqlite"
sql_source = "/var/accounts"
sql_source_file = "source"
sql_query = """select
@user"""
[mail]
path = "mail/of/all"
layout = "fs"
quota = "2 GB, 5 messages"
quota_extra = ["Trash: +10%"]
quota_grace = "1MB"
quota_warnings = [80, 95]
quota_warning_message = false
quota_warning_command = ["/opt/full", "-x"]
quota_warning_directory = "crossed"
quota_warning_language = "de"
quota_warning_from = "post@example.org"
quota_warning_text = """Subject: x

%{user}"""
folders = "sent=Gesendet"
[session]
first_uid = 1000
scope = "uid"
fence = "mail"
[programs]
directory = "../bin"
`})
	// imap as dotted keys and as a header is a redefinition in TOML.
	file := filepath.Join(dir, "f.toml")
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "f.toml:9: ") {
		t.Fatalf("table defined twice: %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fixed := strings.Replace(string(text), "[imap]\nlisten_tls", "imap.listen_tls", 1)
	fixed = strings.Replace(fixed, "\nwithout", "\nimap.without", 1)
	fixed = strings.Replace(fixed, "\nclients", "\nimap.clients", 1)
	fixed = strings.Replace(fixed, "\ninbox_prefix", "\nimap.inbox_prefix", 1)
	if err := os.WriteFile(file, []byte(fixed), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	courier, err := ParseUIDLFormat("UID%u-%v")
	if err != nil {
		t.Fatal(err)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32"), netip.MustParsePrefix("2001:db8::/64")}
	want := &Config{
		File: file,
		IMAP: IMAPSettings{
			ListenSettings{[]string{"127.0.0.1:1143", "[::1]:1143"}, []string{":1993"}}, 50e6,
			[]string{"NOTIFY"}, []ClientRule{{"a b/1*", []string{"COMPRESS=DEFLATE", "IDLE"}}}, true,
		},
		POP3: POP3Settings{
			ListenSettings: ListenSettings{[]string{"localhost:1110"}, []string{}}, LoginDelay: 90 * time.Second, UIDLFormat: courier,
			UIDLDuplicates: UIDLAllow, DeletedFlag: "$Gone", Workarounds: []string{OutlookNoNULs},
		},
		Webmail: WebmailSettings{
			ListenTLS: []string{"127.0.0.1:8443"}, AuthservID: "mx.example.org", MessageSize: 1 << 20, SendLimit: 500,
			Addresses: []AccountAddresses{{"ann", []string{"info@example.org", "@lists.example.org"}}},
			Submit: SubmitSettings{
				TransportSMTP, "/usr/sbin/sendmail", "/run/smtp", SubmitPlain, filepath.Join(dir, "relay"), "/var/lib/fantail/submit",
			},
		},
		Autoconfig: AutoconfigSettings{
			Name: "Example Ltd", Host: "mail.example.org", Domains: []string{"example.org"}, Login: LoginLocal,
			IMAP: Endpoint{Port: 143, STARTTLS: true}, POP3: Endpoint{Off: true}, Submission: Endpoint{Host: "smtp.example.org", Port: 465},
			Webmail: "https://mail.example.org",
		},
		LMTP: LMTPSettings{
			Listen: []string{"127.0.0.1:24", "/run/lmtp"}, Size: 1 << 20, Domains: []string{"example.org"}, Connections: 7,
			Spool: filepath.Join(dir, "spool"), XClient: []netip.Prefix{netip.MustParsePrefix("192.0.2.3/32")}, Policy: []string{"/run/policy"},
		},
		Deliver:  DeliverSettings{"+-", true, true, true, false, Window(24 * time.Hour), QuotaPermanent},
		TLS:      TLSSettings{filepath.Join(dir, "cert.pem"), "/abs/key.pem", filepath.Join(dir, "live"), true, filepath.Join(dir, "ca.pem"), CertificateCommonName},
		Auth:     AuthSettings{[]string{"pam", "passwd-file"}, filepath.Join(dir, "users/passwd"), []string{"PLAIN", "SCRAM-SHA-256"}, "/var/lib/fantail/auth", "vmail", "500", "/srv/%{user}"},
		LDAP:     LDAPSettings{"ldaps://ldap.example.org", false, filepath.Join(dir, "ca.pem"), "dc=example,dc=org", "(mail=%{user})", "cn=search", "/run/secret", LDAPAttributes{User: "mail", Mail: "mailDir"}},
		SQL:      SQLSettings{SQLSQLite, "/var/accounts", filepath.Join(dir, "source"), "select\n@user"},
		OAuth:    OAuthSettings{"https://i", "/k", "imap", "email", "mail", "https://i/i", "fantail", filepath.Join(dir, "secret"), "/ca"},
		Login:    LoginSettings{PlaintextAlways, proxies, 10000, 200, 90 * time.Second},
		Mail:     MailSettings{filepath.Join(dir, "mail/of/all"), LayoutFS, Quota{2e9, 5}, []MailboxMargin{{Mailbox: "Trash", Margin: Margin{Percent: 10}}}, Margin{Quota: Quota{Octets: 1e6}}, WarningSettings{[]int{80, 95}, false, []string{"/opt/full", "-x"}, filepath.Join(dir, "crossed"), "de", "post@example.org", "Subject: x\n\n%{user}"}, false, false, Folders{{"sent", "Gesendet"}}, "none"},
		Session:  SessionSettings{1000, 1, ScopeUID, filepath.Join(dir, "mail")},
		Programs: ProgramSettings{filepath.Join(filepath.Dir(dir), "bin"), SandboxAuto},

		Checkpassword: CheckpasswordSettings{[]string{"/opt/check", "-d", "x y"}, true},
		SMTPAuth:      SMTPAuthSettings{[]string{"/run/smtp", filepath.Join(dir, "auth")}},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".origin" || p.Last().String() == ".overridden" }, cmp.Ignore())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, v := range got.Effective() {
		if v.Name == "imap.listen" && (v.Origin != file+":3" || v.Value != `["127.0.0.1:1143", "[::1]:1143"]`) {
			t.Errorf("imap.listen: %+v", v)
		}
		if v.Name == "login.drain" && v.Origin != file+":7" {
			t.Errorf("login.drain: %+v", v)
		}
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"imap.listn = []", `:1: unknown setting "imap.listn"; did you mean "imap.listen"?`},
		{"[imap]\n\nLISTEN_TLS = []", `:3: unknown setting "imap.LISTEN_TLS"`},
		{"\n[smtp]\nx = 1", `:2: unknown setting "smtp"`},
		{"[webmial]\nlisten_tls = []\n", `:1: unknown setting "webmial"; did you mean "webmail"?`},
		{"[[imap]]\nlisten = []", `:1: [[imap]]: no setting is a list of tables`},
		{"imap = 3", `:1: unknown setting "imap"`},
		{"imap.listen = \"127.0.0.1:143\"", `:1: imap.listen: want a list such as ["a", "b"], not a string`},
		{"imap.listen = [\n\"127.0.0.1:1\",\n\"127.0.0.1\"]", `:3: imap.listen: address "127.0.0.1": want host:port`},
		{"imap.listen = [\n7]", `:2: imap.listen: want a string in quotes, not 7`},
		{"imap.listen = [\":66000\"]", `:1: imap.listen: address ":66000": port "66000" is not a number up to 65535`},
		{"imap.listen = []\nimap.listen = []", `:2: `},
		{"a b", `:1: `},
		{"[tls]\nkey = \"~/key\"", `:2: tls.key: "~" is only possible in mail.path`},
		{"mail.path = \"~bob/Maildir\"", `:1: mail.path: mail.path "~bob/Maildir": only ~ alone and ~/ are known`},
		{"login.plaintext = \"no\"", `:1: login.plaintext: "no" is none of tls, loopback, always`},
		{"login.proxies = [\"192.0.2.1\",\n\"proxy\"]", `:2: login.proxies: "proxy" is no address or network`},
		{"login.proxies = [\"fe80::1%eth0\"]", `:1: login.proxies: "fe80::1%eth0" is no address or network`},
		{"login.proxies = [\"192.0.2.1/24\"]", `:1: login.proxies: "192.0.2.1/24" is within a network: that is 192.0.2.0/24`},
		{"login.proxies = [\"::ffff:192.0.2.0/120\"]", `:1: login.proxies: "::ffff:192.0.2.0/120": write`},
		{"login.connections = -1", `:1: login.connections: -1 is not between 0 and 1000000`},
		{"login.connections = \"9\"", `:1: login.connections: want a number, not a string`},
		{"imap.append_limit = \"0B\"", `:1: imap.append_limit: "0B" is not a size between "1B" and "4294967295B"`},
		{"imap.append_limit = \"4GiB\"", `:1: imap.append_limit: "4GiB" is not a size between "1B" and "4294967295B"`},
		{"imap.append_limit = \"5 messages\"", `:1: imap.append_limit: "5 messages" is not a size between "1B" and "4294967295B"`},
		{"auth.sources = [\"pam\",\n\"PAM\"]", `:2: auth.sources: "PAM" is no name of a source`},
		{"auth.sources = [\"pam\",\n\"pam\"]", `:2: auth.sources: "pam" stands there twice`},
		{"auth.smtp_sockets = [\"/a\",\n\"~/b\"]", `:2: auth.smtp_sockets: "~" is only`},
		{"deliver.duplicates = \"10ms\"", `:1: deliver.duplicates: "10ms" is neither "off" nor a duration`},
		{"deliver.quota_full = \"no\"", `:1: deliver.quota_full: "no" is none of temporary, permanent`},
		{"auth.smtp_sockets = [\"\"]", `:1: auth.smtp_sockets: an empty path`},
		{"auth.smtp_sockets = [\"/" + strings.Repeat("x", 107) + "\"]", `:1: auth.smtp_sockets: the path of a socket`},
		{"auth.checkpassword = \"/a b\"", `:1: auth.checkpassword: want a list`},
		{"auth.checkpassword = [\n\"a\", \"/b\"]", `:2: auth.checkpassword: the path of a program is absolute`},
		{"auth.checkpassword = [\"/a\",\n\"b\\u0000\"]", `:2: auth.checkpassword: an argument has a NUL`},
		{"auth.virtual_uid = \"-1\"", `:1: auth.virtual_uid: not the name or number`},
		{"auth.virtual_home = \"/srv\"", `:1: auth.virtual_home: "/srv" has neither`},
		{"auth.ldap_starttls = \"yes\"", `:1: auth.ldap_starttls: want true or false, not a string`},
		{"auth.ldap_base = \"a\\nb\"", `:1: auth.ldap_base: control characters`},
		{"auth.ldap_attributes = \"user\"", `:1: auth.ldap_attributes: "user" is not of the form`},
		{"auth.ldap_attributes = \"user=a b\"", `:1: auth.ldap_attributes: "user=a b" is not of the form`},
		{"auth.ldap_attributes = \"user=a, user=b\"", `:1: auth.ldap_attributes: "user" stands there twice`},
		{"auth.ldap_attributes = \"user=a, shell=b\"", `:1: auth.ldap_attributes: "shell" is none of`},
		{"auth.ldap_attributes = \"uid=a\"", `:1: auth.ldap_attributes: no attribute is the name`},
		{"login.drain = \"long\"", `:1: login.drain: "long" is not a duration such as "10s" or "5m"`},
		{"tls.key = true", `:1: tls.key: want a string in quotes, not true`},
		{"tls.key = \"a\\u0000b\"", `:1: tls.key: path "`},
	} {
		file := filepath.Join(write(t, map[string]string{"f.toml": tc.text}), "f.toml")
		c, err := Load(file)
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), file+tc.want) || c != nil {
			t.Errorf("%q: %v, want %s", tc.text, err, tc.want)
		}
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	file := filepath.Join(write(t, map[string]string{"f.toml": "[nope]\na=1\n[imap]\nlisten=1\nx=2\n"}), "f.toml")
	_, err := Load(file)
	if err == nil || strings.Count(err.Error(), file) != 3 {
		t.Errorf("%v", err)
	}
}

func TestMissingFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a named file that is missing: %v", err)
	}
	l := loader{standard: filepath.Join(dir, "fantail.toml")}
	c, err := l.load("")
	if err != nil || c.File != "" {
		t.Errorf("no default file: %+v, %v", c, err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a directory was read")
	}
}

func TestDropIns(t *testing.T) {
	dir := write(t, map[string]string{
		"fantail.toml":        "login.connections = 1\nmail.path = \"~/mail\"",
		"other.toml":          "login.connections = 5",
		"conf.d/10-a.toml":    "login.connections = 2",
		"conf.d/20-b.toml":    "\nlogin.connections = 3\nmail.path = \"~/mail\"", // the path that it has
		"conf.d/.hidden.toml": "nonsense",
		"conf.d/30-c.bak":     "nonsense",
	})
	l := loader{standard: filepath.Join(dir, "fantail.toml")}
	c, err := l.load("")
	if err != nil {
		t.Fatal(err)
	}
	if c.Login.Connections != 3 || c.Mail.Path != "~/mail" || c.origin["login.connections"] != filepath.Join(dir, "conf.d/20-b.toml")+":2" {
		t.Errorf("%+v", c)
	}
	at := func(path string) string { return filepath.Join(dir, path) }
	if got, want := c.Overridden(), []Override{
		{"login.connections", at("fantail.toml:1"), at("conf.d/10-a.toml:1")},
		{"login.connections", at("conf.d/10-a.toml:1"), at("conf.d/20-b.toml:2")},
	}; !slices.Equal(got, want) {
		t.Errorf("overridden: %v, want %v", got, want)
	}
	c, err = l.load(filepath.Join(dir, "other.toml"))
	if err != nil || c.Login.Connections != 5 || c.File != filepath.Join(dir, "other.toml") {
		t.Errorf("conf.d beside another file: %+v, %v", c, err)
	}
}

func TestMailPath(t *testing.T) {
	for _, tc := range []struct{ path, home, want string }{
		{"~/Maildir", "/home/bob", "/home/bob/Maildir"},
		{"~", "/home/bob", "/home/bob"},
		{"/var/mail/x", "", "/var/mail/x"},
		{"~/Maildir", "", ""},
		{"~/Maildir", "relative", ""},
	} {
		c := &Config{Mail: MailSettings{Path: tc.path}}
		got, err := c.MailPath(tc.home)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q, %q: %q, %v", tc.path, tc.home, got, err)
		}
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range Settings() {
		if seen[s.Name] {
			t.Errorf("%s twice", s.Name)
		}
		seen[s.Name] = true
		if s.Type == "" || s.Default == "" || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("incomplete: %+v", s)
		}
	}
}

func TestTooLarge(t *testing.T) {
	file := filepath.Join(write(t, map[string]string{"f.toml": strings.Repeat("#\n", maxFile)}), "f.toml")
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
}

// What is read can be shown, and what is shown is read as the same.
func FuzzApply(f *testing.F) {
	for _, r := range settings {
		f.Add(r.name + " = " + r.def)
	}
	f.Add("[imap]\nlisten = [\n\"a:1\", 'b:2']\n[tls]\nkey = \"\\u007f\\\"\\\\\"")
	f.Add("login = { plaintext = \"tls\" }\n[[x]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := defaults()
		if c.apply("/etc/f.toml", []byte(text)) != nil {
			return
		}
		var again strings.Builder
		for _, v := range c.Effective() {
			again.WriteString(v.Name + " = " + v.Value + "\n")
		}
		d := defaults()
		if err := d.apply("/etc/f.toml", []byte(again.String())); err != nil {
			t.Fatalf("%v\nin\n%s", err, again.String())
		}
		c.origin, d.origin = nil, nil
		if diff := cmp.Diff(c, d, cmp.AllowUnexported(Config{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

// The stamp follows the files that are read, and no others.
func TestStamp(t *testing.T) {
	dir := t.TempDir()
	standard := filepath.Join(dir, "fantail.toml")
	l := loader{standard: standard}
	last := ""
	for _, step := range []struct {
		file, text string
		changes    bool
	}{
		{"", "", true},
		{"fantail.toml", "x", true},
		{"", "", false},
		{"fantail.toml", "xy", true},
		{"conf.d/a.toml", "x", true},
		{"conf.d/b.toml", "x", true},
		{"conf.d/.c.toml", "x", false},
		{"conf.d/c.txt", "x", false},
		{"conf.d/b.toml", "xy", true},
	} {
		if step.file != "" {
			path := filepath.Join(dir, step.file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(step.text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		now := l.stamp("")
		if changed := now != last; changed != step.changes {
			t.Errorf("%s: changed %t", step.file, changed)
		}
		last = now
	}
	other := filepath.Join(dir, "other.toml")
	before := l.stamp(other)
	if err := os.WriteFile(standard, []byte("xyz"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l.stamp(other) != before {
		t.Error("the stamp of a file that is not the standard one follows that")
	}
}

// What is read in the quick way is what TOML is.
func TestPlain(t *testing.T) {
	texts := []string{"", `"`, `""`, `"""`, `"a`, `a"`, `"a\"b"`, `"a\tb"`, "\"a\tb\"", `"ä"`, "007", "0", "12", "-1", "1.5", "truE", `["a"]`, "[ ]", `'a'`, `"a" # b`}
	quick := 0
	for _, r := range settings {
		texts = append(texts, r.def)
	}
	for _, text := range texts {
		v, ok := plain(text)
		if !ok {
			continue
		}
		quick++
		list, wrong := parse([]byte("x = " + text))
		if len(wrong) > 0 || len(list) != 1 {
			t.Errorf("%s is none: %v", text, wrong)
			continue
		}
		if got := list[0].value; !reflect.DeepEqual(got.unplaced(), v) {
			t.Errorf("%s is %+v, want %+v", text, v, got)
		}
	}
	if quick < len(settings) {
		t.Errorf("only %d of %d", quick, len(settings))
	}
}

// unplaced is the value without its place in a file.
func (v value) unplaced() value {
	v.line = 0
	for i := range v.items {
		v.items[i] = v.items[i].unplaced()
	}
	return v
}
