package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/test/storm/witness"
)

// operation is something that writes, to be interrupted at each of its writes.
type operation struct {
	name string
	// prepare completes the account that every operation begins with (see furnish).
	prepare func(dir string) error
	blank   bool // INBOX has no UIDs yet
	cold    bool // the index is not true, as after a backup was restored
	// behind changes files as another program would, right before the operation.
	behind func(dir string) error
	run    func(a *actor) error
	// writes is the call that makes the operation what it is: one that is never
	// seen was not interrupted.
	writes string
}

// work does something with an open mailbox.
type work func(*actor, *store.Mailbox) error

var operations = []operation{
	{name: "deliver", writes: "renameat2 new/", run: inbox(deliver)},
	{name: "append", writes: "write dovecot-uidlist", run: inbox(appendNew("new-1"))},
	{name: "append three", writes: "fdatasync dovecot-uidlist", run: inbox(appendNew("new-1", "new-2", "new-3"))},
	{name: "append with a new keyword", writes: "dovecot-keywords", run: inbox(appendNew("new-1", "fresh"))},
	{name: "add flags", writes: "renameat2 cur/", run: inbox(setFlags(mail.Add, mail.Flagged))},
	{name: "new keyword", writes: "dovecot-keywords", run: inbox(setFlags(mail.Add, 0, "fresh"))},
	{name: "keyword without a letter", writes: "fantail-keywords", prepare: fillLetters, run: inbox(setFlags(mail.Add, 0, "fresh"))},
	{name: "replace flags", writes: "renameat2 cur/", run: inbox(setFlags(mail.Replace, mail.Draft, "kw"))},
	{name: "claim recent", writes: "renameat2 cur/", run: inbox(claimRecent)},
	{name: "expunge", writes: "unlinkat cur/", run: inbox(expunge)},
	{name: "copy", writes: "linkat .other/cur/", run: inbox(across((*store.Mailbox).Copy))},
	{name: "move", writes: "renameat2 .other/cur/", run: inbox(across((*store.Mailbox).Move))},
	{name: "first sync", writes: "dovecot-uidlist", prepare: removeLists, blank: true, run: inbox((*actor).show)},
	{name: "sync", writes: "write dovecot-uidlist", behind: disturb, run: inbox((*actor).show)},
	{name: "create", writes: "renameat2 .fresh.box", run: create},
	{name: "delete", writes: "renameat", run: remove},
	{name: "rename", writes: "renameat", run: rename("other", "elsewhere.deep")},
	{name: "rename INBOX", writes: "renameat2 .old/cur/", run: rename(mail.Inbox, "old")},
	{name: "subscribe", writes: "subscriptions", run: subscribe("other", true)},
	{name: "unsubscribe", writes: "subscriptions", run: subscribe(mail.Inbox, false)},
	{name: "compact the list", writes: "renameat dovecot-uidlist", prepare: fillList, cold: true, behind: disturb, run: inbox((*actor).show)},
	{name: "checkpoint", writes: "fantail.index", prepare: fillJournal, cold: true, run: inbox(overflow)},
	{name: "keep items", writes: "fantail.cache", run: inbox(keepItems)},
}

func operationNamed(name string) (operation, bool) {
	i := slices.IndexFunc(operations, func(o operation) bool { return o.name == name })
	if i < 0 {
		return operation{}, false
	}
	return operations[i], true
}

// furnish makes the account that operations begin with. INBOX has seven messages,
// of which the third is expunged and the last is new; "other" and "other.child"
// have some too.
func furnish(dir string) error {
	return inAccount(dir, func(a *actor) error {
		ctx := context.Background()
		errs := []error{a.a.Create(ctx, "other"), a.a.Create(ctx, "other.child")}
		for _, name := range []string{mail.Inbox, "other.child"} {
			errs = append(errs, a.a.Subscribe(ctx, name, true))
		}
		kw := store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"kw"}}
		errs = append(errs, a.with(mail.Inbox, func(m *store.Mailbox) error {
			err := a.append(m, kw, "old-1", "old-2", "old-3", "old-4", "old-5", "old-6")
			return errors.Join(err, m.Expunge(ctx, []mail.UID{3}), a.deliver(m, "old-7"))
		}))
		for _, name := range []string{"other", "other.child"} {
			errs = append(errs, a.with(name, func(m *store.Mailbox) error { return a.append(m, kw, name+"-1", name+"-2") }))
		}
		return errors.Join(append(errs, a.with(mail.Inbox, nothing))...)
	})
}

func nothing(*store.Mailbox) error { return nil }

// inAccount does something with an account, unguarded.
func inAccount(dir string, f func(*actor) error) error {
	a, err := store.OpenAccount(dir, store.Options{Host: "storm"})
	if err != nil {
		return err
	}
	return errors.Join(f(&actor{a: a}), a.Close())
}

// inbox is an operation on INBOX.
func inbox(w work) func(*actor) error {
	return func(a *actor) error {
		return a.with(mail.Inbox, func(m *store.Mailbox) error { return w(a, m) })
	}
}

// deliver delivers a message as package deliver does: its acknowledgement is that
// it is there, whatever its UID will be.
func deliver(a *actor, m *store.Mailbox) error {
	if err := a.deliver(m, "new-1"); err != nil {
		return err
	}
	return a.tell(ack{Did: "deliver", Box: m.Name(), Token: "new-1"})
}

func (a *actor) deliver(m *store.Mailbox, token string) error {
	d, err := m.NewDelivery()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(d, text(token)); err != nil {
		return errors.Join(err, d.Abort())
	}
	return d.Commit(context.Background())
}

// appendNew appends messages; names that are no tokens are their keywords.
func appendNew(names ...string) work {
	f := store.FlagSet{Flags: mail.Seen}
	var tokens []string
	for _, n := range names {
		if len(n) > 3 && n[:3] == "new" {
			tokens = append(tokens, n)
		} else {
			f.Keywords = append(f.Keywords, mail.Keyword(n))
		}
	}
	return func(a *actor, m *store.Mailbox) error { return a.append(m, f, tokens...) }
}

// setFlags changes the flags of every message.
func setFlags(op mail.Op, f mail.Flags, kws ...mail.Keyword) work {
	return func(a *actor, m *store.Mailbox) error {
		snap, err := m.Sync(context.Background())
		if err != nil {
			return err
		}
		c := store.FlagChange{Op: op, FlagSet: store.FlagSet{Flags: f, Keywords: kws}}
		missing, err := m.SetFlags(context.Background(), snap.UIDs(), c)
		if err != nil || len(missing) > 0 {
			return errors.Join(err, missed(missing))
		}
		return a.show(m)
	}
}

func missed(uids []mail.UID) error {
	if len(uids) == 0 {
		return nil
	}
	return fmt.Errorf("UIDs %v are said to be expunged", uids)
}

func claimRecent(a *actor, m *store.Mailbox) error {
	claimed, err := m.ClaimRecent(context.Background())
	if err == nil && len(claimed) == 0 {
		err = errors.New("there was no message to claim")
	}
	if err != nil {
		return err
	}
	return a.show(m)
}

func expunge(a *actor, m *store.Mailbox) error {
	uids := []mail.UID{2, 5}
	if err := m.Expunge(context.Background(), uids); err != nil {
		return err
	}
	for _, uid := range uids {
		if err := a.tell(ack{Did: "expunge", Box: m.Name(), UID: uid}); err != nil {
			return err
		}
	}
	return nil
}

// across copies or moves messages from INBOX to "other".
func across(do func(*store.Mailbox, context.Context, []mail.UID, *store.Mailbox) (store.Copied, error)) work {
	return func(a *actor, m *store.Mailbox) error {
		return a.with("other", func(dst *store.Mailbox) error {
			c, err := do(m, context.Background(), []mail.UID{1, 4, 6}, dst)
			if err == nil {
				err = a.show(dst)
			}
			if err != nil {
				return err
			}
			if len(c.Src) != 3 {
				return fmt.Errorf("UIDs %v of three", c.Src)
			}
			return a.show(m)
		})
	}
}

func create(a *actor) error {
	if err := a.a.Create(context.Background(), "fresh.box"); err != nil {
		return err
	}
	if err := a.tell(ack{Did: "box", Box: "fresh.box"}); err != nil {
		return err
	}
	return a.with("fresh.box", nothing)
}

func remove(a *actor) error {
	if err := a.a.Delete(context.Background(), "other"); err != nil {
		return err
	}
	return a.tell(ack{Did: "nobox", Box: "other"})
}

func rename(from, to string) func(*actor) error {
	return func(a *actor) error {
		if err := a.a.Rename(context.Background(), from, to); err != nil {
			return err
		}
		if from != mail.Inbox {
			if err := a.tell(ack{Did: "nobox", Box: from}); err != nil {
				return err
			}
		}
		return a.tell(ack{Did: "box", Box: to})
	}
}

func subscribe(name string, on bool) func(*actor) error {
	return func(a *actor) error {
		if err := a.a.Subscribe(context.Background(), name, on); err != nil {
			return err
		}
		did := map[bool]string{true: "subscribed", false: "unsubscribed"}[on]
		return a.tell(ack{Did: did, Box: name})
	}
}

func keepItems(a *actor, m *store.Mailbox) error {
	snap, err := m.Sync(context.Background())
	if err != nil {
		return err
	}
	for _, uid := range snap.UIDs() {
		m.KeepItems(uid, store.KeptItem{Kind: store.Envelope, Data: []byte("(envelope)")})
		if _, err := m.Stat(context.Background(), uid); err != nil {
			return err
		}
	}
	return a.show(m)
}

// removeLists leaves a Maildir as a foreign program knows it: messages alone.
func removeLists(dir string) error {
	errs := []error{removeDerived(dir)}
	for _, name := range []string{"dovecot-uidlist", "dovecot-keywords"} {
		errs = append(errs, os.Remove(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

// disturb delivers, flags and removes behind the store's back.
func disturb(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "cur", "*"))
	if err != nil || len(names) < 4 {
		return errors.Join(err, fmt.Errorf("%d messages in cur", len(names)))
	}
	_, err1 := put(dir, "new-1", true)
	_, err2 := put(dir, "new-2", false)
	return errors.Join(err1, err2, os.Rename(names[0], filepath.Join(dir, "cur", baseOf(names[0])+":2,F")), os.Remove(names[1]))
}

// fillLetters uses up the letters that file names have for keywords.
func fillLetters(dir string) error {
	return inAccount(dir, inbox(func(a *actor, m *store.Mailbox) error {
		for i := range 26 {
			c := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{mail.Keyword(fmt.Sprintf("k%d", i))}}}
			if _, err := m.SetFlags(context.Background(), []mail.UID{1}, c); err != nil && store.KindOf(err) != store.Limit {
				return err
			}
		}
		return nil
	}))
}

// fillList leaves many records of expunged messages in the UID list.
func fillList(dir string) error {
	return inAccount(dir, inbox(func(a *actor, m *store.Mailbox) error {
		var all []string
		for i := range 120 {
			all = append(all, fmt.Sprintf("gone-%d", i))
		}
		b, err := m.NewAppend()
		if err != nil {
			return err
		}
		got, err := a.batch(b, store.FlagSet{Flags: mail.Seen}, all...)
		if err != nil {
			return err
		}
		return m.Expunge(context.Background(), got.UIDs)
	}))
}

// fillJournal leaves so long a journal that a few changes more make it due for a
// checkpoint. How long that is it finds out: it is when the journal is short again.
func fillJournal(dir string) error {
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("many-%d", i))
	}
	err := inAccount(dir, inbox(func(a *actor, m *store.Mailbox) error {
		b, err := m.NewAppend()
		if err != nil {
			return err
		}
		_, err = a.batch(b, store.FlagSet{Flags: mail.Seen}, many...)
		return err
	}))
	if err != nil {
		return err
	}
	var size, growth, most int64
	for range 1000 {
		if err := inAccount(dir, inbox(toggleAll)); err != nil {
			return err
		}
		st, err := os.Stat(filepath.Join(dir, "fantail.log"))
		if err != nil {
			return err
		}
		if st.Size() < size { // a checkpoint: the next one comes at the same length
			most = size
		}
		size, growth = st.Size(), st.Size()-size
		if most > 0 && growth > 0 && size+growth > most {
			return nil
		}
	}
	return errors.New("the journal grows for ever")
}

// toggleAll changes the flags of every message and changes them back, twice.
func toggleAll(a *actor, m *store.Mailbox) error {
	quiet := &actor{a: a.a}
	for range 2 {
		err := setFlags(mail.Add, mail.Answered)(quiet, m)
		if err == nil {
			err = setFlags(mail.Remove, mail.Answered)(quiet, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// overflow does so once more than the journal of fillJournal has room for.
func overflow(a *actor, m *store.Mailbox) error {
	if err := errors.Join(toggleAll(a, m), toggleAll(a, m)); err != nil {
		return err
	}
	return setFlags(mail.Add, mail.Answered)(a, m)
}

// spelled is how a set of flags is told.
func spelled(f store.FlagSet) string { return witness.Spell(f.Flags, f.Keywords) }
