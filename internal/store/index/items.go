package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"fantail/internal/mail"
)

// SetItems puts items of a message into the cache. Those of other kinds that are
// there stay.
func (t *Tx) SetItems(uid mail.UID, items ...Item) error {
	slot, err := t.find(uid)
	if err != nil {
		return err
	}
	if err := t.openCache(); err != nil {
		return err
	}
	r := t.e.x.at(slot)
	var list []byte
	for _, it := range items {
		if it.Kind == 0 || it.Kind >= itemKinds || len(it.Data) > MaxItems {
			return fmt.Errorf("%w: kind %d, %d octets", ErrItem, it.Kind, len(it.Data))
		}
		list = appendItem(list, it)
	}
	if list, err = t.keepItems(list, items, &r); err != nil {
		return err
	}
	if len(list) > MaxItems {
		return fmt.Errorf("%w: %d octets", ErrItem, len(list))
	}
	o := op{kind: opCache}
	o.UID = uid
	o.cacheOff = uint64(t.cacheAt) + uint64(len(t.blobs))
	at := len(t.blobs)
	t.blobs = appendBlob(t.blobs, list, t.e.x.validity, uid)
	o.cacheLen = uint32(len(t.blobs) - at)
	return t.do(&o)
}

// keepItems appends the cached items of a message that are not replaced.
func (t *Tx) keepItems(list []byte, replaced []Item, r *Row) ([]byte, error) {
	if r.cacheLen == 0 {
		return list, nil
	}
	var b *blobs
	var old []byte
	var err error
	if r.cacheOff >= uint64(t.cacheAt) { // of this transaction, or beyond the file
		pending := &blobs{data: t.blobs, size: int64(len(t.blobs))}
		if at := r.cacheOff - uint64(t.cacheAt); at+uint64(r.cacheLen) <= uint64(pending.size) {
			old = checkBlob(t.blobs[at:at+uint64(r.cacheLen)], t.e.x.validity, r.UID)
		}
	} else if b, old, err = t.l.f.items(t.e.x, r); err != nil {
		return nil, err
	}
	for it, rest, ok := nextItem(old); ok; it, rest, ok = nextItem(rest) {
		if !slices.ContainsFunc(replaced, func(n Item) bool { return n.Kind == it.Kind }) {
			list = appendItem(list, it)
		}
	}
	runtime.KeepAlive(b)
	return list, nil
}

// openCache opens the cache for writing; one that is none of ours is replaced.
func (t *Tx) openCache() error {
	if t.cache != nil {
		return nil
	}
	f := t.l.f
	file, st, err := openOld(f.path(cacheName), os.O_RDWR)
	if err == nil && goodCache(file) {
		t.cache, t.cacheAt = file, st.Size()
		return nil
	}
	if err == nil {
		file.Close() // nothing was written to it
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if t.cache, err = f.newCache(true); err != nil {
		return fmt.Errorf("create cache: %w", err)
	}
	t.cacheAt = cacheHeader
	return nil
}

func cacheHead() []byte {
	b := make([]byte, 0, cacheHeader)
	b = append(b, cacheMagic[:]...)
	b = le.AppendUint32(b, version)
	return le.AppendUint32(b, crc(b))
}

func goodCache(file *os.File) bool {
	var b [cacheHeader]byte
	_, err := file.ReadAt(b[:], 0)
	return err == nil && string(b[:]) == string(cacheHead())
}

// newCache makes an empty cache, and puts it in place if that is wanted already.
func (f *File) newCache(place bool) (*os.File, error) {
	path := f.path(cacheName)
	file, err := f.sys.create(path)
	if err != nil {
		return nil, err
	}
	err = f.sys.writeAt(file, cacheHead(), 0)
	if err == nil && place {
		err = f.sys.place(path)
	}
	if err != nil {
		file.Close() // err says enough
		return nil, err
	}
	return file, nil
}

// writeBlobs puts the transaction's items on disk, before the records that refer
// to them.
func (t *Tx) writeBlobs() error {
	if len(t.blobs) == 0 {
		return nil
	}
	s, file := &t.l.f.sys, t.cache
	t.cache = nil
	err := s.writeAt(file, t.blobs, t.cacheAt)
	return errors.Join(err, s.close(file))
}

// minCache is the size up to which a cache is not worth compacting.
const minCache = 1 << 20

// CacheDue reports whether half of the cache belongs to messages that are gone,
// or to none.
func (l *Lock) CacheDue() (bool, error) {
	st, err := os.Lstat(l.f.path(cacheName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("stat cache: %w", err)
	}
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	x := l.f.cur
	return x != nil && st.Size() > minCache && x.live < st.Size()/2, nil
}

// CompactCache writes the cache again without what no message refers to, and a
// snapshot with the new places.
func (l *Lock) CompactCache() (*Index, error) {
	f := l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	x, err := f.loadLocked()
	if err != nil {
		return nil, fmt.Errorf("compact cache: %w", err)
	}
	old, err := f.openBlobs()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("compact cache: %w", err)
	}
	file, err := f.newCache(false)
	if err != nil {
		return nil, fmt.Errorf("compact cache: %w", err)
	}
	c := &compaction{f: f, old: old, file: file, off: cacheHeader}
	x, err = l.checkpoint(x, c)
	if err = errors.Join(err, f.sys.close(file)); err != nil {
		return nil, fmt.Errorf("compact cache: %w", err)
	}
	return x, nil
}

// compaction copies the blobs that messages refer to.
type compaction struct {
	f    *File
	old  *blobs // or nil
	file *os.File
	buf  []byte
	off  int64 // of buf in file
}

func (c *compaction) move(x *Index, r *Row) error {
	var items []byte
	if c.old != nil && r.cacheLen > 0 {
		var err error
		if items, err = c.old.blob(r.cacheOff, r.cacheLen, x.validity, r.UID); err != nil {
			return err
		}
	}
	r.cacheOff, r.cacheLen = 0, 0
	if items == nil {
		return nil
	}
	at := len(c.buf)
	c.buf = appendBlob(c.buf, items, x.validity, r.UID)
	r.cacheOff, r.cacheLen = uint64(c.off)+uint64(at), uint32(len(c.buf)-at)
	runtime.KeepAlive(c.old)
	if len(c.buf) < writeSize {
		return nil
	}
	return c.flush()
}

func (c *compaction) flush() error {
	err := c.f.sys.writeAt(c.file, c.buf, c.off)
	c.off += int64(len(c.buf))
	c.buf = c.buf[:0]
	return err
}

func (c *compaction) place() error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.f.sys.place(c.f.path(cacheName))
}
