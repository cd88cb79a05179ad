package dovecotauth

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// MaxLine is the longest line of a client, in octets with its end.
const MaxLine = 16 << 10

// major is the version of the protocol: all that have the same understand each other.
const major = 1

// ErrLine says that a client does not speak the protocol. Its text tells what is wrong
// with a line, and nothing that was in it.
var ErrLine = errors.New("malformed line")

// Line is one of the lines of a client: Version, Process, Auth, Cont or Cancel.
type Line interface{ line() }

// Version is the first line of a client.
type Version struct{ Major, Minor uint32 }

// Process ends the handshake of a client: CPID.
type Process struct{ PID uint32 }

// Auth begins an exchange.
type Auth struct {
	ID        uint32 // of the exchange, not 0
	Mechanism string // as the client of the client wrote it
	Service   string
	Remote    netip.Addr // of the client of the client; the zero Addr if that is not said
	TLS       bool       // its connection is encrypted, or as good as that (Exim: within the machine)
	Session   string     // names its connection in logs, or ""
	Initial   *Response  // nil: there is no initial response
}

// Cont is a response to a challenge.
type Cont struct {
	ID uint32
	Response
}

// Response is what the client of the client says in an exchange.
type Response struct {
	Data []byte
	Bad  bool // it is not base64
}

// Cancel gives an exchange up.
type Cancel struct{ ID uint32 }

func (Version) line() {}
func (Process) line() {}
func (*Auth) line()   {}
func (*Cont) line()   {}
func (Cancel) line()  {}

// Reader reads the lines of a client.
type Reader struct {
	in    *bufio.Reader
	state int // of the handshake
}

// The states of a handshake.
const (
	wantVersion = iota
	wantProcess
	greeted
)

// NewReader returns a Reader of what a client sends.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, MaxLine)} }

// Next returns the next line. The error is ErrLine, also for a line that is too long or
// comes at the wrong time, or that of reading.
func (r *Reader) Next() (Line, error) {
	text, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: longer than %d octets", ErrLine, MaxLine)
	}
	if err != nil {
		return nil, err
	}
	l, err := Parse(text[:len(text)-1])
	if err != nil {
		return nil, err
	}
	state := greeted
	switch l := l.(type) {
	case Version:
		if state = wantVersion; l.Major != major {
			return nil, fmt.Errorf("%w: version %d of the protocol", ErrLine, l.Major)
		}
	case Process:
		state = wantProcess
	}
	if r.state != state {
		return nil, fmt.Errorf("%w: out of turn", ErrLine)
	}
	r.state = min(r.state+1, greeted)
	return l, nil
}

// commands parse the fields of a line.
var commands = map[string]func([]string) (Line, error){
	"VERSION": func(f []string) (Line, error) {
		major, err := number(f, 0)
		minor, err2 := number(f, 1)
		return Version{major, minor}, errors.Join(err, err2)
	},
	"CPID": func(f []string) (Line, error) {
		pid, err := number(f, 0)
		return Process{pid}, err
	},
	"AUTH": parseAuth,
	"CONT": func(f []string) (Line, error) {
		id, err := exchange(f)
		if len(f) != 2 {
			err = fmt.Errorf("%w: not one response", ErrLine)
		}
		if err != nil {
			return nil, err
		}
		return &Cont{id, response(f[1])}, nil
	},
	"CANCEL": func(f []string) (Line, error) {
		id, err := exchange(f)
		return Cancel{id}, err
	},
}

// Parse reads a line, without its end.
func Parse(text []byte) (Line, error) {
	fields := strings.Split(string(text), "\t")
	parse, ok := commands[fields[0]]
	if !ok {
		return nil, fmt.Errorf("%w: unknown command", ErrLine)
	}
	l, err := parse(fields[1:])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fields[0], err)
	}
	return l, nil
}

// number is a field that is a number of 32 bits.
func number(fields []string, i int) (uint32, error) {
	if i >= len(fields) {
		return 0, fmt.Errorf("%w: no number", ErrLine)
	}
	n, err := strconv.ParseUint(fields[i], 10, 32)
	if err != nil || fields[i][0] == '+' {
		return 0, fmt.Errorf("%w: not a number of 32 bits", ErrLine)
	}
	return uint32(n), nil
}

// exchange is the number of an exchange, which is the first field.
func exchange(fields []string) (uint32, error) {
	id, err := number(fields, 0)
	if err == nil && id == 0 {
		err = fmt.Errorf("%w: 0 is the number of no exchange", ErrLine)
	}
	return id, err
}

// parameters are those of AUTH that mean something here; value is "" where there is none.
var parameters = map[string]func(a *Auth, value string){
	"service": func(a *Auth, v string) { a.Service = v },
	"secured": func(a *Auth, _ string) { a.TLS = true },
	"session": func(a *Auth, v string) { a.Session = v },
	"rip": func(a *Auth, v string) {
		// Of a client that has no address, such as a program, servers say something else.
		if addr, err := netip.ParseAddr(v); err == nil {
			a.Remote = addr.Unmap().WithZone("")
		}
	},
}

func parseAuth(f []string) (Line, error) {
	id, err := exchange(f)
	if err != nil {
		return nil, err
	}
	if len(f) < 2 || f[1] == "" {
		return nil, fmt.Errorf("%w: no mechanism", ErrLine)
	}
	a := &Auth{ID: id, Mechanism: f[1]}
	for i, field := range f[2:] {
		key, value, _ := strings.Cut(field, "=")
		if key == "resp" { // the last, whatever is in it: it is a stranger's
			a.Initial = initial(strings.TrimPrefix(strings.Join(f[2+i:], "\t"), "resp="))
			break
		}
		if set, ok := parameters[key]; ok {
			text, err := unescape(value)
			if err != nil {
				return nil, err
			}
			set(a, text)
		}
	}
	if a.Service == "" {
		return nil, fmt.Errorf("%w: no service", ErrLine)
	}
	return a, nil
}

// initial is an initial response, nil if there is none. One of no octets is "=", as in
// SMTP (RFC 4954 section 4); "resp=" with nothing behind it is what Exim (4.96) writes
// where the client has sent none.
func initial(text string) *Response {
	switch text {
	case "":
		return nil
	case "=":
		return &Response{Data: []byte{}}
	}
	r := response(text)
	return &r
}

// response is a response in base64.
func response(text string) Response {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsRune(text, '\r') { // which the decoder passes over
		return Response{Bad: true}
	}
	return Response{Data: data}
}

// escapes are the octets that an octet 1 and a letter stand for.
var escapes = map[byte]byte{'0': 0, '1': 1, 't': '\t', 'r': '\r', 'n': '\n'}

func unescape(text string) (string, error) {
	if !strings.Contains(text, "\x01") {
		return text, nil
	}
	var b bytes.Buffer
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == 1 {
			i++
			if i == len(text) {
				return "", fmt.Errorf("%w: an escape of nothing", ErrLine)
			}
			var ok bool
			if c, ok = escapes[text[i]]; !ok {
				return "", fmt.Errorf("%w: unknown escape", ErrLine)
			}
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}
