package dovecot

import (
	"strconv"
	"strings"

	"fantail/internal/admin/translation"
)

// translator is the state of a translation.
type translator struct {
	c    *Config
	read func(path string) ([]byte, error)
	out  translation.Result

	home       string    // the template of homes, in our variables
	homeFrom   Setting   // what says so
	location   *location // where mail is
	quota      quotas
	prefix     string // of the namespace with the INBOX
	prefixFrom Setting
	sources    []string
	haproxy    bool // a listener expects the PROXY protocol
	haFrom     Setting
}

// Translate says in our settings what a configuration says. read reads a file that it
// names: the settings of a directory or a database.
func Translate(c *Config, read func(path string) ([]byte, error)) translation.Result {
	t := &translator{c: c, read: read}
	t.settings(&c.Block)
	t.blocks(&c.Block)
	t.mail()
	t.warnings()
	t.proxies()
	if len(t.sources) > 0 {
		t.set("auth.sources", translation.QuoteAll(t.sources), Setting{Name: "passdb", Line: 0})
	}
	t.out.Sort()
	return t.out
}

// origin is what a setting of Dovecot's is as the origin of ours.
func (s Setting) origin() translation.Origin { return translation.Origin{Name: s.Name, Line: s.Line} }

// set makes a setting; what stood there before counts no more, as in Dovecot.
func (t *translator) set(name, value string, from Setting) { t.out.Set(name, value, from.origin()) }

func (t *translator) note(from Setting, format string, args ...any) {
	t.out.Note(from.origin(), format, args...)
}

func (t *translator) grave(from Setting, format string, args ...any) {
	t.out.Grave(from.origin(), format, args...)
}

// rule translates one setting.
type rule func(t *translator, s Setting)

// settings translates those of a block that are no sections.
func (t *translator) settings(b *Block) {
	for _, s := range b.Settings {
		switch do, known := rules[s.Name]; {
		case known:
			do(t, s)
		case needless(s.Name):
		case strings.HasPrefix(s.Value, "# hidden"):
			t.note(s, "its value is hidden; doveconf -nP shows it")
		default:
			t.note(s, "there is nothing like it here (it is %q)", translation.Short(s.Value))
		}
	}
}

// rules say what becomes of a setting; of those that decide together with others, the
// places where they are read are named in needless.go.
var rules = map[string]rule{
	"first_valid_uid": number("session.first_uid"),
	"first_valid_gid": number("session.first_gid"),
	"last_valid_uid":  remark("accounts with higher uids can log in here"),
	"mail_uid":        text("auth.virtual_uid"),
	"mail_gid":        text("auth.virtual_gid"),
	"mail_access_groups": remark("sessions here have the groups of their user and no others: folders that a group shares need " +
		"users who are in it"),

	"auth_mechanisms":            mechanisms,
	"disable_plaintext_auth":     cleartext("no"),
	"auth_allow_cleartext":       cleartext("yes"),
	"auth_username_format":       nameFormat,
	"auth_default_realm":         remark("names without a domain get none here"),
	"auth_default_domain":        remark("names without a domain get none here"),
	"auth_master_user_separator": graver("there are no master users: fantail(8) is the administrator's way to an account"),
	"master_user_separator":      graver("there are no master users: fantail(8) is the administrator's way to an account"),
	"auth_anonymous_username":    remark("nobody logs in without a name"),
	"auth_policy_server_url":     graver("no policy server is asked at logins: what makes guessing slow is built in"),
	"last_valid_gid":             remark("accounts with higher gids can log in here"),
	"auth_krb5_keytab":           graver("there is no GSSAPI here"),
	"login_trusted_networks":     remark("what clients there say of others is not believed; login.proxies is for the PROXY protocol"),

	"ssl":                      tlsUse,
	"ssl_cert":                 filename("tls.certificate"),
	"ssl_server_cert_file":     filename("tls.certificate"),
	"ssl_key":                  filename("tls.key"),
	"ssl_server_key_file":      filename("tls.key"),
	"ssl_alt_cert":             altCertificate,
	"ssl_server_alt_cert_file": altCertificate,
	"ssl_min_protocol":         tlsVersion,
	"ssl_key_password":         graver("a key with a password cannot be read: openssl pkey -in KEY -out NEWKEY, for root's eyes alone"),

	"ssl_verify_client_cert":         clientCertificates,
	"ssl_server_request_client_cert": clientCertificates,

	"recipient_delimiter":         text("deliver.recipient_delimiter"),
	"lda_mailbox_autocreate":      truth("deliver.mailbox_autocreate"),
	"lda_mailbox_autosubscribe":   truth("deliver.mailbox_autosubscribe"),
	"lmtp_save_to_detail_mailbox": truth("deliver.detail_mailbox"),
	"quota_full_tempfail":         words("deliver.quota_full", map[string]string{"yes": "temporary", "no": "permanent"}),
	"lmtp_proxy":                  ifYes("mail is not passed on to other servers by lmtpd"),
	"imapc_host":                  graver("mail on another server cannot be shown"),
	"mail_attachment_dir":         graver("attachments are kept beside the messages, which is not read here: doveadm backup -u USER maildir:~/Maildir joins them"),
	"mail_attribute_dict":         remark("METADATA of Dovecot's does not come along"),
	"replicator_host":             graver("there is no replication of mail by this server: file systems do that"),
	"submission_relay_host":       graver("there is no submission service: let the mail server offer it, with authd(8) for passwords"),
	"login_source_ips":            remark("fronts do not connect to other servers"),

	"pop3_no_flag_updates":    truth("pop3.no_flag_updates"),
	"pop3_lock_session":       truth("pop3.lock_session"),
	"pop3_deleted_flag":       text("pop3.deleted_flag"),
	"pop3_uidl_format":        uidlFormat,
	"pop3_uidl_duplicates":    words("pop3.uidl_duplicates", map[string]string{"allow": "allow", "rename": "rename"}),
	"pop3_client_workarounds": workarounds,
	"pop3_enable_last":        ifYes("there is no command LAST"),
	"pop3_reuse_xuidl":        ifYes("fields X-UIDL are not looked at; unique-ids that Dovecot has saved are kept"),

	"imap_capability":         capability,
	"imap_client_workarounds": remark("the programs that these are for are served without"),
	"mail_plugins":            plugins,

	"login_greeting":   remark("the greeting cannot be chosen"),
	"listen":           listen,
	"protocols":        protocols,
	"mail_home":        func(t *translator, s Setting) { t.setHome(s.Value, s) },
	"mail_location":    func(t *translator, s Setting) { t.location = t.oldLocation(s) },
	"mail_compression": remark("mail that is compressed is read; new mail is not compressed"),

	"acl_driver": graver(sharing),
}

const sharing = "there is no sharing of folders between accounts, and no ACL"

func number(name string) rule {
	return func(t *translator, s Setting) {
		n, err := strconv.Atoi(s.Value)
		if err != nil || n < 0 {
			t.note(s, "%q is no number", translation.Short(s.Value))
			return
		}
		t.set(name, strconv.Itoa(n), s)
	}
}

func text(name string) rule {
	return func(t *translator, s Setting) { t.set(name, translation.Quote(s.Value), s) }
}

// filename is the rule for files; a "<" says in 2.3 that it is the contents that count.
func filename(name string) rule {
	return func(t *translator, s Setting) {
		file := strings.TrimSpace(strings.TrimPrefix(s.Value, "<"))
		switch {
		case strings.HasPrefix(file, "# hidden"):
			t.grave(s, "its value is hidden: set %s, or ask doveconf -nP", name)
		case !strings.HasPrefix(file, "/"):
			t.grave(s, "%q is no file: set %s", translation.Short(file), name)
		default:
			t.set(name, translation.Quote(file), s)
		}
	}
}

func truth(name string) rule {
	return func(t *translator, s Setting) {
		switch strings.ToLower(s.Value) {
		case "yes", "y", "true", "1":
			t.set(name, "true", s)
		case "no", "n", "false", "0":
			t.set(name, "false", s)
		default:
			t.note(s, "%q is neither yes nor no", translation.Short(s.Value))
		}
	}
}

func words(name string, known map[string]string) rule {
	return func(t *translator, s Setting) {
		word, ok := known[strings.ToLower(s.Value)]
		if !ok {
			t.note(s, "there is nothing like %q here", translation.Short(s.Value))
			return
		}
		t.set(name, translation.Quote(word), s)
	}
}

// remark tells of what people may notice, graver of what they miss.
func remark(text string) rule { return func(t *translator, s Setting) { t.note(s, "%s", text) } }
func graver(text string) rule { return func(t *translator, s Setting) { t.grave(s, "%s", text) } }

func ifYes(text string) rule {
	return func(t *translator, s Setting) {
		if s.Value == "yes" {
			t.note(s, "%s", text)
		}
	}
}

// plugins notes those that did something that is missed. Many others are built in.
func plugins(t *translator, s Setting) {
	for _, p := range strings.FieldsFunc(s.Value, func(r rune) bool { return r == ' ' || r == ',' }) {
		from := Setting{s.Name + " " + p, "", s.Line}
		switch p {
		case "acl", "imap_acl":
			t.grave(from, sharing)
		case "mail_crypt":
			t.grave(from, "mail that Dovecot has encrypted cannot be read: let Dovecot decrypt it first (doveadm mailbox cryptokey; doveadm backup)")
		case "sieve", "imap_sieve", "imap_filter_sieve":
			t.grave(from, "rules in Sieve are not run: mail goes where its address says")
		case "virtual":
			t.note(from, "there are no virtual mailboxes; webmail searches all folders at once")
		case "lazy_expunge", "trash", "expire", "pop3_migration", "listescape", "welcome", "last_login", "push_notification":
			t.note(from, "there is nothing like it here")
		case "zlib", "mail_compress":
			t.note(from, "mail that is compressed is read; new mail is not compressed")
		}
	}
}
