// Package proxyproto reads the PROXY protocol of HAProxy, versions 1 and 2: a
// header before the first octet of a connection, by which a proxy says whose
// connection it carries.
//
//	Proxies.Include   whether the one at the other end is a proxy, by the configuration
//	Receive           takes the header from the socket, and not one octet more
//	Scan              what a header says (pure)
//
// The header says nothing but who the client is. Whoever may write one can be
// anybody, so it counts only from the listed proxies, and from those there must be
// one: a connection without is one that did not come the way it should have.
//
// Version 1 is accepted besides version 2 since HAProxy's send-proxy and older
// load balancers write it, and it is as unambiguous. Of version 2 the fields behind
// the addresses (TLVs) are skipped, also PP2_TYPE_SSL, by which a proxy says that its
// client speaks TLS to it: on the way from the proxy to us it does not. TLS
// ends here, where channel bindings and certificates are, or a password travels in the
// clear as far as we know.
package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// MaxHeader is the longest header that is read, in octets. Version 1 has at most 107;
// of version 2 only TLVs need more than 232.
const MaxHeader = 4 << 10

const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"

	maxLine  = 107 // of version 1, with CRLF
	fixed2   = 16  // of version 2: signature, command, family, length
	longUnix = 108 // a path in an address of version 2
)

// Why a header cannot be used.
var (
	ErrNone      = errors.New("no PROXY header")
	ErrMalformed = errors.New("malformed PROXY header")
	ErrTooLong   = fmt.Errorf("%w: more than %d octets", ErrMalformed, MaxHeader)

	errShort = errors.New("only a part of a PROXY header")
)

// Header is what a header says.
type Header struct {
	// Local says that the connection is the proxy's own: it looks whether we are there.
	// Only version 2 can say so.
	Local bool
	// Source is the client's address, Destination the one that it has connected to,
	// at the proxy. Both are zero if the proxy does not know, or the client has
	// none that is of IP.
	Source, Destination netip.AddrPort
}

// Scan reads the header at the beginning of b, and returns its length in octets. If b
// ends before the header does, the error is errShort and the length, if it is not 0, is
// the one that the header says it has.
func Scan(b []byte) (h Header, n int, err error) {
	switch {
	case begins(b, signature2):
		return scan2(b)
	case begins(b, signature1):
		return scan1(b)
	}
	return Header{}, 0, ErrNone
}

// begins reports whether b begins with s, as far as b goes.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// scan1 reads a line: PROXY TCP4 source destination port port.
func scan1(b []byte) (Header, int, error) {
	end := bytes.IndexByte(b[:min(len(b), maxLine)], '\n')
	switch {
	case end < 0 && len(b) >= maxLine:
		return Header{}, 0, fmt.Errorf("%w: a line of more than %d octets", ErrMalformed, maxLine)
	case end < 0:
		return Header{}, 0, errShort
	case end == 0 || b[end-1] != '\r':
		return Header{}, 0, fmt.Errorf("%w: a line without CR", ErrMalformed)
	}
	f := bytes.Split(b[:end-1], []byte{' '})
	if len(f) >= 2 && string(f[1]) == "UNKNOWN" {
		return Header{}, end + 1, nil // whatever follows is to be ignored
	}
	if len(f) != 6 {
		return Header{}, 0, fmt.Errorf("%w: %d words", ErrMalformed, len(f))
	}
	source, err := address1(f[1], f[2], f[4])
	destination, err2 := address1(f[1], f[3], f[5])
	if err := errors.Join(err, err2); err != nil {
		return Header{}, 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return Header{Source: source, Destination: destination}, end + 1, nil
}

// address1 reads an address of version 1.
func address1(family, host, port []byte) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(string(host))
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch {
	case string(family) == "TCP4" && a.Is4():
	case string(family) == "TCP6" && a.Is6() && a.Zone() == "":
	default:
		return netip.AddrPort{}, fmt.Errorf("%q is not an address of %q", host, family)
	}
	n, err := strconv.ParseUint(string(port), 10, 16)
	if err != nil || len(port) > 1 && port[0] == '0' {
		return netip.AddrPort{}, fmt.Errorf("%q is not a port", port)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}

// scan2 reads a header of version 2.
func scan2(b []byte) (Header, int, error) {
	if len(b) < fixed2 {
		return Header{}, 0, errShort
	}
	command, family := b[12], b[13]
	n := fixed2 + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case command>>4 != 2:
		return Header{}, 0, fmt.Errorf("%w: version %d", ErrMalformed, command>>4)
	case command&0xf > 1:
		return Header{}, 0, fmt.Errorf("%w: command %d", ErrMalformed, command&0xf)
	case n > MaxHeader:
		return Header{}, 0, ErrTooLong
	case len(b) < n:
		return Header{}, n, errShort
	case command&0xf == 0:
		return Header{Local: true}, n, nil // whatever follows is to be ignored
	}
	h, err := addresses2(family, b[fixed2:n])
	if err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// The families of version 2 that a connection can have.
const (
	unspecified = 0x00
	tcp4        = 0x11
	tcp6        = 0x21
	unixStream  = 0x31
)

// addresses2 reads the addresses at the beginning of b.
func addresses2(family byte, b []byte) (Header, error) {
	var size int
	switch family {
	case unspecified:
		return Header{}, nil
	case tcp4:
		size = 4
	case tcp6:
		size = 16
	case unixStream:
		if len(b) < 2*longUnix {
			return Header{}, fmt.Errorf("%w: %d octets of paths", ErrMalformed, len(b))
		}
		return Header{}, nil
	default:
		return Header{}, fmt.Errorf("%w: family and transport %#02x", ErrMalformed, family)
	}
	if len(b) < 2*size+4 {
		return Header{}, fmt.Errorf("%w: %d octets of addresses", ErrMalformed, len(b))
	}
	at := func(i int) netip.AddrPort {
		a, _ := netip.AddrFromSlice(b[i*size : (i+1)*size]) // 4 or 16 octets
		return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(b[2*size+2*i:]))
	}
	return Header{Source: at(0), Destination: at(1)}, nil
}
