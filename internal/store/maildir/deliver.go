package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/mail"
)

// Delivery is a message that is being written to tmp. It belongs to one
// goroutine, and ends with Commit or Abort.
type Delivery struct {
	dir    *Dir
	file   *os.File // nil once closed
	unique string   // its name in tmp and the base of its base
	base   string   // with sizes, if they are known from elsewhere
	origin string   // if it is a copy
	name   Name     // what it will have besides the base
	count  crlf.Counter
	date   time.Time
	err    error // the first failure of Write
	ended  bool
}

// NewDelivery begins a message.
func (d *Dir) NewDelivery() (*Delivery, error) {
	for try := 1; ; try++ {
		unique, err := d.names.base()
		if err != nil {
			return nil, err
		}
		file, err := d.sys.create(d.tmp, unique)
		if errors.Is(err, fs.ErrExist) && try < 3 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("begin delivery: %w", err)
		}
		return &Delivery{dir: d, file: file, unique: unique}, nil
	}
}

// Write appends to the message. Line ends are stored as they come. A failure is
// final: Commit will return it, too.
func (w *Delivery) Write(p []byte) (int, error) {
	if w.file == nil {
		return 0, fmt.Errorf("write message: %w", fs.ErrClosed)
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.write(p)
	// Counts what is in the file; Counter never fails.
	_, _ = w.count.Write(p[:n])
	if err != nil {
		w.err = fmt.Errorf("write message: %w", err)
	}
	return n, w.err
}

func (w *Delivery) write(p []byte) (int, error) {
	if err := w.dir.sys.before("write", "tmp/"+w.unique); err != nil {
		return 0, err
	}
	return w.file.Write(p)
}

// SetDate sets the INTERNALDATE (RFC 9051 section 2.3.3), which is the mtime of
// the file. Without it that is the time of the last Write.
func (w *Delivery) SetDate(t time.Time) { w.date = t }

// SetFlags sets the flags and keyword letters that the message will have.
func (w *Delivery) SetFlags(f mail.Flags, l Letters) { w.name = w.name.With(f, l) }

// Size is the number of octets written so far, and what their number is once
// every line ends in CRLF.
func (w *Delivery) Size() (stored, virtual int64) { return w.count.Size, w.count.Virtual }

// Abort removes the message from tmp. After Commit or Abort it does nothing.
func (w *Delivery) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	var closed error
	if w.file != nil {
		closed = w.file.Close()
		w.file = nil
	}
	return errors.Join(closed, w.dir.sys.unlink(w.dir.tmp, w.unique))
}

// Target says where deliveries go: to new (messages with flags or keywords go
// to cur all the same, since names in new have no info field), or to cur.
type Target struct{ New bool }

// Commit makes all of the messages durable parts of the Maildir, or none. When
// it returns without an error they survive a power cut. After an error none is
// in the Maildir (they may have been for a moment), and all are aborted; if even
// taking back fails, the error says that too.
//
// The deliveries must be of this Dir. The entries are in the same order.
func (d *Dir) Commit(ws []*Delivery, to Target) ([]Entry, error) {
	entries, err := d.Publish(ws, to)
	if err != nil {
		return nil, err
	}
	if err := d.SyncNames(entries); err != nil {
		return nil, errors.Join(err, d.takeBack(entries), abortAll(ws))
	}
	return entries, nil
}

// Publish is Commit without the last step: the messages are parts of the Maildir, and
// their content is durable, but their names are only after SyncNames.
func (d *Dir) Publish(ws []*Delivery, to Target) ([]Entry, error) {
	if err := d.Finish(ws); err != nil {
		return nil, errors.Join(err, abortAll(ws))
	}
	entries, err := d.publishAll(ws, to)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("deliver: %w", err), d.takeBack(entries), abortAll(ws))
	}
	return entries, nil
}

// SyncNames makes the names of published messages durable.
func (d *Dir) SyncNames(entries []Entry) error {
	if err := d.syncFolders(entries); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	return nil
}

// Finish makes the content of the messages durable, which Commit does otherwise.
// It is for callers whose Commit shall be quick because they hold a lock. Nothing
// can be written afterwards.
func (d *Dir) Finish(ws []*Delivery) error {
	if err := d.finishAll(ws); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	return nil
}

func (d *Dir) finishAll(ws []*Delivery) error {
	for _, w := range ws {
		if w.dir != d {
			panic("maildir: Commit of a delivery to another Maildir")
		}
		if w.ended {
			return fmt.Errorf("message %s: %w", w.unique, fs.ErrClosed)
		}
		if w.err != nil {
			return w.err
		}
	}
	for _, w := range ws {
		if w.file == nil {
			continue
		}
		if err := w.finish(); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the content durable and closes the file.
func (w *Delivery) finish() error {
	s, tmp := w.dir.sys, w.dir.tmp
	if !w.date.IsZero() {
		if err := s.setTime(tmp, w.unique, w.date); err != nil {
			return err
		}
	}
	if err := s.sync(w.file); err != nil {
		return err
	}
	file := w.file
	w.file = nil
	return s.close(file)
}

func (d *Dir) publishAll(ws []*Delivery, to Target) ([]Entry, error) {
	entries := make([]Entry, 0, len(ws))
	for _, w := range ws {
		e, err := w.publish(to)
		if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// publish gives the file its name in new or cur. It never replaces a file.
func (w *Delivery) publish(to Target) (Entry, error) {
	d := w.dir
	base := w.base
	if base == "" {
		base = withSizes(withOrigin(w.unique, w.origin), w.count.Size, w.count.Virtual)
	}
	e := d.target(base, w.name, to.New)
	err := d.sys.rename(d.tmp, w.unique, d.folder(e), e.File)
	if noReplaceRefused(err) {
		if err := d.sys.link(d.tmp, w.unique, d.folder(e), e.File); err != nil {
			return Entry{}, err
		}
		if err := d.sys.unlink(d.tmp, w.unique); err != nil {
			return Entry{}, errors.Join(err, d.sys.unlink(d.folder(e), e.File))
		}
		err = nil
	}
	if err != nil {
		return Entry{}, err
	}
	w.ended = true
	return e, nil
}

// syncFolders makes the names durable, each folder once.
func (d *Dir) syncFolders(entries []Entry) error {
	for _, f := range []*folder{d.new, d.cur} {
		for _, e := range entries {
			if d.folder(e) != f {
				continue
			}
			if err := d.sys.syncDir(f); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// takeBack removes what has been published, the last first, also from where
// another program may have moved it meanwhile, and makes that durable.
func (d *Dir) takeBack(entries []Entry) error {
	var errs []error
	for i := len(entries) - 1; i >= 0; i-- {
		errs = append(errs, d.Remove(context.Background(), entries[i]))
	}
	errs = append(errs, d.syncFolders(entries))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take messages back: %w", err)
	}
	return nil
}

func abortAll(ws []*Delivery) error {
	var errs []error
	for _, w := range ws {
		errs = append(errs, w.Abort())
	}
	return errors.Join(errs...)
}
