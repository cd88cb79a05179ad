package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/packed"
)

// maxStructures is how many parsed messages a mailbox keeps.
const maxStructures = 512

// Stat is what never changes about a message and is not in its name.
type Stat struct {
	Size   int64     // octets once every line ends in CRLF: RFC822.SIZE
	Stored int64     // octets as stored
	Date   time.Time // INTERNALDATE
	Saved  time.Time // SAVEDATE (RFC 8514)
}

// structures is a bounded memory of parsed messages; the oldest goes first.
type structures struct {
	byUID map[mail.UID]*message.Part
	order []mail.UID
}

func (c *structures) put(uid mail.UID, p *message.Part) {
	if _, ok := c.byUID[uid]; ok {
		return
	}
	if len(c.order) >= maxStructures {
		delete(c.byUID, c.order[0])
		c.order = c.order[1:]
	}
	c.byUID[uid] = p
	c.order = append(c.order, uid)
}

// forget drops the messages that are not in x.
func (c *structures) forget(x *index.Index) {
	for uid := range c.byUID {
		if _, ok := x.Find(uid); !ok {
			delete(c.byUID, uid)
		}
	}
}

// OpenMessage opens a message: its bytes as stored (but not compressed), which may
// end lines with LF. A message that was expunged by anybody is Gone.
func (m *Mailbox) OpenMessage(ctx context.Context, uid mail.UID) (*os.File, error) {
	const op = "open message"
	if err := ctx.Err(); err != nil {
		return nil, fail(op, m.name, err)
	}
	e, err := m.entry(ctx, op, uid)
	if err != nil {
		return nil, err
	}
	f, err := m.open(e)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: err}
	}
	if err != nil {
		return nil, fail(op, m.name, err)
	}
	return f, nil
}

// open opens a file for reading. Mail that Dovecot has compressed comes as it was
// before.
func (m *Mailbox) open(e maildir.Entry) (*os.File, error) {
	f, e, err := m.dir.OpenMessage(e)
	if err != nil {
		return nil, err
	}
	size, _ := e.Name.Size()
	return packed.Open(f, packed.Options{Size: size, Dir: filepath.Join(m.dir.Path(), "tmp")})
}

// Size returns the octets of a message once every line ends in CRLF, as Stat
// does, without opening the file if its name tells.
func (m *Mailbox) Size(ctx context.Context, uid mail.UID) (int64, error) {
	m.mu.Lock()
	if err := m.ready(ctx); err != nil {
		m.mu.Unlock()
		return 0, err
	}
	x := m.snap.x
	m.mu.Unlock()
	if i, ok := x.Find(uid); ok {
		if n, ok := x.Size(i); ok {
			return n, nil
		}
	}
	st, err := m.Stat(ctx, uid)
	return st.Size, err
}

// Stat returns sizes and dates of a message: from the index, or else from the file
// once. The size comes from the file's name where it is there, or else from
// reading the file.
func (m *Mailbox) Stat(ctx context.Context, uid mail.UID) (Stat, error) {
	const op = "stat message"
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return Stat{}, err
	}
	if st, ok := m.learned.stats[uid]; ok {
		return st, nil
	}
	x := m.snap.x
	i, ok := x.Find(uid)
	if !ok {
		return Stat{}, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: errGone}
	}
	if st, ok := statOf(x.Row(i)); ok {
		return st, nil
	}
	e, err := entryOf(x, i)
	if err != nil {
		return Stat{}, fail(op, m.name, err)
	}
	st, err := m.look(e)
	if saved, ok := x.Row(i).Saved(); ok {
		st.Saved = saved // the file's ctime changes with its name
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Stat{}, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: err}
	}
	if err != nil {
		return Stat{}, fail(op, m.name, err)
	}
	m.learned.stat(uid, st)
	return st, nil
}

// statOf returns what the index says, if that is all.
func statOf(r index.Row) (st Stat, ok bool) {
	var a, b, c, d bool
	st.Size, a = r.Virtual()
	st.Stored, b = r.Stored()
	st.Date, c = r.Internal()
	st.Saved, d = r.Saved()
	return st, a && b && c && d
}

// look finds out about a file.
func (m *Mailbox) look(e maildir.Entry) (Stat, error) {
	fi, err := m.dir.Stat(e)
	if err != nil {
		return Stat{}, err
	}
	st := Stat{Stored: fi.Size, Date: fi.Modified, Saved: fi.Changed}
	var known bool
	if st.Size, known = sizeInName(e, st.Stored); known {
		return st, nil
	}
	f, err := m.open(e)
	if err != nil {
		return Stat{}, err
	}
	defer f.Close() // opened for reading: nothing to lose
	var c crlf.Counter
	if m.buffer == nil {
		m.buffer = make([]byte, 32<<10)
	}
	// Hiding the file's WriteTo, which would make a buffer of its own.
	if _, err := io.CopyBuffer(&c, struct{ io.Reader }{f}, m.buffer); err != nil {
		return Stat{}, fmt.Errorf("count octets: %w", err)
	}
	st.Stored, st.Size = c.Size, c.Virtual
	return st, nil
}

// sizeInName returns the size that the name of a file of so many octets tells. S= and
// W= belong together: a name whose S= is wrong has a wrong W= too.
func sizeInName(e maildir.Entry, stored int64) (int64, bool) {
	virtual, ok := e.Name.VirtualSize()
	named, both := e.Name.Size()
	return virtual, ok && (!both || named == stored)
}

// Content is a whole message in memory.
type Content struct {
	Data []byte // as stored, but not compressed
	info maildir.Info
}

// ReadMessage reads a message into buf, whose capacity it uses, if it has at most so
// many octets and is not compressed. Otherwise ok is false: OpenMessage opens it. It
// costs less than that.
func (m *Mailbox) ReadMessage(ctx context.Context, uid mail.UID, buf []byte, most int64) (c Content, ok bool, err error) {
	const op = "read message"
	if err := ctx.Err(); err != nil {
		return c, false, fail(op, m.name, err)
	}
	e, err := m.entry(ctx, op, uid)
	if err != nil {
		return c, false, err
	}
	c.Data, c.info, err = m.dir.ReadMessage(e, buf[:0], most)
	switch {
	case errors.Is(err, maildir.ErrLong):
		return Content{}, false, nil
	case errors.Is(err, fs.ErrNotExist):
		return Content{}, false, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: err}
	case err != nil:
		return Content{}, false, fail(op, m.name, err)
	}
	return c, isPlain(c.Data), nil
}

// ReadHead reads octets of a message from its beginning, as many as buf has room for,
// and returns how many there were; all tells that they are the whole message. ok is
// false if it is compressed: OpenMessage opens it. It costs less than that.
func (m *Mailbox) ReadHead(ctx context.Context, uid mail.UID, buf []byte) (n int, all, ok bool, err error) {
	const op = "read head of message"
	if err := ctx.Err(); err != nil {
		return 0, false, false, fail(op, m.name, err)
	}
	e, err := m.entry(ctx, op, uid)
	if err != nil {
		return 0, false, false, err
	}
	n, all, err = m.dir.ReadHead(e, buf)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, false, false, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: err}
	case err != nil:
		return 0, false, false, fail(op, m.name, err)
	}
	return n, all, isPlain(buf[:n]), nil
}

// isPlain reports whether a file that begins so is a message that is not compressed.
func isPlain(b []byte) bool { return packed.Detect(b[:min(len(b), packed.Head)]) == packed.Plain }

// Structure returns the parsed message. It is shared: nobody may change it.
func (m *Mailbox) Structure(ctx context.Context, uid mail.UID) (*message.Part, error) {
	if p := m.parsed(uid); p != nil {
		return p, nil
	}
	f, err := m.OpenMessage(ctx, uid)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: nothing to lose
	fi, err := f.Stat()
	if err != nil {
		return nil, fail("stat message", m.name, err)
	}
	changed := time.Unix(fi.Sys().(*syscall.Stat_t).Ctim.Unix())
	return m.parse(uid, f, maildir.Info{Size: fi.Size(), Modified: fi.ModTime(), Changed: changed})
}

// StructureOf returns what Structure does, of a message that was read already.
func (m *Mailbox) StructureOf(uid mail.UID, c Content) (*message.Part, error) {
	if p := m.parsed(uid); p != nil {
		return p, nil
	}
	return m.parse(uid, bytes.NewReader(c.Data), c.info)
}

// parsed returns the structure of a message if it is remembered.
func (m *Mailbox) parsed(uid mail.UID) *message.Part {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.parts.byUID[uid]
}

// maxScanners is how many scanners wait for the next message, each with its buffer.
const maxScanners = 2

// parse reads a message, while others do the same.
func (m *Mailbox) parse(uid mail.UID, r io.Reader, info maildir.Info) (*message.Part, error) {
	m.mu.Lock()
	var s *message.Scanner
	if n := len(m.scanners); n > 0 {
		s, m.scanners = m.scanners[n-1], m.scanners[:n-1]
	}
	m.mu.Unlock()
	if s == nil {
		s = message.NewScanner(message.DefaultLimits())
	}
	p, err := s.Parse(r)
	if err != nil {
		return nil, fail("parse message", m.name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.scanners) < maxScanners {
		m.scanners = append(m.scanners, s)
	}
	m.parts.put(uid, p)
	m.learn(uid, info, p)
	return p, nil
}

// learn remembers the sizes and dates of a message that was read as a whole, if the
// index does not have all of them; m.mu is held.
func (m *Mailbox) learn(uid mail.UID, info maildir.Info, p *message.Part) {
	i, ok := m.snap.Find(uid)
	if !ok {
		return
	}
	r := m.snap.Row(i)
	if _, known := statOf(r); known {
		return
	}
	if _, known := m.learned.stats[uid]; known {
		return
	}
	st := Stat{Size: p.Size(), Stored: info.Size, Date: info.Modified, Saved: info.Changed}
	if e, err := entryOf(m.snap.x, i); err == nil {
		if size, ok := sizeInName(e, info.Size); ok {
			st.Size = size // as look says
		}
	}
	if saved, ok := r.Saved(); ok {
		st.Saved = saved // the file's ctime changes with its name
	}
	m.learned.stat(uid, st)
}
