package message

// Limits bounds what Parse keeps of one message. A message beyond a limit is
// no error: its sizes and offsets stay exact, and what is too deep or too much
// is shown as an opaque body. The zero value of a field means no allowance at
// all, so start from DefaultLimits.
type Limits struct {
	Depth     int   // levels of multipart and message/rfc822; the message itself is level 1
	Parts     int   // body parts and embedded messages, the message itself included
	Header    int64 // octets kept of one header
	Headers   int64 // octets kept of all headers of a message
	Fields    int   // header fields kept of all headers of a message
	Addresses int   // addresses in one address list of an envelope
	Params    int   // parameters of one field
}

// DefaultLimits returns limits that no honest message reaches and with which
// a hostile one costs at most some 16 MB.
func DefaultLimits() Limits {
	return Limits{
		Depth:     64,
		Parts:     10_000,
		Header:    1 << 20,
		Headers:   4 << 20,
		Fields:    20_000,
		Addresses: 10_000,
		Params:    200,
	}
}
