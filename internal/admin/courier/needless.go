package courier

// needless are the variables of which nobody misses anything, each with the reason.
var needless = map[string]string{
	// How Courier runs.
	"PIDFILE": ownFiles, "SSLPIDFILE": ownFiles, "COURIERTLS": ownFiles, "authdaemonvar": ownFiles, "TLS_CACHEFILE": tlsOwn, "TLS_CACHESIZE": tlsOwn,
	"LOGGEROPTS": logs, "SSLLOGGEROPTS": logs, "DEBUG_LOGIN": logs, "IMAPDEBUGFILE": logs,
	"daemons":      "authd needs no copies of itself",
	"IMAP_ULIMITD": "session programs have their own limits",
	"IMAP_UMASK":   "what is made in a Maildir is for its owner",
	"prefix":       ownFiles, "exec_prefix": ownFiles, "sbindir": ownFiles, "bindir": ownFiles,

	// What is offered.
	"IMAP_CAPABILITY_ORIG": webadmin, "IMAP_CAPABILITY_TLS_ORIG": webadmin, "POP3AUTH_ORIG": webadmin, "POP3AUTH_TLS_ORIG": webadmin, "authmodulelistorig": webadmin,
	"IMAP_KEYWORDS":             "keywords are always there",
	"IMAP_IDLE_TIMEOUT":         "changes are told at once",
	"IMAP_ENHANCEDIDLE":         "changes are told at once",
	"IMAP_CHECK_ALL_FOLDERS":    "new mail is seen in all folders",
	"IMAP_DISABLETHREADSORT":    "sorting and threading take little: they read no mail",
	"IMAP_MAILBOX_SANITY_CHECK": "sessions run as the account's user",
	"IMAP_USELOCKS":             "mailboxes are always locked where that is needed",
	"ID_FIELDS":                 "clients are always told who the server is",
	"IMAP_ID_FIELDS":            "clients are always told who the server is",
	"SMAP_CAPABILITY":           "no mail program speaks SMAP",
	"MIME_UNICODE_MESSAGE_TYPE": "messages with headers in UTF-8 are what they are",
	"HEADERFROM":                "it is for OUTBOX", "SENDMAIL": "it is for OUTBOX", "OUTBOX_MULTIPLE_SEND": "it is for OUTBOX",
	"PROXY_HOSTNAME": "it is for proxies", "IMAP_PROXY_FOREIGN": "it is for proxies",

	// TLS.
	"TLS_DHPARAMS": tlsOwn, "TLS_PROTOCOL": tlsOwn, "TLS_STARTTLS_PROTOCOL": tlsOwn, "TLS_PRIORITY": tlsOwn, "TLS_CIPHER_LIST": tlsOwn, "TLS_MIN_DH_BITS": tlsOwn,
	"TLS_TIMEOUT": tlsOwn, "TLS_KX_LIST": tlsOwn, "TLS_COMPRESSION": tlsOwn, "TLS_CERTS": tlsOwn, "TLS_OURCACERT": tlsOwn,

	// Directories and databases.
	"LDAP_PROTOCOL_VERSION": "it is version 3", "LDAP_TIMEOUT": "directories are waited for as long as a login waits", "LDAP_DEREF": "aliases are not followed",
	"LDAP_FULLNAME": "names of people are not asked for", "LDAP_CLEARPW": "the directory checks passwords", "LDAP_CRYPTPW": "the directory checks passwords",
	"LDAP_DEFAULTDELIVERY": courierMTA, "MYSQL_DEFAULTDELIVERY": courierMTA, "PGSQL_DEFAULTDELIVERY": courierMTA, "SQLITE_DEFAULTDELIVERY": courierMTA,
	"LDAP_ENUMERATE_FILTER": shares, "MYSQL_ENUMERATE_CLAUSE": shares, "PGSQL_ENUMERATE_CLAUSE": shares, "SQLITE_ENUMERATE_CLAUSE": shares,
	"PGSQL_NAME_FIELD": "names of people are not asked for", "SQLITE_NAME_FIELD": "names of people are not asked for", "MYSQL_NAME_FIELD": "names of people are not asked for",
	"PGSQL_CHPASS_CLAUSE": "it is for Courier's webmail", "SQLITE_CHPASS_CLAUSE": "it is for Courier's webmail", "MYSQL_CHPASS_CLAUSE": "it is for Courier's webmail",
	"PGSQL_CHARACTER_SET": "databases are asked in UTF-8",
}

const (
	ownFiles   = "files and programs of Courier's own"
	logs       = "the journal has the logs"
	webadmin   = "it is for Courier's webadmin"
	tlsOwn     = "TLS 1.2 and later with today's ciphers need no choice"
	courierMTA = "it is for Courier's mail server"
	shares     = "it is for shared folders"
)
