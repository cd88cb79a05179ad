package journal

// fields are what records are found by, by the key of the attribute. They do not change:
// scripts of administrators have them. fantail-log(7) has the same lists, and a test that it is.
var fields = []struct{ key, name string }{
	{"user", "FANTAIL_USER"},
	{"proto", "FANTAIL_SERVICE"},
	{"sid", "FANTAIL_SESSION"},
	{"remote", "FANTAIL_REMOTE"},
	{"mech", "FANTAIL_MECHANISM"},
	{"tls", "FANTAIL_TLS"},
	{"reason", "FANTAIL_REASON"},
	{"dur", "FANTAIL_DURATION"},
	{"in", "FANTAIL_OCTETS_IN"},
	{"out", "FANTAIL_OCTETS_OUT"},
	{"requests", "FANTAIL_REQUESTS"},
	{"retr", "FANTAIL_RETRIEVED"},
	{"removed", "FANTAIL_REMOVED"},
	{"mailbox", "FANTAIL_MAILBOX"},
	{"to", "FANTAIL_RECIPIENT"},
	{"size", "FANTAIL_SIZE"},
	{"status", "FANTAIL_STATUS"},
	{"msgid", "FANTAIL_MESSAGE_ID"},
	{"cmd", "FANTAIL_COMMAND"},
	{"err", "FANTAIL_ERROR"},
	{"pid", "FANTAIL_PID"},
}

// fieldOf returns the name of an attribute's field, "" if it has none.
func fieldOf(key string) string {
	for i := range fields {
		if fields[i].key == key {
			return fields[i].name
		}
	}
	return ""
}

// events are the values of FANTAIL_EVENT, by the message. A session program is believed
// that one has happened only where said is true.
var events = map[string]struct {
	name string
	said bool
}{
	"login":                               {"login", false},
	"login failed":                        {"login-failed", false},
	"login impossible":                    {"login-refused", false},
	"logout":                              {"logout", false},
	"session ended":                       {"session-end", true},
	"session refused":                     {"session-refused", true},
	"connection refused":                  {"connection-refused", false},
	"delivered":                           {"delivery", false},
	"duplicate dropped":                   {"duplicate", true},
	"not delivered":                       {"delivery-refused", false},
	"delivery failed":                     {"delivery-failed", true},
	"no delivery":                         {"delivery-failed", false},
	"recipient refused":                   {"recipient-refused", false},
	"sent":                                {"submission", true},
	"a message was refused":               {"submission-refused", true},
	"a message will be sent later":        {"submission-deferred", true},
	"a message could not be sent in time": {"submission-failed", true},
	"quota has reached a percentage":      {"quota", true},
	"quota is below a percentage again":   {"quota", true},
	"changed how an account logs in":      {"credentials", false},
	"kick":                                {"kick", false},
	"session program ended":               {"crash", false},
	"panic":                               {"crash", true},
	"started":                             {"start", false},
	"stopping":                            {"stop", false},
	"reloaded":                            {"reload", false},
	"certificate changed":                 {"certificate", false},
	"certificate expires":                 {"certificate", false},
	"certificate not changed":             {"certificate", false},
	"self-signed certificate made":        {"certificate", false},
}

// MaySay reports whether a program that is not trusted may tell of what a message tells.
func MaySay(message string) bool {
	e, ok := events[message]
	return !ok || e.said
}
