package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/mail"
	"fantail/internal/message"
)

// maxStructures is how many parsed messages a mailbox keeps.
const maxStructures = 512

// Stat is what never changes about a message and is not in its name.
type Stat struct {
	Size   int64     // octets once every line ends in CRLF: RFC822.SIZE
	Stored int64     // octets of the file
	Date   time.Time // INTERNALDATE
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

// OpenMessage opens the file of a message: its bytes as stored, which may end
// lines with LF. A message that was expunged by anybody is Gone.
func (m *Mailbox) OpenMessage(ctx context.Context, uid mail.UID) (*os.File, error) {
	const op = "open message"
	if err := ctx.Err(); err != nil {
		return nil, fail(op, m.name, err)
	}
	e, err := m.entry(ctx, op, uid)
	if err != nil {
		return nil, err
	}
	f, _, err := m.dir.OpenMessage(e)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: err}
	}
	if err != nil {
		return nil, fail(op, m.name, err)
	}
	return f, nil
}

// Stat returns size and date of a message. The size comes from the file's name
// where it is there, or else from reading the file once.
func (m *Mailbox) Stat(ctx context.Context, uid mail.UID) (Stat, error) {
	const op = "stat message"
	m.mu.Lock()
	st, ok := m.stats[uid]
	m.mu.Unlock()
	if ok {
		return st, nil
	}
	e, err := m.entry(ctx, op, uid)
	if err != nil {
		return Stat{}, err
	}
	f, err := m.OpenMessage(ctx, uid)
	if err != nil {
		return Stat{}, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return Stat{}, fail(op, m.name, err)
	}
	st = Stat{Stored: fi.Size(), Date: fi.ModTime()}
	// S= and W= belong together: a name whose S= is wrong has a wrong W= too.
	virtual, ok := e.Name.VirtualSize()
	stored, okS := e.Name.Size()
	if ok && (!okS || stored == st.Stored) {
		st.Size = virtual
	} else {
		var c crlf.Counter
		if _, err := io.Copy(&c, f); err != nil {
			return Stat{}, fail(op, m.name, fmt.Errorf("count octets: %w", err))
		}
		st.Size = c.Virtual
	}
	m.mu.Lock()
	m.stats[uid] = st
	m.mu.Unlock()
	return st, nil
}

// Structure returns the parsed message. It is shared: nobody may change it.
func (m *Mailbox) Structure(ctx context.Context, uid mail.UID) (*message.Part, error) {
	m.mu.Lock()
	p := m.parts.byUID[uid]
	m.mu.Unlock()
	if p != nil {
		return p, nil
	}
	f, err := m.OpenMessage(ctx, uid)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err = message.Parse(f, message.DefaultLimits())
	if err != nil {
		return nil, fail("parse message", m.name, err)
	}
	m.mu.Lock()
	m.parts.put(uid, p)
	m.mu.Unlock()
	return p, nil
}

// forgetExpunged drops what is remembered about messages of old that are not in
// new; m.mu is held.
func (m *Mailbox) forgetExpunged(old, new *Snapshot) {
	if old == nil {
		return
	}
	for i := range old.rows {
		uid := old.rows[i].uid
		if _, ok := new.Find(uid); !ok {
			delete(m.stats, uid)
			delete(m.parts.byUID, uid)
		}
	}
}
