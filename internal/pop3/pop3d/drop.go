package pop3d

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/store/maildrop"
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
	Maildrop() maildrop.Dir
	Close() error
}

// Messages are those of a mailbox at one moment, by ascending UID.
type Messages interface {
	UIDValidity() mail.UIDValidity
	Len() int
	All() iter.Seq2[int, Message]
	Keywords(i int) []mail.Keyword
	Base(i int) string // name of the file, up to the colon
	Err() error        // of what was read so far; it was zero then
}

// Message is what a session wants to know of every message.
type Message struct {
	UID  mail.UID
	Size int64 // octets with CRLF line ends; -1 if only the file tells
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
	return snapshot{s}, nil
}

type snapshot struct{ *store.Snapshot }

func (s snapshot) All() iter.Seq2[int, Message] {
	return func(yield func(int, Message) bool) {
		for i, row := range s.Rows() {
			m := Message{UID: row.UID, Size: -1}
			if size, known := row.Virtual(); known {
				m.Size = size
			}
			if !yield(i, m) {
				return
			}
		}
	}
}

// drop is the session's view of the mailbox, the maildrop, fixed at login (RFC 1939
// section 4). Message number n is messages[n-1].
type drop struct {
	box      Mailbox
	set      *conf.POP3Settings
	expire   int // days after which what was retrieved may be removed; 0: never
	now      func() time.Time
	validity mail.UIDValidity
	messages []message
	named    bool               // every message has its unique-id
	unmarked []mail.UID         // retrieved, and not yet \Seen
	unnoted  []mail.UID         // given away, and not yet noted as that
	noted    maildrop.Retrieved // before; nil until it is wanted
}

type message struct {
	uid     mail.UID
	deleted bool   // by DELE, until QUIT or RSET
	uidl    string // or "": made of UIDs alone, when it is asked for
	size    int64  // octets with CRLF line ends; -1: not known yet
}

// maxUnmarked is how many \Seen flags a crash may lose. Marking in batches, and
// not those that QUIT removes, saves a rename for each.
const maxUnmarked = 64

// openDrop looks at the mailbox. If its index turns out to be damaged, the second
// look finds it made anew.
func openDrop(ctx context.Context, box Mailbox, o *Options) (*drop, error) {
	d, err := newDrop(ctx, box, o)
	if errors.Is(err, errDamaged) {
		d, err = newDrop(ctx, box, o)
	}
	return d, err
}

func newDrop(ctx context.Context, box Mailbox, o *Options) (*drop, error) {
	now, err := box.Messages(ctx)
	if err != nil {
		return nil, err
	}
	d := &drop{
		box: box, set: &o.Settings, expire: o.Expire, now: time.Now,
		validity: now.UIDValidity(), messages: make([]message, 0, now.Len()),
	}
	filename, guid := o.Settings.UIDLFormat.Names()
	var bases []string // of messages, where unique-ids are made of them
	hidden := mail.Keyword(o.Settings.DeletedFlag)
	for i, m := range now.All() {
		if hidden != "" && slices.ContainsFunc(now.Keywords(i), hidden.Equal) {
			continue
		}
		d.messages = append(d.messages, message{uid: m.UID, size: m.Size})
		if filename || guid {
			bases = append(bases, now.Base(i))
		}
	}
	if err := now.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	legacy, err := box.Legacy(ctx)
	if err != nil {
		return nil, err
	}
	if len(legacy) > 0 || bases != nil {
		d.name(legacy, bases)
		d.order(legacy)
	}
	return d, nil
}

// order numbers the messages as a predecessor did: those with an order first.
func (d *drop) order(legacy map[mail.UID]store.Legacy) {
	if len(legacy) == 0 {
		return
	}
	last := uint32(math.MaxUint32)
	slices.SortStableFunc(d.messages, func(a, b message) int {
		return cmp.Compare(cmp.Or(legacy[a.uid].Order, last), cmp.Or(legacy[b.uid].Order, last))
	})
}

var errDamaged = errors.New("list of messages damaged")

// message returns message number n, which may not be marked as deleted.
func (d *drop) message(n int) (*message, error) {
	if n < 1 || n > len(d.messages) {
		return nil, refusal(fmt.Sprintf("No such message, there are %d.", len(d.messages)))
	}
	m := &d.messages[n-1]
	if m.deleted {
		return nil, refusal("Message is deleted.")
	}
	return m, nil
}

// size returns the size of a message. Where only the file tells, the store is asked
// once, and when a client wants it: most log in to find that nothing is new.
func (d *drop) size(ctx context.Context, m *message) (int64, error) {
	if m.size >= 0 {
		return m.size, nil
	}
	size, err := d.box.Size(ctx, m.uid)
	if err != nil {
		return 0, err
	}
	m.size = size
	return size, nil
}

// listing counts the messages that are not deleted and their octets. After it
// every size is known. A message that was gone before anybody asked for its
// size has 0 octets: it keeps its number, and nothing of it can be sent.
func (d *drop) listing(ctx context.Context) (count int, octets int64, err error) {
	for i := range d.messages {
		m := &d.messages[i]
		if m.deleted {
			continue
		}
		if m.size < 0 {
			_, err := d.size(ctx, m)
			if store.KindOf(err) == store.Gone {
				m.size = 0
			} else if err != nil {
				return 0, 0, err
			}
		}
		count++
		octets += m.size
	}
	return count, octets, nil
}

// reset unmarks all deleted messages.
func (d *drop) reset() {
	for i := range d.messages {
		d.messages[i].deleted = false
	}
}

// deleted returns the UIDs of the messages that are marked as deleted.
func (d *drop) deleted() (uids []mail.UID) {
	for i := range d.messages {
		if d.messages[i].deleted {
			uids = append(uids, d.messages[i].uid)
		}
	}
	return uids
}

// retrieved notes that a client has a message, and marks a full batch. read is true
// if the message has been read by that.
func (d *drop) retrieved(ctx context.Context, m *message, read bool) error {
	if read && !d.set.NoFlagUpdates {
		d.unmarked = append(d.unmarked, m.uid)
	}
	if d.expire > 0 {
		d.unnoted = append(d.unnoted, m.uid)
	}
	if max(len(d.unmarked), len(d.unnoted)) < maxUnmarked {
		return nil
	}
	return d.mark(ctx)
}

// mark sets \Seen on the messages retrieved since it was last called, and notes that
// they were, if they are to expire. On an error they are not tried again.
func (d *drop) mark(ctx context.Context) error {
	if len(d.unmarked) == 0 && len(d.unnoted) == 0 {
		return nil
	}
	unmarked, unnoted := d.unmarked, d.unnoted
	d.unmarked, d.unnoted = nil, nil
	if err := d.sameUIDs(ctx); err != nil {
		return err
	}
	var err error
	if len(unmarked) > 0 {
		// Those that are missing were removed by somebody, which is fine.
		_, err = d.box.SetFlags(ctx, unmarked, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Seen}})
	}
	return errors.Join(err, d.note(unnoted))
}

// note writes down that a client has got messages.
func (d *drop) note(uids []mail.UID) (err error) {
	dir := d.box.Maildrop()
	if d.noted == nil && len(uids) > 0 {
		if d.noted, err = dir.Retrieved(d.validity); err != nil {
			return err
		}
		if d.noted == nil {
			d.noted = make(maildrop.Retrieved)
		}
	}
	var fresh []mail.UID
	now := d.now()
	for _, uid := range uids {
		if _, known := d.noted[uid]; !known {
			d.noted[uid] = now
			fresh = append(fresh, uid)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return dir.AddRetrieved(d.validity, fresh, now)
}

// remove is the UPDATE state (RFC 1939 section 6): it removes the messages
// marked as deleted, and no others. It returns how many those were.
func (d *drop) remove(ctx context.Context) (int, error) {
	uids := d.deleted()
	if len(uids) == 0 {
		return 0, nil
	}
	if err := d.sameUIDs(ctx); err != nil {
		return 0, err
	}
	if d.set.DeletedFlag != "" {
		hide := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{mail.Keyword(d.set.DeletedFlag)}}}
		_, err := d.box.SetFlags(ctx, uids, hide)
		return len(uids), err
	}
	if err := d.box.Expunge(ctx, uids); err != nil {
		return 0, err
	}
	gone := make(map[mail.UID]bool, len(uids))
	for _, uid := range uids {
		gone[uid] = true
	}
	isGone := func(uid mail.UID) bool { return gone[uid] }
	d.unmarked = slices.DeleteFunc(d.unmarked, isGone)
	d.unnoted = slices.DeleteFunc(d.unnoted, isGone)
	return len(uids), nil
}

// sameUIDs returns an error unless UIDs still mean the messages of the login
// (RFC 9051 section 2.3.1.1).
func (d *drop) sameUIDs(ctx context.Context) error {
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
