package dovecotauth

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
)

// MaxAnswer is the longest line that a server writes, in octets with its end: what
// clients of any version read.
const MaxAnswer = 8 << 10

// minor is the version's part that servers are told and nobody cares for.
const minor = 2

// mechanisms are those that work through another server, with what it may want to know
// of them: Postfix leaves out what its smtpd_sasl_security_options forbid. Bindings of
// channels and certificates of clients are not passed on, so what needs them is not here.
var mechanisms = map[string]string{
	"PLAIN":         "plaintext",
	"LOGIN":         "plaintext",
	"SCRAM-SHA-1":   "mutual-auth",
	"SCRAM-SHA-256": "mutual-auth",
	"OAUTHBEARER":   "plaintext",
	"XOAUTH2":       "plaintext",
}

// Possible reports whether a mechanism works through another server.
func Possible(mechanism string) bool {
	_, ok := mechanisms[mechanism]
	return ok
}

// Handshake is what a server says first.
type Handshake struct {
	Mechanisms []string // in the order of preference; those that are not Possible are left out
	PID        uint32
	Connection uint32 // another one for each
	Cookie     [16]byte
}

// Append appends the handshake to b.
func (h Handshake) Append(b []byte) []byte {
	b = appendLine(b, "VERSION", strconv.Itoa(major), strconv.Itoa(minor))
	for _, m := range h.Mechanisms {
		if Possible(m) {
			b = appendLine(b, "MECH", m, mechanisms[m])
		}
	}
	b = appendLine(b, "SPID", decimal(h.PID))
	b = appendLine(b, "CUID", decimal(h.Connection))
	b = appendLine(b, "COOKIE", hex.EncodeToString(h.Cookie[:]))
	return appendLine(b, "DONE")
}

// AppendCont appends a challenge to b. It has at most 4,096 octets.
func AppendCont(b []byte, id uint32, challenge []byte) []byte {
	return appendLine(b, "CONT", decimal(id), base64.StdEncoding.EncodeToString(challenge))
}

// AppendOK appends the success of an account.
func AppendOK(b []byte, id uint32, user string) []byte {
	return appendLine(b, "OK", decimal(id), "user="+escape(user))
}

// Failure is why an exchange is lost.
type Failure struct {
	User string // whom the client said to be, "" if it did not
	// Temporary says that it could not be found out.
	Temporary bool
	Code      Code   // "": name and password do not belong together
	Reason    string // for the client of the client, or ""
}

// Code is a reason as programs read it.
type Code string

// The codes.
const (
	CodeTemporary Code = "temp_fail"
	CodeDisabled  Code = "user_disabled"
	CodeExpired   Code = "pass_expired"
	CodeBase64    Code = "invalid_base64"
)

// AppendFail appends a failure to b.
func AppendFail(b []byte, id uint32, f Failure) []byte {
	fields := []string{"FAIL", decimal(id)}
	if f.User != "" {
		fields = append(fields, "user="+escape(f.User))
	}
	if f.Temporary { // servers of before Dovecot 2.3 look for this
		fields = append(fields, "temp")
	}
	if f.Code != "" {
		fields = append(fields, "code="+string(f.Code))
	}
	if f.Reason != "" {
		fields = append(fields, "reason="+escape(f.Reason))
	}
	return appendLine(b, fields...)
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func appendLine(b []byte, fields ...string) []byte {
	for i, f := range fields {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, f...)
	}
	return append(b, '\n')
}

// escape is the reverse of unescape.
func escape(text string) string {
	var b []byte
	for _, c := range []byte(text) {
		if letter, ok := unescapes[c]; ok {
			b = append(b, 1, letter)
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// unescapes is the reverse of escapes.
var unescapes = map[byte]byte{0: '0', 1: '1', '\t': 't', '\r': 'r', '\n': 'n'}
