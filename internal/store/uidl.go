package store

import (
	"context"
	"errors"
	"io/fs"
	"strconv"

	"fantail/internal/mail"
	"fantail/internal/store/maildrop"
	"fantail/internal/store/uidlist"
)

// Legacy is what a predecessor told POP3 clients of a message, and what they must
// be told for ever, or they fetch everything again.
type Legacy struct {
	UIDL  string // unique-id (RFC 1939 section 7); "": as for any other message
	Order uint32 // place in the list; 0: by UID, behind those that have one
	GUID  string // that it shares with its copies; "": it has none but its name
}

// Maildrop returns what POP3 keeps beside the mailbox.
func (m *Mailbox) Maildrop() maildrop.Dir { return maildrop.Dir(m.dir.Path()) }

// Legacy returns the messages of which a predecessor left unique-ids, an order or
// identifiers in the UID list; mostly none.
func (m *Mailbox) Legacy(ctx context.Context) (map[mail.UID]Legacy, error) {
	const op = "read POP3 identities"
	if err := ctx.Err(); err != nil {
		return nil, fail(op, m.name, err)
	}
	// A reader of its own: m.uids may have left out what the index knows.
	file := uidlist.Open(m.dir.Path())
	has, err := file.HasFields()
	if errors.Is(err, fs.ErrNotExist) || err == nil && !has {
		return nil, nil
	}
	if err != nil {
		return nil, fail(op, m.name, err)
	}
	list, err := file.Load()
	if err != nil {
		return nil, fail(op, m.name, err)
	}
	var all map[mail.UID]Legacy
	for _, r := range list.Records {
		if r.Ext == "" {
			continue
		}
		l := Legacy{}
		uidl, named := r.Field('P')
		if l.UIDL = uidl; named && uidl == "" {
			l.UIDL = r.Base
		}
		if order, ok := r.Field('O'); ok {
			if n, err := strconv.ParseUint(order, 10, 32); err == nil {
				l.Order = uint32(n)
			}
		}
		l.GUID, _ = r.Field('G')
		if l != (Legacy{}) {
			if all == nil {
				all = make(map[mail.UID]Legacy)
			}
			all[r.UID] = l
		}
	}
	return all, nil
}
