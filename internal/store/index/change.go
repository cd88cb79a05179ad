package index

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"time"

	"fantail/internal/mail"
)

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

// find returns the slot of a message.
func (t *Tx) find(uid mail.UID) (int, error) {
	if t.e == nil {
		return 0, ErrDone
	}
	if slot, ok := t.e.find(uid); ok {
		return slot, nil
	}
	if err := t.base.Err(); err != nil {
		return 0, err
	}
	return 0, ErrNoMessage
}

// splitFile cuts a file name behind its base. Both are good until the next call.
func (t *Tx) splitFile(file string) (base, info []byte) {
	t.name = append(t.name[:0], file...)
	if i := bytes.IndexByte(t.name, ':'); i >= 0 {
		return t.name[:i], t.name[i:]
	}
	return t.name, nil
}

// Add adds a message. Its UID must be at least UIDNext; UIDs that are left out
// count as expunged.
func (t *Tx) Add(m Message) error {
	if t.e == nil {
		return ErrDone
	}
	if m.UID < t.e.x.next || m.UID == math.MaxUint32 {
		return fmt.Errorf("%w: %d", ErrOrder, m.UID)
	}
	if t.e.x.slots >= maxSlots {
		return ErrTooLarge
	}
	base, info := t.splitFile(m.File)
	if !validName(base, info) {
		return fmt.Errorf("%w: %q", ErrName, m.File)
	}
	set, err := t.intern(m.Keywords, 0)
	if err != nil {
		return err
	}
	o := t.begin(opAdd, m.UID)
	o.base, o.info, o.Flags, o.set = base, info, m.Flags&mail.AllFlags, set
	if m.New {
		o.bits |= inNew
	}
	o.setSizes(m.Stored, m.Virtual)
	o.setDates(m.Internal, m.Saved)
	return t.change(o)
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
// under a new modseq. The base of the name must be the message's. Many messages
// are fastest in ascending order.
func (t *Tx) SetFlags(uid mail.UID, file string, isNew bool, flags mail.Flags, keywords []mail.Keyword) error {
	slot, info, err := t.renamed(uid, file)
	if err != nil {
		return err
	}
	set, err := t.intern(keywords, t.e.x.setAt(slot))
	if err != nil {
		return err
	}
	o := t.begin(opFlags, uid)
	o.info, o.Flags, o.set = info, flags&mail.AllFlags, set
	if isNew {
		o.bits = inNew
	}
	return t.change(o)
}

// Move records that a message's file has another name or lies in the other
// directory, with the flags that it had.
func (t *Tx) Move(uid mail.UID, file string, isNew bool) error {
	_, info, err := t.renamed(uid, file)
	if err != nil {
		return err
	}
	o := t.begin(opMove, uid)
	o.info = info
	if isNew {
		o.bits = inNew
	}
	return t.do(o)
}

// renamed returns what follows the base in a new name of a message's file.
func (t *Tx) renamed(uid mail.UID, file string) (slot int, info []byte, err error) {
	slot, err = t.find(uid)
	if err != nil {
		return 0, nil, err
	}
	old, n, _ := t.e.x.nameAt(slot)
	base, info := t.splitFile(file)
	same := bytes.Equal(base, old[:n])
	runtime.KeepAlive(t.base)
	if err := t.base.Err(); err != nil {
		return 0, nil, err
	}
	if !same || !validInfo(len(base), info) {
		return 0, nil, fmt.Errorf("%w: %q for UID %d", ErrName, file, uid)
	}
	return slot, info, nil
}

// Expunge records that a message is gone. It must have been proven. Messages that
// follow one another are one range in the journal, if they are expunged in
// ascending order.
func (t *Tx) Expunge(uid mail.UID) error {
	slot, err := t.find(uid)
	if err != nil {
		return err
	}
	last := &t.expunged
	if last.open && last.slot+1 == slot {
		// Nothing lies between: one operation for both.
		t.e.kill(slot)
		last.slot, last.hi = slot, uid
		v := t.e.x.vanished.list
		v[len(v)-1].hi = uid // appended by this transaction, so nobody else's
		if !t.long {
			t.frame = t.frame[:last.at]
			t.write(&last.op)
		}
		return nil
	}
	o := t.begin(opExpunge, uid)
	o.hi = uid
	at := len(t.frame)
	if err := t.change(o); err != nil {
		return err
	}
	last.open, last.at, last.slot, last.op = true, at, slot, *o
	return nil
}

// SetSizes records a message's sizes; -1 stands for one that is not known. A
// virtual size needs the stored one.
func (t *Tx) SetSizes(uid mail.UID, stored, virtual int64) error {
	if _, err := t.find(uid); err != nil {
		return err
	}
	o := t.begin(opSizes, uid)
	o.setSizes(stored, virtual)
	return t.do(o)
}

// SetDates records a message's dates; the zero time is one that is not known.
func (t *Tx) SetDates(uid mail.UID, internal, saved time.Time) error {
	if _, err := t.find(uid); err != nil {
		return err
	}
	o := t.begin(opDates, uid)
	o.setDates(internal, saved)
	return t.do(o)
}

// SetStamps records which state of the truth the index has with this
// transaction.
func (t *Tx) SetStamps(s Stamps) error {
	if t.e != nil && t.e.x.stamps == s {
		return nil
	}
	return t.do(&op{kind: opStamps, stamps: &s})
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
	return t.change(t.begin(opNext, next))
}
