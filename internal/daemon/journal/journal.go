// Package journal is where a daemon's log goes: to systemd's journal with fields, if
// standard error is the journal's, and otherwise to standard error as text.
//
// The text is the same in both, but for the time, which the journal knows. What admins
// and fail2ban read does not depend on where it is read; the fields are what
// journalctl(1) finds records by: those of the tables in field.go, and the journal's own
// MESSAGE, PRIORITY and SYSLOG_IDENTIFIER. They are sent by the journal's native protocol,
// a datagram for each record, on a socket that is connected when the log is made: before
// the daemon enters its sandbox, in which it could not be.
//
// # What is to be believed
//
// Every user of a machine may write records with whatever fields. Whose a record is, the
// journal knows from the kernel (_UID, _EXE, _SYSTEMD_UNIT), so who trusts a field asks
// for the unit as well. Session programs have no way to the journal: what they say comes
// by the one who has started them (package loglines), who puts the user and the service
// there himself, and adds the field FANTAIL_PID, which tells these records from his own.
package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// address is the journal's socket.
const address = "/run/systemd/journal/socket"

// New returns the log of a program that has stderr as its standard error.
func New(stderr io.Writer, program string) *slog.Logger {
	if f, ok := stderr.(*os.File); ok && isJournal(f, os.Getenv("JOURNAL_STREAM")) {
		if conn, err := dial(address); err == nil {
			return slog.New(newHandler(conn, stderr, program))
		}
	}
	return slog.New(slog.NewTextHandler(stderr, nil))
}

// isJournal reports whether a file is the stream that the service manager has connected
// to the journal, as "device:inode" says (systemd.exec(5)).
func isJournal(f *os.File, stream string) bool {
	if stream == "" {
		return false
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var st unix.Stat_t
	var statErr error
	if err := raw.Control(func(fd uintptr) { statErr = unix.Fstat(int(fd), &st) }); err != nil || statErr != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// sender sends datagrams to the journal. It is a bare descriptor, not a net.Conn: nothing
// ever arrives for which the program would have to be woken.
type sender struct{ fd int }

func dial(path string) (*sender, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &sender{fd}, nil
}

func (s *sender) send(datagram []byte) error {
	for {
		_, err := unix.Write(s.fd, datagram)
		if err != syscall.EINTR {
			return err
		}
	}
}

// handler is a slog.Handler. Those that are made of one by With share its pen.
type handler struct {
	pen     *pen
	text    slog.Handler // writes to pen
	fields  []byte       // of the attributes of With, in the journal's form
	grouped bool         // what comes has no fields: its keys are those of a group
}

// pen writes one record after the other.
type pen struct {
	to     *sender
	stderr io.Writer
	prefix []byte // the same in each record

	mu       sync.Mutex // guards what follows
	datagram []byte
	message  []byte // the text of the record that is being written
}

func newHandler(to *sender, stderr io.Writer, program string) *handler {
	p := &pen{to: to, stderr: stderr, prefix: appendField(nil, "SYSLOG_IDENTIFIER", program)}
	return &handler{pen: p, text: slog.NewTextHandler(p, &slog.HandlerOptions{ReplaceAttr: withoutTime})}
}

// withoutTime leaves out what the journal knows.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Write takes the text of the record that Handle writes.
func (p *pen) Write(line []byte) (int, error) {
	p.message = append(p.message[:0], line...)
	return len(line), nil
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := handler{h.pen, h.text.WithAttrs(attrs), h.fields[:len(h.fields):len(h.fields)], h.grouped}
	for _, a := range attrs {
		if !h.grouped {
			with.fields = appendAttr(with.fields, a)
		}
	}
	return &with
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.pen, h.text.WithGroup(name), h.fields, true}
}

// Handle implements slog.Handler. What the journal does not take, because it is too long or
// the journal is not there any more, goes to standard error.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	p := h.pen
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := h.text.Handle(ctx, r); err != nil {
		return err
	}
	p.datagram = h.append(p.datagram[:0], r)
	err := p.to.send(p.datagram)
	if err != nil {
		_, err = p.stderr.Write(p.message)
	}
	if len(p.datagram) > mostKept {
		p.datagram, p.message = nil, nil
	}
	return err
}

// append appends a record, whose text is written, as the journal wants it.
func (h *handler) append(d []byte, r slog.Record) []byte {
	d = append(d, h.pen.prefix...)
	d = append(d, "PRIORITY="...)
	d = append(d, priority(r.Level), '\n')
	d = appendField(d, "MESSAGE", bytes.TrimSuffix(h.pen.message, []byte{'\n'}))
	if event := events[r.Message].name; event != "" {
		d = appendField(d, "FANTAIL_EVENT", event)
	}
	d = append(d, h.fields...)
	if !h.grouped {
		r.Attrs(func(a slog.Attr) bool {
			d = appendAttr(d, a)
			return true
		})
	}
	return d
}

// mostKept is the length of a datagram whose memory is kept for the next one.
const mostKept = 16 << 10

// priority is a level as syslog(3) has it.
func priority(l slog.Level) byte {
	switch {
	case l >= slog.LevelError:
		return '3'
	case l >= slog.LevelWarn:
		return '4'
	case l >= slog.LevelInfo:
		return '6'
	}
	return '7'
}

// appendAttr appends the field of an attribute, if it has one.
func appendAttr(b []byte, a slog.Attr) []byte {
	name := fieldOf(a.Key)
	if name == "" {
		return b
	}
	var text [32]byte
	b = append(b, name...)
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return appendValue(b, v.String())
	case slog.KindInt64:
		return appendValue(b, strconv.AppendInt(text[:0], v.Int64(), 10))
	case slog.KindUint64:
		return appendValue(b, strconv.AppendUint(text[:0], v.Uint64(), 10))
	case slog.KindDuration:
		return appendValue(b, strconv.AppendFloat(text[:0], v.Duration().Seconds(), 'f', 3, 64))
	default:
		return appendValue(b, v.String())
	}
}

// appendField appends a field.
func appendField[T string | []byte](b []byte, name string, value T) []byte {
	return appendValue(append(b, name...), value)
}

// appendValue appends the value of a field behind its name: in a line, or with its length
// before it if it has several.
func appendValue[T string | []byte](b []byte, value T) []byte {
	lines := false
	for i := range len(value) {
		lines = lines || value[i] == '\n'
	}
	if !lines {
		b = append(b, '=')
	} else {
		b = binary.LittleEndian.AppendUint64(append(b, '\n'), uint64(len(value)))
	}
	b = append(b, value...)
	return append(b, '\n')
}
