// Package conf reads fantail.toml, the one configuration file of every Fantail
// program.
//
// The settings are rows of one table (settings in table.go): name, type,
// default, one line of documentation. The table drives the parser, the list of
// effective values with their origin, and whoever prints a manual. An empty
// file is valid; so is none.
//
// How a value is found, later ones winning:
//
//  1. the default in the table;
//  2. the file: the one named by -c, or DefaultPath if it exists;
//  3. only beside DefaultPath: conf.d/*.toml in lexical order.
//
// Invariants: a setting that the table does not know is an error that carries
// file and line, never a warning; relative paths mean the directory of the file
// that names them; "~" stands for an account's home and is legal in mail.path
// alone, where MailPath resolves it per account. Nothing is read from the
// environment.
//
// The programs call Load once at start. This package knows no protocol and
// opens nothing but configuration files.
package conf

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// DefaultPath is the configuration file when -c names no other.
const DefaultPath = "/etc/fantail/fantail.toml"

// Config holds the effective value of every setting. Paths are absolute except
// MailSettings.Path, which may begin with "~".
type Config struct {
	// File is the absolute path of the file that was read, "" if there was
	// none and every value is its default. A program started by another one
	// gets it as -c.
	File string

	IMAP       IMAPSettings
	POP3       POP3Settings
	Webmail    WebmailSettings
	Autoconfig AutoconfigSettings
	LMTP       LMTPSettings
	Deliver    DeliverSettings
	TLS        TLSSettings
	Auth       AuthSettings
	LDAP       LDAPSettings
	SQL        SQLSettings
	OAuth      OAuthSettings

	Checkpassword CheckpasswordSettings
	SMTPAuth      SMTPAuthSettings

	Login    LoginSettings
	Mail     MailSettings
	Session  SessionSettings
	Programs ProgramSettings

	origin     map[string]string // by setting name; absent: the default
	overridden []Override
}

// ListenSettings are the addresses of one mail protocol, as host:port.
type ListenSettings struct {
	Listen    []string // cleartext, with STARTTLS or STLS
	ListenTLS []string // TLS from the first byte
}

// IMAPSettings are what concerns IMAP alone.
type IMAPSettings struct {
	ListenSettings
	AppendLimit int64        // octets of one message that a client sends
	Without     []string     // capabilities that nobody is offered
	Clients     []ClientRule // and those that some clients are not
	InboxPrefix bool         // the names of all mailboxes but INBOX begin with it
}

// LMTPSettings say how mail comes in by LMTP.
type LMTPSettings struct {
	Listen      []string // host:port, or the absolute path of a local socket
	Size        int64    // octets of one message
	Domains     []string // whose addresses name accounts by their local parts; none: the machine's own
	Connections int      // at once; 0: no limit
	Spool       string   // directory
	XClient     []netip.Prefix
	Policy      []string // host:port and paths, as in Listen, for questions of mail servers
}

// TLSSettings name the files of the server's certificates.
type TLSSettings struct {
	Certificate string // PEM, leaf first
	Key         string // PEM
	Directory   string // of further pairs; "": none
	KeyProcess  bool   // keyd has the keys
	ClientCA    string // PEM, of those who certify clients; "": clients are not asked
	ClientName  CertificateName
}

// CertificateName says which name in a client's certificate is the account's.
type CertificateName string

// The values of tls.client_name.
const (
	CertificateEmail      CertificateName = "email" // rfc822Name in subjectAltName
	CertificateDNS        CertificateName = "dns"   // dNSName in subjectAltName
	CertificateCommonName CertificateName = "common-name"
)

// AuthSettings say where passwords come from.
type AuthSettings struct {
	Sources    []string // in order; none: those that there are
	PasswdFile string
	Mechanisms []string // of SASL, in capitals
	Directory  string   // of authd's own files

	// The user, group and home of accounts of which nobody says them.
	VirtualUID, VirtualGID Owner
	VirtualHome            Template
}

// LoginSettings bound what clients may do before and while they are logged in.
type LoginSettings struct {
	Plaintext            Plaintext
	Proxies              []netip.Prefix // that say whose connections they carry
	Connections          int            // at once in one front; 0: no limit
	ConnectionsPerSource int            // at once from one source address; 0: no limit
	Drain                time.Duration
}

// MailSettings say where mail is.
type MailSettings struct {
	Path       string // see Config.MailPath
	Layout     Layout
	Quota      Quota
	QuotaExtra []MailboxMargin
	QuotaGrace Margin
	Warnings   WarningSettings
	// Unlimited says that an account has no limits, not even those of its maildirsize. It is
	// no setting (ForAccount).
	Unlimited bool
	// BelowInbox is IMAPSettings.InboxPrefix in programs for which that counts; no setting.
	BelowInbox bool
	Folders    Folders // of a new account
	Coexist    Coexist
}

// Layout says how the folders of an account lie in directories.
type Layout string

// The values of mail.layout.
const (
	LayoutPlusPlus Layout = "maildir++" // .Archive.2024
	LayoutFS       Layout = "fs"        // Archive/2024
)

// Coexist says which other server works on the same Maildirs at the same time.
type Coexist string

// The values of mail.coexist.
const (
	CoexistNone    Coexist = "none"
	CoexistDovecot Coexist = "dovecot"
)

// SessionSettings say whose sessions sessiond starts.
type SessionSettings struct {
	FirstUID, FirstGID int // the lowest that an account may have
	Scope              Scope
	Fence              string // see Config.Fence
}

// Scope says whose sessions a session program serves.
type Scope string

// The values of session.scope.
const (
	ScopeAccount Scope = "account" // those of one account
	ScopeUID     Scope = "uid"     // those of all accounts of a uid whose mail is in the fence
)

// Fence returns the directory in which the mail of accounts is that share session
// programs; "" if none do. If no setting says it, it is what the homes of all virtual
// accounts have in common.
func (c *Config) Fence() (string, error) {
	if c.Session.Scope != ScopeUID {
		return "", nil
	}
	fence := c.Session.Fence
	if fence == "" {
		before, _, _ := strings.Cut(string(c.Auth.VirtualHome), "%")
		fence = before[:strings.LastIndexByte(before, '/')+1]
		if fence == "" {
			return "", errors.New(`session.scope is "uid", and neither session.fence nor auth.virtual_home says where the mail of these accounts is`)
		}
	}
	if fence = filepath.Clean(fence); fence == "/" {
		return "", errors.New(`session.scope is "uid", and the mail of these accounts is anywhere: set session.fence`)
	}
	return fence, nil
}

// ProgramSettings say where the session programs are, and what programs may do.
type ProgramSettings struct {
	Directory string // "": the directory of the running program
	Sandbox   Sandbox
}

// Sandbox says whether programs give up what they do not need.
type Sandbox string

// The values of programs.sandbox.
const (
	SandboxAuto Sandbox = "auto" // as far as the kernel can
	SandboxOff  Sandbox = "off"
)

// Plaintext says on which connections a password may travel without TLS.
type Plaintext string

// The values of login.plaintext.
const (
	PlaintextNever    Plaintext = "tls"      // never: TLS first
	PlaintextLoopback Plaintext = "loopback" // only from this machine
	PlaintextAlways   Plaintext = "always"   // from anywhere
)

// MailPath returns the absolute path of the Maildir of an account whose home
// directory is home. It is an error if mail.path begins with "~" and home is
// not absolute.
func (c *Config) MailPath(home string) (string, error) {
	rest, tilde := strings.CutPrefix(c.Mail.Path, "~")
	if !tilde {
		return c.Mail.Path, nil
	}
	if !filepath.IsAbs(home) {
		return "", fmt.Errorf("mail.path is %q but the account has no home directory", c.Mail.Path)
	}
	return filepath.Join(home, rest), nil
}

// Error is what is wrong in a configuration file and where.
type Error struct {
	File string
	Line int // from 1; 0 if the whole file is meant
	Err  error
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// errTilde is the answer to "~" where no account is known.
var errTilde = errors.New(`"~" is only possible in mail.path`)
