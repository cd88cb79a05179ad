package store

import (
	"fmt"
	"math/bits"
	"sync"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// keywordNames is what the letters in a mailbox's file names mean at one moment.
// The names never change; only the memory of the sets asked for grows.
type keywordNames struct {
	name    [uidlist.MaxKeywords]mail.Keyword // "" where a letter has no name
	defined []mail.Keyword

	mu   sync.Mutex // guards sets
	sets map[maildir.Letters][]mail.Keyword
}

func newKeywordNames(k *uidlist.Keywords) *keywordNames {
	n := &keywordNames{sets: make(map[maildir.Letters][]mail.Keyword)}
	for i := range n.name {
		if kw, ok := k.Name(i); ok {
			n.name[i] = kw
			n.defined = append(n.defined, kw)
		}
	}
	return n
}

// set returns the keywords of the letters. A letter without a name is shown as
// Dovecot shows it, so that no flag is hidden.
func (n *keywordNames) set(l maildir.Letters) []mail.Keyword {
	if l == 0 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if s, ok := n.sets[l]; ok {
		return s
	}
	var s []mail.Keyword
	for rest := l; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros32(uint32(rest))
		kw := n.name[i]
		if kw == "" {
			kw = mail.Keyword(fmt.Sprintf("unknown-%d", i))
		}
		s = append(s, kw)
	}
	n.sets[l] = s
	return s
}

// sameNames reports whether the letters mean the same in n and m.
func (n *keywordNames) sameNames(m *keywordNames, l maildir.Letters) bool {
	for ; l != 0; l &= l - 1 {
		if i := bits.TrailingZeros32(uint32(l)); n.name[i] != m.name[i] {
			return false
		}
	}
	return true
}

// current reports whether the names are those of the file as it was loaded.
func (n *keywordNames) current(k *uidlist.Keywords) bool {
	for i := range n.name {
		kw, ok := k.Name(i)
		if !ok {
			kw = ""
		}
		if kw != n.name[i] {
			return false
		}
	}
	return true
}

// equal reports whether every letter means the same in n and m.
func (n *keywordNames) equal(m *keywordNames) bool { return n.name == m.name }
