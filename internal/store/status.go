package store

import (
	"context"

	"fantail/internal/mail"
)

// Status is what STATUS shows of a mailbox (RFC 9051 section 6.3.11).
type Status struct {
	Messages, Recent, Unseen, Deleted int
	UIDNext                           mail.UID
	UIDValidity                       mail.UIDValidity
	GUID                              string

	HighestModSeq mail.ModSeq // if it was needed

	Size          int64 // octets of all messages, as FETCH tells their sizes; if it was needed
	DeletedOctets int64 // octets of the deleted ones as stored; if it was needed
}

// StatusNeeds are the parts of a Status that may cost more than the others.
type StatusNeeds struct {
	// HighestModSeq is in the mailbox's index alone.
	HighestModSeq bool
	// Size is kept in the index. Where names do not tell the sizes of messages, they
	// are read once to find out.
	Size bool
	// DeletedOctets takes a look at the flags of all messages, if some are deleted.
	DeletedOctets bool
}

// Status returns the state of a mailbox without changing anything in it.
func (a *Account) Status(ctx context.Context, name string, need StatusNeeds) (Status, error) {
	if st, ok := a.summarized(ctx, name, need); ok {
		return st, nil
	}
	m, err := a.Open(ctx, name)
	if err != nil {
		return Status{}, err
	}
	defer m.Close()
	snap, err := m.Sync(ctx)
	if err != nil {
		return Status{}, err
	}
	st := snap.Status()
	if need.Size {
		if st.Size, err = m.totalSize(ctx, snap); err != nil {
			return Status{}, err
		}
	}
	if need.DeletedOctets && st.Deleted > 0 {
		if st.DeletedOctets, err = m.deletedOctets(ctx, snap); err != nil {
			return Status{}, err
		}
	}
	return st, snap.Err()
}

// Status is what STATUS shows of the snapshot and is kept, not counted.
func (s *Snapshot) Status() Status {
	c := s.x.Counts()
	return Status{
		Messages:      c.Messages,
		Recent:        c.New,
		Unseen:        c.Unseen,
		Deleted:       c.Deleted,
		UIDNext:       s.x.UIDNext(),
		UIDValidity:   s.x.UIDValidity(),
		HighestModSeq: s.HighestModSeq(),
		GUID:          s.GUID(),
	}
}

// totalSize adds up the sizes of all messages: those that the index knows have been
// added up already.
func (m *Mailbox) totalSize(ctx context.Context, s *Snapshot) (int64, error) {
	c := s.x.Counts()
	sum := c.Virtual
	if c.Unsized == 0 {
		return sum, nil
	}
	for _, r := range s.Rows() {
		if _, known := r.Virtual(); known {
			continue
		}
		st, err := m.Stat(ctx, r.UID)
		if KindOf(err) == Gone && ctx.Err() == nil {
			continue // expunged by others since the snapshot
		}
		if err != nil {
			return 0, err
		}
		sum += st.Size
	}
	return sum, nil
}

// deletedOctets adds up what the messages with \Deleted take as stored.
func (m *Mailbox) deletedOctets(ctx context.Context, s *Snapshot) (sum int64, err error) {
	for i, flags := range s.AllFlags() {
		if !flags.Has(mail.Deleted) {
			continue
		}
		octets, known := s.Row(i).Stored()
		if !known {
			st, err := m.Stat(ctx, s.UID(i))
			if KindOf(err) == Gone && ctx.Err() == nil {
				continue
			}
			if err != nil {
				return 0, err
			}
			octets = st.Stored
		}
		sum += octets
	}
	return sum, nil
}
