package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/uidlist"
)

// A client that asks for the status of all mailboxes, first of all, would have every
// index opened. So the file fantail.status in the root holds, for each mailbox, what
// STATUS shows of its index and the stamps that this index has. Where the stamps
// still are those of the directories and lists, which takes five looks, the index
// would be true (package comment), and so is the summary. It knows no modseqs: those
// can change without the stamps.
//
// The file is a cache, replaced by rename when an account is closed or tidied, and
// never synced: what does not have its checksum is no file.

const (
	summaryName  = "fantail.status"
	summaryMagic = "FANTAILs\x01"
	maxSummaries = 32 << 20 // octets of the file
	// summaryStale is how old the temporary file of a writer is that has crashed.
	summaryStale = time.Minute
)

// summary is what STATUS needs of an index that is true of stamps.
type summary struct {
	stamps   index.Stamps // Hard
	counts   index.Counts
	next     mail.UID
	validity mail.UIDValidity
	guid     [16]byte
}

// summaryOf returns the summary of an index; false if its stamps prove nothing.
func summaryOf(x *index.Index) (summary, bool) {
	s := summary{x.Stamps(), x.Counts(), x.UIDNext(), x.UIDValidity(), x.GUID()}
	return s, s.stamps.Hard && x.Err() == nil
}

func (s *summary) status() Status {
	return Status{
		Messages:    s.counts.Messages,
		Recent:      s.counts.New,
		Unseen:      s.counts.Unseen,
		Deleted:     s.counts.Deleted,
		UIDNext:     s.next,
		UIDValidity: s.validity,
		GUID:        hex.EncodeToString(s.guid[:]),
		Size:        s.counts.Virtual,
	}
}

// tells reports whether the summary has what is needed.
func (s *summary) tells(need StatusNeeds) bool {
	return !need.HighestModSeq && (!need.Size || s.counts.Unsized == 0) && (!need.DeletedOctets || s.counts.Deleted == 0)
}

// summaries are those of an account, by folder. They are safe for use by many
// goroutines.
type summaries struct {
	path string

	mu    sync.Mutex
	read  bool
	dirty bool
	all   map[string]summary
}

func openSummaries(root string) *summaries {
	return &summaries{path: filepath.Join(root, summaryName)}
}

// get returns the summary of a folder, if there is one.
func (c *summaries) get(folder string) (summary, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	s, ok := c.all[folder]
	return s, ok
}

// put keeps a summary until the next write.
func (c *summaries) put(folder string, s summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	if c.all[folder] != s {
		c.all[folder] = s
		c.dirty = true
	}
}

// load reads the file once; c.mu is held. One that is damaged, too large or not ours
// to read is as good as none.
func (c *summaries) load() {
	if c.read {
		return
	}
	c.read = true
	c.all = make(map[string]summary)
	data, err := readRegular(c.path, maxSummaries)
	if err != nil {
		return
	}
	if all, ok := decodeSummaries(data); ok {
		c.all = all
	}
}

// write replaces the file, if there is news. Folders that are gone are left out.
func (c *summaries) write(there func(folder string) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dirty {
		return nil
	}
	c.dirty = false
	maps.DeleteFunc(c.all, func(folder string, _ summary) bool { return !there(folder) })
	tmp := c.path + ".tmp"
	if info, err := os.Lstat(tmp); err == nil && time.Since(info.ModTime()).Abs() > summaryStale {
		if err := os.Remove(tmp); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // somebody else is writing one, which is as good
	}
	if err != nil {
		return err
	}
	_, err = f.Write(encodeSummaries(c.all))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, c.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// The file is the magic, the summaries one behind the other, and a CRC-32C of all
// that. Numbers are little-endian.

func encodeSummaries(all map[string]summary) []byte {
	le := binary.LittleEndian
	b := []byte(summaryMagic)
	for _, folder := range slices.Sorted(maps.Keys(all)) {
		s := all[folder]
		b = le.AppendUint16(b, uint16(len(folder)))
		b = append(b, folder...)
		b = s.stamps.Append(b)
		for _, n := range []int64{int64(s.counts.Messages), int64(s.counts.Unseen), int64(s.counts.Deleted), int64(s.counts.New),
			s.counts.Virtual, int64(s.counts.Unsized)} {
			b = le.AppendUint64(b, uint64(n))
		}
		b = le.AppendUint32(b, uint32(s.next))
		b = le.AppendUint32(b, uint32(s.validity))
		b = append(b, s.guid[:]...)
	}
	return le.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// summarySize is that of a summary without its name, in octets.
const summarySize = index.StampsSize + 6*8 + 4 + 4 + 16

func decodeSummaries(data []byte) (all map[string]summary, ok bool) {
	le := binary.LittleEndian
	n := len(data) - 4
	if n < len(summaryMagic) || string(data[:len(summaryMagic)]) != summaryMagic ||
		crc32.Checksum(data[:n], crc32.MakeTable(crc32.Castagnoli)) != le.Uint32(data[n:]) {
		return nil, false
	}
	all = make(map[string]summary, n/(summarySize+16))
	for b := data[len(summaryMagic):n]; len(b) > 0; {
		if len(b) < 2 || len(b) < 2+int(le.Uint16(b))+summarySize {
			return nil, false
		}
		length := 2 + int(le.Uint16(b))
		folder := string(b[2:length])
		b = b[length:]
		s := summary{stamps: index.ReadStamps(b)}
		s.stamps.Hard = true
		b = b[index.StampsSize:]
		number := func(i int) int64 { return int64(le.Uint64(b[8*i:])) }
		s.counts = index.Counts{Messages: int(number(0)), Unseen: int(number(1)), Deleted: int(number(2)), New: int(number(3)),
			Virtual: number(4), Unsized: int(number(5))}
		s.next, s.validity = mail.UID(le.Uint32(b[48:])), mail.UIDValidity(le.Uint32(b[52:]))
		copy(s.guid[:], b[56:])
		b = b[72:]
		if s.counts.Virtual < 0 {
			return nil, false
		}
		all[folder] = s
	}
	return all, true
}

// summarized returns the state of a mailbox by its summary, if that is true now. A
// mailbox that is open knows better.
func (a *Account) summarized(ctx context.Context, name string, need StatusNeeds) (Status, bool) {
	c, err := a.canonical(name)
	if err != nil || ctx.Err() != nil {
		return Status{}, false
	}
	a.mu.Lock()
	open := a.boxes[c] != nil
	a.mu.Unlock()
	if open {
		return Status{}, false
	}
	folder := a.folder(c)
	s, ok := a.sums.get(folder)
	if !ok || !s.tells(need) || !a.stillTrue(folder, s.stamps) {
		return Status{}, false
	}
	return s.status(), true
}

// stillTrue is Mailbox.isTrue for hard stamps of a mailbox that is not open.
func (a *Account) stillTrue(folder string, st index.Stamps) bool {
	path, err := a.tree.Path(folder)
	if err != nil {
		return false
	}
	for _, f := range []struct {
		stat func() (uidlist.FileID, error)
		want index.FileID
	}{
		{uidlist.Open(path).Stat, st.UIDs},
		{uidlist.OpenKeywords(path).Stat, st.Keywords},
		{uidlist.OpenOverflow(path).Stat, st.Overflow},
	} {
		if id, err := f.stat(); err != nil || index.FileID(id) != f.want {
			return false
		}
	}
	// The directories last: what changed the other files changed them first.
	cur, new, err := a.tree.Stamp(folder)
	return err == nil && dirStamp(cur) == st.Cur && dirStamp(new) == st.New
}

// summarize keeps the summary of a mailbox; m.mu is held.
func (m *Mailbox) summarize() {
	if m.snap == nil || m.aside != nil || m.snap.x.UIDValidity() == 0 {
		return
	}
	if s, ok := summaryOf(m.snap.x); ok {
		m.acct.sums.put(m.folder, s)
	}
}

// writeSummaries writes what summarize has kept.
func (a *Account) writeSummaries() {
	err := a.sums.write(func(folder string) bool { return folder == "" || a.tree.Has(folder) })
	if err != nil && !cannotWrite(err) && !errors.Is(err, fs.ErrNotExist) {
		a.opt.Log.Warn("write status of mailboxes", "err", err)
	}
}
