package store

import (
	"errors"
	"fmt"
	"math/bits"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// keywordNames is what the letters in a mailbox's file names mean at one moment.
type keywordNames struct {
	file index.FileID                       // that they were read from
	name [uidlist.MaxKeywords]mail.Keyword  // "unknown-7" where a letter has no name
	sets map[maildir.Letters][]mail.Keyword // those asked for
}

// loadKeywords reads what letters mean, unless that is known of the file; the lock
// is held.
func (m *Mailbox) loadKeywords(ids fileIDs) error {
	if m.names != nil && m.names.file == ids.keywords {
		return nil
	}
	if err := m.kw.Load(); err != nil {
		return err
	}
	n := &keywordNames{file: ids.keywords, sets: make(map[maildir.Letters][]mail.Keyword)}
	for i := range n.name {
		n.name[i], _ = m.kw.Name(i)
	}
	m.names = n
	return nil
}

// keywordsOf returns the keywords of a message whose file has that name. A letter
// without a name is shown as Dovecot shows it, so that no flag is hidden. The
// slice is shared.
func (m *Mailbox) keywordsOf(n maildir.Name) []mail.Keyword { return m.names.set(n.Letters) }

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
	n.sets[l] = s
	return s
}

// letters returns the letters of keywords for a change in b. Those that have none
// yet get one if define is set, and are left out otherwise.
func (b *batch) letters(kws []mail.Keyword, define bool) (l maildir.Letters, err error) {
	m := b.m
	defined := false
	for _, kw := range kws {
		i, ok := m.kw.Letter(kw)
		if !ok && !define {
			continue
		}
		if !ok {
			if i, err = m.kw.Add(kw); err != nil {
				break
			}
			defined = true
		}
		l |= 1 << i
	}
	if defined {
		err = errors.Join(err, b.newKeywords())
	}
	return l, err
}

// newKeywords takes the letters over that were just defined.
func (b *batch) newKeywords() error {
	ids, err := b.m.fileIDs()
	if err != nil {
		return err
	}
	b.st.Keywords = ids.keywords
	b.touched = true
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

// lettersOf returns the letters of every set of keywords that the messages have,
// by its number in their mailbox. Keywords that are new here are defined; when the
// letters are used up they are dropped: a copy without a keyword is better than
// none.
func (b *batch) lettersOf(from []source) (map[uint32]maildir.Letters, error) {
	to := make(map[uint32]maildir.Letters)
	for _, s := range from {
		if _, ok := to[s.set]; ok {
			continue
		}
		var l maildir.Letters
		for _, kw := range s.keywords {
			one, err := b.letters([]mail.Keyword{kw}, true)
			if errors.Is(err, uidlist.ErrKeywordsFull) {
				b.m.acct.opt.Log.Warn("keyword lost in copy", "mailbox", b.m.name, "err", err)
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("define keyword %q: %w", kw, err)
			}
			l |= one
		}
		to[s.set] = l
	}
	return to, nil
}
