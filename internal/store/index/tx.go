package index

import (
	"errors"
	"fmt"
	"math"
	"os"

	"fantail/internal/mail"
)

// Tx is a set of changes that readers see all at once or not at all. It is begun
// and committed under the lock.
type Tx struct {
	l      *Lock
	base   *Index
	e      *edit
	frame  []byte
	limit  int64  // a longer frame is given up for a snapshot
	long   bool   // it was
	op     op     // the one that is being carried out
	name   []byte // to which op.base and op.info refer
	bumped bool   // there is a modseq for the changes
	forced bool   // it must be written even if it is empty
	fresh  bool   // it begins an index of its own
	err    error
	in     *interner // or nil

	expunged struct { // the last operation, if it was opExpunge
		open     bool
		at, slot int // in the frame
		op
	}
	cache   *os.File // or nil
	blobs   []byte   // to be written to it at cacheAt
	cacheAt int64
}

// Begin begins a transaction on the index as it is now. The errors are those of
// Load.
func (l *Lock) Begin() (*Tx, error) {
	f := l.f
	f.mu.Lock()
	x, err := f.loadLocked()
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	t := newTx(l, x)
	if x.more {
		// What a process that died was writing; nobody was told that it is there.
		// Or a frame that could be read once and cannot any more.
		t.e.x.doubt = true
	}
	t.e.x.clean = false
	if t.e.x.doubt {
		t.change(&op{kind: opDoubt})
		t.forced = true
	}
	if f.otherBoot(x.boot) {
		t.do(&op{kind: opBoot, id: f.boot})
	}
	return t, t.err
}

// Reset begins a transaction on an empty index, which takes the place of
// whatever is there once it is committed. next is the first UID of which the
// index knows nothing: 1 if all messages that exist are then added.
func (l *Lock) Reset(v mail.UIDValidity) (*Tx, error) {
	if v == 0 {
		return nil, errors.New("reset index: no UIDVALIDITY")
	}
	x := newIndex(nil)
	x.validity, x.next = v, 1
	now := l.f.opt.Clock().UnixMicro()
	// Above the generations of files that may still lie there.
	x.generation = uint64(max(now, 1))
	x.modseq = mail.ModSeq(max(now, 1))
	f := l.f
	f.mu.Lock()
	old, err := f.loadLocked()
	if err == nil {
		x.generation = max(x.generation, old.generation)
		x.modseq = max(x.modseq, old.modseq)
	}
	f.mu.Unlock()
	x.generation = max(x.generation, f.generations())
	x.least, x.floor = x.modseq, x.modseq
	x.boot = f.boot
	t := newTx(l, x)
	t.fresh = true
	return t, nil
}

func newTx(l *Lock, x *Index) *Tx {
	return &Tx{l: l, base: x, e: newEdit(x), frame: newFrame(), limit: min(x.limit(), maxFrame)}
}

// generations returns the highest generation that the files on disk claim, as far
// as their headers can be read.
func (f *File) generations() (g uint64) {
	if m, err := openImage(f.path(snapshotName), f.opt.Networked); err == nil {
		g = m.h.generation
	}
	if log, st, err := openOld(f.path(journalName), 0); err == nil {
		if h, ok, err := readHead(log, st.Size()); err == nil && ok {
			g = max(g, h.generation)
		}
		log.Close() // only read from
	}
	return g
}

// Index returns the index as it was at Begin.
func (t *Tx) Index() *Index { return t.base }

// ModSeq returns the modseq that the transaction's changes have. It is greater
// than every earlier one, and one for all of them: each command that changes
// flags is a transaction (RFC 7162 section 3.1).
func (t *Tx) ModSeq() mail.ModSeq {
	t.bump()
	return t.e.x.modseq
}

// bump gives the transaction its modseq: the clock's microseconds, or one more
// than the last if the clock is behind.
func (t *Tx) bump() {
	if t.bumped {
		return
	}
	x := t.e.x
	last := x.modseq
	x.modseq = max(last+1, mail.ModSeq(max(t.l.f.opt.Clock().UnixMicro(), 0)))
	if x.modseq >= math.MaxInt64 {
		x.modseq, t.err = last, ErrExhausted
	}
	t.bumped = true
}

// do writes an operation and carries it out.
func (t *Tx) do(o *op) error {
	if t.e == nil {
		return ErrDone
	}
	if t.err != nil {
		return t.err
	}
	if !t.e.do(o) {
		// The arguments were checked: the operation must have made sense.
		t.err = fmt.Errorf("operation %d on UID %d makes no sense", o.kind, o.UID)
		if err := t.base.Err(); err != nil {
			t.err = err
		}
		return t.err
	}
	t.expunged.open = false
	t.write(o)
	return nil
}

// write adds an operation to the frame.
func (t *Tx) write(o *op) {
	if t.long {
		return
	}
	t.frame = o.append(t.frame)
	if t.long = int64(len(t.frame)) > t.limit; t.long {
		t.frame = nil
	}
}

// begin begins an operation on a message.
func (t *Tx) begin(kind opKind, uid mail.UID) *op {
	t.op = op{kind: kind}
	t.op.UID = uid
	return &t.op
}

// change is do for what has a modseq.
func (t *Tx) change(o *op) error {
	if t.e == nil {
		return ErrDone
	}
	t.bump()
	return t.do(o)
}

// Abort gives the transaction up. After Commit it does nothing.
func (t *Tx) Abort() {
	t.e = nil
	if t.cache != nil {
		t.cache.Close() // what was to be written to it was checked
		t.cache = nil
	}
}

// Commit makes the transaction visible to everybody by one write, and returns
// the index with it. After an error nothing of it is visible; only if a new
// journal is in place and the directory cannot be synced, everything is.
func (t *Tx) Commit() (*Index, error) {
	if t.e == nil {
		return nil, ErrDone
	}
	defer t.Abort()
	if t.l.aside {
		return nil, ErrAside
	}
	if t.err != nil {
		return nil, t.err
	}
	if err := t.base.Err(); err != nil {
		return nil, err
	}
	if t.empty() && !t.forced && !t.fresh {
		return t.base, nil
	}
	f := t.l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := t.writeBlobs(); err != nil {
		return nil, err
	}
	x, err := t.put()
	if err != nil {
		f.forget() // what is on disk decides
		return nil, fmt.Errorf("write index: %w", err)
	}
	if t.in != nil && x.snap == t.base.snap { // a snapshot has other numbers
		f.interner, f.interned = t.in, x.words()
	}
	return x, nil
}

// empty reports whether there is nothing in the frame.
func (t *Tx) empty() bool { return len(t.frame) == frameHeader+8 }

// Clean says, durably, that everything up to now is on disk: after the machine
// stops, the index is then not Doubtful. It is for the last one to leave a
// mailbox. It costs a sync, and one more for the next transaction; a mailbox that
// did not change costs nothing.
func (l *Lock) Clean() error {
	t, err := l.Begin()
	if err != nil {
		return err
	}
	defer t.Abort()
	if t.base.clean && !t.forced || !t.base.matched && !t.forced {
		return nil
	}
	if err := t.do(&op{kind: opClean}); err != nil {
		return err
	}
	_, err = t.Commit()
	return err
}
