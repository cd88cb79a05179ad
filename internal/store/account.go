package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/quota"
	"fantail/internal/store/uidlist"
	"fantail/internal/store/watch"
)

// maxIdle is how many mailboxes that nobody has open keep their snapshot, so that
// polling clients (STATUS of every folder) cost a few looks at files. Each holds a
// descriptor and some memory.
const maxIdle = 1000

// Account is one user's tree of Maildirs. It is safe for use by many goroutines.
type Account struct {
	naming
	root  string
	tree  *maildir.Tree
	subs  *uidlist.Subscriptions
	uses  *uidlist.SpecialUses
	sums  *summaries
	quota *quota.File
	watch *watch.Watcher
	opt   Options

	boot       func() (index.BootID, error) // is read once
	subsDamage sync.Once                    // is told once
	usesDamage sync.Once                    // is told once
	furnished  sync.Once
	filling    atomic.Bool // the cache of texts of a mailbox

	mu    sync.Mutex // guards boxes and the reference counts in them
	boxes map[string]*Mailbox
	idle  []*Mailbox // those with no reference, longest unused first
}

// OpenAccount opens the tree at dir, and makes it if there is none.
func OpenAccount(dir string, o Options) (*Account, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	tree, err := maildir.OpenTree(dir, maildir.Options{Clock: o.Clock, Host: o.Host, Layout: o.Layout})
	if err != nil {
		return nil, fail("open account", "", err)
	}
	a := &Account{
		naming: naming{o.Layout, o.BelowInbox},
		root:   dir,
		tree:   tree,
		subs:   uidlist.OpenSubscriptions(dir, o.Layout.Separator()),
		uses:   uidlist.OpenSpecialUses(dir, o.Layout.Separator()),
		sums:   openSummaries(dir),
		watch:  o.Watcher,
		opt:    o,
		boxes:  make(map[string]*Mailbox),
	}
	if a.watch == nil {
		a.watch = watch.New()
	}
	a.boot = sync.OnceValues(index.ReadBoot)
	a.quota = quota.Open(dir, o.Limits, quota.Options{Mail: amount{a}, Unlimited: o.Unlimited, Clock: o.Clock, Log: o.Log})
	return a, nil
}

// Path returns the Maildir, beside whose mailboxes others keep files of the account.
func (a *Account) Path() string { return a.root }

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
	a.writeSummaries()
	if a.opt.Watcher == nil {
		errs = append(errs, a.watch.Close())
	}
	return errors.Join(errs...)
}

// Open returns the mailbox of that name, which stays usable until its Close.
func (a *Account) Open(ctx context.Context, name string) (*Mailbox, error) {
	const op = "open"
	c, err := a.canonical(name)
	if err != nil {
		return nil, &Error{Op: op, Mailbox: name, Kind: NotFound, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return nil, fail(op, c, err)
	}
	if c != mail.Inbox {
		a.furnish(ctx)
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
	folder := a.folder(c)
	d, err := a.tree.Open(folder)
	if err != nil {
		return nil, fail(op, c, err)
	}
	m, err := newMailbox(a, c, folder, d)
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

// openIndex opens the index of a mailbox.
func (a *Account) openIndex(d *maildir.Dir) (*index.File, error) {
	o := index.Options{Clock: a.opt.Clock, Networked: d.Networked()}
	if !o.Networked {
		var err error
		if o.Boot, err = a.boot(); err != nil {
			return nil, fmt.Errorf("identify the running kernel: %w", err)
		}
	}
	return index.Open(d.Path(), o)
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

// Tidy does for mailboxes that nobody has open what Close does: it writes what was
// learned of them, and gives back memory that only their users need. A process that
// lives longer than its sessions calls it when one has ended.
func (a *Account) Tidy() {
	a.mu.Lock()
	idle := a.idle
	a.idle = nil
	for _, m := range idle {
		m.refs++ // so that nobody releases it meanwhile
	}
	a.mu.Unlock()
	for _, m := range idle {
		m.rest()
		if err := a.closed(m); err != nil {
			a.opt.Log.Warn("close mailbox", "mailbox", m.name, "err", err)
		}
	}
	a.writeSummaries()
}

// Rest gives back what is only held to make the next command faster, also of mailboxes
// that somebody has open, and writes what was learned of them. A process of which all
// sessions wait calls it.
func (a *Account) Rest() {
	a.mu.Lock()
	var open []*Mailbox
	for _, m := range a.boxes {
		if m.refs > 0 {
			m.refs++ // so that nobody releases it meanwhile
			open = append(open, m)
		}
	}
	a.mu.Unlock()
	for _, m := range open {
		m.ease()
		if err := a.closed(m); err != nil {
			a.opt.Log.Warn("close mailbox", "mailbox", m.name, "err", err)
		}
	}
	a.Tidy()
}

// forget makes the next Open of name look at the file system again, and where
// folders lie in each other that of all below it.
func (a *Account) forget(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for n, m := range a.boxes {
		if n == name || a.layout.Nested() && a.below(n, name) {
			a.dropIdle(m)
			delete(a.boxes, n)
		}
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
