package deliver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	mime "fantail/internal/message"
)

// maxHead is how much of a message is searched for the end of its header. What comes
// behind is copied, and not looked at.
const maxHead = 1 << 20

// message is one that is being read.
type message struct {
	env    Envelope
	sender *string // of the envelope, or else what the message says of it
	header []byte  // its fields, and the empty line, as it will be stored
	read   []byte  // what has been read behind them, as it came
	rest   io.Reader
	end    bool // rest has nothing more
	wire   bool // line ends are CRLF

	id      string   // of the field Message-ID, or "" if it is of no use
	before  []string // Delivered-To above the topmost Received
	after   []string // and below
	written int64    // octets in the file
}

// read reads the beginning of a message, with its header, unless that is longer than
// maxHead. It is in the buffer as long as there is room.
func read(in io.Reader, env Envelope, buffer []byte) (*message, error) {
	m := &message{env: env, sender: env.Sender, rest: in}
	buf := buffer[:0]
	var head int
	var whole bool
	for {
		n, err := in.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read message: %w", err)
		}
		m.end = err != nil
		head, whole = mime.HeaderEnd(buf)
		if whole || m.end || len(buf) >= maxHead {
			break
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
	}
	if whole = whole || m.end; !whole && buf[head-1] == '\r' {
		head-- // half a line end
	}
	header := buf[:head]
	if !env.Stored {
		header = m.skipFromLine(header)
	}
	m.read = buf[head:]
	if len(header)+len(m.read) == 0 && env.Top == "" {
		return nil, ErrEmpty
	}
	if m.wire = !env.Stored && endsInCRLF(header); m.wire {
		header = bytes.ReplaceAll(header, []byte("\r\n"), []byte("\n"))
	}
	m.scan(header, whole)
	return m, nil
}

// endsInCRLF reports whether the first line does.
func endsInCRLF(b []byte) bool {
	i := bytes.IndexByte(b, '\n')
	return i > 0 && b[i-1] == '\r'
}

// skipFromLine takes away the line that begins a message in an mbox, which some MTAs put
// before it. It names the sender, as far as nobody else does.
func (m *message) skipFromLine(b []byte) []byte {
	text, ok := bytes.CutPrefix(b, []byte("From "))
	line, rest, whole := bytes.Cut(text, []byte("\n"))
	if !ok || !whole {
		return b
	}
	word, _, _ := strings.Cut(string(line), " ")
	if m.sender == nil {
		if sender, err := CheckSender(word); err == nil && word != "" && (sender == "" || strings.Contains(sender, "@")) {
			m.sender = &sender
		}
	}
	return rest
}

// scan takes what is of interest from the header, and takes fields Return-Path out of it
// where the sender is known. If the header is not whole its last field may go on.
func (m *message) scan(header []byte, whole bool) {
	received := false
	kept := header[:0]
	for rest := header; len(rest) > 0; {
		n := fieldEnd(rest)
		f := rest[:n]
		rest = rest[n:]
		name, body := split(f)
		switch {
		case name == "return-path":
			if m.sender == nil && !received {
				if sender, err := CheckSender(body); err == nil {
					m.sender = &sender
				}
			}
			if m.sender != nil && (whole || len(rest) > 0) {
				continue
			}
		case name == "received":
			received = true
		case name == "delivered-to" && received:
			m.after = append(m.after, body)
		case name == "delivered-to":
			m.before = append(m.before, body)
		case name == "message-id" && m.id == "":
			m.id = body
		}
		kept = append(kept, f...)
	}
	m.header = kept
}

// fieldEnd returns where the first field ends, with the lines that continue it (RFC 5322
// section 2.2.3).
func fieldEnd(b []byte) int {
	for n := 0; ; {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			return len(b)
		}
		if n += i + 1; n == len(b) || b[n] != ' ' && b[n] != '\t' {
			return n
		}
	}
}

// split returns the name of a field in small letters, and its body without line ends and
// the space around it. What is no field has no name.
func split(f []byte) (name, body string) {
	n, b, ok := bytes.Cut(f, []byte(":"))
	n = bytes.TrimRight(n, " \t") // as RFC 5322 section 4.5 has it
	if !ok || len(n) == 0 || len(n) > len("delivered-to") {
		return "", ""
	}
	name = strings.ToLower(string(n))
	switch name {
	case "return-path", "received", "delivered-to", "message-id":
	default:
		return "", ""
	}
	return name, strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(string(b)))
}

// continues reports whether the message would continue a field that comes before it.
func (m *message) continues() bool {
	return len(m.header) > 0 && (m.header[0] == ' ' || m.header[0] == '\t')
}

// loops reports whether the message has been delivered to an address before.
func (m *message) loops(address string) bool { return has(m.after, address) }

// fresh reports whether the MTA has said itself that it delivers to an address.
func (m *message) fresh(address string) bool { return has(m.before, address) }

func has(list []string, address string) bool {
	if address == "" {
		return false
	}
	for _, a := range list {
		if strings.EqualFold(strings.TrimSuffix(strings.TrimPrefix(a, "<"), ">"), address) {
			return true
		}
	}
	return false
}

// CheckSender returns the address of a return path as an MTA writes it, with or
// without angle brackets, or an error if it could not stand in a header field. The null
// path is "", and MAILER-DAEMON, as Postfix writes it on command lines and in an mbox.
func CheckSender(s string) (string, error) {
	if strings.EqualFold(s, "MAILER-DAEMON") {
		return "", nil
	}
	if err := checkAddress(trimAngles(s)); err != nil {
		return "", fmt.Errorf("sender %q cannot be a return path", s)
	}
	return trimAngles(s), nil
}

// CheckRecipient is CheckSender for the address of a recipient.
func CheckRecipient(s string) (string, error) {
	if err := checkAddress(trimAngles(s)); err != nil {
		return "", fmt.Errorf("recipient %q cannot stand in a field", s)
	}
	return trimAngles(s), nil
}

func trimAngles(s string) string { return strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">") }

// maxAddress is the length of the longest address, in octets: more than RFC 5321 section
// 4.5.3.1 has, and less than what would burst a line.
const maxAddress = 900

var errAddress = errors.New("not an address")

func checkAddress(s string) error {
	if len(s) > maxAddress {
		return errAddress
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c == '<' || c == '>' {
			return errAddress
		}
	}
	return nil
}

// Detail returns what follows the first of the delimiters in the local part of an
// address, "" if there is none.
func Detail(address, delimiters string) string {
	local := address
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		local = address[:i]
	}
	if i := strings.IndexAny(local, delimiters); i > 0 {
		return local[i+1:]
	}
	return ""
}
