package courier

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	_ "modernc.org/sqlite"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
)

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

// pemFile is a certificate for names, in PEM.
func pemFile(t *testing.T, names ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names[1:], NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// plain is a configuration as Debian has it, of which nothing but the key needs a hand.
var plain = map[string]string{
	"imapd": "ADDRESS=0\nPORT=143\nMAXDAEMONS=40\nMAXPERIP=20\nPIDFILE=/run/courier/imapd.pid\nTCPDOPTS=\"-nodnslookup -noidentlookup\"\nIMAPACCESSFILE=/etc/courier/imapaccess\n" +
		"IMAP_CAPABILITY=\"IMAP4rev1 IDLE\"\nIMAP_CAPABILITY_TLS=\"$IMAP_CAPABILITY AUTH=PLAIN\"\nIMAP_ACL=1\nIMAP_PROXY=0\nIMAP_TRASHFOLDERNAME=Trash\nIMAP_EMPTYTRASH=Trash:7\nIMAPDSTART=YES\nMAILDIRPATH=Maildir\n",
	"imapd-ssl":    "SSLPORT=993\nSSLADDRESS=0\nIMAPDSSLSTART=YES\nIMAPDSTARTTLS=YES\nIMAP_TLS_REQUIRED=0\nTLS_CERTFILE=/etc/courier/imapd.pem\nTLS_VERIFYPEER=NONE\n",
	"pop3d":        "PORT=110\nADDRESS=0\nMAXDAEMONS=40\nMAXPERIP=4\nPOP3AUTH=\"\"\nPOP3_PROXY=0\nPOP3DSTART=YES\nMAILDIRPATH=Maildir\n",
	"pop3d-ssl":    "SSLPORT=995\nPOP3DSSLSTART=YES\nPOP3_STARTTLS=YES\nPOP3_TLS_REQUIRED=0\nTLS_CERTFILE=/etc/courier/imapd.pem\n",
	"authdaemonrc": "authmodulelist=\"authpam\"\nauthmodulelistorig=\"authuserdb authpam\"\ndaemons=5\nDEBUG_LOGIN=0\nDEFAULTOPTIONS=\"\"\n",
	"imapd.pem":    "",
}

func TestTranslate(t *testing.T) {
	const key = "TLS_CERTFILE"
	for _, c := range []struct {
		name  string
		files map[string]string // in place of those of plain; those that begin with "+" are appended to them
		want  []string          // settings, of those that plain does not have
		not   []string          // of plain's, that are not there
		grave []string          // what the notes are on, beside the key
		says  []string
	}{
		{name: "as Debian has it", says: []string{
			"systemctl enable --now fantail-imap.socket fantail-imaps.socket", "IMAP_EMPTYTRASH (imapd, line 13): mail in Trash does not go by itself when it is older than 7 days",
			"setfacl -m u:_fantail:r /etc/courier/imapd.pem",
		}},
		{name: "other ports and addresses", files: map[string]string{"+imapd": "PORT=127.0.0.1.143,1143\nADDRESS=192.0.2.1\n", "+pop3d-ssl": "POP3DSSLSTART=NO\n", "+pop3d": "PORT=1100\n"},
			grave: []string{"PORT", "PORT"}, says: []string{"ListenStream=127.0.0.1:143, ListenStream=192.0.2.1:1143", "leave fantail-pop3s.socket disabled", "ListenStream=1100"}},
		{name: "TLS for all", files: map[string]string{"+imapd-ssl": "IMAP_TLS_REQUIRED=1\n", "+pop3d": "POP3DSTART=NO\n"}, want: []string{`login.plaintext = "tls"`}, not: []string{"login.plaintext"}},
		{name: "TLS for some", files: map[string]string{"+imapd-ssl": "IMAP_TLS_REQUIRED=1\n"}, says: []string{"one setting is for IMAP and POP3 here"}},
		{name: "a key of its own", files: map[string]string{"+imapd-ssl": "TLS_CERTFILE=/etc/ssl/c.pem\nTLS_PRIVATE_KEYFILE=/etc/ssl/k.pem\n", "/etc/ssl/c.pem": "", "pop3d-ssl": ""},
			want: []string{`tls.certificate = "/etc/ssl/c.pem"`, `tls.key = "/etc/ssl/k.pem"`}, not: []string{"tls.certificate", "tls.key"}, says: []string{"setfacl -m u:_fantail:r /etc/ssl/k.pem"}},
		{name: "two certificates for one name", files: map[string]string{"imapd.pem": pemFile(t, "mail.example.org"), "pop3d.pem": pemFile(t, "mail.example.org"), "+pop3d-ssl": "TLS_CERTFILE=/etc/courier/pop3d.pem\n"},
			says: []string{"which has the same names"}},
		{name: "two certificates", files: map[string]string{"imapd.pem": pemFile(t, "x", "imap.example.org"), "pop3d.pem": pemFile(t, "x", "pop.example.org"), "+pop3d-ssl": "TLS_CERTFILE=/etc/courier/pop3d.pem\n"},
			grave: []string{key}, says: []string{"is for pop.example.org, which /etc/courier/imapd.pem is not"}},
		{name: "certificates of addresses", files: map[string]string{"imapd.pem.192.0.2.1": "", "imapd.pem.mail.example.net": ""}, grave: []string{key}, says: []string{"imapd.pem.192.0.2.1, imapd.pem.mail.example.net"}},
		{name: "no certificate", files: map[string]string{"+imapd-ssl": "TLS_CERTFILE=/nowhere\n", "+pop3d-ssl": "TLS_CERTFILE=\n"}, not: []string{"tls.certificate", "tls.key"}, says: []string{"there is no file /nowhere"}},
		{name: "certificates of clients", files: map[string]string{"+imapd-ssl": "TLS_VERIFYPEER=REQUIREPEER\nTLS_TRUSTCERTS=/etc/ssl/ca.pem\nTLS_EXTERNAL=commonName\n"},
			want:  []string{`tls.client_ca = "/etc/ssl/ca.pem"`, `tls.client_name = "common-name"`, `auth.mechanisms = ["PLAIN", "LOGIN", "EXTERNAL"]`},
			grave: []string{"TLS_VERIFYPEER"}},
		{name: "where mail is", files: map[string]string{"+imapd": "MAILDIRPATH=./Mail/\n", "+pop3d": "MAILDIRPATH=Mail\nDEFDOMAIN=@example.org\n"}, want: []string{`mail.path = "~/Mail"`}, grave: []string{"DEFDOMAIN"}},
		{name: "two Maildirs", files: map[string]string{"+imapd": "MAILDIRPATH=A\n"}, want: []string{`mail.path = "~/A"`}, grave: []string{"MAILDIRPATH"}},
		{name: "mail in the home", files: map[string]string{"+imapd": "MAILDIRPATH=.\n", "+pop3d": "MAILDIRPATH=.\n"}, want: []string{`mail.path = "~"`}},
		{name: "the trash", files: map[string]string{"+imapd": "IMAP_TRASHFOLDERNAME=Papierkorb\nIMAP_EMPTYTRASH=Papierkorb:7,Sent:30\nIMAP_MOVE_EXPUNGE_TO_TRASH=1\n"},
			want: []string{`mail.folders = "drafts=Drafts, sent=Sent, junk=Junk, trash=Papierkorb, archive=Archive"`}, grave: []string{"IMAP_MOVE_EXPUNGE_TO_TRASH"}, says: []string{"mail in Sent does not go by itself when it is older than 30 days"}},
		{name: "limits", files: map[string]string{"+imapd": "MAXDAEMONS=9000\nMAXPERIP=150\n", "+imapd-ssl": "MAXDAEMONS=2000\n"}, want: []string{"login.connections = 11000", "login.connections_per_source = 300"}},
		{name: "what is refused and passed on", files: map[string]string{
			"+imapd":             "TCPDOPTS=\"-nodnslookup -block=zen.example.org -frob\"\nIMAP_PROXY=1\nOUTBOX=.Outbox\nAUTH_MKHOMEDIR_SKEL=/etc/skel\nIMAP_CAPABILITY=\"IMAP4rev1 AUTH=CRAM-MD5 AUTH=CRAM-SHA1\"\nAUTHSERVICE143=imaps\nNEWER=x\nNEW_PASSWORD=hidden\nif x; then\n",
			"imapaccess/default": "# rules\n192.0.2\tdeny\n", "shared/index": "group\tx\n", "+imapd-ssl": "IMAP_SHAREDINDEXFILE=/etc/courier/shared/index\n",
		}, grave: []string{"TCPDOPTS", "IMAP_PROXY", "OUTBOX", "AUTH_MKHOMEDIR_SKEL", "IMAP_CAPABILITY", "AUTHSERVICE143", "a line", "IMAPACCESSFILE", "IMAP_SHAREDINDEXFILE"},
			says: []string{"NEWER (imapd, line 22): there is nothing like it here (it is \"x\")", "NEW_PASSWORD (imapd, line 23): there is nothing like it here\n", "-frob: there is nothing like it here"}},
		{name: "userdb and others", files: map[string]string{
			"authdaemonrc": "authmodulelist=\"authuserdb authshadow authpwd authmysql authpipe authcustom authfrob\"\nDEFAULTOPTIONS=disableimap=1,wbnochangepass=1\n", "userdb": "ann\tuid=400|home=/srv/ann|systempw={PLAIN}x\n",
			"/etc/passwd": "root:x:0:0::/root:\nbob:x:1000:1000::/home/bob:/bin/sh\n", "/home/bob/.mailfilter": "", "/srv/ann/Maildir/shared-maildirs": "", "maildirshared": "x", "authmysqlrc": "MYSQL_PASSWORD\thidden\n",
		}, want: []string{`auth.sources = ["passwd-file", "shadow"]`, "session.first_uid = 400"}, not: []string{"auth.sources"},
			grave: []string{"authmodulelist", "authmodulelist", "authmodulelist", "authmodulelist", "DEFAULTOPTIONS", ".mailfilter", "shared-maildirs", ""},
			says:  []string{"the 1 accounts of userdb are to be in a passwd-file: the same again with -p", ".mailfilter: bob: ", "shared-maildirs: ann: "}},
		{name: "nothing of accounts", files: map[string]string{"authdaemonrc": "authmodulelist=\n"}, not: []string{"auth.sources"}, grave: []string{"authmodulelist"}},
		{name: "a mail server", files: map[string]string{"courierd": "DEFAULTDELIVERY=\"| /usr/bin/maildrop\"\nESMTP_CORK=1\n. x\n"}, says: []string{"DEFAULTDELIVERY (courierd, line 1): Courier's mail server goes on"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := make(map[string]string)
			for name, text := range plain {
				files[name] = text
			}
			for name, text := range c.files {
				if more, ok := strings.CutPrefix(name, "+"); ok {
					files[more] += text
				} else {
					files[name] = text
				}
			}
			r := Translate(at(t, files), "")
			load(t, r)
			want := c.want
			for _, usual := range []string{"imap.inbox_prefix = true", `tls.certificate = "/etc/courier/imapd.pem"`, `tls.key = "/etc/courier/imapd.pem"`, `auth.sources = ["pam"]`, `login.plaintext = "always"`} {
				if name, _, _ := strings.Cut(usual, " "); !slices.Contains(c.not, name) {
					want = append(want, usual)
				}
			}
			var got, grave []string
			for _, s := range r.Settings {
				got = append(got, s.Name+" = "+s.Value)
			}
			says := ""
			for _, n := range r.Notes {
				if says += n.String() + "\n"; n.Grave && !strings.Contains(n.Text, "let the programs here read the key") && !strings.Contains(n.Text, "there is no file") {
					grave = append(grave, n.From.Name)
				}
			}
			if !slices.Equal(sorted(got), sorted(want)) {
				t.Errorf("settings\n%s\nwant\n%s", strings.Join(sorted(got), "\n"), strings.Join(sorted(want), "\n"))
			}
			if !slices.Equal(sorted(grave), sorted(c.grave)) {
				t.Errorf("grave are %q, not %q", sorted(grave), sorted(c.grave))
			}
			for _, s := range c.says {
				if !strings.Contains(says, s) {
					t.Errorf("%q is not said", s)
				}
			}
			if strings.Contains(says+r.TOML(), "hidden") {
				t.Error("a password is shown")
			}
			if t.Failed() {
				t.Log(says)
			}
		})
	}
}

func TestDirectory(t *testing.T) {
	r := Translate(at(t, map[string]string{
		"authdaemonrc": "authmodulelist=authldap\nLDAPTLS_CACERT=/etc/ssl/house.pem\nLDAPTLS_REQCERT=never\n",
		"authldaprc": "LDAP_URI\t\tldap://a.example.org, ldap://b.example.org\nLDAP_BASEDN\tou=people, o=x\nLDAP_BINDDN\tcn=admin\nLDAP_BINDPW\thidden\nLDAP_INITBIND\t1\nLDAP_MAIL\tmail\nLDAP_DOMAIN\texample.org\n" +
			"LDAP_FILTER\t(objectClass=CourierMailAccount)\nLDAP_GLOB_UID\tvmail\nLDAP_GLOB_GID\t5000\nLDAP_HOMEDIR\thomeDirectory\nLDAP_MAILDIR\tmailbox\nLDAP_MAILDIRQUOTA\tquota\nLDAP_AUXOPTIONS\tshared=sharedgroup,x=disableimap\n" +
			"LDAP_TLS\t1\nLDAP_AUTHBIND\t1\nLDAP_FRESH\tx\n",
	}), "")
	cfg := load(t, r)
	want := "[auth]\nsources = [\"ldap\"]  # authmodulelist\nvirtual_uid = \"vmail\"  # LDAP_GLOB_UID\nvirtual_gid = \"5000\"  # LDAP_GLOB_GID\n" +
		"ldap_uri = \"ldap://a.example.org\"  # LDAP_URI\nldap_ca_file = \"/etc/ssl/house.pem\"  # LDAPTLS_CACERT\nldap_base = \"ou=people, o=x\"  # LDAP_BASEDN\n" +
		"ldap_filter = \"(&(objectClass=CourierMailAccount)(|(mail=%{user})(mail=%{user}@example.org)))\"  # LDAP_MAIL\n" +
		"ldap_bind_dn = \"cn=admin\"  # LDAP_BINDDN\nldap_bind_password_file = \"/etc/fantail/ldap-password\"  # LDAP_BINDPW\n" +
		"ldap_attributes = \"user=mail, home=homeDirectory, mail=mailbox, quota=quota\"  # LDAP_MAIL\n"
	if r.TOML() != want || cfg.LDAP.URI == "" {
		t.Errorf("%s", r.TOML())
	}
	var on []string
	for _, n := range r.Notes {
		on = append(on, n.From.Name)
		if strings.Contains(n.Text, "hidden") {
			t.Error(n)
		}
	}
	for _, name := range []string{"LDAP_URI", "LDAP_BINDPW", "LDAP_MAILDIR", "LDAP_AUXOPTIONS", "LDAP_FRESH", "LDAPTLS_REQCERT"} {
		if !slices.Contains(on, name) {
			t.Errorf("nothing is said of %s: %q", name, on)
		}
	}
	if slices.Contains(on, "LDAP_TLS") || slices.Contains(on, "LDAP_AUTHBIND") {
		t.Errorf("%q", on)
	}
}

// A query that was made of names, and one of a SELECT_CLAUSE, find an account in a real
// database.
func TestDatabase(t *testing.T) {
	database := filepath.Join(t.TempDir(), "users.db")
	db, err := sql.Open("sqlite", "file:"+database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE people (name text, crypt text, clear text, uid int, gid int, home text, maildir text, quota text);
		INSERT INTO people VALUES ('ann@example.org', '{MD5RAW}5ebe', '', 5000, 5001, '/srv/ann', 'Mail', '5S,6C'), ('bob@example.net', '', 'secret', 5000, 5001, '/srv/bob', '/srv/mail/bob', 'NOQUOTA')`); err != nil {
		t.Fatal(err)
	}
	fields := "SQLITE_DATABASE\t" + database + "\nSQLITE_USER_TABLE people\nSQLITE_CRYPT_PWFIELD crypt\nSQLITE_CLEAR_PWFIELD clear\n"
	for name, more := range map[string]string{
		"a table":  "SQLITE_LOGIN_FIELD name\nSQLITE_MAILDIR_FIELD maildir\nSQLITE_QUOTA_FIELD quota\nDEFAULT_DOMAIN example.org\nSQLITE_WHERE_CLAUSE uid = 5000\n",
		"a clause": "SQLITE_SELECT_CLAUSE SELECT name, crypt, clear, uid, gid, \\\n home, COALESCE(maildir, ''), quota, '', 'disableimap=0' \\\n FROM people WHERE name = '$(local_part)' || '@' || '$(domain)'\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := Translate(at(t, map[string]string{"authdaemonrc": "authmodulelist=authsqlite\n", "authsqliterc": fields + more}), "")
			query := load(t, r).SQL.Query
			find := func(user string) string {
				local, domain, _ := strings.Cut(user, "@")
				row := db.QueryRow(query, sql.Named("user", user), sql.Named("local", local), sql.Named("domain", domain))
				var got [7]sql.NullString
				if err := row.Scan(&got[0], &got[1], &got[2], &got[3], &got[4], &got[5], &got[6]); err != nil {
					return err.Error()
				}
				text := ""
				for _, g := range got {
					text += g.String + "|"
				}
				return text
			}
			if got := find("ann@example.org"); got != "ann@example.org|{PLAIN-MD5}5ebe|5000|5001|/srv/ann|~/Mail|5S,6C|" {
				t.Errorf("%s\n%s", got, query)
			}
			if got := find("bob@example.net"); got != "bob@example.net|{PLAIN}secret|5000|5001|/srv/bob|/srv/mail/bob||" {
				t.Errorf("%s\n%s", got, query)
			}
			if got := find("ann"); name == "a table" && !strings.HasPrefix(got, "ann@example.org|") {
				t.Errorf("without a domain: %s\n%s", got, query)
			}
			if got := find("eve@example.org"); got != sql.ErrNoRows.Error() {
				t.Errorf("eve is %s", got)
			}
		})
	}
}

func TestPostgreSQL(t *testing.T) {
	for connection, want := range map[string][]string{
		"PGSQL_CONNECTION\thost=db \\\n\tuser=mail\nPGSQL_DATABASE mail\n":                                {`auth.sql_source = "host=db user=mail dbname=mail"`, "-"},
		"PGSQL_CONNECTION\thost=db password=hidden\n":                                                     {`auth.sql_source_file = "/etc/fantail/sql-source"`, "PGSQL_CONNECTION"},
		"PGSQL_HOST db\nPGSQL_PORT 5433\nPGSQL_USERNAME mail\nPGSQL_PASSWORD hidden\nPGSQL_DATABASE mail": {`auth.sql_source_file = "/etc/fantail/sql-source"`, "PGSQL_CONNECTION"},
	} {
		r := Translate(at(t, map[string]string{"authdaemonrc": "authmodulelist=authpgsql\n", "authpgsqlrc": connection}), "")
		found := ""
		for _, s := range r.Settings {
			found += s.Name + " = " + s.Value + "\n"
		}
		for _, n := range r.Notes {
			if n.Grave {
				found += n.From.Name + "\n"
			}
			if strings.Contains(n.Text, "hidden") {
				t.Error(n)
			}
		}
		if !strings.Contains(found, want[0]+"\n") || strings.Contains(found, "\nPGSQL_CONNECTION\n") != (want[1] != "-") || strings.Contains(found, "hidden") {
			t.Errorf("%s: %s", connection, found)
		}
	}
	for _, clause := range []string{
		"SELECT a, b FROM c WHERE d = '$(local_part)'", "UPDATE x", "SELECT a, b, c, d, e, f FROM g WHERE h = '$(service)'", "SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 FROM x", "SELECT (a, b",
	} {
		if q, err := selected(clause); err == nil {
			t.Errorf("%s is %s", clause, q)
		}
	}
}

func TestRead(t *testing.T) {
	if _, err := Read(fstest.MapFS{}, Directories); !errors.Is(err, ErrNotCourier) {
		t.Error(err)
	}
	// Accounts may be in a directory of their own.
	c, err := Read(fstest.MapFS{
		"etc/authlib/authdaemonrc":           {Data: []byte("authmodulelist=authpam\n")},
		"usr/lib/courier-imap/etc/imapd":     {Data: []byte("IMAPDSTART=YES\n")},
		"usr/lib/courier-imap/etc/pop3d/dir": {Data: nil},
	}, Directories)
	if err != nil || len(c.modules()) != 1 || c.value("IMAPDSTART", "imapd") != "YES" || c.file("pop3d") != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Read(fstest.MapFS{"etc/courier/imapd": {Data: make([]byte, maxFile+1)}}, Directories); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// What needs nothing has a reason, and no rule that says otherwise.
func TestNeedless(t *testing.T) {
	for name, why := range needless {
		if why == "" || rules[name] != nil || together[name] {
			t.Errorf("%s: %q", name, why)
		}
	}
	notes := Needless(at(t, plain))
	if len(notes) < 8 || !strings.HasPrefix(notes[0].Text, "needs nothing: ") {
		t.Errorf("%v", notes)
	}
}
