package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// ChangeFlags gives a message the name that change makes of its present name,
// and tells where it is then. A change of name takes it from new to cur. change
// is called again with the name that others have made of it whenever somebody
// was faster, so no change of theirs is lost; it must only depend on its
// argument, and not touch Base.
//
// The error is fs.ErrNotExist if the message is proven to be gone.
func (d *Dir) ChangeFlags(ctx context.Context, e Entry, change func(Name) Name) (Entry, error) {
	var to Entry
	_, err := d.follow(ctx, e, func(e Entry) error {
		n := change(e.Name)
		if n.Base != e.Name.Base {
			panic("maildir: ChangeFlags changes the base")
		}
		if n == e.Name {
			to = e
			_, err := stat(d.folder(e), e.File) // what e says may be old
			return err
		}
		to = Entry{Name: n, File: n.String()}
		return d.move(e, to)
	})
	if err != nil {
		return Entry{}, fmt.Errorf("change flags: %w", err)
	}
	return to, nil
}

// TakeNew moves a message from new to cur, with the flags that it may have. Of
// all processes that try, exactly one succeeds; the others get ErrLost. The
// error is fs.ErrNotExist if the message is proven to be gone.
//
// Whoever changes the flags of a message in new takes it away, too.
func (d *Dir) TakeNew(ctx context.Context, e Entry) (Entry, error) {
	var to Entry
	_, err := d.follow(ctx, e, func(e Entry) error {
		if !e.New {
			return ErrLost
		}
		to = Entry{Name: e.Name, File: e.Name.String()}
		return d.move(e, to)
	})
	if err != nil {
		return Entry{}, fmt.Errorf("take new message: %w", err)
	}
	return to, nil
}

// move renames a message within the Maildir. It is fs.ErrNotExist if from is not
// there (any more), and never replaces a file.
func (d *Dir) move(from, to Entry) error {
	if from.New == to.New && from.File == to.File {
		_, err := stat(d.folder(from), from.File)
		return err
	}
	for range maxTries {
		err := d.renameTo(from, to)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		done, err := d.clear(from, to)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("move message %s: %w", from.Name.Base, ErrBusy)
}

// renameTo renames without replacing. Where that cannot be had in one step it
// looks first: link and unlink would be safer for the file in the way, but let
// two processes both succeed, and the base is unique unless somebody made a copy
// by hand.
func (d *Dir) renameTo(from, to Entry) error {
	src, dst := d.folder(from), d.folder(to)
	err := d.sys.rename(src, from.File, dst, to.File)
	if !noReplaceRefused(err) {
		return err
	}
	switch _, err := stat(dst, to.File); {
	case err == nil:
		return fail("rename", dst, to.File, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return d.sys.renamePlain(src, from.File, dst, to.File)
}

// clear deals with a file that has the name that from is to get. If both are the
// same file (link and unlink were cut short between the two) the name from goes,
// and that was it. Otherwise they are two messages, and the other one gets a
// base of its own.
func (d *Dir) clear(from, to Entry) (done bool, err error) {
	a, err := stat(d.folder(from), from.File)
	if err != nil {
		return false, err
	}
	b, err := stat(d.folder(to), to.File)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if a.Dev == b.Dev && a.Ino == b.Ino {
		return true, d.sys.unlink(d.folder(from), from.File)
	}
	return false, d.rebase(to)
}

// rebase gives a file a fresh base, as new mail.
func (d *Dir) rebase(e Entry) error {
	_, err := d.freshName(e)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody else did, or it moved on by itself
	}
	return err
}

// freshName renames a message to a base that nobody has, keeping its sizes, and
// puts it into new if it has no flags.
func (d *Dir) freshName(e Entry) (Entry, error) {
	base, err := d.freshBase(e.Name, "")
	if err != nil {
		return Entry{}, err
	}
	to := d.target(base, e.Name, true)
	return to, d.renameTo(e, to)
}

// freshBase makes a base with the sizes of n, and an origin if there is one.
func (d *Dir) freshBase(n Name, origin string) (string, error) {
	base, err := d.names.base()
	if err != nil {
		return "", err
	}
	size, ok := n.Size()
	if !ok {
		size = -1
	}
	virtual, ok := n.VirtualSize()
	if !ok {
		virtual = -1
	}
	return withSizes(withOrigin(base, origin), size, virtual), nil
}

// target is where a message with this base goes that is as n otherwise: to new
// without an info field if that is wanted and it has no flags, else to cur.
func (d *Dir) target(base string, n Name, new bool) Entry {
	n.Base = base
	if new && n == (Name{Base: base}) {
		return Entry{Name: n, File: base, New: true}
	}
	return Entry{Name: n, File: n.String()}
}

// Separate ends a duplicate that List found: e is a file whose base another file
// has too. If both are the same file, as a crash between link and unlink leaves
// them, the name e is removed and the entry that stays is returned. Otherwise e
// gets a base of its own, and is new mail if it has no flags.
//
// The error is fs.ErrNotExist if e is no longer there.
func (d *Dir) Separate(ctx context.Context, e Entry) (Entry, error) {
	st, err := stat(d.folder(e), e.File)
	if err != nil {
		return Entry{}, fmt.Errorf("separate message: %w", err)
	}
	s, err := d.sweep(0, false)
	if err != nil {
		return Entry{}, fmt.Errorf("separate message: %w", err)
	}
	for _, other := range s.Find(e.Name.Base) {
		if other.File == e.File && other.New == e.New {
			continue
		}
		o, err := stat(d.folder(other), other.File)
		if err == nil && o.Dev == st.Dev && o.Ino == st.Ino && st.Nlink > 1 {
			return other, d.dropLink(e, st.Ctim.Sec)
		}
	}
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	to, err := d.freshName(e)
	if err != nil {
		return Entry{}, fmt.Errorf("separate message: %w", err)
	}
	return to, nil
}

// linkGrace is how long another program may take between link and unlink, in
// seconds. Before that its second name is left to itself.
const linkGrace = 30

func (d *Dir) dropLink(e Entry, ctime int64) error {
	now, err := d.now()
	if err != nil {
		return fmt.Errorf("separate message: %w", err)
	}
	if now.Unix()-ctime < linkGrace {
		return fmt.Errorf("separate message: %w", ErrBusy)
	}
	return d.sys.unlink(d.folder(e), e.File)
}

// RemoveAs removes a message if it has the very name and place that e says, and reports
// whether it had: not if its flags were changed meanwhile, by whomever.
func (d *Dir) RemoveAs(e Entry) (bool, error) {
	err := d.sys.unlink(d.folder(e), e.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("remove message: %w", err)
	}
	return true, nil
}

// Remove removes a message, whatever its name has become. It is no error if the
// message is gone already.
func (d *Dir) Remove(ctx context.Context, e Entry) error {
	_, err := d.follow(ctx, e, func(e Entry) error {
		return d.sys.unlink(d.folder(e), e.File)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove message: %w", err)
	}
	return nil
}
