package webmail

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net/http"
	"sync"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// mailboxes finds messages in an account, and remembers what was costly to find
// out. The store keeps mailboxes that were used lately, so opening one for each
// request costs a look at what has changed.
type mailboxes struct {
	account *store.Account

	mu    sync.Mutex // guards known and what it holds
	known map[string]*knowledge
}

// maxKnown is of how many mailboxes something is remembered.
const maxKnown = 500

// knowledge is what can be computed from the snapshots of a mailbox.
type knowledge struct {
	validity mail.UIDValidity
	next     mail.UID            // messages below it are in ids
	ids      map[string]mail.UID // also of messages that have gone
	counted  *store.Snapshot     // of which unseen was counted
	unseen   int

	summaries map[mail.UID]summary
}

func newMailboxes(a *store.Account) *mailboxes {
	return &mailboxes{account: a, known: make(map[string]*knowledge)}
}

// view is a mailbox, open, at one moment.
type view struct {
	*store.Mailbox
	snap *store.Snapshot
}

// open opens a mailbox and looks at it. The caller closes the view.
func (m *mailboxes) open(ctx context.Context, name string) (view, error) {
	mb, err := m.account.Open(ctx, name)
	if err != nil {
		return view{}, err
	}
	snap, err := mb.Sync(ctx)
	if err != nil {
		return view{}, errors.Join(err, mb.Close())
	}
	return view{mb, snap}, nil
}

// about returns what is known of a mailbox with that UIDVALIDITY. The caller
// holds mu.
func (m *mailboxes) about(v view) *knowledge {
	k := m.known[v.Name()]
	if k == nil || k.validity != v.snap.UIDValidity() {
		if len(m.known) >= maxKnown {
			clear(m.known)
		}
		k = &knowledge{validity: v.snap.UIDValidity()}
		m.known[v.Name()] = k
	}
	return k
}

// idOf returns the id of a message: 20 characters of base32.
func idOf(base string) string {
	sum := sha256.Sum256([]byte(base))
	return idEncoding.EncodeToString(sum[:12])
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// lookUp finds a message by its id: the index, and whether it is there. The
// table of ids grows with the mailbox and is built anew only when all UIDs have
// changed.
func (m *mailboxes) lookUp(v view, id string) (int, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.about(v)
	if k.ids == nil {
		k.ids = make(map[string]mail.UID, v.snap.Len())
	}
	first, _ := v.snap.Find(k.next)
	for i := first; i < v.snap.Len(); i++ {
		k.ids[idOf(v.snap.Base(i))] = v.snap.UID(i)
	}
	k.next = max(k.next, v.snap.UIDNext())
	uid, ok := k.ids[id]
	if !ok {
		return 0, false
	}
	return v.snap.Find(uid)
}

// unread counts the unread messages of a mailbox; none if it has just gone.
func (m *mailboxes) unread(ctx context.Context, name string) (int, error) {
	v, err := m.open(ctx, name)
	if err != nil {
		if missing(err) {
			return 0, nil
		}
		return 0, err
	}
	m.mu.Lock()
	k := m.about(v)
	if k.counted != v.snap {
		k.counted, k.unseen = v.snap, v.snap.Status().Unseen
	}
	n := k.unseen
	m.mu.Unlock()
	return n, v.Close()
}

// missing reports whether err says that there is no such mailbox.
func missing(err error) bool {
	switch store.KindOf(err) {
	case store.NotFound, store.Gone, store.Invalid:
		return true
	}
	return false
}

// found is a message and where it is.
type found struct {
	view
	at int
	id string
}

func (f *found) uid() mail.UID { return f.snap.UID(f.at) }

// path is the address of this message, or of what belongs to it.
func (f *found) path(what string) string { return messagePath(f.id, what, f.Name()) }

// find looks for a message by its id: first in the mailbox of the hint, then
// everywhere. The caller closes it.
func (m *mailboxes) find(ctx context.Context, id, hint string) (*found, error) {
	if hint == "" {
		hint = mail.Inbox
	}
	f, err := m.findIn(ctx, id, hint)
	if f != nil || err != nil && !missing(err) {
		return f, err
	}
	all, err := m.account.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, info := range all {
		if info.NoSelect || info.Name == hint {
			continue
		}
		f, err := m.findIn(ctx, id, info.Name)
		if f != nil || err != nil && !missing(err) {
			return f, err
		}
	}
	return nil, &problem{status: http.StatusGone, title: "Gone", text: "This message was deleted, or another program has moved it."}
}

// findIn looks in one mailbox; nil without an error: it is not there.
func (m *mailboxes) findIn(ctx context.Context, id, name string) (*found, error) {
	v, err := m.open(ctx, name)
	if err != nil {
		return nil, err
	}
	if i, ok := m.lookUp(v, id); ok {
		return &found{view: v, at: i, id: id}, nil
	}
	return nil, v.Close()
}
