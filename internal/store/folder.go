package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"fantail/internal/mail"
)

// Create makes a mailbox (RFC 9051 section 6.3.4). A trailing delimiter, by
// which a client says that it wants children there, is ignored. Parents come
// into being as names only. The mailbox has the special uses, which must be among
// SpecialUses, and they are taken from other mailboxes.
func (a *Account) Create(ctx context.Context, name string, uses ...string) error {
	const op = "create"
	c, err := a.canonical(strings.TrimSuffix(name, a.separator()))
	if err != nil {
		return &Error{Op: op, Mailbox: name, Kind: Invalid, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(op, c, err)
	}
	if c == mail.Inbox {
		return &Error{Op: op, Mailbox: c, Kind: Exists}
	}
	a.furnish(ctx)
	if len(uses) == 0 {
		return a.create(c)
	}
	// RFC 6154 section 3: a mailbox that cannot have the use must not be made.
	undo, err := a.designate(ctx, c, uses)
	if err != nil {
		return fail(op, c, err)
	}
	if err := a.create(c); err != nil {
		return fail(op, c, errors.Join(err, undo()))
	}
	return nil
}

func (a *Account) create(name string) error {
	d, err := a.tree.Create(a.folder(name))
	if err == nil {
		err = d.Close()
	}
	return fail("create", name, err)
}

var errParent = errors.New("the name is only a parent of others")

// Delete removes a mailbox and its messages (RFC 9051 section 6.3.5). Mailboxes
// below it stay, and so does the name if there are any. INBOX cannot be deleted.
func (a *Account) Delete(ctx context.Context, name string) error {
	const op = "delete"
	c, err := a.canonical(name)
	if err != nil {
		// A name that could not be created does not exist either.
		return &Error{Op: op, Mailbox: name, Kind: NotFound, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(op, c, err)
	}
	if c == mail.Inbox {
		return &Error{Op: op, Mailbox: c, Kind: Invalid, Err: errors.New("INBOX cannot be deleted")}
	}
	var q *charge
	if !a.opt.Ignored[c] {
		q = a.charge()
	}
	switch err := a.tree.Delete(a.folder(c)); {
	case errors.Is(err, fs.ErrNotExist):
		q.cancel()
		return a.missing(ctx, op, c, err)
	case err != nil:
		q.spoil()
		return fail(op, c, err)
	}
	q.spoil()
	a.forget(c)
	a.forgetUses(ctx, c)
	return nil
}

// missing is the error for a mailbox that is not there: Invalid if the name is the
// parent of others.
func (a *Account) missing(ctx context.Context, op, name string, cause error) error {
	byName, err := a.names(ctx)
	if err != nil {
		return err
	}
	if i := byName[name]; i != nil && i.HasChildren {
		return &Error{Op: op, Mailbox: name, Kind: Invalid, Err: errParent}
	}
	return fail(op, name, cause)
}

// Rename renames a mailbox and all below it (RFC 9051 section 6.3.6). Renaming
// INBOX moves its messages to a new mailbox and leaves INBOX empty.
func (a *Account) Rename(ctx context.Context, from, to string) error {
	const op = "rename"
	src, err := a.canonical(from)
	if err != nil {
		return &Error{Op: op, Mailbox: from, Kind: NotFound, Err: err}
	}
	dst, err := a.canonical(strings.TrimSuffix(to, a.separator()))
	if err != nil {
		return &Error{Op: op, Mailbox: to, Kind: Invalid, Err: err}
	}
	byName, err := a.names(ctx)
	if err != nil {
		return err
	}
	switch {
	case byName[dst] != nil:
		return &Error{Op: op, Mailbox: dst, Kind: Exists}
	case byName[src] == nil:
		return &Error{Op: op, Mailbox: src, Kind: NotFound, Err: fs.ErrNotExist}
	case src == mail.Inbox:
		return a.renameInbox(ctx, dst)
	case a.below(dst, src):
		return &Error{Op: op, Mailbox: dst, Kind: Invalid, Err: errors.New("a mailbox cannot move below itself")}
	}
	moves := []move{{src, dst}}
	if !a.layout.Nested() { // there all that is below goes along
		if moves, err = a.moves(byName, src, dst); err != nil {
			return err
		}
	}
	q := a.renames(src, dst)
	err = a.renameAll(moves)
	q.spoil()
	if err != nil {
		return err
	}
	a.moveUses(ctx, byName, src, dst)
	return nil
}

// renames begins what a rename is for the quota: a change by an unknown amount, if any
// mailbox of these names, or below them, does not count.
func (a *Account) renames(src, dst string) *charge {
	for name := range a.opt.Ignored {
		if name == src || name == dst || a.below(name, src) || a.below(name, dst) {
			return a.charge()
		}
	}
	return nil
}

type move struct{ from, to string }

// moves lists the directories that a rename of src to dst has to rename: src
// itself, if it is one, and everything below.
func (a *Account) moves(byName map[string]*Info, src, dst string) ([]move, error) {
	var ms []move
	for name, i := range byName {
		if i.NoSelect || name != src && !a.below(name, src) {
			continue
		}
		to, err := a.canonical(dst + name[len(src):])
		if err != nil {
			return nil, &Error{Op: "rename", Mailbox: dst + name[len(src):], Kind: Invalid, Err: err}
		}
		ms = append(ms, move{name, to})
	}
	slices.SortFunc(ms, func(x, y move) int { return strings.Compare(x.from, y.from) })
	return ms, nil
}

// renameAll carries out the moves, and takes back those done when one fails.
func (a *Account) renameAll(ms []move) error {
	for i, m := range ms {
		err := a.tree.Rename(a.folder(m.from), a.folder(m.to))
		if err == nil {
			a.forget(m.from)
			continue
		}
		for _, done := range slices.Backward(ms[:i]) {
			if undo := a.tree.Rename(a.folder(done.to), a.folder(done.from)); undo != nil {
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
