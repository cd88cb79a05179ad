package index

import (
	"bytes"
	"encoding/binary"
	"math"

	"fantail/internal/mail"
)

// opKind is the first octet of an operation in a frame of the journal.
type opKind uint8

const (
	opAdd     opKind = iota + 1 // a new message
	opFlags                     // flags, keywords and name; a new modseq
	opMove                      // name; the modseq stays
	opExpunge                   // all messages from uid to hi
	opSizes
	opDates
	opCache  // where the cached items are
	opStamps // which state of the truth this is
	opNext   // UIDNext
	opWord   // the next keyword
	opSet    // the next set of keywords
	opDoubt  // everything may have changed
	opBoot   // frames from here on are written under another boot
	opClean  // everything is on disk
	opGUID
	opChecked // the last housekeeping
	opEnd
)

// op is one operation. Which fields count depends on the kind. Whoever carries it
// out copies the octets that it refers to.
type op struct {
	kind       opKind
	Row        // UID and what else the kind is about
	base, info []byte
	hi         mail.UID
	stamps     *Stamps
	ids        []uint32
	id         [16]byte // opBoot, opGUID
	time       int64    // opChecked
}

// append writes an operation; decoder.op reads it.
func (o *op) append(b []byte) []byte {
	b = append(b, byte(o.kind))
	switch o.kind {
	case opStamps:
		return append(o.stamps.Append(b), byte(boolBit(o.stamps.Hard)))
	case opWord:
		return appendText(b, o.base)
	case opSet:
		return appendIDs(b, o.ids)
	case opBoot, opGUID:
		return append(b, o.id[:]...)
	case opChecked:
		return binary.AppendVarint(b, o.time)
	case opDoubt, opClean:
		return b
	}
	b = binary.AppendUvarint(b, uint64(o.UID))
	switch o.kind {
	case opExpunge:
		b = binary.AppendUvarint(b, uint64(o.hi-o.UID))
	case opAdd:
		b = append(b, byte(o.Flags), o.bits)
		b = binary.AppendUvarint(b, uint64(o.set))
		b = appendText(appendText(b, o.base), o.info)
		b = o.appendSizes(b)
		b = o.appendDates(b)
	case opFlags:
		b = append(b, byte(o.Flags), o.bits&inNew)
		b = binary.AppendUvarint(b, uint64(o.set))
		b = appendText(b, o.info)
	case opMove:
		b = append(b, o.bits&inNew)
		b = appendText(b, o.info)
	case opSizes:
		b = o.appendSizes(append(b, o.bits))
	case opDates:
		b = o.appendDates(append(b, o.bits))
	case opCache:
		b = binary.AppendUvarint(b, o.cacheOff)
		b = binary.AppendUvarint(b, uint64(o.cacheLen))
	}
	return b
}

func (o *op) appendSizes(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(o.stored))
	return binary.AppendUvarint(b, uint64(o.grow))
}

func (o *op) appendDates(b []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(b, o.internal), o.saved)
}

// op reads an operation into o, and reports whether there was one.
func (d *decoder) op(o *op) bool {
	*o = op{kind: opKind(d.u8())}
	switch o.kind {
	case opStamps:
		s := ReadStamps(d.take(StampsSize))
		s.Hard = d.u8() == 1
		o.stamps = &s
		return d.ok()
	case opWord:
		o.base = d.text()
		return d.ok()
	case opSet:
		o.ids = d.ids()
		return d.ok()
	case opBoot, opGUID:
		copy(o.id[:], d.take(len(o.id)))
		return d.ok()
	case opChecked:
		o.time = d.varint()
		return d.ok()
	case opDoubt, opClean:
		return d.ok()
	}
	o.UID = mail.UID(d.uvarint32())
	switch o.kind {
	case opExpunge:
		n := d.uvarint32()
		o.hi = o.UID + mail.UID(n)
		d.fail = d.fail || o.hi < o.UID
	case opAdd:
		o.Flags, o.bits = mail.Flags(d.u8()), d.u8()
		o.set = d.uvarint32()
		o.base, o.info = d.text(), d.text()
		d.sizes(&o.Row)
		d.dates(&o.Row)
	case opFlags:
		o.Flags, o.bits = mail.Flags(d.u8()), d.u8()
		o.set = d.uvarint32()
		o.info = d.text()
	case opMove:
		o.bits = d.u8()
		o.info = d.text()
	case opSizes:
		o.bits = d.u8()
		d.sizes(&o.Row)
	case opDates:
		o.bits = d.u8()
		d.dates(&o.Row)
	case opCache:
		o.cacheOff = d.uvarint()
		o.cacheLen = d.uvarint32()
	case opNext:
	default:
		d.fail = true
	}
	return d.ok()
}

func (d *decoder) sizes(r *Row) {
	v := d.uvarint()
	r.stored, r.grow = int64(v), d.uvarint32()
	d.fail = d.fail || v > math.MaxInt64
}

func (d *decoder) dates(r *Row) { r.internal, r.saved = d.varint(), d.varint() }

// do carries an operation out. It reports false, and may have done a part, if the
// operation makes no sense for this index. Transactions and readers of the
// journal both change an index by this function alone.
func (e *edit) do(o *op) bool {
	x := e.x
	switch o.kind {
	case opAdd:
		return e.doAdd(o)
	case opExpunge:
		return e.doExpunge(o)
	case opStamps:
		x.stamps = *o.stamps
	case opNext:
		return e.doNext(o.UID)
	case opWord:
		if !validKeyword(mail.Keyword(o.base)) {
			return false
		}
		x.vocab = x.words().withWord(mail.Keyword(o.base))
	case opSet:
		v, ok := x.words().withSet(o.ids)
		x.vocab = v
		return ok
	case opDoubt:
		x.least, x.floor = x.modseq, x.modseq
		x.doubt = false
	case opBoot:
		x.boot = o.id
	case opGUID:
		x.guid = o.id
	case opChecked:
		x.checked = o.time
	case opClean:
		x.clean = true
	default:
		return e.doRow(o)
	}
	return true
}

func (e *edit) doAdd(o *op) bool {
	x := e.x
	o.ModSeq = x.modseq
	if !o.sane() || o.UID < x.next || !validName(o.base, o.info) || int64(o.set) >= int64(len(x.words().sets.list)) || x.slots >= maxSlots {
		return false
	}
	// A client may have seen what we have not: see the package comment.
	if o.UID > x.next {
		e.vanish(x.next, o.UID-1)
	}
	x.next = o.UID + 1
	e.add(&o.Row, o.base, o.info)
	return true
}

func (e *edit) doNext(next mail.UID) bool {
	if next < e.x.next {
		return false
	}
	if next > e.x.next {
		e.vanish(e.x.next, next-1)
	}
	e.x.next = next
	return true
}

func (e *edit) doExpunge(o *op) bool {
	x := e.x
	if o.UID == 0 || o.hi >= x.next {
		return false
	}
	slot, _ := e.find(o.UID)
	for ; slot < x.slots && x.uidAt(slot) <= o.hi; slot++ {
		if !x.isDead(slot) {
			e.kill(slot)
		}
	}
	e.vanish(o.UID, o.hi)
	return true
}

// doRow changes one message.
func (e *edit) doRow(o *op) bool {
	x := e.x
	slot, ok := e.find(o.UID)
	if !ok {
		return false
	}
	renamed := o.kind == opFlags || o.kind == opMove
	l, r := e.row(slot, renamed)
	if renamed {
		if !validInfo(x.baseLen(slot), o.info) {
			return false
		}
		l.rename(r, o.info)
	}
	x.counts.add(&r.Row, -1)
	ok = r.change(o, x)
	x.counts.add(&r.Row, 1)
	return ok && r.sane()
}

// change puts what an operation says into a row.
func (r *Row) change(o *op, x *Index) bool {
	switch o.kind {
	case opFlags, opMove:
		r.bits = r.bits&^inNew | o.bits&inNew
		if o.kind == opMove {
			break
		}
		r.Flags, r.set, r.ModSeq = o.Flags, o.set, x.modseq
		return int64(o.set) < int64(len(x.words().sets.list))
	case opSizes:
		const sizes = hasStored | hasVirtual
		r.bits = r.bits&^sizes | o.bits&sizes
		r.stored, r.grow = o.stored, o.grow
	case opDates:
		const dates = hasInternal | hasSaved
		r.bits = r.bits&^dates | o.bits&dates
		r.internal, r.saved = o.internal, o.saved
	case opCache:
		x.live += int64(o.cacheLen) - int64(r.cacheLen)
		r.cacheOff, r.cacheLen = o.cacheOff, o.cacheLen
	default:
		return false
	}
	return true
}

// validName reports whether a file name fits.
func validName(base, info []byte) bool {
	return len(base) > 0 && bytes.IndexByte(base, ':') < 0 && bytes.IndexByte(base, '/') < 0 && validInfo(len(base), info)
}

// validInfo reports whether info can stand behind a base of that length.
func validInfo(base int, info []byte) bool {
	return base+len(info) <= maxName && (len(info) == 0 || info[0] == ':') && bytes.IndexByte(info, '/') < 0
}
