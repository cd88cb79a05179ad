package webmail

import (
	"context"
	"errors"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
)

// Whether a message is the first one of its sender is found out from the sort keys, which
// the store keeps of every message of which somebody has made conversations: they hold what
// stands before the @ of an address (RFC 5256 section 3). Of every mailbox a table says
// which messages have which of these; the few that have the same are opened and compared.
//
// A page gives that work some milliseconds (senderBudget): what it cannot do in these it
// leaves to the next one, and says nothing until it knows. A sender that is known once
// costs nothing any more.

const (
	senderBudget = 10 * time.Millisecond
	senderChunk  = 500 // messages between two looks at the clock
	// mostAlike is how many messages with the same name before the @ a page compares.
	mostAlike = 40
	// fewMessages is how many messages an account must have for a first one to be
	// something special.
	fewMessages = 50
	mostSenders = 10_000 // that are remembered
)

// senders is what a session knows of the senders of an account's mail.
type senders struct {
	mu     sync.Mutex
	known  map[string]bool // addresses that have written before
	tables map[string]*senderTable
}

// senderTable is that of a mailbox.
type senderTable struct {
	validity mail.UIDValidity
	next     mail.UID          // the messages before are in it
	by       map[uint64]*alike // by the hash of what is before the @
}

var senderSeed = maphash.MakeSeed()

// extend reads the sort keys of messages that are not in the table yet; complete tells that
// there are none any more.
func (t *senderTable) extend(ctx context.Context, v view, until time.Time) (complete bool, err error) {
	from := v.snap.Len()
	for from > 0 && v.snap.UID(from-1) >= t.next {
		from--
	}
	var items store.Items
	var b []byte
	for i := from; i < v.snap.Len(); i++ {
		if i%senderChunk == 0 && time.Now().After(until) {
			return false, nil
		}
		if err := v.LoadItems(&items, v.snap, i); err != nil {
			return false, err
		}
		var ok bool
		var keys message.SortKeys
		if b, ok = items.Append(b[:0], store.SortKeys); ok {
			keys, err = message.ParseSortKeys(b)
			ok = err == nil // else of another version
		}
		if !ok {
			if time.Now().After(until) {
				return false, nil
			}
			root, err := v.Structure(ctx, v.snap.UID(i))
			if err != nil && store.KindOf(err) != store.Gone {
				return false, err
			}
			if err == nil {
				keys = root.SortKeys()
			}
		}
		h := maphash.Bytes(senderSeed, keys.From)
		if t.by[h] == nil {
			t.by[h] = &alike{}
		}
		t.by[h].uids = append(t.by[h].uids, v.snap.UID(i))
		t.next = v.snap.UID(i) + 1
	}
	return true, v.snap.Err()
}

// verdict is what is known about earlier messages.
type verdict uint8

const (
	unknown verdict = iota
	none
	some
)

// earlier looks in a mailbox for messages of a sender that came before.
func (m *mailboxes) earlier(ctx context.Context, v view, root *message.Part, before mail.UID, until time.Time) (verdict, error) {
	x := &m.senders
	t := x.tables[v.Name()]
	if t == nil || t.validity != v.snap.UIDValidity() {
		t = &senderTable{validity: v.snap.UIDValidity(), by: make(map[uint64]*alike)}
		x.tables[v.Name()] = t
	}
	if complete, err := t.extend(ctx, v, until); err != nil || !complete {
		return unknown, err
	}
	alike := t.by[maphash.Bytes(senderSeed, root.SortKeys().From)]
	if alike == nil {
		return none, nil
	}
	complete, err := alike.compare(ctx, v, until)
	for _, first := range alike.firsts[senderOf(root)] {
		// A copy in another mailbox is the same message.
		if first.uid > 0 && first.uid < before && (first.id == "" || first.id != string(root.ThreadKeys().ID)) {
			return some, err
		}
	}
	if err != nil || !complete {
		return unknown, err
	}
	return none, nil
}

// alike are the messages whose senders have the same name before the @, ascending.
type alike struct {
	uids     []mail.UID
	compared int // of these, so many are in firsts
	firsts   map[string][2]first
}

// first is the first message of an address, or the first one with another Message-ID.
type first struct {
	uid mail.UID
	id  string
}

// compare opens some of the messages that were not compared yet; complete tells that all
// were.
func (a *alike) compare(ctx context.Context, v view, until time.Time) (complete bool, err error) {
	if a.firsts == nil {
		a.firsts = make(map[string][2]first)
	}
	for opened := 0; a.compared < len(a.uids); a.compared++ {
		uid := a.uids[a.compared]
		if _, there := v.snap.Find(uid); !there {
			continue
		}
		if opened++; opened > mostAlike || time.Now().After(until) {
			return false, nil
		}
		root, err := v.Structure(ctx, uid)
		if err != nil && store.KindOf(err) == store.Gone {
			continue
		}
		if err != nil {
			return false, err
		}
		address := senderOf(root)
		f, id := a.firsts[address], string(root.ThreadKeys().ID)
		switch {
		case f[0].uid == 0:
			f[0] = first{uid, id}
		case f[1].uid == 0 && (id == "" || id != f[0].id):
			f[1] = first{uid, id}
		}
		a.firsts[address] = f
	}
	return true, nil
}

// senderOf returns the address of a message's author; "" if there is not one.
func senderOf(root *message.Part) string {
	list := root.Envelope().From
	if len(list) != 1 || !list[0].Valid() {
		return ""
	}
	return strings.ToLower(list[0].Addr())
}

// isFirst reports whether nobody has heard of a message's sender before.
func (s *Site) isFirst(r *request, l *letter) (bool, error) {
	address := senderOf(l.root)
	if address == "" || len(values(l.root, "List-Id")) > 0 {
		return false, nil
	}
	x := &s.boxes.senders
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known[address] {
		return false, nil
	}
	if x.known == nil || len(x.known) >= mostSenders {
		x.known = make(map[string]bool)
	}
	if x.tables == nil {
		x.tables = make(map[string]*senderTable)
	}
	v, err := s.boxes.wrote(r.Context(), l)
	if err == nil && v != none {
		x.known[address] = v == some
		return false, nil
	}
	if err != nil {
		return false, err
	}
	met, err := s.met(r, address)
	x.known[address] = met
	return !met && err == nil, err
}

// wrote looks for an earlier message of a letter's sender, in all mailboxes.
func (m *mailboxes) wrote(ctx context.Context, l *letter) (verdict, error) {
	until := time.Now().Add(senderBudget)
	out, err := m.earlier(ctx, l.f.view, l.root, l.f.uid(), until)
	if err != nil || out == some {
		return out, err
	}
	others, err := m.elsewhere(ctx, l.f.Name())
	if err != nil {
		return unknown, err
	}
	total := l.f.snap.Len()
	for _, name := range others {
		v, err := m.open(ctx, name)
		if err != nil && missing(err) {
			continue
		}
		if err != nil {
			return unknown, err
		}
		total += v.snap.Len()
		one, err := m.earlier(ctx, v, l.root, 1<<32-1, until)
		if err := errors.Join(err, v.Close()); err != nil || one == some {
			return one, err
		}
		if one == unknown {
			out = unknown
		}
	}
	if total < fewMessages {
		return unknown, nil
	}
	return out, nil
}

// met reports whether an address is the account's own, one of a contact, or one that was
// written to.
func (s *Site) met(r *request, address string) (bool, error) {
	for _, own := range s.ownAddresses(r) {
		if strings.EqualFold(own, address) {
			return true, nil
		}
	}
	p, err := s.people()
	if err != nil {
		return false, err
	}
	all, err := p.book.Contacts()
	if err != nil {
		return false, err
	}
	for i := range all {
		for _, e := range all[i].Emails {
			if strings.EqualFold(e.Value, address) {
				return true, nil
			}
		}
	}
	uses, err := p.uses.All(r.now)
	for _, u := range uses {
		if strings.EqualFold(u.Addr, address) {
			return true, err
		}
	}
	return false, err
}
