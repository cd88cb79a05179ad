package store

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// MaxKeywords is how many keywords the messages of a mailbox can have together;
// beyond it a change is refused (Limit).
const MaxKeywords = uidlist.MaxKeywords + uidlist.MaxOverflow

// keywordNames is what the letters in a mailbox's file names mean at one moment,
// and beside them the keywords beyond the letters.
type keywordNames struct {
	letters, overflow index.FileID // the files that were read

	name [uidlist.MaxKeywords]mail.Keyword  // "unknown-7" where a letter has no name
	sets map[maildir.Letters][]mail.Keyword // those asked for
}

// loadKeywords reads what letters mean and who has further keywords, unless that is
// known of the files; the lock is held.
func (m *Mailbox) loadKeywords(ids fileIDs) error {
	if m.names != nil && m.names.letters == ids.keywords && m.names.overflow == ids.overflow {
		return nil
	}
	if err := m.kw.Load(); err != nil {
		return err
	}
	if err := m.more.Load(); err != nil {
		return err
	}
	if d := m.more.Damage(); d != nil && (m.names == nil || m.names.overflow != ids.overflow) {
		m.acct.opt.Log.Warn("lines of fantail-keywords skipped", "mailbox", m.name, "err", d)
	}
	n := &keywordNames{letters: ids.keywords, overflow: ids.overflow, sets: make(map[maildir.Letters][]mail.Keyword)}
	for i := range n.name {
		n.name[i], _ = m.kw.Name(i)
	}
	m.names = n
	return nil
}

// keywordsOf returns the keywords of a message whose file has that name. A letter
// without a name is shown as Dovecot shows it, so that no flag is hidden. The
// slice is shared.
func (m *Mailbox) keywordsOf(n maildir.Name) []mail.Keyword {
	return union(m.names.set(n.Letters), m.more.Of(n.Base))
}

func (n *keywordNames) set(l maildir.Letters) []mail.Keyword {
	if l == 0 {
		return nil
	}
	if s, ok := n.sets[l]; ok {
		return s
	}
	var s []mail.Keyword
	for rest := l; rest != 0; rest &= rest - 1 {
		s = append(s, n.name[bits.TrailingZeros32(uint32(rest))])
	}
	s = slices.Clip(s)
	n.sets[l] = s
	return s
}

// union returns the keywords of both lists, each once. Neither is changed.
func union(a, b []mail.Keyword) []mail.Keyword {
	a = slices.Clip(a)
	for _, kw := range b {
		if !slices.ContainsFunc(a, kw.Equal) {
			a = append(a, kw)
		}
	}
	return a
}

// without returns the keywords of a that are not in b. Neither is changed.
func without(a, b []mail.Keyword) []mail.Keyword {
	return slices.DeleteFunc(slices.Clone(a), func(kw mail.Keyword) bool { return slices.ContainsFunc(b, kw.Equal) })
}

// labels are keywords as a mailbox stores them: 26 have a letter in the name of
// the file, the others stand in fantail-keywords.
type labels struct {
	letters maildir.Letters
	more    []mail.Keyword
}

// labels returns how keywords are stored. Those that have no letter yet get one if
// define is set and there is one left.
func (b *batch) labels(kws []mail.Keyword, define bool) (l labels, err error) {
	kw := b.m.kw
	if define {
		kw.Reserve(nameless(b.x))
	}
	defined := false
	for _, k := range kws {
		i, ok := kw.Letter(k)
		if !ok && define {
			switch i, err = kw.Add(k); {
			case err == nil:
				ok, defined = true, true
			case !errors.Is(err, uidlist.ErrKeywordsFull):
				return l, errors.Join(fmt.Errorf("define keyword %q: %w", k, err), b.newKeywords(defined))
			}
		}
		if ok {
			l.letters |= 1 << i
		}
		// Not if it has a letter; but it may be left from a time when it had none.
		if !ok || !define {
			l.more = append(l.more, k)
		}
	}
	return l, b.newKeywords(defined)
}

// nameless returns the letters that messages have and that have no name.
func nameless(x *index.Index) (letters uint32) {
	for _, kw := range x.MailboxKeywords() {
		if rest, ok := strings.CutPrefix(string(kw), "unknown-"); ok {
			if i, err := strconv.ParseUint(strings.TrimRight(rest, "?"), 10, 8); err == nil && i < uidlist.MaxKeywords {
				letters |= 1 << i
			}
		}
	}
	return letters
}

// newKeywords takes the letters over that were just defined, if any were.
func (b *batch) newKeywords(defined bool) error {
	if !defined {
		return nil
	}
	ids, err := b.m.fileIDs()
	if err != nil {
		return err
	}
	b.st.Keywords = ids.keywords
	b.touched = true
	return b.m.loadKeywords(ids)
}

// further returns the keywords beyond the letters that a message has now.
func (b *batch) further(base string) []mail.Keyword {
	if kws, ok := b.more[base]; ok {
		return kws
	}
	return b.m.more.Of(base)
}

// setFurther changes them, once the batch writes them.
func (b *batch) setFurther(base string, kws []mail.Keyword) {
	if b.more == nil {
		b.more = make(map[string][]mail.Keyword)
	}
	b.more[base] = kws
	b.touched = true
}

// writeFurther writes what setFurther was told. If it fails nothing of the batch is
// entered, and the next sync looks at what is in the files.
func (b *batch) writeFurther() error {
	if len(b.more) == 0 {
		return nil
	}
	err := b.m.more.Set(b.more)
	b.more = nil
	if err != nil {
		b.enterNothing()
		return err
	}
	ids, err := b.m.fileIDs()
	if err != nil {
		return err
	}
	b.st.Overflow = ids.overflow
	return b.m.loadKeywords(ids)
}

// sameKeywords reports whether two lists are of the same keywords, in whatever
// order. Neither has one twice.
func sameKeywords(a, b []mail.Keyword) bool {
	if len(a) != len(b) {
		return false
	}
	for i, kw := range a {
		if kw == b[i] {
			continue
		}
		found := false
		for _, other := range b {
			found = found || kw == other
		}
		if !found {
			return false
		}
	}
	return true
}

// labelsOf returns the labels of every set of keywords that the messages have, by
// its number in their mailbox.
func (b *batch) labelsOf(from []source) (map[uint32]labels, error) {
	to := make(map[uint32]labels)
	for _, s := range from {
		if _, ok := to[s.set]; ok {
			continue
		}
		l, err := b.labels(s.keywords, true)
		if err != nil {
			return nil, err
		}
		to[s.set] = l
	}
	return to, nil
}

// label gives new messages the keywords that have no letter.
func (b *batch) label(e maildir.Entry, l labels) {
	if len(l.more) > 0 {
		b.setFurther(e.Name.Base, l.more)
	}
}
