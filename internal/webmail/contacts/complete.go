package contacts

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Completer finds recipients for what somebody types: contacts, and those who were
// written to. Every word that is typed has to begin a word of the name, or of the
// address; or what is typed begins the address. The most used come first.
//
// Each source has an index: its words, sorted, with the candidate of each. It is made
// again when the source has changed.
type Completer struct {
	book *Book
	uses *Uses

	mu       sync.Mutex
	contacts index
	written  index
	scores   map[string]*Use // by address in lower case
}

// NewCompleter returns a Completer.
func NewCompleter(b *Book, u *Uses) *Completer { return &Completer{book: b, uses: u} }

// Suggestion is a recipient, or a group of them (Book.Group).
type Suggestion struct {
	Recipient        // of a group: its name alone
	ID        string // of the contact; empty for an address that was only written to
	Group     bool
}

// Complete returns at most n suggestions.
func (c *Completer) Complete(now time.Time, typed string, n int) ([]Suggestion, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refresh(); err != nil {
		return nil, err
	}
	q := newQuery(typed)
	if len(q.words) == 0 || n <= 0 {
		return nil, nil
	}
	var found []ranked
	seen := make(map[string]bool)
	for _, ix := range []*index{&c.contacts, &c.written} {
		for _, m := range ix.find(q) {
			if m.key != "" && seen[m.key] {
				continue
			}
			seen[m.key] = true
			r := ranked{candidate: m, begins: strings.HasPrefix(m.folded, q.text) || strings.HasPrefix(m.key, q.text)}
			if use := c.scores[m.key]; use != nil {
				r.score = use.Score(now)
			}
			found = append(found, r)
		}
	}
	slices.SortFunc(found, compareRanked)
	var list []Suggestion
	for _, r := range found[:min(n, len(found))] {
		list = append(list, r.Suggestion)
	}
	return list, nil
}

// ranked is a candidate that fits.
type ranked struct {
	*candidate
	score  float64
	begins bool // the whole name or address begins with what is typed
}

func compareRanked(a, b ranked) int {
	before := func(is, isOther bool) int {
		switch {
		case is == isOther:
			return 0
		case is:
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.score, a.score), before(a.begins, b.begins), before(a.preferred, b.preferred),
		strings.Compare(a.folded, b.folded), strings.Compare(a.Addr, b.Addr), strings.Compare(a.ID, b.ID))
}

// refresh makes the indexes of what has changed.
func (c *Completer) refresh() error {
	list, version, err := c.book.contacts()
	if err != nil {
		return err
	}
	if c.contacts.version != version {
		c.contacts = index{version: version}
		c.contacts.addContacts(list)
		c.contacts.sort()
	}
	uses, version, err := c.uses.uses()
	if err != nil || c.written.version == version {
		return err
	}
	c.written = index{version: version}
	c.scores = make(map[string]*Use, len(uses))
	for i := range uses {
		u := &uses[i]
		c.scores[strings.ToLower(u.Addr)] = u
		c.written.add(&candidate{Suggestion: Suggestion{Recipient: u.Recipient}})
	}
	c.written.sort()
	return nil
}

// candidate is a suggestion with the words that find it.
type candidate struct {
	Suggestion
	preferred bool
	folded    string // the name
	key       string // the address in lower case
	words     []string
}

// index finds candidates by the beginning of a word.
type index struct {
	version int // of the source; 0: none yet
	entries []entry
}

type entry struct {
	word string
	*candidate
}

// addContacts adds each address of each contact, and the groups.
func (x *index) addContacts(list []Contact) {
	groups := make(map[string]bool)
	for i := range list {
		v := &list[i]
		names := v.Groups
		if v.IsGroup {
			names = append(slices.Clone(names), v.Name)
		}
		for _, g := range names {
			if folded := Fold(g); !groups[folded] && folded != "" {
				groups[folded] = true
				x.add(&candidate{Suggestion: Suggestion{Recipient: Recipient{Name: g}, Group: true}})
			}
		}
		for n, e := range v.Emails {
			if !keepable(e.Value) {
				continue
			}
			x.add(&candidate{
				Suggestion: Suggestion{Recipient: Recipient{v.Name, e.Value}, ID: v.ID},
				preferred:  e.Preferred || n == 0,
				words:      append(words(Fold(v.Nickname)), words(Fold(v.Org))...),
			})
		}
	}
}

// add adds the words of a candidate: those of its name and address, the whole address
// and the domain.
func (x *index) add(c *candidate) {
	c.folded, c.key = Fold(c.Name), strings.ToLower(c.Addr)
	c.words = append(c.words, words(c.folded)...)
	if addr := Fold(c.Addr); addr != "" {
		c.words = append(c.words, words(addr)...)
		c.words = append(c.words, addr, addr[strings.LastIndexByte(addr, '@'):])
	}
	slices.Sort(c.words)
	c.words = slices.Compact(c.words)
	for _, w := range c.words {
		x.entries = append(x.entries, entry{w, c})
	}
}

func (x *index) sort() {
	slices.SortFunc(x.entries, func(a, b entry) int { return strings.Compare(a.word, b.word) })
}

// query is what is typed.
type query struct {
	text  string   // folded
	words []string // folded
}

// maxTyped is how much of what is typed is looked at.
const maxTyped = 200

func newQuery(typed string) query {
	if len(typed) > maxTyped {
		typed = strings.ToValidUTF8(typed[:maxTyped], "")
	}
	q := query{text: Fold(strings.TrimSpace(typed))}
	for _, f := range strings.Fields(q.text) {
		if strings.Contains(f, "@") {
			q.words = append(q.words, f)
		} else {
			q.words = append(q.words, words(f)...)
		}
	}
	return q
}

// find returns the candidates that have all words.
func (x *index) find(q query) []*candidate {
	longest := slices.MaxFunc(q.words, func(a, b string) int { return len(a) - len(b) })
	at, _ := slices.BinarySearchFunc(x.entries, longest, func(e entry, w string) int { return strings.Compare(e.word, w) })
	var list []*candidate
	seen := make(map[*candidate]bool)
	for _, e := range x.entries[at:] {
		if !strings.HasPrefix(e.word, longest) {
			break
		}
		if !seen[e.candidate] {
			seen[e.candidate] = true
			if e.candidate.has(q.words) {
				list = append(list, e.candidate)
			}
		}
	}
	return list
}

// has reports whether each word begins one of the candidate's.
func (c *candidate) has(list []string) bool {
	for _, w := range list {
		at, _ := slices.BinarySearch(c.words, w)
		if at == len(c.words) || !strings.HasPrefix(c.words[at], w) {
			return false
		}
	}
	return true
}
