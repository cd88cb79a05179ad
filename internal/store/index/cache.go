package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// ItemKind says what a cached item is. To this package an item is octets.
type ItemKind uint8

// The items of a message.
const (
	Envelope      ItemKind = iota + 1 // as FETCH sends it
	BodyStructure                     // as FETCH sends it
	Body                              // BODYSTRUCTURE without extension data
	Header                            // fields that clients ask for
	SortKeys
	ThreadKeys
	Preview
	Parts // offsets of the MIME parts
	itemKinds
)

// The cache begins with a header: magic 8, version u32, CRC-32C of these u32; and
// goes on with blobs, one for each time that items of a message were written:
//
//	CRC-32C of the rest u32, length of the items u32, UIDVALIDITY u32, UID u32,
//	items: kind u8, length uvarint, octets
//
// What a UID means never changes, so neither does what is cached of it: a blob
// that is whole and has the right UIDVALIDITY and UID is right, wherever the
// offset came from.
const (
	cacheHeader = 16
	blobHeader  = 16
	// MaxItems is the greatest size of all items of one message, in octets.
	MaxItems = 1 << 20
)

// Item is one cached item.
type Item struct {
	Kind ItemKind
	Data []byte
}

// blobs is the cache as far as it was when it was opened: mapped, or a file to
// read from. It is never shortened in place, so a mapping has all its pages.
type blobs struct {
	id      fileID
	data    []byte
	checked checkedBlobs // in data
	file    *os.File     // instead of data
	size    int64
}

type fileID struct{ dev, ino uint64 }

// openBlobs opens the cache. What was checked in old, if that was a shorter one of
// the same file, need not be checked again. old may be nil.
func (f *File) openBlobs(old *blobs) (*blobs, error) {
	file, _, err := openOld(f.path(cacheName), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		file.Close() // only read from
		return nil, err
	}
	b := &blobs{id: fileID{st.Dev, st.Ino}, size: st.Size}
	if f.opt.Networked || b.size == 0 {
		b.file = file
		runtime.AddCleanup(b, func(file *os.File) { file.Close() }, file)
		return b, nil
	}
	defer file.Close() // the mapping does not need it
	b.data, err = unix.Mmap(int(file.Fd()), 0, int(b.size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map cache: %w", err)
	}
	runtime.AddCleanup(b, unmap, b.data)
	b.checked = newCheckedBlobs(b.size)
	if old != nil && old.id == b.id && old.size <= b.size {
		b.checked.take(old.checked)
	}
	return b, nil
}

// blobPart is how much of a cache has its bits in one piece. Blobs are longer than
// a header, so no two of them begin in the same 16 octets.
const blobPart = 1 << 20

// checkedBlobs has a bit for each 16 octets of a cache: the blob that begins there
// had the right checksum. There are pieces only where somebody looked.
type checkedBlobs []atomic.Pointer[[blobPart / blobHeader / 64]atomic.Uint64]

func newCheckedBlobs(size int64) checkedBlobs {
	return make(checkedBlobs, (size+blobPart-1)/blobPart)
}

// take shares the pieces of a shorter one.
func (c checkedBlobs) take(old checkedBlobs) {
	for i := range old {
		c[i].Store(old[i].Load())
	}
}

func (c checkedBlobs) has(off uint64) bool {
	if p := c[off/blobPart].Load(); p != nil {
		bit := off % blobPart / blobHeader
		return p[bit/64].Load()&(1<<(bit%64)) != 0
	}
	return false
}

func (c checkedBlobs) add(off uint64) {
	at := &c[off/blobPart]
	if at.Load() == nil {
		at.CompareAndSwap(nil, new([blobPart / blobHeader / 64]atomic.Uint64))
	}
	bit := off % blobPart / blobHeader
	at.Load()[bit/64].Or(1 << (bit % 64))
}

// blob returns the items at an offset, or nil if they are not there. They may be
// the mapping's: the caller copies them and keeps b alive.
func (b *blobs) blob(off uint64, n uint32, v mail.UIDValidity, uid mail.UID) ([]byte, error) {
	if n < blobHeader || n > blobHeader+MaxItems || off < cacheHeader || off > uint64(b.size) || uint64(n) > uint64(b.size)-off {
		return nil, nil
	}
	if b.file == nil {
		blob := b.data[off : off+uint64(n)]
		switch {
		case !ownBlob(blob, v, uid):
			return nil, nil
		case !b.checked.has(off):
			if !wholeBlob(blob) {
				return nil, nil
			}
			b.checked.add(off)
		}
		return blob[blobHeader:], nil
	}
	blob := make([]byte, n)
	if _, err := b.file.ReadAt(blob, int64(off)); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, fmt.Errorf("read cache: %w", err)
	}
	return checkBlob(blob, v, uid), nil
}

// checkBlob returns the items in a blob if it is whole and that message's.
func checkBlob(b []byte, v mail.UIDValidity, uid mail.UID) []byte {
	if !ownBlob(b, v, uid) || !wholeBlob(b) {
		return nil
	}
	return b[blobHeader:]
}

// ownBlob reports whether a blob says of itself that it is that message's and has
// that length.
func ownBlob(b []byte, v mail.UIDValidity, uid mail.UID) bool {
	return int64(le.Uint32(b[4:])) == int64(len(b)-blobHeader) && le.Uint32(b[8:]) == uint32(v) && le.Uint32(b[12:]) == uint32(uid)
}

func wholeBlob(b []byte) bool { return le.Uint32(b) == crc(b[4:]) }

// beginBlob makes room for the header of a blob, which endBlob fills in when the
// items stand behind it.
func beginBlob(b []byte) []byte { return append(b, make([]byte, blobHeader)...) }

func endBlob(b []byte, v mail.UIDValidity, uid mail.UID) {
	le.PutUint32(b[4:], uint32(len(b)-blobHeader))
	le.PutUint32(b[8:], uint32(v))
	le.PutUint32(b[12:], uint32(uid))
	le.PutUint32(b, crc(b[4:]))
}

// nextItem takes the first item off a list; ok is false at its end.
func nextItem(b []byte) (it Item, rest []byte, ok bool) {
	if len(b) == 0 {
		return it, nil, false
	}
	n, w := binary.Uvarint(b[1:])
	if w <= 0 || n > uint64(len(b)-1-w) {
		return it, nil, false
	}
	at := 1 + w
	return Item{ItemKind(b[0]), b[at : at+int(n)]}, b[at+int(n):], true
}

func appendItem(b []byte, it Item) []byte {
	b = append(b, byte(it.Kind))
	b = binary.AppendUvarint(b, uint64(len(it.Data)))
	return append(b, it.Data...)
}

// findItem looks an item up in a list.
func findItem(items []byte, kind ItemKind) ([]byte, bool) {
	for it, rest, ok := nextItem(items); ok; it, rest, ok = nextItem(rest) {
		if it.Kind == kind {
			return it.Data, true
		}
	}
	return nil, false
}

// Items is what the cache has of one message.
type Items struct {
	b    *blobs // in which list lies, perhaps
	list []byte
}

// Items looks up what the cache has of message i of x. Whoever wants several items
// is served faster than by AppendItem.
func (f *File) Items(x *Index, i int) (Items, error) {
	r := x.Row(i)
	if r.cacheLen == 0 {
		return Items{}, nil
	}
	return f.items(x, &r)
}

// Append appends an item to dst. It reports false if it is not in the cache.
func (it Items) Append(dst []byte, kind ItemKind) ([]byte, bool) {
	data, ok := findItem(it.list, kind)
	dst = append(dst, data...)
	runtime.KeepAlive(it.b)
	return dst, ok
}

// Has reports whether an item is in the cache.
func (it Items) Has(kind ItemKind) bool {
	_, ok := findItem(it.list, kind)
	runtime.KeepAlive(it.b)
	return ok
}

// AppendItem appends an item of message i of x to dst. It reports false if it is
// not in the cache; that is no error, and nothing worse follows from damage to
// the cache.
func (f *File) AppendItem(dst []byte, x *Index, i int, kind ItemKind) ([]byte, bool, error) {
	it, err := f.Items(x, i)
	if err != nil {
		return dst, false, err
	}
	dst, ok := it.Append(dst, kind)
	return dst, ok, nil
}

// items returns the items of a message, if there are any.
func (f *File) items(x *Index, r *Row) (Items, error) {
	b := f.cache.Load()
	if b != nil {
		list, err := b.blob(r.cacheOff, r.cacheLen, x.validity, r.UID)
		if list != nil || err != nil {
			return Items{b, list}, err
		}
	}
	// The file has grown, was replaced, or does not have it.
	b, fresh, err := f.currentBlobs(b)
	if err != nil || !fresh {
		return Items{}, err
	}
	list, err := b.blob(r.cacheOff, r.cacheLen, x.validity, r.UID)
	return Items{b, list}, err
}

// currentBlobs opens the cache if it is not what old is.
func (f *File) currentBlobs(old *blobs) (b *blobs, fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var st unix.Stat_t
	if err := unix.Lstat(f.path(cacheName), &st); err != nil {
		if err == unix.ENOENT {
			return nil, false, nil
		}
		return nil, false, &fs.PathError{Op: "stat", Path: f.path(cacheName), Err: err}
	}
	is := func(b *blobs) bool { return b != nil && b.id == fileID{st.Dev, st.Ino} && b.size == st.Size }
	if is(old) {
		return nil, false, nil
	}
	if !is(f.cache.Load()) {
		if b, err = f.openBlobs(f.cache.Load()); err != nil {
			return nil, false, err
		}
		f.cache.Store(b)
	}
	return f.cache.Load(), true, nil
}
