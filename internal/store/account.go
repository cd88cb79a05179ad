package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
	"fantail/internal/store/watch"
)

// maxIdle is how many mailboxes that nobody has open keep their snapshot in
// memory, so that polling clients (STATUS of every folder) cost no directory
// scan.
const maxIdle = 64

// Account is one user's Maildir++ tree. It is safe for use by many goroutines.
type Account struct {
	root  string
	tree  *maildir.Tree
	subs  *uidlist.Subscriptions
	watch *watch.Watcher
	opt   Options

	subsDamage sync.Once // is told once

	mu    sync.Mutex // guards boxes and the reference counts in them
	boxes map[string]*Mailbox
	idle  []*Mailbox // those with no reference, longest unused first
}

// OpenAccount opens the Maildir++ tree at dir, and makes it if there is none.
func OpenAccount(dir string, o Options) (*Account, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	tree, err := maildir.OpenTree(dir, maildir.Options{Clock: o.Clock, Host: o.Host})
	if err != nil {
		return nil, fail("open account", "", err)
	}
	return &Account{
		root:  dir,
		tree:  tree,
		subs:  uidlist.OpenSubscriptions(dir, Delimiter),
		watch: watch.New(),
		opt:   o,
		boxes: make(map[string]*Mailbox),
	}, nil
}

// Close releases everything that the account holds open. Mailboxes must not be
// used afterwards.
func (a *Account) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, m := range a.boxes {
		errs = append(errs, m.release())
	}
	clear(a.boxes)
	a.idle = nil
	errs = append(errs, a.watch.Close())
	return errors.Join(errs...)
}

// Info is one mailbox as LIST shows it.
type Info struct {
	Name        string
	NoSelect    bool // exists only as the parent of others
	HasChildren bool
	Subscribed  bool
	SpecialUse  string // an attribute of RFC 6154 section 2 such as `\Sent`, or ""
}

// List returns every mailbox, INBOX first and the rest sorted by name, with the
// parents that exist only as part of their children's names.
func (a *Account) List(ctx context.Context) ([]Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("list", "", err)
	}
	folders, err := a.tree.List()
	if err != nil {
		return nil, fail("list", "", err)
	}
	subscribed, err := a.Subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*Info{mail.Inbox: {Name: mail.Inbox}}
	for _, f := range folders {
		if name, ok := nameOf(f); ok {
			byName[name] = &Info{Name: name}
		}
	}
	for _, f := range folders {
		name, ok := nameOf(f)
		for up := parent(name); ok && up != ""; up = parent(up) {
			if byName[up] == nil {
				byName[up] = &Info{Name: up, NoSelect: true}
			}
			byName[up].HasChildren = true
		}
	}
	for _, s := range subscribed {
		if i := byName[s]; i != nil {
			i.Subscribed = true
		}
	}
	markSpecialUse(byName)
	infos := make([]Info, 0, len(byName))
	for _, i := range byName {
		infos = append(infos, *i)
	}
	slices.SortFunc(infos, func(x, y Info) int {
		if inboxX, inboxY := x.Name == mail.Inbox, y.Name == mail.Inbox; inboxX != inboxY {
			if inboxX {
				return -1
			}
			return 1
		}
		return strings.Compare(x.Name, y.Name)
	})
	return infos, nil
}

func markSpecialUse(byName map[string]*Info) {
	taken := make(map[string]bool)
	for _, s := range specialUses {
		if i := byName[s.name]; i != nil && !i.NoSelect && !taken[s.use] {
			i.SpecialUse = s.use
			taken[s.use] = true
		}
	}
}

// Subscriptions returns the subscribed names, sorted. They may name mailboxes
// that do not exist (RFC 9051 section 6.3.7).
func (a *Account) Subscriptions(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("read subscriptions", "", err)
	}
	stored, err := a.subs.List()
	var damaged *uidlist.DamagedError
	if errors.As(err, &damaged) {
		a.subsDamage.Do(func() { a.opt.Log.Warn("part of Courier's subscriptions not read", "err", err) })
		err = nil
	}
	if err != nil {
		return nil, fail("read subscriptions", "", err)
	}
	names := make([]string, 0, len(stored))
	for _, s := range stored {
		if name, err := mutf7.Decode(s); err == nil {
			if name, err = canonical(name); err == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Subscribe adds name to the subscriptions, or takes it away. The mailbox need
// not exist.
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error {
	const op = "subscribe"
	c, err := canonical(name)
	if err != nil {
		return &Error{Op: op, Mailbox: name, Kind: Invalid, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(op, c, err)
	}
	if err := a.subs.Set(mutf7.Encode(c), on); err != nil {
		return fail(op, c, err)
	}
	return nil
}

// Create makes a mailbox (RFC 9051 section 6.3.4). A trailing delimiter, by
// which a client says that it wants children there, is ignored. Parents come
// into being as names only.
func (a *Account) Create(ctx context.Context, name string) error {
	const op = "create"
	c, err := canonical(strings.TrimSuffix(name, string(Delimiter)))
	if err != nil {
		return &Error{Op: op, Mailbox: name, Kind: Invalid, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(op, c, err)
	}
	if c == mail.Inbox {
		return &Error{Op: op, Mailbox: c, Kind: Exists}
	}
	d, err := a.tree.Create(folder(c))
	if err != nil {
		return fail(op, c, err)
	}
	return fail(op, c, d.Close())
}

// Delete removes a mailbox and its messages (RFC 9051 section 6.3.5). Mailboxes
// below it stay, and so does the name if there are any. INBOX cannot be deleted.
func (a *Account) Delete(ctx context.Context, name string) error {
	const op = "delete"
	c, err := a.existing(ctx, op, name)
	if err != nil {
		return err
	}
	if c == mail.Inbox {
		return &Error{Op: op, Mailbox: c, Kind: Invalid, Err: errors.New("INBOX cannot be deleted")}
	}
	if err := a.tree.Delete(folder(c)); err != nil {
		return fail(op, c, err)
	}
	a.forget(c)
	return nil
}

// existing returns the canonical form of the name of a mailbox that can be
// selected. A name that exists only as a parent is Invalid, an unknown one
// NotFound.
func (a *Account) existing(ctx context.Context, op, name string) (string, error) {
	c, err := canonical(name)
	if err != nil {
		// A name that could not be created does not exist either.
		return "", &Error{Op: op, Mailbox: name, Kind: NotFound, Err: err}
	}
	infos, err := a.List(ctx)
	if err != nil {
		return "", err
	}
	for _, i := range infos {
		if i.Name == c && i.NoSelect {
			return "", &Error{Op: op, Mailbox: c, Kind: Invalid, Err: errors.New("the name is only a parent of others")}
		}
		if i.Name == c {
			return c, nil
		}
	}
	return "", &Error{Op: op, Mailbox: c, Kind: NotFound, Err: fs.ErrNotExist}
}

// Rename renames a mailbox and all below it (RFC 9051 section 6.3.6). Renaming
// INBOX moves its messages to a new mailbox and leaves INBOX empty.
func (a *Account) Rename(ctx context.Context, from, to string) error {
	const op = "rename"
	src, err := canonical(from)
	if err != nil {
		return &Error{Op: op, Mailbox: from, Kind: NotFound, Err: err}
	}
	dst, err := canonical(strings.TrimSuffix(to, string(Delimiter)))
	if err != nil {
		return &Error{Op: op, Mailbox: to, Kind: Invalid, Err: err}
	}
	infos, err := a.List(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(infos, func(i Info) bool { return i.Name == dst }) {
		return &Error{Op: op, Mailbox: dst, Kind: Exists}
	}
	if src == mail.Inbox {
		return a.renameInbox(ctx, dst)
	}
	if strings.HasPrefix(dst, src+string(Delimiter)) {
		return &Error{Op: op, Mailbox: dst, Kind: Invalid, Err: errors.New("a mailbox cannot move below itself")}
	}
	moves, err := moves(infos, src, dst)
	if err != nil {
		return &Error{Op: op, Mailbox: dst, Kind: KindOf(err), Err: err}
	}
	if len(moves) == 0 {
		return &Error{Op: op, Mailbox: src, Kind: NotFound, Err: fs.ErrNotExist}
	}
	return a.renameAll(moves)
}

type move struct{ from, to string }

// moves lists the directories that a rename of src to dst has to rename: src
// itself, if it is one, and everything below.
func moves(infos []Info, src, dst string) ([]move, error) {
	var ms []move
	for _, i := range infos {
		rest, below := strings.CutPrefix(i.Name, src)
		if i.NoSelect || !below || (rest != "" && rest[0] != Delimiter) {
			continue
		}
		to, err := canonical(dst + rest)
		if err != nil {
			return nil, &Error{Op: "rename", Mailbox: dst + rest, Kind: Invalid, Err: err}
		}
		ms = append(ms, move{i.Name, to})
	}
	return ms, nil
}

// renameAll carries out the moves, and takes back those done when one fails.
func (a *Account) renameAll(ms []move) error {
	for i, m := range ms {
		err := a.tree.Rename(folder(m.from), folder(m.to))
		if err == nil {
			a.forget(m.from)
			continue
		}
		for _, done := range slices.Backward(ms[:i]) {
			if undo := a.tree.Rename(folder(done.to), folder(done.from)); undo != nil {
				err = errors.Join(err, fmt.Errorf("undo rename of %q: %w", done.from, undo))
			}
		}
		return fail("rename", m.from, err)
	}
	return nil
}

func (a *Account) renameInbox(ctx context.Context, dst string) error {
	if err := a.Create(ctx, dst); err != nil {
		return err
	}
	in, err := a.Open(ctx, mail.Inbox)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := a.Open(ctx, dst)
	if err != nil {
		return err
	}
	defer out.Close()
	snap, err := in.Sync(ctx)
	if err != nil {
		return err
	}
	_, err = in.Move(ctx, snap.UIDs(), out)
	return err
}

// Open returns the mailbox of that name, which stays usable until its Close.
func (a *Account) Open(ctx context.Context, name string) (*Mailbox, error) {
	const op = "open"
	c, err := canonical(name)
	if err != nil {
		return nil, &Error{Op: op, Mailbox: name, Kind: NotFound, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return nil, fail(op, c, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if m := a.boxes[c]; m != nil && m.Current() {
		if m.refs == 0 {
			a.idle = slices.DeleteFunc(a.idle, func(i *Mailbox) bool { return i == m })
		}
		m.refs++
		return m, nil
	}
	d, err := a.tree.Open(folder(c))
	if err != nil {
		return nil, fail(op, c, err)
	}
	m, err := newMailbox(a, c, d)
	if err != nil {
		return nil, fail(op, c, errors.Join(err, d.Close()))
	}
	m.refs = 1
	if old := a.boxes[c]; old != nil {
		a.dropIdle(old)
	}
	a.boxes[c] = m
	return m, nil
}

// closed is called when a reference to m is given up.
func (a *Account) closed(m *Mailbox) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.refs--
	if m.refs > 0 {
		return nil
	}
	if a.boxes[m.name] != m { // deleted, renamed or replaced meanwhile
		return m.release()
	}
	a.idle = append(a.idle, m)
	if len(a.idle) <= maxIdle {
		return nil
	}
	old := a.idle[0]
	a.idle = a.idle[1:]
	delete(a.boxes, old.name)
	return old.release()
}

// forget makes the next Open of name look at the file system again.
func (a *Account) forget(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m := a.boxes[name]; m != nil {
		a.dropIdle(m)
		delete(a.boxes, name)
	}
}

// dropIdle releases m if nobody has it open; who has it open keeps it.
func (a *Account) dropIdle(m *Mailbox) {
	if m.refs > 0 {
		return
	}
	a.idle = slices.DeleteFunc(a.idle, func(i *Mailbox) bool { return i == m })
	if err := m.release(); err != nil {
		a.opt.Log.Warn("close mailbox", "mailbox", m.name, "err", err)
	}
}

// Status is what STATUS shows of a mailbox (RFC 9051 section 6.3.11).
type Status struct {
	Messages, Recent, Unseen, Deleted int
	UIDNext                           mail.UID
	UIDValidity                       mail.UIDValidity
	HighestModSeq                     mail.ModSeq
}

// Status returns the state of a mailbox without changing anything in it.
func (a *Account) Status(ctx context.Context, name string) (Status, error) {
	m, err := a.Open(ctx, name)
	if err != nil {
		return Status{}, err
	}
	defer m.Close()
	snap, err := m.Sync(ctx)
	if err != nil {
		return Status{}, err
	}
	return snap.Status(), nil
}
