package outbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Held is a job that this process works on. Its methods are the arrows of the package
// comment; an error of one leaves the job in the state that it had, or that it was to get.
type Held struct {
	ID    string
	State State
	Job   Job
	// Again says that another process has begun this state, and died.
	Again bool

	box *Box
}

// stale is how old what is in writing must be to be nobody's any more.
const stale = 24 * time.Hour

// Recover returns what another process has left, after putting back what had not left.
// The caller holds the lock.
func (b *Box) Recover() ([]*Held, error) {
	if err := b.sweep(); err != nil {
		return nil, err
	}
	claimed, err := b.names(Claimed)
	if err != nil {
		return nil, err
	}
	for _, id := range claimed {
		if err := b.move(id, Claimed, Queued); err != nil {
			return nil, fmt.Errorf("recover a message: %w", err)
		}
	}
	var out []*Held
	for _, s := range states[1:] {
		list, err := b.names(s)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			j, err := b.read(s, id)
			h := &Held{ID: id, State: s, Job: j, Again: true, box: b}
			switch {
			case errors.Is(err, errDamaged):
				if err := h.setAside(err.Error()); err != nil {
					return nil, fmt.Errorf("recover a message: %w", err)
				}
			case s == Queued: // it may be cancelled meanwhile
			case err != nil:
				return nil, fmt.Errorf("recover a message: %w", err)
			default:
				out = append(out, h)
			}
		}
	}
	return out, nil
}

// setAside takes a job that makes no sense out of the way of the others.
func (h *Held) setAside(said string) error {
	if err := h.Tell(Damaged, said); err != nil {
		return err
	}
	err := h.to(damaged)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was cancelled
	}
	return err
}

// sweep removes what was never finished.
func (b *Box) sweep() error {
	list, err := os.ReadDir(b.path(writing))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sweep the outbox: %w", err)
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil || b.clock().Sub(info.ModTime()) < stale {
			continue // it has just gone, or is in use
		}
		if err := os.RemoveAll(b.path(writing, e.Name())); err != nil {
			return fmt.Errorf("sweep the outbox: %w", err)
		}
	}
	return nil
}

// Claim returns the first job that is due at a time; nil if none is, and then when the
// first one will be, the zero Time if there is none. The caller holds the lock.
func (b *Box) Claim(now time.Time) (h *Held, next time.Time, err error) {
	list, err := b.List()
	if err != nil {
		return nil, next, err
	}
	for _, e := range list {
		if e.State != Queued {
			continue
		}
		if e.Job.NotBefore.After(now) {
			return nil, e.Job.NotBefore, nil
		}
		err := b.move(e.ID, Queued, Claimed)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was cancelled
		}
		if err != nil {
			return nil, next, fmt.Errorf("claim a message: %w", err)
		}
		// It may have been changed since it was listed.
		j, err := b.read(Claimed, e.ID)
		h := &Held{ID: e.ID, State: Claimed, Job: j, box: b}
		if errors.Is(err, errDamaged) {
			if err := h.setAside(err.Error()); err != nil {
				return nil, next, err
			}
			continue
		}
		if err != nil {
			return nil, next, fmt.Errorf("claim a message: %w", err)
		}
		if !j.NotBefore.After(now) {
			return h, next, nil
		}
		if err := h.to(Queued); err != nil {
			return nil, next, err
		}
		return nil, j.NotBefore, nil
	}
	return nil, next, nil
}

// to moves the job.
func (h *Held) to(s State) error {
	if err := h.box.move(h.ID, h.State, s); err != nil {
		return fmt.Errorf("note that a message is %s: %w", s, err)
	}
	h.State = s
	return nil
}

// Message opens what the transport gets.
func (h *Held) Message() (*os.File, error) { return os.Open(h.box.path(h.State, h.ID, "message")) }

// Head opens the header of the sender's copy.
func (h *Held) Head() (*os.File, error) { return os.Open(h.box.path(h.State, h.ID, "head")) }

// Sending notes that from now on the transport may have all of the message.
func (h *Held) Sending() error { return h.to(Sending) }

// Sent notes that the transport has said yes.
func (h *Held) Sent() error { return h.to(Sent) }

// Retry puts the job back: the transport has clearly not taken the message. What it said
// is kept.
func (h *Held) Retry(at time.Time, said string) error {
	h.Job.NotBefore, h.Job.Last = at, said
	h.Job.Attempts++
	if err := replaceJSON(h.box.path(h.State, h.ID, "job.json"), h.Job); err != nil {
		return fmt.Errorf("put a message back: %w", err)
	}
	return h.to(Queued)
}

// Fail notes that the job is not done, and why.
func (h *Held) Fail(reason Reason, said string) error {
	if err := h.Tell(reason, said); err != nil {
		return err
	}
	return h.to(Failed)
}

// Done removes the job.
func (h *Held) Done() error {
	if err := h.to(writing); err != nil {
		return err
	}
	h.box.step("removing")
	if err := os.RemoveAll(h.box.path(writing, h.ID)); err != nil {
		return fmt.Errorf("remove a message that was sent: %w", err)
	}
	return nil
}

// WriteCopy writes the sender's copy: the header of its own, and the body of what was
// sent. Both have LF or both CRLF at the ends of their lines.
func (h *Held) WriteCopy(w io.Writer) error {
	head, err := h.Head()
	if err != nil {
		return err
	}
	defer head.Close()
	message, err := h.Message()
	if err != nil {
		return err
	}
	defer message.Close()
	if err := skipHeader(message); err != nil {
		return err
	}
	if _, err := io.Copy(w, head); err != nil {
		return err
	}
	_, err = io.Copy(w, message)
	return err
}
