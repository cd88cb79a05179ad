package dovecot

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
)

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// files are what configurations name, in place of those on disk.
var files = map[string]string{
	"/etc/dovecot/ldap": "hosts = ldap.example.org\ndn = cn=mail,dc=example,dc=org\ndnpass = secret\ntls = yes\nbase = ou=people,dc=example,dc=org\nauth_bind = yes\n" +
		"user_attrs = homeDirectory=home,uidNumber=uid,gidNumber=gid,quotaRule=quota_rule=*:storage=%$\nuser_filter = (&(objectClass=posixAccount)(uid=%n))\n" +
		"pass_attrs = uid=user,userPassword=password\npass_filter = (&(objectClass=posixAccount)(uid=%u))\n",
	"/etc/dovecot/sql": "driver = pgsql\nconnect = host=localhost dbname=mail user=mail password=secret\ndefault_pass_scheme = SHA512-CRYPT\n" +
		"password_query = \\\n  SELECT username AS user, domain, password \\\n  FROM users WHERE username = '%n' AND domain = '%d'\n" +
		"user_query = SELECT concat('/srv/', home) AS home, uid, gid FROM users WHERE username = '%n' AND domain = '%d'\n",
	"/etc/dovecot/prefetch": "driver = sqlite\nconnect = /var/lib/mail.db\npassword_query = SELECT name, domain, password, home AS userdb_home, 5000 AS userdb_uid, 5000 AS userdb_gid FROM users WHERE address = '%u'\n",
	"/etc/dovecot/mysql":    "driver = mysql\nconnect = host=localhost\npassword_query = SELECT 1\n",
}

func read(path string) ([]byte, error) {
	text, ok := files[path]
	if !ok {
		return nil, os.ErrNotExist
	}
	return []byte(text), nil
}

// load loads the settings of a result.
func load(t *testing.T, r translation.Result) *conf.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fantail.toml")
	if err := os.WriteFile(path, []byte(r.TOML()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Load(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.TOML())
	}
	return cfg
}

func TestTranslate(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // settings
		grave      []string // what the notes are on
	}{
		{"a passwd-file and a static userdb of 2.3", `
# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf
auth_mechanisms = plain login cram-md5
disable_plaintext_auth = no
first_valid_uid = 5000
mail_location = maildir:/srv/mail/%d/%n/Maildir:INDEX=/var/index/%u
passdb {
  args = scheme=SHA512-CRYPT username_format=%u /etc/dovecot/users
  driver = passwd-file
}
pop3_uidl_format = %g
recipient_delimiter = -
ssl_cert = </etc/ssl/mail.pem
ssl_key = </etc/ssl/mail.key
userdb {
  args = uid=vmail gid=vmail home=/srv/mail/%d/%n
  driver = static
}
`, []string{
			`tls.certificate = "/etc/ssl/mail.pem"`, `tls.key = "/etc/ssl/mail.key"`, `auth.sources = ["passwd-file"]`, `auth.passwd_file = "/etc/dovecot/users"`,
			`auth.virtual_uid = "vmail"`, `auth.virtual_gid = "vmail"`, `auth.virtual_home = "/srv/mail/%{domain}/%{local}"`, `login.plaintext = "always"`, `pop3.uidl_format = "%g"`,
			`deliver.recipient_delimiter = "-"`, `session.first_uid = 5000`,
		}, []string{"auth_mechanisms", "passdb"}},
		{"mail beside the home", `
mail_home = /home/vmail/%d/%n
mail_location = maildir:/srv/mail/%u:LAYOUT=fs:CONTROL=/srv/control/%u
`, []string{`mail.path = "~"`, `mail.layout = "fs"`, `auth.virtual_home = "/srv/mail/%{user}"`}, []string{"mail_location"}},
		{"limits of 2.3", `
mail_location = maildir:~/Maildir
plugin {
  quota = maildir:User quota
  quota_grace = 10%%
  quota_rule = *:storage=1G:messages=5000
  quota_rule2 = Trash:storage=+100M
  quota_rule3 = Spam:ignore
  quota_rule4 = Sent:storage=50M
  quota_warning = storage=95%% quota-warning 95 %u
  quota_warning2 = storage=80%% quota-warning 80 %u
  quota_warning3 = -storage=100%% quota-warning below %u
  sieve = ~/.dovecot.sieve
}
postmaster_address = postmaster@example.org
`, []string{
			`mail.quota = "1GiB, 5000 messages"`, `mail.quota_extra = ["Trash: +100MiB", "Spam: ignore"]`, `mail.quota_grace = "10%"`, `mail.quota_warnings = [80, 95]`,
			`mail.quota_warning_from = "postmaster@example.org"`,
		}, []string{"quota_rule4", "sieve"}},
		{"a directory of 2.3", `
mail_location = maildir:~/Maildir
passdb {
  args = /etc/dovecot/ldap
  driver = ldap
}
userdb {
  args = /etc/dovecot/ldap
  driver = ldap
}
`, []string{
			`auth.sources = ["ldap"]`, `auth.ldap_uri = "ldap://ldap.example.org"`, `auth.ldap_base = "ou=people,dc=example,dc=org"`,
			`auth.ldap_filter = "(&(objectClass=posixAccount)(uid=%{user}))"`, `auth.ldap_bind_dn = "cn=mail,dc=example,dc=org"`, `auth.ldap_bind_password_file = "/etc/fantail/ldap-password"`,
			`auth.ldap_attributes = "user=uid, uid=uidNumber, gid=gidNumber, home=homeDirectory, quota=quotaRule"`,
		}, []string{"passdb"}},
		{"a database of 2.3", `
mail_location = maildir:~/Maildir
passdb {
  args = /etc/dovecot/sql
  driver = sql
}
`, []string{
			`auth.sources = ["sql"]`, `auth.sql_driver = "postgresql"`, `auth.sql_source_file = "/etc/fantail/sql-source"`,
			`auth.sql_query = "SELECT @user AS \"user\", p.password, u.uid AS uid, u.gid AS gid, u.home AS home FROM (SELECT username AS user, domain, password FROM users ` +
				`WHERE username = @local AND domain = @domain) AS p, (SELECT concat('/srv/', home) AS home, uid, gid FROM users WHERE username = @local AND domain = @domain) AS u"`,
		}, []string{"passdb", "passdb", "passdb"}},
		{"a database that is asked once", `
mail_location = maildir:~/Maildir
passdb {
  args = /etc/dovecot/prefetch
  driver = sql
}
userdb {
  driver = prefetch
}
`, []string{
			`auth.sources = ["sql"]`, `auth.sql_driver = "sqlite"`, `auth.sql_source = "/var/lib/mail.db"`,
			`auth.sql_query = "SELECT @user AS \"user\", p.password, p.userdb_uid AS uid, p.userdb_gid AS gid, p.userdb_home AS home FROM ` +
				`(SELECT name, domain, password, home AS userdb_home, 5000 AS userdb_uid, 5000 AS userdb_gid FROM users WHERE address = @user) AS p"`,
		}, []string{"passdb"}},
		{"what there is nothing for", `
mail_location = mdbox:~/mdbox
mail_plugins = quota acl mail_crypt fts
namespace inbox {
  inbox = yes
  prefix = INBOX.
  separator = .
}
namespace {
  prefix = shared/%%u/
  type = shared
}
no_such_setting = 7
passdb {
  args = /etc/dovecot/mysql
  driver = sql
}
passdb {
  args = /etc/dovecot/master
  driver = passwd-file
  master = yes
}
passdb {
  driver = lua
}
protocols = imap sieve submission
service lmtp {
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
  }
}
`, []string{`imap.inbox_prefix = true`, `auth.sources = ["sql"]`}, []string{
			"mail_location", "mail_plugins acl", "mail_plugins mail_crypt", "namespace", "passdb", "passdb", "passdb", "protocols", "protocols",
			"service lmtp /var/spool/postfix/private/dovecot-lmtp",
		}},
		{"a prefix that there is not", `
mail_location = maildir:~/Maildir
namespace inbox {
  inbox = yes
  prefix = INBOX/
}
`, nil, []string{"namespace inbox"}},
		{"a prefix where folders are directories", `
mail_location = maildir:~/Maildir:LAYOUT=fs
namespace inbox {
  inbox = yes
  prefix = INBOX/
}
`, []string{`imap.inbox_prefix = true`, `mail.layout = "fs"`}, nil},
		{"ports and proxies", `
haproxy_trusted_networks = 10.0.0.0/8 192.0.2.7
listen = 192.0.2.1
mail_location = maildir:~/Maildir
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    haproxy = yes
    port = 10993
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1 ::1
    port = 24
  }
}
`, []string{`login.proxies = ["10.0.0.0/8", "192.0.2.7"]`, `lmtp.listen = ["127.0.0.1:24"]`}, []string{"listen", "service imap-login imaps"}},
		{"2.4", `
# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf
dovecot_config_version = 2.4.1
auth_allow_cleartext = yes
mail_driver = maildir
mail_home = /srv/vmail/%{user | domain}/%{user | username}
mail_path = ~/Maildir
mail_plugins {
  acl = yes
  quota = yes
}
mailbox_list_layout = fs
namespace inbox {
  inbox = yes
  mailbox Spam {
    auto = subscribe
    quota_ignore = yes
    special_use = "\\Junk"
  }
  mailbox Trash {
    quota_storage_percentage = 110
    special_use = "\\Trash"
  }
}
passdb ldap {
  bind = yes
  filter = (mail=%{user})
}
ldap_uris = ldaps://ldap.example.org
ldap_base = dc=example,dc=org
quota "User quota" {
  quota_message_count = 100
  quota_storage_size = 512M
  warning warn-90 {
    quota_storage_percentage = 90
  }
}
ssl_server {
  cert_file = /etc/ssl/mail.pem
  key_file = /etc/ssl/mail.key
}
userdb static {
  fields {
    gid = vmail
    uid = vmail
  }
}
`, []string{
			`tls.certificate = "/etc/ssl/mail.pem"`, `tls.key = "/etc/ssl/mail.key"`, `auth.sources = ["ldap"]`, `auth.ldap_uri = "ldaps://ldap.example.org"`, `auth.ldap_base = "dc=example,dc=org"`,
			`auth.ldap_filter = "(mail=%{user})"`, `auth.virtual_uid = "vmail"`, `auth.virtual_gid = "vmail"`, `auth.virtual_home = "/srv/vmail/%{domain}/%{local}"`, `login.plaintext = "always"`,
			`mail.layout = "fs"`, `mail.quota = "512MiB, 100 messages"`, `mail.quota_extra = ["Spam: ignore", "Trash: +10%"]`, `mail.quota_warnings = [90]`, `mail.folders = "junk=Spam, trash=Trash"`,
		}, []string{"mail_plugins acl"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Translate(parse(t, c.text), read)
			load(t, r)
			var got, grave []string
			for _, s := range r.Settings {
				got = append(got, s.Name+" = "+s.Value)
			}
			for _, n := range r.Notes {
				if n.Grave {
					grave = append(grave, n.From.Name)
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if !slices.Equal(grave, c.grave) {
				t.Errorf("grave notes on %q, want %q", grave, c.grave)
			}
		})
	}
}

// TestNothingIsPassedOver: what is in no table becomes a note, and so does each setting
// that has a rule, or it becomes a setting.
func TestNothingIsPassedOver(t *testing.T) {
	r := Translate(parse(t, "mail_location = maildir:~/Maildir\nsome_new_setting = 1\nsome_section x {\n}\n"), read)
	var on []string
	for _, n := range r.Notes {
		on = append(on, n.From.Name)
	}
	if !slices.Equal(on, []string{"some_new_setting", "some_section x"}) {
		t.Errorf("notes on %q", on)
	}
	for name := range rules {
		if needless(name) {
			t.Errorf("%s has a rule and is said to need none", name)
		}
	}
}

// TestRealDoveconf: every setting of the Dovecot that is installed has a place in a table.
func TestRealDoveconf(t *testing.T) {
	if _, err := exec.LookPath("doveconf"); err != nil {
		t.Skip("dovecot is not installed")
	}
	out, err := exec.Command("doveconf", "-d").Output() // all, as they are if nothing is set
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(out))
	var missing []string
	for _, s := range c.Settings {
		if _, known := rules[s.Name]; !known && !needless(s.Name) {
			missing = append(missing, s.Name)
		}
	}
	if len(c.Settings) < 200 || len(missing) > 0 {
		t.Errorf("of %d settings these have no place: %q", len(c.Settings), missing)
	}
}

// TestDoveconfItself reads what the Dovecot that is installed makes of a configuration.
func TestDoveconfItself(t *testing.T) {
	if _, err := exec.LookPath("doveconf"); err != nil {
		t.Skip("dovecot is not installed")
	}
	file := filepath.Join(t.TempDir(), "dovecot.conf")
	key := filepath.Join(filepath.Dir(file), "key")
	text := fmt.Sprintf("protocols = imap pop3\nmail_location = maildir:~/Mail/%%Ln\nssl = required\nssl_cert = <%[1]s\nssl_key = <%[1]s\npop3_lock_session = yes\n"+
		"passdb {\n  driver = passwd-file\n  args = /etc/mail/users\n}\nuserdb {\n  driver = static\n  args = uid=5000 gid=5000 home=/srv/%%d/%%n\n}\n"+
		"namespace inbox {\n  inbox = yes\n  mailbox Gesendet {\n    special_use = \\Sent\n  }\n}\n", key)
	if err := errors.Join(os.WriteFile(key, []byte("x"), 0o600), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("doveconf", "-nP", "-c", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, string(out))
	if !strings.HasPrefix(c.Version, "2.") {
		t.Errorf("version %q", c.Version)
	}
	r := Translate(c, read)
	cfg := load(t, r)
	if cfg.TLS.Key != key || cfg.Auth.PasswdFile != "/etc/mail/users" || cfg.Auth.VirtualHome != "/srv/%{domain}/%{local}" || cfg.Mail.Folders.String() != "sent=Gesendet" || !cfg.POP3.LockSession {
		t.Errorf("%s", r.TOML())
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{"", "}", "a {", "a", "= 3", "{\n}\n", strings.Repeat("a {\n", 40), "a = " + strings.Repeat("x", maxLine), strings.Repeat("a = 1\n", maxInput/6+1)} {
		if _, err := Parse(strings.NewReader(text)); !errors.Is(err, ErrNotDovecot) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestVariables(t *testing.T) {
	for theirs, ours := range map[string]string{
		"/srv/%d/%n": "/srv/%{domain}/%{local}", "%u": "%{user}", "%Lu": "%{user}", "%{user | username | lower}": "%{local}", "%h/Maildir": "~/Maildir", "100%%": "100%%",
	} {
		if got, err := variables(theirs); got != ours || err != nil {
			t.Errorf("%s: %s, %v; want %s", theirs, got, err, ours)
		}
	}
	for _, theirs := range []string{"%1n", "%{ldap:home}", "%{user", "%", "%L"} {
		if got, err := variables(theirs); err == nil {
			t.Errorf("%s: %s", theirs, got)
		}
	}
}

func FuzzTranslate(f *testing.F) {
	f.Add("# 2.3.19 (x): y\nmail_location = maildir:~/Maildir:LAYOUT=fs\npassdb {\n  driver = sql\n  args = /etc/dovecot/sql\n}\n")
	f.Add("dovecot_config_version = 2.4.0\nquota x {\n storage_size = 1G\n}\nnamespace inbox {\n inbox=yes\n mailbox a {\n special_use = \\Sent\n }\n}\n")
	f.Add("service lmtp {\n inet_listener x {\n address = \n port = 24\n }\n}\nplugin {\n quota_rule = *:storage=1\n quota_rule2 = a:storage=+1\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		r := Translate(c, func(string) ([]byte, error) { return []byte(text), nil })
		names := make(map[string]bool)
		for _, s := range r.Settings {
			if names[s.Name] || strings.ContainsAny(s.Value+s.Name, "\n\r") || conf.CheckName(s.Name) != nil {
				t.Errorf("%s = %q", s.Name, s.Value)
			}
			names[s.Name] = true
		}
	})
}
