package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/text"
	"fantail/internal/store/uidlist"
	"fantail/internal/store/volume"
)

// derived is what a look knows of the files beside the Maildir, and how it compares them
// with the messages.
type derived struct {
	index *index.Index // nil: there is none that can be used
	list  *uidlist.List
	kw    *uidlist.Keywords
	more  *uidlist.Overflow
	files fileIDs // before anything was read

	comparable bool   // the index claims to be true of what is looked at
	seen       []bool // its messages
	count      int    // of these
	movedOn    bool   // some message has, since the directories were read
	lie        string // where it is not
}

// fileIDs are the states of the text files.
type fileIDs struct{ uids, keywords, overflow uidlist.FileID }

func (l *look) fileIDs() (ids fileIDs, err error) {
	var errs [3]error
	ids.uids, errs[0] = uidlist.Open(l.path).Stat()
	ids.keywords, errs[1] = l.kw.Stat()
	ids.overflow, errs[2] = l.more.Stat()
	return ids, errors.Join(errs[:]...)
}

// begin reads the index: first, since whatever it knows is in the other files already.
func (d *derived) begin(l *look) {
	d.kw, d.more = uidlist.OpenKeywords(l.path), uidlist.OpenOverflow(l.path)
	x, err := l.loadIndex()
	switch damage := new(index.DamagedError); {
	case errors.Is(err, fs.ErrNotExist):
	case errors.As(err, &damage):
		l.badIndex(damage.Error())
	case err != nil:
		l.add(Finding{Kind: Unexamined, State: Left, Path: indexFiles[0], Problem: err.Error()}, nil)
	default:
		d.index = x
	}
	if d.files, err = l.fileIDs(); err != nil {
		l.add(Finding{Kind: Unexamined, State: Left, Path: "dovecot-uidlist", Problem: err.Error()}, nil)
		d.index = nil
	}
}

// loadIndex reads the index, and checks all of it.
func (l *look) loadIndex() (*index.Index, error) {
	kind, err := volume.Of(l.path)
	if err != nil {
		return nil, err
	}
	f, err := index.Open(l.path, index.Options{Clock: time.Now, Networked: !kind.Local})
	if err != nil {
		return nil, err
	}
	x, err := f.Load()
	if err == nil {
		err = x.Verify()
	}
	return x, errors.Join(err, f.Close())
}

// badIndex reports that the index is not to be believed.
func (l *look) badIndex(problem string) {
	l.add(Finding{Kind: Index, Path: indexFiles[0], Problem: problem}, func(*maildir.Dir) (string, error) {
		return "removed; it is made anew", l.remove(indexFiles)
	})
}

// expected is about how many messages there are.
func (d *derived) expected() int {
	if d.index == nil {
		return 0
	}
	return d.index.Len()
}

// lists reads the UID list and the keywords.
func (l *look) lists() {
	uids := uidlist.Open(l.path)
	list, err := uids.Load()
	switch damage := new(uidlist.DamagedError); {
	case err == nil:
		l.list = list
		l.next(uids)
	case errors.As(err, &damage):
		l.add(Finding{Kind: UIDList, Path: "dovecot-uidlist", Problem: problems(damage)}, func(*maildir.Dir) (string, error) {
			list, err := uids.Repair(uidlist.RepairOptions{Now: time.Now(), Index: store.Remembered(l.index), Fresh: l.freshValidity})
			if err != nil {
				return "", err
			}
			return "written anew: " + plural(len(list.Records), "message keeps its UID", "messages keep their UIDs") + "; the old file is beside it", nil
		})
	case errors.Is(err, fs.ErrNotExist):
		l.listGone(uids)
	default:
		l.add(Finding{Kind: Unexamined, State: Left, Path: "dovecot-uidlist", Problem: err.Error()}, nil)
	}
	l.keywordFiles()
}

// problems is damage in words that do not change between two looks.
func problems(d *uidlist.DamagedError) string {
	p := d.Problems[0]
	s := fmt.Sprintf("line %d: %s: %q", p.Line, p.Kind, p.Text)
	if d.Count > 1 {
		s += fmt.Sprintf(" (and %d more)", d.Count-1)
	}
	return s
}

func (l *look) freshValidity() (mail.UIDValidity, error) {
	return uidlist.NextValidity(l.root, time.Now())
}

// next compares UIDNEXT with what the index has seen.
func (l *look) next(uids *uidlist.File) {
	x := l.index
	if x == nil || x.UIDValidity() != l.list.Validity || l.list.Next >= x.UIDNext() {
		return
	}
	next := x.UIDNext()
	l.add(Finding{Kind: UIDNext, Path: "dovecot-uidlist", Problem: fmt.Sprintf("the next UID would be %d, and UIDs below %d have been given", l.list.Next, next)},
		func(*maildir.Dir) (string, error) {
			return fmt.Sprintf("it is %d", next), uids.RaiseNext(next)
		})
}

// listGone: a mailbox that has no list, though it had one.
func (l *look) listGone(uids *uidlist.File) {
	known := store.Remembered(l.index)
	if known == nil {
		return // the first session makes one
	}
	l.add(Finding{Kind: UIDList, Path: "dovecot-uidlist", Problem: "it is missing, and the index knows " + plural(len(known.Records), "UID", "UIDs")}, func(*maildir.Dir) (string, error) {
		_, err := uids.Import(known)
		return "written anew, of what the index knows", err
	})
}

// keywordFiles looks at the files in which keywords are.
func (l *look) keywordFiles() {
	damage, err := l.kw.Check()
	if err == nil {
		err = l.kw.Load()
	}
	if err != nil {
		l.add(Finding{Kind: Unexamined, State: Left, Path: "dovecot-keywords", Problem: err.Error()}, nil)
		l.index = nil
	} else if damage != nil {
		l.add(Finding{Kind: Keywords, Path: "dovecot-keywords", Problem: problems(damage)}, func(*maildir.Dir) (string, error) {
			return "written anew; the old file is beside it", l.kw.Repair(time.Now())
		})
	}
	if err := l.more.Load(); err != nil {
		l.add(Finding{Kind: Unexamined, State: Left, Path: "fantail-keywords", Problem: err.Error()}, nil)
		l.index = nil
	} else if damage := l.more.Damage(); damage != nil {
		l.add(Finding{Kind: Keywords, Path: "fantail-keywords", Problem: problems(damage)}, func(*maildir.Dir) (string, error) {
			return "written anew; the old file is beside it", l.more.Repair()
		})
	}
}

// compare finds out whether the index claims to be true of these directories.
func (d *derived) compare(l *look, new, cur *maildir.Inspection) {
	x := d.index
	if x == nil || d.list == nil || x.Doubtful() || d.list.Validity != x.UIDValidity() {
		return
	}
	st := x.Stamps()
	now, err := l.fileIDs()
	d.seen = make([]bool, x.Len())
	d.comparable = st.Hard && new.Proof() && cur.Proof() &&
		st.New == stamp(new) && st.Cur == stamp(cur) &&
		err == nil && now == d.files && now == fileIDs{uidlist.FileID(st.UIDs), uidlist.FileID(st.Keywords), uidlist.FileID(st.Overflow)}
}

func stamp(in *maildir.Inspection) index.DirStamp {
	s := in.Stamp()
	return index.DirStamp{Dev: s.Dev, Ino: s.Ino, Mtime: s.Mtime, Ctime: s.Ctime}
}

// see compares a message with what the index says of it.
func (d *derived) see(l *look, e maildir.Entry, st *unix.Stat_t) {
	if !d.comparable || d.lie != "" {
		return
	}
	i, ok := d.index.FindBase(e.Name.Base)
	switch {
	case !ok:
		d.lie = fmt.Sprintf("it does not know %s/%s", subOf(e), e.File)
		return
	case d.seen[i]: // which of the two counts is found when it does not claim anything
		d.lie = fmt.Sprintf("it knows one of two messages %s", e.Name.Base)
		return
	}
	d.seen[i] = true
	d.count++
	r := d.index.Row(i)
	record, ok := d.list.Find(r.UID)
	octets, hasOctets := r.Stored()
	named, isNamed := e.Name.Size() // of a compressed message, or a wrong one, it is not the file's
	switch {
	case d.index.Name(i) != e.File || r.New() != e.New:
		d.lie = fmt.Sprintf("it takes %s/%s for %s", subOf(e), e.File, d.index.Name(i))
	case r.Flags != e.Name.Flags:
		d.lie = fmt.Sprintf("it has other flags for %s/%s", subOf(e), e.File)
	case !sameKeywords(d.index.KeywordSet(r.Set()), d.keywords(e.Name)):
		d.lie = fmt.Sprintf("it has other keywords for %s/%s", subOf(e), e.File)
	case hasOctets && isNamed && octets != named && octets != st.Size:
		d.lie = fmt.Sprintf("it has %d octets for %s/%s", octets, subOf(e), e.File)
	case !ok || record.Base != e.Name.Base:
		d.lie = fmt.Sprintf("it has UID %d for %s/%s, and the UID list has not", r.UID, subOf(e), e.File)
	}
}

// keywords are those of a message by its name.
func (d *derived) keywords(n maildir.Name) []mail.Keyword {
	var all []mail.Keyword
	for i := range uidlist.MaxKeywords {
		if n.Letters.Has(1 << i) {
			kw, _ := d.kw.Name(i)
			all = append(all, kw)
		}
	}
	return append(all, d.more.Of(n.Base)...)
}

// sameKeywords compares sets: their order and case mean nothing.
func sameKeywords(a, b []mail.Keyword) bool {
	within := func(a, b []mail.Keyword) bool {
		return !slices.ContainsFunc(a, func(kw mail.Keyword) bool { return !slices.ContainsFunc(b, kw.Equal) })
	}
	return within(a, b) && within(b, a)
}

// end reports what the comparison has shown, and looks at the cache of texts.
func (d *derived) end(l *look) {
	if d.comparable && d.lie == "" && !d.movedOn && d.count != d.index.Len() {
		d.lie = fmt.Sprintf("it has %s, and there are %d", plural(d.index.Len(), "message", "messages"), d.count)
	}
	if d.lie != "" {
		l.badIndex("it claims to be true, and is not: " + d.lie)
	}
	if !l.Full || d.list == nil {
		return
	}
	// The list was read before, so whoever has written since may know later UIDs.
	err := text.Verify(l.path, d.list.Validity, uidlist.MaxUID)
	if errors.Is(err, text.ErrDamaged) {
		l.add(Finding{Kind: Text, Path: texts, Problem: "the cache of texts for searching is damaged"}, func(*maildir.Dir) (string, error) {
			return "removed; searches make it anew", l.remove([]string{texts})
		})
	} else if err != nil {
		l.add(Finding{Kind: Unexamined, State: Left, Path: filepath.Base(texts), Problem: err.Error()}, nil)
	}
}
