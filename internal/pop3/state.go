package pop3

// State is where a session stands (RFC 1939 section 3). The UPDATE state has no
// commands and needs no name.
type State uint8

// The states, as bits: a command may be permitted in both.
const (
	Authorization State = 1 << iota // before login
	Transaction                     // after login
)

// states has every command that POP3 knows, also those that no server has to
// have.
var states = map[string]State{
	"APOP": Authorization, // RFC 1939 section 7
	AUTH:   Authorization,
	CAPA:   Authorization | Transaction,
	DELE:   Transaction,
	LANG:   Authorization | Transaction, // RFC 6856 section 3
	LIST:   Transaction,
	NOOP:   Transaction,
	PASS:   Authorization,
	QUIT:   Authorization | Transaction,
	RETR:   Transaction,
	RSET:   Transaction,
	STAT:   Transaction,
	STLS:   Authorization,
	TOP:    Transaction,
	UIDL:   Transaction,
	USER:   Authorization,
	UTF8:   Authorization, // RFC 6856 section 2
}

// StatesOf returns the states in which a command may be given, 0 for a keyword
// that is none of POP3. With it a server that does not find a command in its
// own table can tell "not now" from "never".
func StatesOf(keyword string) State { return states[keyword] }
