package pop3

// RFC 1939, and the keywords that are capability tags too (RFC 2449 section 5:
// a tag should be identical to its command).
const (
	DELE = "DELE"
	LIST = "LIST"
	NOOP = "NOOP"
	PASS = "PASS"
	QUIT = "QUIT"
	RETR = "RETR"
	RSET = "RSET"
	STAT = "STAT"
	TOP  = "TOP"
	UIDL = "UIDL"
	USER = "USER"

	CAPA = "CAPA" // RFC 2449 section 5
	STLS = "STLS" // RFC 2595 section 4
	AUTH = "AUTH" // RFC 5034 section 4
	UTF8 = "UTF8" // RFC 6856 section 2
	LANG = "LANG" // RFC 6856 section 3
)

// Capability tags that name no command.
const (
	tagSASL           = "SASL"           // RFC 5034 section 3
	tagRespCodes      = "RESP-CODES"     // RFC 2449 section 6.4
	tagPipelining     = "PIPELINING"     // RFC 2449 section 6.6
	tagLoginDelay     = "LOGIN-DELAY"    // RFC 2449 section 6.5
	tagExpire         = "EXPIRE"         // RFC 2449 section 6.7
	tagImplementation = "IMPLEMENTATION" // RFC 2449 section 6.9
	tagAuthRespCode   = "AUTH-RESP-CODE" // RFC 3206 section 6
)

// PLAIN is the mechanism of AUTH that goes with USER and PASS (RFC 4616).
const PLAIN = "PLAIN"

// Code is an extended response code (RFC 2449 section 8), without brackets.
type Code string

// The response codes. NoCode writes none.
const (
	NoCode     Code = ""
	LoginDelay Code = "LOGIN-DELAY" // RFC 2449 section 8.1.1
	InUse      Code = "IN-USE"      // RFC 2449 section 8.1.2
	SysTemp    Code = "SYS/TEMP"    // RFC 3206 section 4: try again later
	SysPerm    Code = "SYS/PERM"    // RFC 3206 section 4: someone must act
	AuthFailed Code = "AUTH"        // RFC 3206 section 5: wrong credentials
)

// Limits of lines, in octets without CRLF.
const (
	// MaxLine is the longest command that is accepted. RFC 2449 section 4 asks
	// for 255 octets with CRLF; passwords and initial responses of AUTH are
	// seen that are longer.
	MaxLine = 1024

	// MaxResponse is the longest base64 response of an AUTH exchange that is
	// accepted (RFC 5034 section 4 sets no limit of its own).
	MaxResponse = 16 << 10

	// maxStatus is the longest first line of a response, with CRLF (RFC 2449
	// section 4).
	maxStatus = 512
)
