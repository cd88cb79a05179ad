package metrics

import "slices"

// Daemon is one of the programs that count, or a set of them.
type Daemon uint16

// The daemons.
const (
	IMAPD Daemon = 1 << iota
	POP3D
	Webmaild
	LMTPD
	Authd
	Sessiond
	Submitd
	Keyd

	fronts = IMAPD | POP3D
	all    = IMAPD | POP3D | Webmaild | LMTPD | Authd | Sessiond | Submitd | Keyd
)

// Daemons are the names of those that have a socket, in the order of lists.
var Daemons = []struct {
	Name string
	Daemon
}{
	{"imapd", IMAPD}, {"pop3d", POP3D}, {"webmaild", Webmaild}, {"lmtpd", LMTPD},
	{"authd", Authd}, {"sessiond", Sessiond}, {"submitd", Submitd}, {"keyd", Keyd},
}

// Of returns the daemon of a name, 0 if it has no metrics.
func Of(name string) Daemon {
	for _, d := range Daemons {
		if d.Name == name {
			return d.Daemon
		}
	}
	return 0
}

// kind is the type of a family.
type kind byte

const (
	counter kind = iota
	gauge
	histogram
	info
)

var kinds = [...]string{counter: "counter", gauge: "gauge", histogram: "histogram", info: "info"}

// family is a row of the table.
type family struct {
	name    string // without the suffix of its samples
	kind    kind
	unit    string // the end of the name, "" if there is none
	in      Daemon
	labels  []label
	free    bool // the label has any value, which the daemon itself knows; it is asked for
	buckets []uint64
	help    string
}

// label is one of a family.
type label struct {
	name   string
	values []string // the last one is for what is none of the others
}

func (l *label) index(value string) int {
	if i := slices.Index(l.values, value); i >= 0 {
		return i
	}
	return len(l.values) - 1
}

// width is how many slots a series has: of a histogram each bucket, what is above the
// last, and the sum.
func (f *family) width() int {
	if f.kind == histogram {
		return len(f.buckets) + 2
	}
	return 1
}

// series is how many the family can have.
func (f *family) series() int {
	n := 1
	for _, l := range f.labels {
		n *= len(l.values)
	}
	return n
}

func (f *family) size() int { return f.series() * f.width() }

// sparse says that the series which were never counted are not shown.
func (f *family) sparse() bool { return f.series() > 12 }

// ID names a family.
type ID int

// The families.
const (
	Up ID = iota
	Build
	StartTime
	CPU
	Memory
	OpenFiles
	MaxFiles

	Connections
	Accepted
	Refused
	Handshakes
	HandshakeFailures
	CertificateExpiry
	Logins
	LoginTime
	Octets

	Requests
	RequestTime

	Deliveries
	DeliveryTime
	DeliverySize
	Recipients
	PolicyAnswers

	Checks
	CheckTime
	SourceErrors
	SourceTime

	Sessions
	Programs
	ProgramStarts
	ProgramCrashes

	Due
	DueAge
	Runs

	Signatures

	familyCount
)

// milliseconds and the like are in nanoseconds.
const (
	ms = 1_000_000
	s  = 1000 * ms
)

var (
	// quick is for what should take milliseconds.
	quick = []uint64{1 * ms, 5 * ms, 20 * ms, 100 * ms, 500 * ms, 2 * s, 10 * s}
	// patient is for what waits for disks and other machines.
	patient = []uint64{5 * ms, 20 * ms, 100 * ms, 500 * ms, 2 * s, 10 * s, 60 * s}
	sizes   = []uint64{4 << 10, 32 << 10, 256 << 10, 1 << 20, 8 << 20, 32 << 20}

	services   = []string{"imap", "pop3", "webmail", "lmtp", "other"}
	mechanisms = []string{
		"PLAIN", "LOGIN", "USER", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
		"OAUTHBEARER", "XOAUTH2", "EXTERNAL", "form", "code", "security", "other",
	}
)

// families is the table. fantail-metrics(7) has the same, and a test that it is.
var families = [familyCount]family{
	Up:        {name: "fantail_up", kind: gauge, help: "Whether the daemon has told its numbers: 1, or 0 if it has ended, or does not answer."},
	Build:     {name: "fantail_build", kind: info, in: all, free: true, labels: []label{{name: "version"}}, help: "Which version runs."},
	StartTime: {name: "process_start_time_seconds", kind: gauge, unit: "seconds", in: all, help: "When the process began, since 1970."},
	CPU:       {name: "process_cpu_seconds", kind: counter, unit: "seconds", in: all, help: "Time of processors that the process has used."},
	Memory:    {name: "process_resident_memory_bytes", kind: gauge, unit: "bytes", in: all, help: "Memory of the process that is in use."},
	OpenFiles: {name: "process_open_fds", kind: gauge, in: all, help: "Descriptors that are open."},
	MaxFiles:  {name: "process_max_fds", kind: gauge, in: all, help: "Descriptors that may be open."},

	Connections: {name: "fantail_connections", kind: gauge, in: fronts | Webmaild | LMTPD,
		help: "Connections of clients that are open."},
	Accepted: {name: "fantail_connections_accepted", kind: counter, in: fronts | Webmaild | LMTPD,
		help: "Connections of clients that were taken."},
	Refused: {name: "fantail_connections_refused", kind: counter, in: fronts | Webmaild | LMTPD,
		labels: []label{{"reason", []string{"full", "source", "stopping", "proxy", "other"}}},
		help:   "Connections that were not: there are too many, or too many from the same address, the daemon ends, or a proxy has not said whose it is."},
	Handshakes: {name: "fantail_tls_handshakes", kind: counter, in: fronts | Webmaild | LMTPD,
		labels: []label{{"version", []string{"1.2", "1.3", "other"}}},
		help:   "TLS handshakes that have succeeded."},
	HandshakeFailures: {name: "fantail_tls_handshake_failures", kind: counter, in: fronts | LMTPD,
		help: "TLS handshakes that have not."},
	CertificateExpiry: {name: "fantail_tls_certificate_expiry_seconds", kind: gauge, unit: "seconds", in: fronts | Webmaild | LMTPD,
		help: "When the first of the certificates ends that is in use, since 1970."},
	Logins: {name: "fantail_logins", kind: counter, in: fronts | Webmaild,
		labels: []label{{"mechanism", mechanisms}, {"outcome", []string{"ok", "wrong", "refused", "unavailable", "other"}}},
		help:   "Attempts to log in."},
	LoginTime: {name: "fantail_login_duration_seconds", kind: histogram, unit: "seconds", in: fronts | Webmaild, buckets: patient,
		help: "From the end of an exchange with the client to its session, for logins that succeed: the check, and the session program."},
	Octets: {name: "fantail_client_bytes", kind: counter, unit: "bytes", in: fronts,
		labels: []label{{"direction", []string{"in", "out"}}},
		help:   "Octets of clients that have logged in, without TLS; of those without TLS at the end of a connection."},

	Requests: {name: "fantail_http_requests", kind: counter, in: Webmaild,
		labels: []label{{"route", Routes}, {"status", []string{"1xx", "2xx", "3xx", "4xx", "5xx"}}},
		help:   "Requests of browsers, by the first part of the path."},
	RequestTime: {name: "fantail_http_request_duration_seconds", kind: histogram, unit: "seconds", in: Webmaild, buckets: quick,
		labels: []label{{"route", Routes}},
		help:   "Until the answer has been written, but for the stream of news."},

	Deliveries: {name: "fantail_deliveries", kind: counter, in: LMTPD,
		labels: []label{{"outcome", []string{"delivered", "quota", "loop", "account", "refused", "failed"}}},
		help:   "What became of messages, for each recipient: refused for good, or failed for now."},
	DeliveryTime: {name: "fantail_delivery_duration_seconds", kind: histogram, unit: "seconds", in: LMTPD, buckets: patient,
		help: "From the end of a message to the replies for it."},
	DeliverySize: {name: "fantail_delivery_size_bytes", kind: histogram, unit: "bytes", in: LMTPD, buckets: sizes,
		help: "Size of messages."},
	Recipients: {name: "fantail_recipients", kind: counter, in: LMTPD,
		labels: []label{{"outcome", []string{"accepted", "refused", "failed"}}},
		help:   "Recipients that mail servers have named."},
	PolicyAnswers: {name: "fantail_policy_answers", kind: counter, in: LMTPD,
		labels: []label{{"answer", []string{"dunno", "full", "unknown"}}},
		help:   "Answers of the policy service: nothing to say, no room, or it could not be found out."},

	Checks: {name: "fantail_password_checks", kind: counter, in: Authd,
		labels: []label{{"service", []string{"imap", "pop3", "webmail", "smtp", "security", "other"}}, {"outcome", []string{"ok", "wrong", "refused", "unavailable", "other"}}},
		help:   "Ends of exchanges in which somebody has said who he is."},
	CheckTime: {name: "fantail_password_check_duration_seconds", kind: histogram, unit: "seconds", in: Authd, buckets: patient,
		help: "How long one step of such an exchange takes, penalties included."},
	SourceErrors: {name: "fantail_source_errors", kind: counter, in: Authd,
		labels: []label{{"source", sources}},
		help:   "Questions that a source of accounts could not answer."},
	SourceTime: {name: "fantail_source_duration_seconds", kind: histogram, unit: "seconds", in: Authd, buckets: patient,
		labels: []label{{"source", sources}},
		help:   "How long a source of accounts takes to answer."},

	Sessions: {name: "fantail_sessions", kind: gauge, in: Sessiond, labels: []label{{"service", services}},
		help: "Connections that session programs have."},
	Programs: {name: "fantail_session_programs", kind: gauge, in: Sessiond, labels: []label{{"service", services}},
		help: "Session programs that run."},
	ProgramStarts: {name: "fantail_session_program_starts", kind: counter, in: Sessiond, labels: []label{{"service", services}},
		help: "Session programs that were started."},
	ProgramCrashes: {name: "fantail_session_program_crashes", kind: counter, in: Sessiond, labels: []label{{"service", services}},
		help: "Session programs that have not ended in peace."},

	Due: {name: "fantail_due", kind: gauge, in: Submitd, labels: []label{{"work", []string{"outbox", "quota"}}},
		help: "Accounts that have something to be sent, or for which a program is to be run, now or later."},
	DueAge: {name: "fantail_due_overdue_seconds", kind: gauge, unit: "seconds", in: Submitd,
		help: "For how long that waits which has been due longest; 0 if nothing is late."},
	Runs: {name: "fantail_runs", kind: counter, in: Submitd,
		labels: []label{{"work", []string{"outbox", "quota"}}, {"outcome", []string{"ok", "failed"}}},
		help:   "Programs that were run for accounts."},

	Signatures: {name: "fantail_signatures", kind: counter, in: Keyd, labels: []label{{"outcome", []string{"ok", "failed"}}},
		help: "Signatures of TLS handshakes."},
}

// sources are the sources of accounts.
var sources = []string{"passwd-file", "pam", "shadow", "ldap", "sql", "oauth", "checkpassword", "other"}

// Routes are the paths of webmail that are told apart, by their first part.
var Routes = []string{
	"start", "login", "logout", "act", "compose", "contacts", "events", "f", "folders", "m", "notice", "outbox",
	"search", "settings", "undo", "assets", ".well-known", "other",
}
