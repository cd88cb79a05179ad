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
// there stay. Many messages are fastest in ascending order.
func (t *Tx) SetItems(uid mail.UID, items ...Item) error {
	if t.l.aside {
		return ErrAside
	}
	slot, err := t.find(uid)
	if err != nil {
		return err
	}
	if err := t.openCache(); err != nil {
		return err
	}
	size := 0
	for _, it := range items {
		if size += len(it.Data); it.Kind == 0 || it.Kind >= itemKinds || size > MaxItems {
			return fmt.Errorf("%w: kind %d, %d octets", ErrItem, it.Kind, len(it.Data))
		}
	}
	at := len(t.blobs)
	if t.blobs, err = t.appendBlob(t.blobs, t.e.x.at(slot), items); err != nil {
		t.blobs = t.blobs[:at]
		return err
	}
	o := t.begin(opCache, uid)
	o.cacheOff, o.cacheLen = uint64(t.cacheAt)+uint64(at), uint32(len(t.blobs)-at)
	if err := t.do(o); err != nil || len(t.blobs) < writeSize {
		return err
	}
	// Nobody reads the cache where no record refers to.
	t.err = t.flushBlobs()
	return t.err
}

// appendBlob appends a blob of these items and of what is cached of the message,
// where that is not replaced.
func (t *Tx) appendBlob(b []byte, r Row, items []Item) ([]byte, error) {
	at := len(b)
	b = beginBlob(b)
	for _, it := range items {
		b = appendItem(b, it)
	}
	old, err := t.cached(&r)
	if err != nil {
		return b, err
	}
	for it, rest, ok := nextItem(old.list); ok; it, rest, ok = nextItem(rest) {
		if !slices.ContainsFunc(items, func(n Item) bool { return n.Kind == it.Kind }) {
			b = appendItem(b, it)
		}
	}
	runtime.KeepAlive(old.b)
	if n := len(b) - at - blobHeader; n > MaxItems {
		return b, fmt.Errorf("%w: %d octets", ErrItem, n)
	}
	endBlob(b[at:], t.e.x.validity, r.UID)
	return b, nil
}

// cached returns the cached items of a message: of an earlier transaction, or of
// this one.
func (t *Tx) cached(r *Row) (Items, error) {
	if r.cacheLen == 0 {
		return Items{}, nil
	}
	if r.cacheOff < uint64(t.cacheAt) {
		return t.l.f.items(t.e.x, r)
	}
	// Not written yet, or beyond the file.
	at := r.cacheOff - uint64(t.cacheAt)
	if n := uint64(len(t.blobs)); r.cacheLen < blobHeader || at > n || uint64(r.cacheLen) > n-at {
		return Items{}, nil
	}
	return Items{nil, checkBlob(t.blobs[at:at+uint64(r.cacheLen)], t.e.x.validity, r.UID)}, nil
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

// flushBlobs puts the items of the transaction that are not there yet on disk.
func (t *Tx) flushBlobs() error {
	if len(t.blobs) == 0 {
		return nil
	}
	if err := t.l.f.sys.writeAt(t.cache, t.blobs, t.cacheAt); err != nil {
		return fmt.Errorf("write cache: %w", err)
	}
	t.cacheAt += int64(len(t.blobs))
	t.blobs = t.blobs[:0]
	return nil
}

// writeBlobs puts the transaction's items on disk, before the records that refer
// to them.
func (t *Tx) writeBlobs() error {
	if t.cache == nil {
		return nil
	}
	err := t.flushBlobs()
	file := t.cache
	t.cache = nil
	return errors.Join(err, t.l.f.sys.close(file))
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
	old, err := f.openBlobs(nil)
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
	var list []byte
	if c.old != nil && r.cacheLen > 0 {
		var err error
		if list, err = c.old.blob(r.cacheOff, r.cacheLen, x.validity, r.UID); err != nil {
			return err
		}
	}
	r.cacheOff, r.cacheLen = 0, 0
	if list == nil {
		return nil
	}
	at := len(c.buf)
	c.buf = append(beginBlob(c.buf), list...)
	endBlob(c.buf[at:], x.validity, r.UID)
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
