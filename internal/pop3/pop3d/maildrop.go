package pop3d

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"fantail/internal/mail"
	"fantail/internal/pop3"
	"fantail/internal/store"
)

// Mailbox is what a session needs of the store.
type Mailbox interface {
	Messages(ctx context.Context) (Messages, error) // what is there now
	// Legacy is what a predecessor told clients: unique-ids and an order of its own.
	Legacy(ctx context.Context) (map[mail.UID]store.Legacy, error)
	Size(ctx context.Context, uid mail.UID) (int64, error)
	OpenMessage(ctx context.Context, uid mail.UID) (*os.File, error)
	SetFlags(ctx context.Context, uids []mail.UID, c store.FlagChange) (missing []mail.UID, err error)
	Expunge(ctx context.Context, uids []mail.UID) error
	Close() error
}

// Messages are those of a mailbox at one moment, by ascending UID.
type Messages interface {
	UIDValidity() mail.UIDValidity
	Len() int
	UID(i int) mail.UID
	Err() error // of what was read so far; it was zero then
}

// OpenInbox opens the INBOX of an account as a Mailbox.
func OpenInbox(ctx context.Context, a *store.Account) (Mailbox, error) {
	m, err := a.Open(ctx, mail.Inbox)
	if err != nil {
		return nil, err
	}
	return inbox{m}, nil
}

type inbox struct{ *store.Mailbox }

func (b inbox) Messages(ctx context.Context) (Messages, error) {
	s, err := b.Sync(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// maildrop is the session's view of the mailbox, fixed at login (RFC 1939
// section 4). Message number n is messages[n-1].
type maildrop struct {
	box      Mailbox
	validity mail.UIDValidity
	messages []message
	unmarked []mail.UID // retrieved, and not yet \Seen
}

type message struct {
	uid     mail.UID
	deleted bool   // by DELE, until QUIT or RSET
	uidl    string // that a predecessor gave, or ""
	sized   bool   // size is known
	size    int64  // octets with CRLF line ends
}

// maxUnmarked is how many \Seen flags a crash may lose. Marking in batches, and
// not those that QUIT removes, saves a rename for each.
const maxUnmarked = 64

// openMaildrop looks at the mailbox. If its index turns out to be damaged, the
// second look finds it made anew.
func openMaildrop(ctx context.Context, box Mailbox) (*maildrop, error) {
	d, err := newMaildrop(ctx, box)
	if errors.Is(err, errDamaged) {
		d, err = newMaildrop(ctx, box)
	}
	return d, err
}

func newMaildrop(ctx context.Context, box Mailbox) (*maildrop, error) {
	now, err := box.Messages(ctx)
	if err != nil {
		return nil, err
	}
	d := &maildrop{box: box, validity: now.UIDValidity(), messages: make([]message, now.Len())}
	for i := range d.messages {
		d.messages[i].uid = now.UID(i)
	}
	if err := now.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	legacy, err := box.Legacy(ctx)
	if err != nil {
		return nil, err
	}
	d.takeOver(legacy)
	return d, nil
}

// takeOver numbers and names the messages as a predecessor did: those with an order
// first. A unique-id that RFC 1939 section 7 does not allow gives way to ours.
func (d *maildrop) takeOver(legacy map[mail.UID]store.Legacy) {
	if len(legacy) == 0 {
		return
	}
	for i := range d.messages {
		if l := legacy[d.messages[i].uid]; pop3.ValidUIDL(l.UIDL) {
			d.messages[i].uidl = l.UIDL
		}
	}
	last := uint32(math.MaxUint32)
	slices.SortStableFunc(d.messages, func(a, b message) int {
		return cmp.Compare(cmp.Or(legacy[a.uid].Order, last), cmp.Or(legacy[b.uid].Order, last))
	})
}

var errDamaged = errors.New("list of messages damaged")

// message returns message number n, which may not be marked as deleted.
func (d *maildrop) message(n int) (*message, error) {
	if n < 1 || n > len(d.messages) {
		return nil, refusal(fmt.Sprintf("No such message, there are %d.", len(d.messages)))
	}
	m := &d.messages[n-1]
	if m.deleted {
		return nil, refusal("Message is deleted.")
	}
	return m, nil
}

// size returns the size of a message, asking the store once. It is asked for
// only when a client wants it: most log in to find that nothing is new.
func (d *maildrop) size(ctx context.Context, m *message) (int64, error) {
	if m.sized {
		return m.size, nil
	}
	size, err := d.box.Size(ctx, m.uid)
	if err != nil {
		return 0, err
	}
	m.size, m.sized = size, true
	return size, nil
}

// listing counts the messages that are not deleted and their octets. After it
// every size is known. A message that was gone before anybody asked for its
// size has 0 octets: it keeps its number, and nothing of it can be sent.
func (d *maildrop) listing(ctx context.Context) (count int, octets int64, err error) {
	for i := range d.messages {
		m := &d.messages[i]
		if m.deleted {
			continue
		}
		size, err := d.size(ctx, m)
		switch {
		case store.KindOf(err) == store.Gone:
			m.sized = true
		case err != nil:
			return 0, 0, err
		}
		count++
		octets += size
	}
	return count, octets, nil
}

// reset unmarks all deleted messages.
func (d *maildrop) reset() {
	for i := range d.messages {
		d.messages[i].deleted = false
	}
}

// deleted returns the UIDs of the messages that are marked as deleted.
func (d *maildrop) deleted() (uids []mail.UID) {
	for i := range d.messages {
		if d.messages[i].deleted {
			uids = append(uids, d.messages[i].uid)
		}
	}
	return uids
}

// retrieved notes that a client has a message, and marks a full batch.
func (d *maildrop) retrieved(ctx context.Context, m *message) error {
	d.unmarked = append(d.unmarked, m.uid)
	if len(d.unmarked) < maxUnmarked {
		return nil
	}
	return d.markSeen(ctx)
}

// markSeen sets \Seen on the messages retrieved since it was last called. On an
// error they are not tried again.
func (d *maildrop) markSeen(ctx context.Context) error {
	if len(d.unmarked) == 0 {
		return nil
	}
	uids := d.unmarked
	d.unmarked = nil
	if err := d.sameUIDs(ctx); err != nil {
		return err
	}
	// Those that are missing were removed by somebody, which is fine.
	_, err := d.box.SetFlags(ctx, uids, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Seen}})
	return err
}

// remove is the UPDATE state (RFC 1939 section 6): it removes the messages
// marked as deleted, and no others. It returns how many those were.
func (d *maildrop) remove(ctx context.Context) (int, error) {
	uids := d.deleted()
	if len(uids) == 0 {
		return 0, nil
	}
	if err := d.sameUIDs(ctx); err != nil {
		return 0, err
	}
	if err := d.box.Expunge(ctx, uids); err != nil {
		return 0, err
	}
	gone := make(map[mail.UID]bool, len(uids))
	for _, uid := range uids {
		gone[uid] = true
	}
	left := d.unmarked[:0]
	for _, uid := range d.unmarked {
		if !gone[uid] {
			left = append(left, uid)
		}
	}
	d.unmarked = left
	return len(uids), nil
}

// sameUIDs returns an error unless UIDs still mean the messages of the login
// (RFC 9051 section 2.3.1.1).
func (d *maildrop) sameUIDs(ctx context.Context) error {
	now, err := d.box.Messages(ctx)
	if err != nil {
		return err
	}
	if now.UIDValidity() != d.validity {
		return &store.Error{Op: "update", Mailbox: mail.Inbox, Kind: store.Gone, Err: errRenumbered}
	}
	return nil
}

var errRenumbered = errors.New("the mailbox was renumbered since login")
