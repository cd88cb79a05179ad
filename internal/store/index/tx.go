package index

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"fantail/internal/mail"
)

// Tx is a set of changes that readers see all at once or not at all. It is begun
// and committed under the lock.
type Tx struct {
	l      *Lock
	base   *Index
	e      *edit
	frame  []byte
	bumped bool // there is a modseq for the changes
	forced bool // it must be written even if it is empty
	fresh  bool // it begins an index of its own
	err    error
	in     *interner // or nil

	expunged struct { // the last operation, if it was opExpunge
		at, slot int
		op
	}
	cache   *os.File // or nil
	blobs   []byte   // to be added to it at cacheAt
	cacheAt int64
}

// Message is what Add needs to know.
type Message struct {
	UID      mail.UID
	File     string // name of the file in new or cur
	New      bool   // it is in new
	Flags    mail.Flags
	Keywords []mail.Keyword
	Stored   int64     // octets as stored; -1: not known
	Virtual  int64     // octets with CRLF line ends; -1: not known
	Internal time.Time // zero: not known
	Saved    time.Time // zero: not known
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
	t := &Tx{l: l, base: x, e: newEdit(x), frame: newFrame()}
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
	return &Tx{l: l, base: x, e: newEdit(x), frame: newFrame(), fresh: true}, nil
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
	if o.kind != opExpunge {
		t.expunged.at = 0
	}
	t.frame = o.append(t.frame)
	return nil
}

// change is do for what has a modseq.
func (t *Tx) change(o *op) error {
	if t.e == nil {
		return ErrDone
	}
	t.bump()
	return t.do(o)
}

// find returns the slot of a message.
func (t *Tx) find(uid mail.UID) (int, error) {
	if t.e == nil {
		return 0, ErrDone
	}
	x := t.e.x
	if slot := x.findSlot(uid); slot < x.slots && x.uidAt(slot) == uid && !x.isDead(slot) {
		return slot, nil
	}
	if err := t.base.Err(); err != nil {
		return 0, err
	}
	return 0, ErrNoMessage
}

// splitFile cuts a file name behind its base.
func splitFile(file string) (base, info string) {
	if i := strings.IndexByte(file, ':'); i >= 0 {
		return file[:i], file[i:]
	}
	return file, ""
}

// Add adds a message. Its UID must be at least UIDNext; UIDs that are left out
// count as expunged.
func (t *Tx) Add(m Message) error {
	if t.e == nil {
		return ErrDone
	}
	base, info := splitFile(m.File)
	if !validName(base, info) {
		return fmt.Errorf("%w: %q", ErrName, m.File)
	}
	if m.UID < t.e.x.next || m.UID == math.MaxUint32 {
		return fmt.Errorf("%w: %d", ErrOrder, m.UID)
	}
	if t.e.x.slots >= maxSlots {
		return ErrTooLarge
	}
	set, err := t.intern(m.Keywords)
	if err != nil {
		return err
	}
	o := op{kind: opAdd, row: row{base: strings.Clone(base), info: info}}
	o.UID, o.Flags, o.set = m.UID, m.Flags&mail.AllFlags, set
	if m.New {
		o.bits |= inNew
	}
	o.setSizes(m.Stored, m.Virtual)
	o.setDates(m.Internal, m.Saved)
	return t.change(&o)
}

func (r *Row) setSizes(stored, virtual int64) {
	if stored >= 0 && stored < math.MaxInt64-math.MaxUint32 {
		r.bits |= hasStored
		r.stored = stored
	}
	// The difference is the number of lines that end in a bare LF.
	if grow := virtual - stored; r.bits&hasStored != 0 && grow >= 0 && grow <= math.MaxUint32 {
		r.bits |= hasVirtual
		r.grow = uint32(grow)
	}
}

func (r *Row) setDates(internal, saved time.Time) {
	if !internal.IsZero() {
		r.bits |= hasInternal
		r.internal = internal.UnixMicro()
	}
	if !saved.IsZero() {
		r.bits |= hasSaved
		r.saved = saved.UnixMicro()
	}
}

// SetFlags records that a message has these flags, keywords and file name now,
// under a new modseq. The base of the name must be the message's.
func (t *Tx) SetFlags(uid mail.UID, file string, isNew bool, flags mail.Flags, keywords []mail.Keyword) error {
	o, err := t.rename(opFlags, uid, file, isNew)
	if err != nil {
		return err
	}
	if o.set, err = t.intern(keywords); err != nil {
		return err
	}
	o.Flags = flags & mail.AllFlags
	return t.change(o)
}

// Move records that a message's file has another name or lies in the other
// directory, with the flags that it had.
func (t *Tx) Move(uid mail.UID, file string, isNew bool) error {
	o, err := t.rename(opMove, uid, file, isNew)
	if err != nil {
		return err
	}
	return t.do(o)
}

func (t *Tx) rename(kind opKind, uid mail.UID, file string, isNew bool) (*op, error) {
	slot, err := t.find(uid)
	if err != nil {
		return nil, err
	}
	var room [maxName]byte
	old, n := t.e.x.appendName(room[:0], slot)
	if err := t.base.Err(); err != nil {
		return nil, err
	}
	base, info := splitFile(file)
	if base != string(old[:n]) || !validName(base, info) {
		return nil, fmt.Errorf("%w: %q for a message whose base is %q", ErrName, file, old[:n])
	}
	o := &op{kind: kind, row: row{info: info}}
	o.UID = uid
	if isNew {
		o.bits = inNew
	}
	return o, nil
}

// Expunge records that a message is gone. It must have been proven.
func (t *Tx) Expunge(uid mail.UID) error {
	slot, err := t.find(uid)
	if err != nil {
		return err
	}
	last := &t.expunged
	if last.at > 0 && last.slot+1 == slot {
		// Nothing lies between: one operation for both.
		t.frame = t.frame[:last.at]
		last.slot = slot
		last.hi = uid
		t.e.kill(slot)
		v := t.e.x.vanished.list
		v[len(v)-1].hi = uid // appended by this transaction, so nobody else's
		t.frame = last.append(t.frame)
		return nil
	}
	o := op{kind: opExpunge, hi: uid}
	o.UID = uid
	at := len(t.frame)
	if err := t.change(&o); err != nil {
		return err
	}
	last.at, last.slot, last.op = at, slot, o
	return nil
}

// SetSizes records a message's sizes; -1 stands for one that is not known. A
// virtual size needs the stored one.
func (t *Tx) SetSizes(uid mail.UID, stored, virtual int64) error {
	if _, err := t.find(uid); err != nil {
		return err
	}
	o := op{kind: opSizes}
	o.UID = uid
	o.setSizes(stored, virtual)
	return t.do(&o)
}

// SetDates records a message's dates; the zero time is one that is not known.
func (t *Tx) SetDates(uid mail.UID, internal, saved time.Time) error {
	if _, err := t.find(uid); err != nil {
		return err
	}
	o := op{kind: opDates}
	o.UID = uid
	o.setDates(internal, saved)
	return t.do(&o)
}

// SetStamps records which state of the truth the index has with this
// transaction.
func (t *Tx) SetStamps(s Stamps) error {
	if t.e != nil && t.e.x.stamps == s {
		return nil
	}
	return t.do(&op{kind: opStamps, stamps: s})
}

// SetGUID records the identity of the mailbox, which stays when it is renamed.
func (t *Tx) SetGUID(id [16]byte) error {
	if t.e != nil && t.e.x.guid == id {
		return nil
	}
	return t.do(&op{kind: opGUID, id: id})
}

// SetChecked records when the mailbox was last tidied up, to the second; the zero
// time is never.
func (t *Tx) SetChecked(when time.Time) error {
	seconds := int64(0)
	if !when.IsZero() {
		seconds = when.Unix()
	}
	if t.e != nil && t.e.x.checked == seconds {
		return nil
	}
	return t.do(&op{kind: opChecked, time: seconds})
}

// SetUIDNext raises UIDNext: every UID below that has no message now counts as
// expunged.
func (t *Tx) SetUIDNext(next mail.UID) error {
	switch {
	case t.e == nil:
		return ErrDone
	case next < t.e.x.next:
		return fmt.Errorf("%w: UIDNEXT %d", ErrOrder, next)
	case next == t.e.x.next:
		return nil
	}
	o := op{kind: opNext}
	o.UID = next
	return t.change(&o)
}

// intern returns the number of a set of keywords.
func (t *Tx) intern(keywords []mail.Keyword) (uint32, error) {
	if len(keywords) == 0 {
		return 0, nil
	}
	in := t.names()
	ids := make([]uint32, 0, len(keywords))
	for _, w := range keywords {
		if !validKeyword(w) {
			return 0, fmt.Errorf("%w: %q", ErrKeyword, w)
		}
		lower := strings.ToLower(string(w))
		id, ok := in.words[lower]
		if !ok {
			id = uint32(len(t.e.x.words().words.list))
			o := op{kind: opWord}
			o.base = string(w)
			if err := t.do(&o); err != nil {
				return 0, err
			}
			in.words[lower] = id
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	key := string(appendIDs(nil, ids))
	set, ok := in.sets[key]
	if !ok {
		set = uint32(len(t.e.x.words().sets.list))
		if err := t.do(&op{kind: opSet, ids: ids}); err != nil {
			return 0, err
		}
		in.sets[key] = set
	}
	return set, nil
}

// names returns the interner for the transaction's vocabulary. The File keeps it
// from one transaction to the next; one that is given up leaves none.
func (t *Tx) names() *interner {
	if t.in == nil {
		f, v := t.l.f, t.e.x.words()
		if f.interned != v {
			f.interner = newInterner(v)
		}
		t.in = f.interner
		f.interner, f.interned = nil, nil
	}
	return t.in
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
	if t.err != nil {
		return nil, t.err
	}
	if err := t.base.Err(); err != nil {
		return nil, err
	}
	if len(t.frame) == frameHeader+8 && !t.forced && !t.fresh {
		return t.base, nil
	}
	f := t.l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := t.writeBlobs(); err != nil {
		return nil, fmt.Errorf("write cache: %w", err)
	}
	x, err := t.write()
	if err != nil {
		f.forget() // what is on disk decides
		return nil, fmt.Errorf("write index: %w", err)
	}
	if t.in != nil && x.vocab != nil {
		f.interner, f.interned = t.in, x.vocab
	}
	return x, nil
}

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
