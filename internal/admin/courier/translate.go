package courier

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
)

// translator is the state of a translation.
type translator struct {
	c       *Config
	out     translation.Result
	file    *file // whose variables are being translated
	sources []string
	certain bool // mechanisms have been told of
}

// Translate says in our settings what the files say. passwd is the passwd-file into which the
// accounts of userdb are written, "" if nobody writes them.
func Translate(c *Config, passwd string) translation.Result {
	t := &translator{c: c}
	t.auth(passwd)
	for _, f := range c.files {
		if t.file = f; t.counts(f) {
			t.variables(f)
		}
	}
	for _, p := range protocols {
		t.listeners(p)
	}
	t.plaintext()
	t.certificate()
	t.clientCertificates()
	t.mail()
	t.limits()
	t.beside()
	t.out.Sort()
	return t.out
}

// Needless returns what the files say that needs nothing, with the reasons, as notes.
func Needless(c *Config) []translation.Note {
	t := &translator{c: c}
	t.limits()
	for _, f := range c.files {
		t.file = f
		for _, v := range f.variables {
			why, ok := needless[v.Name]
			if (v.Name == "MAXDAEMONS" || v.Name == "MAXPERIP") && len(t.out.Settings) == 0 {
				why, ok = "more connections are allowed here, which cost no process each", true
			}
			if ok && t.counts(f) && f.name != "courierd" {
				t.out.Note(t.origin(v), "needs nothing: %s", why)
			}
		}
	}
	return t.out.Notes
}

// counts reports whether a file is one that is translated: those of directories and databases
// are there anyway, and of one for MySQL nothing can be made.
func (t *translator) counts(f *file) bool {
	switch f.name {
	case "authmysqlrc":
		return false
	case "authldaprc", "authpgsqlrc", "authsqliterc":
		return slices.Contains(t.c.modules(), strings.TrimSuffix(f.name, "rc"))
	}
	return true
}

func (t *translator) origin(v Variable) translation.Origin {
	return translation.Origin{Name: v.Name, File: t.file.name, Line: v.Line}
}

// from is the origin of a variable in the last of some files that has it.
func (t *translator) from(name string, files ...string) translation.Origin {
	v, f := t.c.get(name, files...)
	if f == nil {
		return translation.Origin{Name: name}
	}
	return translation.Origin{Name: name, File: f.name, Line: v.Line}
}

// variables translates those of a file. That of Courier's mail server is read for little.
func (t *translator) variables(f *file) {
	mta := f.name == "courierd"
	for _, line := range f.unread {
		if !mta {
			t.out.Grave(translation.Origin{Name: "a line", File: f.name, Line: line}, "it is more than an assignment, and was not run: what it sets is not known here")
		}
	}
	for _, v := range f.variables {
		_, needed := needless[v.Name]
		do, ruled := rules[v.Name]
		switch {
		case ruled:
			do(t, v)
		case mta || needed || together[v.Name]:
		case strings.HasPrefix(v.Name, "AUTHSERVICE"):
			t.out.Grave(t.origin(v), "passwords are the same on all ports here (it was the service %q)", translation.Short(v.Value))
		case v.Value == "":
		case strings.Contains(strings.ToUpper(v.Name), "PASS") || strings.HasSuffix(strings.ToUpper(v.Name), "PW"):
			t.out.Note(t.origin(v), "there is nothing like it here")
		default:
			t.out.Note(t.origin(v), "there is nothing like it here (it is %q)", translation.Short(v.Value))
		}
	}
}

// rule translates one variable.
type rule func(t *translator, v Variable)

// rules say what becomes of a variable.
var rules = map[string]rule{
	"IMAPDSTARTTLS": starttls, "POP3_STARTTLS": starttls,
	"IMAP_CAPABILITY": mechanisms, "IMAP_CAPABILITY_TLS": mechanisms, "POP3AUTH": mechanisms, "POP3AUTH_TLS": mechanisms,
	"TCPDOPTS":       tcpd,
	"IMAPACCESSFILE": access, "ACCESSFILE": access,
	"DEFDOMAIN":  defaultDomain,
	"IMAP_PROXY": ifOne(grave("connections are not passed on to other servers: a proxy such as nginx or HAProxy does that")),
	"POP3_PROXY": ifOne(grave("connections are not passed on to other servers: a proxy such as nginx or HAProxy does that")),
	"IMAP_ACL":   ifOne(note(sharing)), "IMAP_SHAREDINDEXFILE": sharedIndex,
	"IMAP_OBSOLETE_CLIENT":       ifOne(note("programs that cannot do with IMAP4rev1 are not served otherwise")),
	"IMAP_TRASHFOLDERNAME":       trash,
	"IMAP_EMPTYTRASH":            emptyTrash,
	"IMAP_MOVE_EXPUNGE_TO_TRASH": ifOne(grave("what a mail program expunges is gone, and not in the trash: let the program move deleted mail there")),
	"IMAP_LOG_DELETIONS":         ifOne(note("the log counts what a session has expunged, and does not name it")),
	"POP3_LOG_DELETIONS":         ifOne(note("the log counts what a session has deleted, and does not name it")),
	"AUTH_MKHOMEDIR_SKEL":        ifSet(grave("homes are not made at the first login: whoever makes accounts makes them; Maildirs are made")),
	"OUTBOX":                     ifSet(grave("mail that is put into a folder is not sent: mail programs send by SMTP")),
	"DEFAULTOPTIONS":             defaultOptions,
	"DEFAULTDELIVERY": ifSet(note("Courier's mail server goes on delivering into the Maildirs as it did, and maildrop's filters stay its own; deliver(8) says " +
		"how mail comes by Fantail, with its limits")),

	"LDAPTLS_CACERT": ldapOption("auth.ldap_ca_file"),
	"LDAPTLS_CERT":   ifSet(grave("the directory is asked without a certificate of one's own")),
	"LDAPTLS_KEY":    ifSet(grave("the directory is asked without a certificate of one's own")),
}

// together are the variables of which something is made with others, by what reads them.
var together = setOf(`
	listeners: ADDRESS PORT SSLADDRESS SSLPORT IMAPDSTART IMAPDSSLSTART POP3DSTART POP3DSSLSTART
	plaintext: IMAP_TLS_REQUIRED POP3_TLS_REQUIRED
	certificate: TLS_CERTFILE TLS_PRIVATE_KEYFILE
	clientCertificates: TLS_TRUSTCERTS TLS_VERIFYPEER TLS_EXTERNAL
	mail: MAILDIRPATH
	limits: MAXDAEMONS MAXPERIP
	auth: authmodulelist
	ldap: LDAP_URI LDAP_SERVER LDAP_PORT LDAP_BASEDN LDAP_BINDDN LDAP_BINDPW LDAP_INITBIND LDAP_AUTHBIND LDAP_TLS LDAPTLS_REQCERT
		LDAP_EMAILMAP LDAP_EMAILMAP_BASEDN LDAP_EMAILMAP_ATTRIBUTE LDAP_EMAILMAP_MAIL
	filter: LDAP_MAIL LDAP_FILTER LDAP_DOMAIN
	attributes: LDAP_UID LDAP_GID LDAP_GLOB_UID LDAP_GLOB_GID LDAP_HOMEDIR LDAP_MAILROOT LDAP_MAILDIR LDAP_MAILDIRQUOTA LDAP_AUXOPTIONS
	connection: PGSQL_CONNECTION PGSQL_HOST PGSQL_PORT PGSQL_USERNAME PGSQL_PASSWORD PGSQL_OPT PGSQL_DATABASE
	sql: SQLITE_DATABASE SQLITE_SELECT_CLAUSE SQLITE_AUXOPTIONS_FIELD PGSQL_SELECT_CLAUSE PGSQL_AUXOPTIONS_FIELD
	table: SQLITE_USER_TABLE SQLITE_CRYPT_PWFIELD SQLITE_CLEAR_PWFIELD DEFAULT_DOMAIN SQLITE_UID_FIELD SQLITE_GID_FIELD SQLITE_LOGIN_FIELD
		SQLITE_HOME_FIELD SQLITE_MAILDIR_FIELD SQLITE_QUOTA_FIELD SQLITE_WHERE_CLAUSE
		PGSQL_USER_TABLE PGSQL_CRYPT_PWFIELD PGSQL_CLEAR_PWFIELD PGSQL_UID_FIELD PGSQL_GID_FIELD PGSQL_LOGIN_FIELD
		PGSQL_HOME_FIELD PGSQL_MAILDIR_FIELD PGSQL_QUOTA_FIELD PGSQL_WHERE_CLAUSE
`)

func setOf(text string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

const sharing = "there is no sharing of folders between accounts, and no ACL"

func note(text string) rule {
	return func(t *translator, v Variable) { t.out.Note(t.origin(v), "%s", text) }
}
func grave(text string) rule {
	return func(t *translator, v Variable) { t.out.Grave(t.origin(v), "%s", text) }
}

func ifSet(do rule) rule {
	return func(t *translator, v Variable) {
		if v.Value != "" {
			do(t, v)
		}
	}
}

func ifOne(do rule) rule {
	return func(t *translator, v Variable) {
		if v.Value != "" && v.Value != "0" {
			do(t, v)
		}
	}
}

func starttls(t *translator, v Variable) {
	if !yes(v.Value) {
		t.out.Note(t.origin(v), "TLS is offered in any case")
	}
}

// mechanisms notes those that there are not. The capabilities themselves follow from what is
// there.
func mechanisms(t *translator, v Variable) {
	for word := range strings.FieldsSeq(v.Value) {
		m, is := strings.CutPrefix(word, "AUTH=")
		if !is && !strings.HasPrefix(v.Name, "POP3AUTH") || m == "PLAIN" || m == "LOGIN" || m == "EXTERNAL" || t.certain {
			continue
		}
		t.certain = true
		t.out.Grave(t.origin(v), "there is no mechanism %s here: who uses it sets the mail program to \"normal password\"", translation.Short(m))
	}
}

// tcpd notes what couriertcpd does with connections beyond accepting them.
func tcpd(t *translator, v Variable) {
	for _, o := range strings.Fields(v.Value) {
		name, _, _ := strings.Cut(strings.TrimLeft(o, "-"), "=")
		switch name {
		case "nodnslookup", "noidentlookup", "stderrlogger", "stderrloggername", "stderr", "user", "group", "pid", "nicelevel", "":
		case "block", "allow", "access", "denymsg", "drop", "dbl":
			t.out.Grave(t.origin(v), "%s: nobody is refused by address here: a packet filter does that, or login.connections_per_source limits it", translation.Short(o))
		default:
			t.out.Note(t.origin(v), "%s: there is nothing like it here", translation.Short(o))
		}
	}
}

// access notes rules by address, of which makeimapaccess makes a database.
func access(t *translator, v Variable) {
	for _, name := range t.c.list(v.Value) {
		at := path.Join(v.Value, name)
		if text, err := t.c.read(at); err == nil && len(rulesIn(text)) > 0 {
			t.out.Grave(t.origin(v), "nobody is refused by address here: let a packet filter do what %s says", at)
		}
	}
}

// rulesIn are the lines of a text that are no comments.
func rulesIn(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

func defaultDomain(t *translator, v Variable) {
	if v.Value != "" {
		t.out.Grave(t.origin(v), "names without a domain get none here: who logs in as \"ann\" and is ann%s types all of it", translation.Short(v.Value))
	}
}

func sharedIndex(t *translator, v Variable) {
	if text, err := t.c.read(v.Value); err == nil && len(rulesIn(text)) > 0 {
		t.out.Grave(t.origin(v), "%s: the folders that %s names are seen by their owners alone", sharing, v.Value)
	}
}

// trash is the folder for what is deleted. The others have no names at Courier.
func trash(t *translator, v Variable) {
	if v.Value == "" || v.Value == "Trash" {
		return
	}
	usual, err := conf.ParseFolders(defaultOf("mail.folders"))
	if err != nil {
		panic("courier: the default of mail.folders: " + err.Error())
	}
	for i := range usual {
		if usual[i].Use == "trash" {
			usual[i].Name = v.Value
		}
	}
	t.out.Set("mail.folders", translation.Quote(usual.String()), t.origin(v))
}

// defaultOf is what a setting is if nobody sets it.
func defaultOf(name string) string {
	for _, s := range conf.Settings() {
		if s.Name == name {
			return strings.Trim(s.Default, `"`)
		}
	}
	return ""
}

func emptyTrash(t *translator, v Variable) {
	for part := range strings.SplitSeq(v.Value, ",") {
		folder, days, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			folder, days = "Trash", folder
		}
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			t.out.Note(t.origin(v), "mail in %s does not go by itself when it is older than %d days: find(1) on its directories, by cron, does the same", translation.Short(folder), n)
		}
	}
}

func defaultOptions(t *translator, v Variable) {
	for _, o := range disabled(v.Value) {
		t.out.Grave(t.origin(v), "%s: an account that can log in can do so everywhere", translation.Short(o))
	}
}

func ldapOption(name string) rule {
	return func(t *translator, v Variable) {
		if v.Value != "" && slices.Contains(t.c.modules(), "authldap") {
			t.out.Set(name, translation.Quote(v.Value), t.origin(v))
		}
	}
}

func yes(value string) bool { return strings.EqualFold(value, "yes") }

// mail sets where the Maildir of an account is, and says what of Maildirs does not come along.
func (t *translator) mail() {
	imap, pop3 := t.c.value("MAILDIRPATH", "imapd", "imapd-ssl"), t.c.value("MAILDIRPATH", "pop3d", "pop3d-ssl")
	from := t.from("MAILDIRPATH", "imapd", "imapd-ssl")
	if imap == "" {
		imap, from = pop3, t.from("MAILDIRPATH", "pop3d", "pop3d-ssl")
	}
	switch usual := t.c.maildir(); {
	case path.IsAbs(usual):
		t.out.Grave(from, "%q is one Maildir for all accounts: set mail.path", translation.Short(imap))
	case usual == ".":
		t.out.Set("mail.path", translation.Quote("~"), from)
	default:
		t.out.Set("mail.path", translation.Quote("~/"+usual), from)
	}
	if f := t.c.file("imapd"); f != nil {
		t.out.Set("imap.inbox_prefix", "true", translation.Origin{Name: f.name})
	}
	if pop3 != "" && imap != "" && path.Clean(pop3) != path.Clean(imap) {
		t.out.Grave(t.from("MAILDIRPATH", "pop3d", "pop3d-ssl"), "POP3 and IMAP show one Maildir here, %s", translation.Short(imap))
	}
}

// maildir is the path of an account's Maildir in its home.
func (c *Config) maildir() string {
	for _, files := range [][]string{{"imapd", "imapd-ssl"}, {"pop3d", "pop3d-ssl"}} {
		if at := c.value("MAILDIRPATH", files...); at != "" {
			return path.Clean(at)
		}
	}
	return "Maildir"
}

// limits sets how many connections there may be, where Courier allowed more than the default:
// a connection costs it a process, so its limits say what the machine could bear then.
func (t *translator) limits() {
	for _, l := range []struct{ theirs, ours string }{{"MAXDAEMONS", "login.connections"}, {"MAXPERIP", "login.connections_per_source"}} {
		standard, err := strconv.Atoi(defaultOf(l.ours))
		if err != nil {
			panic(fmt.Sprintf("courier: the default of %s: %v", l.ours, err))
		}
		most, from := standard, translation.Origin{}
		for _, files := range [][]string{{"imapd", "imapd-ssl"}, {"pop3d", "pop3d-ssl"}} {
			// A daemon of ours serves what two of Courier's do, with and without TLS.
			sum := 0
			for i := range files {
				n, _ := strconv.Atoi(t.c.value(l.theirs, files[:i+1]...)) // what is no number is no limit
				sum += max(n, 0)
			}
			if sum > most {
				most, from = sum, t.from(l.theirs, files...)
			}
		}
		if most > standard {
			t.out.Set(l.ours, strconv.Itoa(most), from)
		}
	}
}
