package webmail

import (
	"context"
	"fmt"
	"slices"

	"fantail/internal/mail"
	"fantail/internal/search"
	"fantail/internal/store"
)

// conversations are the threads of one mailbox: groups of messages, the groups in the
// order of their newest messages. They belong to a set of messages: whoever has another
// snapshot makes them anew (fits).
type conversations struct {
	validity mail.UIDValidity
	next     mail.UID
	total    int

	uids   []mail.UID // of all groups, each group ascending
	rows   []int32    // of each of these, where it is in a snapshot of these messages
	starts []int32    // where each group begins in uids, and the end
}

// fits reports whether they are those of a snapshot. A message never comes back under its
// UID, so the same UIDNEXT and number mean the same messages.
func (c *conversations) fits(s *store.Snapshot) bool {
	return c != nil && c.validity == s.UIDValidity() && c.next == s.UIDNext() && c.total == s.Len()
}

// Len is the number of groups.
func (c *conversations) Len() int { return len(c.starts) - 1 }

// at returns the messages of a group.
func (c *conversations) at(g int) []mail.UID { return c.uids[c.starts[g]:c.starts[g+1]] }

// group returns the group that a message is in, -1 if there is none. It looks through all
// of them, which costs less than to keep what it finds.
func (c *conversations) group(uid mail.UID) int {
	at := slices.Index(c.uids, uid)
	if at < 0 {
		return -1
	}
	g, exact := slices.BinarySearch(c.starts, int32(at))
	if !exact {
		g--
	}
	return g
}

// conversations returns those of a mailbox, which are made once for a set of messages.
func (m *mailboxes) conversations(ctx context.Context, v view) (*conversations, error) {
	m.mu.Lock()
	known := m.about(v).conversations
	m.mu.Unlock()
	if known.fits(v.snap) {
		return known, nil
	}
	made, err := newConversations(ctx, v)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.about(v).conversations = made
	return made, nil
}

// newConversations follows In-Reply-To and References (search.Refs).
func newConversations(ctx context.Context, v view) (*conversations, error) {
	s, among := search.Search{Mailbox: v.Mailbox, Snapshot: v.snap}, store.NewMessageSet(v.snap.Len())
	among.AddAll()
	forest, err := s.Thread(ctx, search.Refs, among)
	if err != nil {
		return nil, fmt.Errorf("find conversations: %w", err)
	}
	if err := v.snap.Err(); err != nil {
		return nil, err
	}
	threads := forest.Threads()
	groups := make([][]mail.UID, 0, len(threads))
	for _, t := range threads {
		if uids := collect(v.snap, t, nil); len(uids) > 0 {
			slices.Sort(uids)
			groups = append(groups, uids)
		}
	}
	slices.SortFunc(groups, func(a, b []mail.UID) int { return int(int64(a[len(a)-1]) - int64(b[len(b)-1])) })
	c := &conversations{
		validity: v.snap.UIDValidity(), next: v.snap.UIDNext(), total: v.snap.Len(),
		uids: make([]mail.UID, 0, v.snap.Len()), rows: make([]int32, 0, v.snap.Len()), starts: make([]int32, 1, len(groups)+1),
	}
	for _, uids := range groups {
		c.uids = append(c.uids, uids...)
		for _, uid := range uids {
			i, _ := v.snap.Find(uid) // it came from there
			c.rows = append(c.rows, int32(i))
		}
		c.starts = append(c.starts, int32(len(c.uids)))
	}
	return c, nil
}

// collect appends the messages of a tree. Its depth is bounded by package message, which
// keeps at most so many references.
func collect(s *store.Snapshot, n search.Node, uids []mail.UID) []mail.UID {
	if i, ok := n.Message(); ok {
		uids = append(uids, s.UID(i))
	}
	for k := range n.Len() {
		uids = collect(s, n.Child(k), uids)
	}
	return uids
}
