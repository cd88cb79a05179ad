package webmail

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"net/http"
	"strconv"
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

	senders senders
}

// maxKnown is of how many mailboxes something is remembered.
const maxKnown = 500

// knowledge is what was found out about the messages of a mailbox.
type knowledge struct {
	validity  mail.UIDValidity
	summaries map[mail.UID]summary

	labels        *labelled      // nil if nobody has looked
	conversations *conversations // of the set of messages seen last; nil if none was wanted
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
	v := view{mb, snap}
	m.noteLabels(v)
	return v, nil
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

// path is the address of message i, or of what belongs to it.
func (v view) path(i int, what string) string {
	return messagePath(idOf(v.snap.Base(i)), what, place{v.Name(), v.snap.UID(i)})
}

// idOf returns the id of a message: 20 characters of base32.
func idOf(base string) string {
	sum := sha256.Sum256([]byte(base))
	return idEncoding.EncodeToString(sum[:12])
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// lookUp finds a message by its id. Where the hint is out of date, since another
// program has moved the message, it computes the ids of all, the newest first.
func (v view) lookUp(ctx context.Context, id string, hint mail.UID) (i int, ok bool, err error) {
	if i, ok := v.snap.Find(hint); ok && idOf(v.snap.Base(i)) == id {
		return i, true, nil
	}
	for i := v.snap.Len() - 1; i >= 0; i-- {
		if i%1024 == 0 && ctx.Err() != nil {
			return 0, false, ctx.Err()
		}
		if idOf(v.snap.Base(i)) == id {
			return i, true, nil
		}
	}
	return 0, false, v.snap.Err()
}

// unread counts the unread messages of a mailbox; none if it has just gone.
func (m *mailboxes) unread(ctx context.Context, name string) (int, error) {
	st, err := m.account.Status(ctx, name, store.StatusNeeds{})
	if err != nil && missing(err) {
		return 0, nil
	}
	return st.Unseen, err
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
}

// place is where a message was when its address was made.
type place struct {
	mailbox string
	uid     mail.UID
}

// placeOf returns what the address of a request says of its message.
func placeOf(r *request) place {
	q := r.URL.Query()
	p := place{mailbox: q.Get("f")}
	if p.mailbox == "" {
		p.mailbox = mail.Inbox
	}
	if uid, err := strconv.ParseUint(q.Get("u"), 10, 32); err == nil {
		p.uid = mail.UID(uid)
	}
	return p
}

func (f *found) uid() mail.UID { return f.snap.UID(f.at) }

// path is the address of this message, or of what belongs to it.
func (f *found) path(what string) string { return f.view.path(f.at, what) }

// find looks for a message by its id: first where it was, then everywhere. The
// caller closes it.
func (m *mailboxes) find(ctx context.Context, id string, was place) (*found, error) {
	f, err := m.findIn(ctx, id, was)
	if f != nil || err != nil && !missing(err) {
		return f, err
	}
	all, err := m.account.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, info := range all {
		if info.NoSelect || info.Name == was.mailbox {
			continue
		}
		f, err := m.findIn(ctx, id, place{mailbox: info.Name})
		if f != nil || err != nil && !missing(err) {
			return f, err
		}
	}
	return nil, &problem{http.StatusGone, "error.vanished"}
}

// findIn looks in one mailbox; nil without an error: it is not there.
func (m *mailboxes) findIn(ctx context.Context, id string, was place) (*found, error) {
	v, err := m.open(ctx, was.mailbox)
	if err != nil {
		return nil, err
	}
	i, ok, err := v.lookUp(ctx, id, was.uid)
	if ok {
		return &found{view: v, at: i}, nil
	}
	return nil, errors.Join(err, v.Close())
}
