package index

import (
	"bytes"
	"testing"

	"fantail/internal/mail"
)

// sealSnapshot makes the checksums right, so that the fuzzer comes behind them.
func sealSnapshot(b []byte) {
	if len(b) < pageSize {
		return
	}
	sums := int64(le.Uint64(b[sectionsAt+16*secSums:]))
	n := int64(le.Uint64(b[sectionsAt+16*secSums+8:]))
	if sums < 0 || n < 0 || sums > int64(len(b)) || n > int64(len(b))-sums {
		return
	}
	for p := int64(0); p*4+4 <= n && (p+1)*pageSize <= sums; p++ {
		le.PutUint32(b[sums+p*4:], crc(b[p*pageSize:(p+1)*pageSize]))
	}
	le.PutUint32(b[48:], crc(b[sums:sums+n]))
	le.PutUint32(b[12:], 0)
	le.PutUint32(b[12:], crc(b[:pageSize]))
}

func FuzzSnapshot(f *testing.F) {
	for _, n := range []int{1, 70, 200} {
		dir, _ := sample(f, 100+n, 1)
		f.Add(readFile(f, dir, snapshotName), false, uint32(pageSize+5), uint64(1))
		f.Add(readFile(f, dir, snapshotName), true, uint32(sectionsAt), uint64(1<<40))
	}
	file, err := Open(f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, sealed bool, at uint32, x uint64) {
		data = bytes.Clone(data)
		if int64(at)+8 <= int64(len(data)) {
			le.PutUint64(data[at:], le.Uint64(data[at:])^x)
		}
		if sealed {
			sealSnapshot(data)
		}
		m, err := newImage("fuzz", data)
		if err != nil {
			return
		}
		idx := newIndex(m)
		everything(file, idx)
		// And a journal on top of it.
		e := newEdit(idx)
		o := op{kind: opFlags}
		o.UID = 3
		e.do(&o)
		o = op{kind: opExpunge, hi: 9}
		o.UID = 2
		e.do(&o)
		everything(file, e.done())
	})
}

func FuzzJournal(f *testing.F) {
	dir, _ := sample(f, 100, 4)
	log := readFile(f, dir, journalName)
	f.Add(log, false)
	f.Add(log, true)
	empty := newIndex(nil)
	empty.validity, empty.next = 7, 1
	head := encodeJournalHeader(&empty.meta, 5, true, BootID{})
	for _, m := range []Message{message(1), {UID: 9, File: "a:2,", Stored: -1, Virtual: -1}} {
		o := op{kind: opAdd, base: []byte(m.File), info: []byte(":2,S")}
		o.UID = m.UID
		b := o.append(newFrame())
		finish(b, 17, 0)
		f.Add(append(bytes.Clone(head), b...), true)
	}
	file, err := Open(f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		data = bytes.Clone(data)
		if sealed {
			sealJournal(data)
		}
		r := bytes.NewReader(data)
		h, ok, err := readHead(r, int64(len(data)))
		if err != nil || !ok {
			return
		}
		x := newIndex(nil)
		x.meta = h.meta
		h.start(x)
		x, err = readFrames(r, int64(len(data)), x)
		if err != nil {
			return
		}
		list := everything(file, x)
		if len(list) != x.Len() {
			t.Fatalf("%d rows, %d messages", len(list), x.Len())
		}
		last := mail.UID(0)
		for _, m := range list {
			if m.Row.UID <= last || m.Row.UID >= x.UIDNext() {
				t.Fatalf("UID %d after %d, next %d", m.Row.UID, last, x.UIDNext())
			}
			last = m.Row.UID
		}
	})
}

// sealJournal makes the checksums right.
func sealJournal(b []byte) {
	if len(b) < journalHeader {
		return
	}
	le.PutUint32(b[12:], 0)
	chain := crc(b[:journalHeader])
	le.PutUint32(b[12:], chain)
	for b = b[journalHeader:]; len(b) >= frameHeader; {
		n := int64(le.Uint32(b))
		if n > int64(len(b)-frameHeader) {
			return
		}
		chain = seal(b[:frameHeader+n], chain)
		b = b[frameHeader+n:]
	}
}

func FuzzCache(f *testing.F) {
	b := appendItem(appendItem(beginBlob(cacheHead()), Item{Envelope, []byte("e")}), Item{Parts, nil})
	endBlob(b[cacheHeader:], 7, 9)
	f.Add(b, uint64(cacheHeader), uint32(len(b)-cacheHeader), false)
	f.Add(b, uint64(cacheHeader), uint32(len(b)-cacheHeader), true)
	f.Fuzz(func(t *testing.T, data []byte, off uint64, n uint32, sealed bool) {
		if sealed && off < uint64(len(data)) && uint64(n) <= uint64(len(data))-off && n > blobHeader {
			data = bytes.Clone(data)
			blob := data[off : off+uint64(n)]
			le.PutUint32(blob[4:], n-blobHeader)
			le.PutUint32(blob[8:], 7)
			le.PutUint32(blob[12:], 9)
			le.PutUint32(blob, crc(blob[4:]))
		}
		c := &blobs{data: data, checked: newCheckedBlobs(int64(len(data))), size: int64(len(data))}
		items, err := c.blob(off, n, 7, 9)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.blob(off, n, 7, 9); err != nil || !bytes.Equal(items, again) {
			t.Fatalf("%q, and again %q %v", items, again, err)
		}
		if items != nil && checkBlob(data[off:off+uint64(n)], 7, 9) == nil {
			t.Fatal("not checked")
		}
		for it, rest, ok := nextItem(items); ok; it, rest, ok = nextItem(rest) {
			if len(it.Data) > len(data) {
				t.Fatal("an item longer than the file")
			}
		}
		for kind := ItemKind(0); kind < 20; kind++ {
			findItem(items, kind)
		}
	})
}
