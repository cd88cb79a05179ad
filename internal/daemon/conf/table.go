package conf

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// row is one setting. def is written as in the file and goes through the same
// parser. The value is read and written through kind's closures, so that no
// other code names a setting.
type row struct {
	name string
	kind kind
	def  string
	doc  string
}

// settings is the table of the package comment, in the order of the manual.
var settings = []row{
	{"imap.listen", addresses(func(c *Config) *[]string { return &c.IMAP.Listen }), `[]`,
		"Addresses (host:port) on which imapd listens itself, with STARTTLS; sockets that it inherits come on top."},
	{"imap.listen_tls", addresses(func(c *Config) *[]string { return &c.IMAP.ListenTLS }), `[]`,
		"Addresses on which imapd listens itself with TLS from the first byte."},
	{"imap.append_limit", size(func(c *Config) *int64 { return &c.IMAP.AppendLimit }), `"256MiB"`,
		`How large a message may be that a client appends, such as "256MiB".`},
	{"imap.without", capabilities(func(c *Config) *[]string { return &c.IMAP.Without }), `[]`,
		"IMAP capabilities that no client is offered, such as \"NOTIFY\"."},
	{"imap.clients", rules(func(c *Config) *[]ClientRule { return &c.IMAP.Clients }), `[]`,
		"IMAP capabilities that clients are not offered, by what they say of themselves: \"name/version*: NOTIFY QRESYNC\"."},
	{"imap.inbox_prefix", truth(func(c *Config) *bool { return &c.IMAP.InboxPrefix }), `false`,
		"Whether IMAP clients see all folders below INBOX, as Courier shows them: INBOX.Sent in place of Sent."},
	{"pop3.listen", addresses(func(c *Config) *[]string { return &c.POP3.Listen }), `[]`,
		"Addresses on which pop3d listens itself, with STLS."},
	{"pop3.listen_tls", addresses(func(c *Config) *[]string { return &c.POP3.ListenTLS }), `[]`,
		"Addresses on which pop3d listens itself with TLS from the first byte."},
	{"pop3.expire", number(func(c *Config) *int { return &c.POP3.Expire }), `0`,
		"How many days mail stays in the INBOX that a POP3 client has retrieved and left there, before \"fantail expire\" removes it; 0: for ever."},
	{"pop3.expire_least", number(func(c *Config) *int { return &c.POP3.ExpireLeast }), `0`,
		"The fewest days that accounts may have in their field userdb_pop3_expire; 0: the field counts for nothing."},
	{"pop3.login_delay", duration(func(c *Config) *time.Duration { return &c.POP3.LoginDelay }), `"0s"`,
		"How long after a login an account may not log in again."},
	{"pop3.lock_session", truth(func(c *Config) *bool { return &c.POP3.LockSession }), `false`,
		"Whether an account has one POP3 session at a time."},
	{"pop3.uidl_format", parsed("string with %{uid}, %{uidvalidity}, %{filename}, %{guid}", func(c *Config) *UIDLFormat { return &c.POP3.UIDLFormat }, ParseUIDLFormat), `"%{uid|hex(8)}%{uidvalidity|hex(8)}"`,
		"What unique-ids are made of, where no predecessor has left one."},
	{"pop3.uidl_duplicates", choice(func(c *Config) *UIDLDuplicates { return &c.POP3.UIDLDuplicates }, UIDLRename, UIDLAllow), `"rename"`,
		"What becomes of a unique-id that several messages have: rename (all but the first get the UID behind it), allow."},
	{"pop3.deleted_flag", keyword(func(c *Config) *string { return &c.POP3.DeletedFlag }), `""`,
		"A keyword that DELE sets on messages in place of removing them, such as \"$POP3Deleted\"; POP3 shows no messages that have it. Empty: they are removed."},
	{"pop3.no_flag_updates", truth(func(c *Config) *bool { return &c.POP3.NoFlagUpdates }), `false`,
		"Whether messages stay unread that RETR has sent."},
	{"pop3.client_workarounds", workarounds(func(c *Config) *[]string { return &c.POP3.Workarounds }), `[]`,
		"What is done for clients that need it: outlook-no-nuls, oe-ns-eoh."},
	{"lmtp.listen", sockets(func(c *Config) *[]string { return &c.LMTP.Listen }), `[]`,
		"Addresses (host:port) and local sockets (absolute paths) on which lmtpd listens itself. Whoever can connect there can bring mail to every account."},
	{"lmtp.size", size(func(c *Config) *int64 { return &c.LMTP.Size }), `"256MiB"`,
		"How large a message may be that comes by LMTP."},
	{"lmtp.domains", list("list of domains", func(c *Config) *[]string { return &c.LMTP.Domains }, parseDomain, func(s string) string { return s }), `[]`,
		"Domains of which an address names the account of its local part, if there is none of the whole address; \"*\" is every domain. Empty: the name of the machine, that in /etc/mailname, localhost."},
	{"lmtp.connections", number(func(c *Config) *int { return &c.LMTP.Connections }), `500`,
		"Connections that lmtpd serves at once; 0 is no limit."},
	{"lmtp.spool", file(func(c *Config) *string { return &c.LMTP.Spool }), `"/var/tmp"`,
		"The directory in which lmtpd keeps messages that are too large for memory, while they come in, in files without a name."},
	{"lmtp.xclient", networks(func(c *Config) *[]netip.Prefix { return &c.LMTP.XClient }), `[]`,
		"Addresses and networks of proxies that may say by XCLIENT whose connections they relay."},
	{"lmtp.policy_listen", sockets(func(c *Config) *[]string { return &c.LMTP.Policy }), `[]`,
		"Addresses and local sockets on which lmtpd answers mail servers that ask, in Postfix's policy protocol, whether a recipient has room."},
	{"deliver.recipient_delimiter", text(func(c *Config) *string { return &c.Deliver.RecipientDelimiter }), `"+"`,
		"Characters of which each can begin the detail of an address: ann+lists@example.org is ann. Empty is none."},
	{"deliver.detail_mailbox", truth(func(c *Config) *bool { return &c.Deliver.DetailMailbox }), `false`,
		"Whether a message goes to the mailbox that the detail of its recipient's address names, if there is one."},
	{"deliver.mailbox_autocreate", truth(func(c *Config) *bool { return &c.Deliver.MailboxAutocreate }), `false`,
		"Whether a mailbox is made that a message is to go to, by deliver -m, and that does not exist."},
	{"deliver.mailbox_autosubscribe", truth(func(c *Config) *bool { return &c.Deliver.MailboxAutosubscribe }), `false`,
		"Whether a mailbox that is made in this way is subscribed to."},
	{"deliver.delivered_to", truth(func(c *Config) *bool { return &c.Deliver.DeliveredTo }), `true`,
		"Whether messages get a field Delivered-To, and one that comes back to an address with it is refused as a loop."},
	{"deliver.duplicates", parsed("duration, or off", func(c *Config) *Window { return &c.Deliver.Duplicates }, parseWindow), `"off"`,
		`How long an account gets no second message with the same Message-ID and recipient, such as "24h"; off: it gets all.`},
	{"deliver.quota_full", choice(func(c *Config) *QuotaFull { return &c.Deliver.QuotaFull }, QuotaTemporary, QuotaPermanent), `"temporary"`,
		"What a mail server is told if an account has no room: temporary (it tries again for some days), permanent (it returns the message to its sender at once)."},
	{"webmail.listen_tls", addresses(func(c *Config) *[]string { return &c.Webmail.ListenTLS }), `[]`,
		"Addresses on which webmaild listens itself with HTTPS."},
	{"webmail.authserv_id", text(func(c *Config) *string { return &c.Webmail.AuthservID }), `""`,
		"The name by which the mail server signs Authentication-Results, which webmail believes; empty: the machine's name."},
	{"webmail.message_size_limit", size(func(c *Config) *int64 { return &c.Webmail.MessageSize }), `"25MiB"`,
		"How large a message may be that is written in webmail, as it is sent: what is attached takes a third more."},
	{"webmail.send_limit", number(func(c *Config) *int { return &c.Webmail.SendLimit }), `500`,
		"To how many recipients an account may send from webmail within an hour; 0: any number."},
	{"webmail.addresses", list("list of accounts with addresses", func(c *Config) *[]AccountAddresses { return &c.Webmail.Addresses }, parseAccountAddresses, AccountAddresses.String), `[]`,
		"Further addresses that accounts may write as, such as \"ann: info@example.org @lists.example.org\"; that of the account is always one."},
	{"webmail.transport", choice(func(c *Config) *Transport { return &c.Webmail.Submit.Transport }, TransportSendmail, TransportSMTP), `"sendmail"`,
		"How webmail sends: sendmail (the program, as the account's user), smtp (to webmail.smtp_server)."},
	{"webmail.sendmail", file(func(c *Config) *string { return &c.Webmail.Submit.Sendmail }), `"/usr/sbin/sendmail"`,
		"The program that takes messages with the options -i, -f and the recipients."},
	{"webmail.smtp_server", socket(func(c *Config) *string { return &c.Webmail.Submit.Server }), `""`,
		"The server that takes messages by SMTP: an address (host:port) or a local socket (an absolute path)."},
	{"webmail.smtp_tls", choice(func(c *Config) *SubmitTLS { return &c.Webmail.Submit.TLS }, SubmitSTARTTLS, SubmitImplicit, SubmitPlain), `"starttls"`,
		"How the way there is encrypted: starttls (or nothing is sent), implicit (TLS from the first byte), none (for servers on this machine)."},
	{"webmail.smtp_credentials", file(func(c *Config) *string { return &c.Webmail.Submit.Credentials }), `""`,
		"A file with the name and the password for that server, a line each, which the users of accounts must be able to read; empty: there are none."},
	{"webmail.submit_directory", file(func(c *Config) *string { return &c.Webmail.Submit.Directory }), `"/var/lib/fantail/submit"`,
		"Where submitd keeps which accounts have something to be sent, and when."},
	{"autoconfig.name", text(func(c *Config) *string { return &c.Autoconfig.Name }), `""`,
		"What mail programs call this server where people read it, such as the name of a company; empty: the first of autoconfig.domains."},
	{"autoconfig.host", domainName(func(c *Config) *string { return &c.Autoconfig.Host }), `""`,
		"The name by which mail programs find this server, such as mail.example.org; empty: the machine's name, or that in its certificate."},
	{"autoconfig.domains", list("list of domains", func(c *Config) *[]string { return &c.Autoconfig.Domains }, parseHost, func(s string) string { return s }), `[]`,
		"The domains of mail addresses here; empty: those of lmtp.domains, or that in /etc/mailname, or that of the machine."},
	{"autoconfig.login", choice(func(c *Config) *LoginName { return &c.Autoconfig.Login }, LoginDerived, LoginAddress, LoginLocal), `""`,
		"With what people log in: address (all of their mail address), local (what stands before the @); empty: local if all accounts are users of the system, otherwise address."},
	{"autoconfig.imap", parsed("endpoint", func(c *Config) *Endpoint { return &c.Autoconfig.IMAP }, ParseEndpoint), `""`,
		`Where mail programs find IMAP, such as "mail.example.org:993" or ":143 starttls", or off; empty: where imapd listens.`},
	{"autoconfig.pop3", parsed("endpoint", func(c *Config) *Endpoint { return &c.Autoconfig.POP3 }, ParseEndpoint), `""`,
		"The same for POP3 and pop3d."},
	{"autoconfig.submission", parsed("endpoint", func(c *Config) *Endpoint { return &c.Autoconfig.Submission }, ParseEndpoint), `""`,
		`Where mail programs send mail by SMTP, such as ":587 starttls", or off; empty: on port 465 of autoconfig.host.`},
	{"autoconfig.webmail", site(func(c *Config) *string { return &c.Autoconfig.Webmail }), `""`,
		`Where browsers find webmail, such as "https://mail.example.org"; empty: where webmaild listens, by the name autoconfig.host.`},
	{"tls.certificate", file(func(c *Config) *string { return &c.TLS.Certificate }), `"/var/lib/fantail/tls/certificate.pem"`,
		"The server's certificate with its intermediates, PEM; if neither it nor the key exists, a self-signed pair is made."},
	{"tls.key", file(func(c *Config) *string { return &c.TLS.Key }), `"/var/lib/fantail/tls/key.pem"`,
		"The private key of the certificate, PEM."},
	{"tls.directory", file(func(c *Config) *string { return &c.TLS.Directory }), `""`,
		"A directory with further certificates and keys, for other names or with other kinds of keys, such as /etc/letsencrypt/live; empty is none."},
	{"tls.key_process", truth(func(c *Config) *bool { return &c.TLS.KeyProcess }), `false`,
		"Whether private keys are keyd's, which signs for the programs that strangers speak to."},
	{"tls.client_ca", file(func(c *Config) *string { return &c.TLS.ClientCA }), `""`,
		"The certificates of those who certify clients of IMAP and POP3, PEM, for the mechanism EXTERNAL; empty: clients are not asked for certificates."},
	{"tls.client_name", choice(func(c *Config) *CertificateName { return &c.TLS.ClientName }, CertificateEmail, CertificateDNS, CertificateCommonName), `"email"`,
		"Which name in a client's certificate is that of its account: email, dns, common-name."},
	{"auth.sources", sources(func(c *Config) *[]string { return &c.Auth.Sources }), `[]`,
		"Where accounts and their passwords are, asked in this order: passwd-file, ldap, sql, oauth, checkpassword, pam, shadow. Empty: the passwd-file if there is one, the directory, the database, the issuer and the program that are set, then the system's users."},
	{"auth.passwd_file", file(func(c *Config) *string { return &c.Auth.PasswdFile }), `"/etc/fantail/passwd"`,
		"Accounts and password hashes, in the passwd-file format of Dovecot."},
	{"auth.mechanisms", mechanisms(func(c *Config) *[]string { return &c.Auth.Mechanisms }), `["PLAIN", "LOGIN"]`,
		"SASL mechanisms that clients may use, where their connection permits it: PLAIN, LOGIN, SCRAM-SHA-1, SCRAM-SHA-1-PLUS, SCRAM-SHA-256, SCRAM-SHA-256-PLUS, OAUTHBEARER, XOAUTH2, EXTERNAL. SCRAM needs accounts whose passwords are stored for it."},
	{"auth.directory", file(func(c *Config) *string { return &c.Auth.Directory }), `"/var/lib/fantail/auth"`,
		"Where authd keeps files of its own."},
	{"auth.virtual_uid", owner(func(c *Config) *Owner { return &c.Auth.VirtualUID }), `""`,
		"The user, by name or number, of accounts that are no users of the system and whose source names none."},
	{"auth.virtual_gid", owner(func(c *Config) *Owner { return &c.Auth.VirtualGID }), `""`,
		"The group of such accounts; empty is that of the user."},
	{"auth.virtual_home", template(func(c *Config) *Template { return &c.Auth.VirtualHome }), `""`,
		"The home of accounts whose source names none, such as \"/srv/mail/%{domain}/%{local}\"."},
	{"auth.smtp_sockets", paths(func(c *Config) *[]string { return &c.SMTPAuth.Sockets }), `[]`,
		"Sockets that authd makes for mail servers, which ask there as they would Dovecot; further ones systemd passes."},
	{"auth.checkpassword", command(func(c *Config) *[]string { return &c.Checkpassword.Command }), `[]`,
		"The program, with its arguments, that checks passwords by the interface checkpassword."},
	{"auth.checkpassword_lookup", truth(func(c *Config) *bool { return &c.Checkpassword.Lookup }), `false`,
		"Whether this program can be asked, with AUTHORIZED=1, for accounts without their passwords."},
	{"auth.ldap_uri", text(func(c *Config) *string { return &c.LDAP.URI }), `""`,
		"A directory with accounts: ldap://host, ldaps://host or ldapi://%2Fpath; empty is none."},
	{"auth.ldap_starttls", truth(func(c *Config) *bool { return &c.LDAP.StartTLS }), `true`,
		"Whether StartTLS is required of a directory with ldap://; otherwise passwords travel as they are."},
	{"auth.ldap_ca_file", file(func(c *Config) *string { return &c.LDAP.CAFile }), `""`,
		"The certificates of those who may certify the directory, PEM; empty are the system's."},
	{"auth.ldap_base", text(func(c *Config) *string { return &c.LDAP.Base }), `""`,
		"The entry below which accounts are."},
	{"auth.ldap_filter", text(func(c *Config) *string { return &c.LDAP.Filter }), `"(uid=%{user})"`,
		"The filter that finds the entry of an account, with %{user}, %{local} and %{domain}."},
	{"auth.ldap_bind_dn", text(func(c *Config) *string { return &c.LDAP.BindDN }), `""`,
		"The name with which the directory is searched; empty is none."},
	{"auth.ldap_bind_password_file", file(func(c *Config) *string { return &c.LDAP.BindPasswordFile }), `""`,
		"The file with the password of that name."},
	{"auth.ldap_attributes", parsed("list of attributes", func(c *Config) *LDAPAttributes { return &c.LDAP.Attributes }, parseAttributes), `"user=uid, uid=uidNumber, gid=gidNumber, home=homeDirectory"`,
		"The attributes that say an account's user, uid, gid, home and mail."},
	{"auth.sql_driver", choice(func(c *Config) *SQLDriver { return &c.SQL.Driver }, SQLNone, SQLPostgreSQL, SQLSQLite), `""`,
		"A database with accounts: postgresql, sqlite; empty is none."},
	{"auth.sql_source", text(func(c *Config) *string { return &c.SQL.Source }), `""`,
		"Where the database is: a connection string of PostgreSQL, or the path of a file of SQLite."},
	{"auth.sql_source_file", file(func(c *Config) *string { return &c.SQL.SourceFile }), `""`,
		"The file in which that stands, if it has a password."},
	{"auth.sql_query", lines(func(c *Config) *string { return &c.SQL.Query }), `""`,
		"The query that finds an account, with the parameters @user, @local and @domain."},
	{"auth.oauth_issuer", text(func(c *Config) *string { return &c.OAuth.Issuer }), `""`,
		"The issuer of access tokens with which clients may log in, a URL with https; empty is none."},
	{"auth.oauth_keys", text(func(c *Config) *string { return &c.OAuth.Keys }), `""`,
		"The issuer's keys: a URL with https or the absolute path of a JSON Web Key Set; empty is where the issuer says."},
	{"auth.oauth_audience", text(func(c *Config) *string { return &c.OAuth.Audience }), `""`,
		"The service that tokens must be for."},
	{"auth.oauth_claim", text(func(c *Config) *string { return &c.OAuth.Claim }), `"preferred_username"`,
		"The claim of a token that is the account's name."},
	{"auth.oauth_scope", text(func(c *Config) *string { return &c.OAuth.Scope }), `""`,
		"The scopes that a token must have, with spaces between them."},
	{"auth.oauth_introspection", text(func(c *Config) *string { return &c.OAuth.Introspection }), `""`,
		"Where the issuer says what a token is, a URL with https; empty: tokens are JSON Web Tokens."},
	{"auth.oauth_client_id", text(func(c *Config) *string { return &c.OAuth.ClientID }), `""`,
		"The name with which it is asked."},
	{"auth.oauth_client_secret_file", file(func(c *Config) *string { return &c.OAuth.ClientSecretFile }), `""`,
		"The file with the password of that name."},
	{"auth.oauth_ca_file", file(func(c *Config) *string { return &c.OAuth.CAFile }), `""`,
		"The certificates of those who may certify the issuer, PEM; empty are the system's."},
	{"login.plaintext", choice(func(c *Config) *Plaintext { return &c.Login.Plaintext }, PlaintextNever, PlaintextLoopback, PlaintextAlways), `"loopback"`,
		"Where a password may travel without TLS: tls (nowhere), loopback (within this machine), always."},
	{"login.proxies", networks(func(c *Config) *[]netip.Prefix { return &c.Login.Proxies }), `[]`,
		"Addresses and networks of proxies, whose connections must begin with the PROXY protocol, such as \"192.0.2.1\" or \"2001:db8::/64\"; its header from others is an error of the client."},
	{"login.connections", number(func(c *Config) *int { return &c.Login.Connections }), `10000`,
		"Connections that one front serves at once; 0 is no limit."},
	{"login.connections_per_source", number(func(c *Config) *int { return &c.Login.ConnectionsPerSource }), `200`,
		"Connections that one front serves at once from one address (IPv6: from one /64); 0 is no limit."},
	{"login.drain", duration(func(c *Config) *time.Duration { return &c.Login.Drain }), `"10s"`,
		"How long a front that is told to stop lets logged-in connections go on."},
	{"mail.path", mailPath(func(c *Config) *string { return &c.Mail.Path }), `"~/Maildir"`,
		"The Maildir of an account; ~ is the account's home directory."},
	{"mail.layout", choice(func(c *Config) *Layout { return &c.Mail.Layout }, LayoutPlusPlus, LayoutFS), `"maildir++"`,
		"How folders lie in directories: maildir++ (.Archive.2024), fs (Archive/2024)."},
	{"mail.quota", quota(func(c *Config) *Quota { return &c.Mail.Quota }), `""`,
		`How much mail an account may have, such as "2GB, 100000 messages"; empty: what its file maildirsize says.`},
	{"mail.quota_extra", list("list of mailboxes with margins", func(c *Config) *[]MailboxMargin { return &c.Mail.QuotaExtra }, parseMailboxMargin, showMailboxMargin), `[]`,
		`How far mail may go beyond the limits that is for certain mailboxes, such as "Trash: +10%", and which do not count, "Junk: ignore".`},
	{"mail.quota_grace", parsed("margin", func(c *Config) *Margin { return &c.Mail.QuotaGrace }, ParseMargin), `""`,
		`How far one message that is delivered may go beyond the limit of octets, such as "10%" or "50MB"; empty: not at all.`},
	{"mail.quota_warnings", percents(func(c *Config) *[]int { return &c.Mail.Warnings.Percents }), `[]`,
		"How full an account is, in percent of its limits, when its owner gets a message about it, such as [80, 95]."},
	{"mail.quota_warning_message", truth(func(c *Config) *bool { return &c.Mail.Warnings.Message }), `true`,
		"Whether the owner gets this message."},
	{"mail.quota_warning_command", command(func(c *Config) *[]string { return &c.Mail.Warnings.Command }), `[]`,
		"A program, with its arguments, that submitd runs as the account's user whenever the account has reached one of these percentages, or is below it again."},
	{"mail.quota_warning_directory", file(func(c *Config) *string { return &c.Mail.Warnings.Directory }), `"/var/lib/fantail/crossed"`,
		"Where deliver tells submitd of accounts for which this program is to be run; empty: nowhere."},
	{"mail.quota_warning_from", address(func(c *Config) *string { return &c.Mail.Warnings.From }), `""`,
		"Whom they are from; empty: postmaster in the account's domain, or at this machine."},
	{"mail.quota_warning_language", choice(func(c *Config) *Language { return &c.Mail.Warnings.Language }, Languages...), `"en"`,
		"The language of these messages: en, de, es, fr, it, nl, pl."},
	{"mail.quota_warning_text", parsed("string with %{user}, %{percent}, %{used}, %{limit}", func(c *Config) *WarningText { return &c.Mail.Warnings.Text }, ParseWarningText), `""`,
		"What they say, in place of the text in the language: a line \"Subject: ...\", an empty one, and the body."},
	{"mail.folders", folders(func(c *Config) *Folders { return &c.Mail.Folders }), `"drafts=Drafts, sent=Sent, junk=Junk, trash=Trash, archive=Archive"`,
		"The folders that a new account gets, each with its use: drafts, sent, junk, trash, archive."},
	{"mail.coexist", choice(func(c *Config) *Coexist { return &c.Mail.Coexist }, CoexistNone, CoexistDovecot), `"none"`,
		"Another server that works on the same Maildirs at the same time: none, dovecot."},
	{"session.first_uid", number(func(c *Config) *int { return &c.Session.FirstUID }), `500`,
		"The lowest uid of an account: sessiond starts nothing as a user below it, and never as root."},
	{"session.first_gid", number(func(c *Config) *int { return &c.Session.FirstGID }), `1`,
		"The lowest gid of an account."},
	{"session.scope", choice(func(c *Config) *Scope { return &c.Session.Scope }, ScopeAccount, ScopeUID), `"account"`,
		"Whose sessions a session program serves: account (each account has one of its own), uid (accounts of one uid share one)."},
	{"session.fence", file(func(c *Config) *string { return &c.Session.Fence }), `""`,
		"With uid, the directory in which these accounts have their mail; empty is the beginning of auth.virtual_home that has no variable in it."},
	{"programs.directory", file(func(c *Config) *string { return &c.Programs.Directory }), `""`,
		"Where the session programs are; empty is the directory of the program that starts them, or libexec/fantail beside it."},
	{"programs.sandbox", choice(func(c *Config) *Sandbox { return &c.Programs.Sandbox }, SandboxAuto, SandboxOff), `"auto"`,
		"Whether programs give up what they do not need before they meet clients and mail: auto (as far as the kernel can), off."},
}

// Setting is one row of the table as manuals and tools see it.
type Setting struct {
	Name    string
	Type    string // in words, such as "list of addresses"
	Default string // as it would be written in the file
	Doc     string // one sentence
}

// Settings returns the table.
func Settings() []Setting {
	list := make([]Setting, len(settings))
	for i, r := range settings {
		list[i] = Setting{r.name, r.kind.words, r.def, r.doc}
	}
	return list
}

// Value is the effective value of a setting.
type Value struct {
	Name    string
	Value   string // as it would be written in the file, paths resolved
	Origin  string // "file:line" or "default"
	Default bool
}

// Effective returns the value of every setting and where it came from, in the
// order of the table.
func (c *Config) Effective() []Value {
	list := make([]Value, len(settings))
	for i, r := range settings {
		origin, set := c.origin[r.name]
		if !set {
			origin = "default"
		}
		list[i] = Value{r.name, r.kind.show(c), origin, !set}
	}
	return list
}

// quote writes s as a TOML basic string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\u` + strconv.FormatInt(0x10000+int64(r), 16)[1:])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
