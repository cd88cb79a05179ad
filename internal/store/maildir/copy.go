package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// CopyBase makes a base under which a message can be copied or moved into dst. It
// carries the sizes and the origin of the message. If the message cannot be looked at
// it is empty, and LinkInto and MoveInto, who make one then, find out why.
func (d *Dir) CopyBase(e Entry, dst *Dir) string {
	base, err := d.copyBase(e, dst)
	if err != nil {
		return ""
	}
	return base
}

func (d *Dir) copyBase(e Entry, dst *Dir) (string, error) {
	st, err := stat(d.folder(e), e.File)
	if err != nil {
		return "", err
	}
	if !regular(st) {
		return "", fail("link", d.folder(e), e.File, ErrNotRegular)
	}
	return dst.freshBase(e.Name, e.Name.Origin(time.Unix(st.Mtim.Unix())))
}

// LinkInto copies a message into cur of dst, under a base of CopyBase, with flags and
// letters of its own (letters as dst counts them) and the INTERNALDATE of the original.
// The copy is a hard link, since the content of a message never changes; where the
// file system refuses, the bytes are copied and made durable. The name in dst is
// durable only after dst.SyncCur.
//
// The error is fs.ErrNotExist if the message is proven to be gone. dst may be d.
func (d *Dir) LinkInto(ctx context.Context, e Entry, dst *Dir, base string, f mail.Flags, l Letters) (Entry, error) {
	var to Entry
	at, err := d.follow(ctx, e, func(e Entry) (err error) {
		if base == "" {
			if base, err = d.copyBase(e, dst); err != nil {
				return err
			}
		}
		to = dst.target(base, e.Name.With(f, l), false)
		return d.sys.link(d.folder(e), e.File, dst.cur, to.File)
	})
	if linkRefused(err) {
		to, err = d.copyInto(at, dst, f, l)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("copy message: %w", err)
	}
	return to, nil
}

// MoveInto moves a message into dst, with letters as dst counts them. It gets a
// base of CopyBase, with the origin of the old one: dst may have a file of that base with
// other flags, since Dovecot copies by hard links that keep it, and two files of one
// base are one message. Who takes a move back gives the base that the message had.
// The name in dst is durable only after dst.SyncCur.
//
// The error is fs.ErrNotExist if the message is proven to be gone. dst is not d.
func (d *Dir) MoveInto(ctx context.Context, e Entry, dst *Dir, into Target, base string, f mail.Flags, l Letters) (Entry, error) {
	var to Entry
	at, err := d.follow(ctx, e, func(e Entry) (err error) {
		if base == "" {
			if base, err = d.copyBase(e, dst); err != nil {
				return err
			}
		}
		to = dst.target(base, e.Name.With(f, l), into.New)
		err = d.sys.rename(d.folder(e), e.File, dst.folder(to), to.File)
		if noReplaceRefused(err) {
			err = d.sys.renamePlain(d.folder(e), e.File, dst.folder(to), to.File) // nobody else has this base
		}
		return err
	})
	if errors.Is(err, unix.EXDEV) {
		if to, err = d.copyInto(at, dst, f, l); err == nil {
			err = d.Remove(ctx, at)
		}
	}
	if err != nil {
		return Entry{}, fmt.Errorf("move message: %w", err)
	}
	return to, nil
}

// linkRefused reports that two names for the file cannot be had: another file
// system, too many names already, another owner's file, or no links at all.
func linkRefused(err error) bool {
	for _, refusal := range []error{unix.EXDEV, unix.EMLINK, unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// copyInto is LinkInto by bytes. The sizes of the old name go over to the new
// one, for a compressed file has others than its octets tell.
func (d *Dir) copyInto(e Entry, dst *Dir, f mail.Flags, l Letters) (Entry, error) {
	src, e, err := d.OpenMessage(e)
	if err != nil {
		return Entry{}, err
	}
	defer src.Close() // opened for reading: nothing to lose
	info, err := src.Stat()
	if err != nil {
		return Entry{}, err
	}
	w, err := dst.NewDelivery()
	if err != nil {
		return Entry{}, err
	}
	w.SetDate(info.ModTime())
	w.name = e.Name.With(f, l)
	w.origin = e.Name.Origin(info.ModTime())
	if _, sized := e.Name.Size(); sized {
		if w.base, err = dst.freshBase(e.Name, w.origin); err != nil {
			return Entry{}, errors.Join(err, w.Abort())
		}
	}
	if _, err = io.Copy(w, src); err == nil {
		err = w.finish()
	}
	if err != nil {
		return Entry{}, errors.Join(err, w.Abort())
	}
	to, err := w.publish(Target{})
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %v", ErrVanished, err) // the copy, not the message
	}
	if err != nil {
		return Entry{}, errors.Join(err, w.Abort())
	}
	return to, nil
}
