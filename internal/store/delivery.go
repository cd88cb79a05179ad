package store

import (
	"context"
	"errors"

	"fantail/internal/store/maildir"
)

// Delivery is one new message on its way into a mailbox. It needs neither the
// mailbox's lock nor a UID, so its cost does not grow with the mailbox: the next
// session that looks gives the message its UID. It belongs to one goroutine and
// ends with Commit or Abort.
type Delivery struct {
	m   *Mailbox
	d   *maildir.Delivery
	own bool // it is the store's: no limit refuses it, and nobody is warned
}

// NewDelivery begins a delivery. The caller writes the message to it.
func (m *Mailbox) NewDelivery() (*Delivery, error) {
	d, err := m.dir.NewDelivery()
	if err != nil {
		return nil, fail("deliver", m.name, err)
	}
	return &Delivery{m: m, d: d}, nil
}

// Write adds to the message.
func (d *Delivery) Write(p []byte) (int, error) {
	n, err := d.d.Write(p)
	return n, fail("deliver", d.m.name, err)
}

// Twin begins the delivery of the same message into another mailbox, which may be another
// account's. Nothing can be written to either any more. Both are one file with two names,
// where the file system has such.
func (d *Delivery) Twin(m *Mailbox) (*Delivery, error) {
	err := d.m.dir.Finish([]*maildir.Delivery{d.d})
	var twin *maildir.Delivery
	if err == nil {
		twin, err = d.d.Twin(m.dir)
	}
	if err != nil {
		return nil, fail("deliver", m.name, err)
	}
	return &Delivery{m: m, d: twin}, nil
}

// Commit delivers the message. When it returns nil the message survives a power
// cut; otherwise it is not in the mailbox. OverQuota is the error where the account
// has no room for it.
func (d *Delivery) Commit(ctx context.Context) error {
	const op = "deliver"
	dls := []*maildir.Delivery{d.d}
	u := usageOf(dls)
	err := ctx.Err()
	var q *charge
	switch {
	case err != nil:
	case d.own:
		if q = d.m.charge(); q != nil {
			q.quiet = true
		}
	default:
		q, err = d.m.add(ctx, d.m.delivered(), func() (Usage, error) { return u, nil })
	}
	if err != nil {
		return fail(op, d.m.name, errors.Join(err, d.d.Abort()))
	}
	if _, err := d.m.dir.Commit(dls, maildir.Target{New: true}); err != nil {
		q.cancel()
		return fail(op, d.m.name, err)
	}
	q.end(u)
	return nil
}

// Abort throws the message away.
func (d *Delivery) Abort() error { return fail("deliver", d.m.name, d.d.Abort()) }
