package store

import (
	"context"

	"fantail/internal/store/maildir"
)

// Delivery is one new message on its way into a mailbox. It needs neither the
// mailbox's lock nor a UID, so its cost does not grow with the mailbox: the next
// session that looks gives the message its UID. It belongs to one goroutine and
// ends with Commit or Abort.
type Delivery struct {
	m *Mailbox
	d *maildir.Delivery
}

// NewDelivery begins a delivery. The caller writes the message to it.
func (m *Mailbox) NewDelivery() (*Delivery, error) {
	d, err := m.dir.NewDelivery()
	if err != nil {
		return nil, fail("deliver", m.name, err)
	}
	return &Delivery{m, d}, nil
}

// Write adds to the message.
func (d *Delivery) Write(p []byte) (int, error) {
	n, err := d.d.Write(p)
	return n, fail("deliver", d.m.name, err)
}

// Commit delivers the message. When it returns nil the message survives a power
// cut; otherwise it is not in the mailbox.
func (d *Delivery) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		d.d.Abort()
		return fail("deliver", d.m.name, err)
	}
	_, err := d.m.dir.Commit([]*maildir.Delivery{d.d}, maildir.Target{New: true})
	return fail("deliver", d.m.name, err)
}

// Abort throws the message away.
func (d *Delivery) Abort() error { return fail("deliver", d.m.name, d.d.Abort()) }
