package search

import (
	"context"
	"slices"
	"sync"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
)

// columns is what sorting by date and subject, and threading, know of the messages
// of a mailbox: rows in the order of UIDs, in the memory of the process. Message-IDs
// and base subjects are numbers in it, the same for equal ones, so that links and
// comparisons cost little. The store keeps one for a mailbox (Derived), which grows
// as messages come; rows of messages that have left stay until they are too many.
//
// The numbers are those of digests of 128 bits: that two texts have the same cannot be
// brought about, and does not happen.
//
// What would take long to load again is written to a file (columnfile.go), with which
// the next process begins.
type columns struct {
	mu       sync.Mutex // guards all below; held while rows are loaded
	validity mail.UIDValidity
	ids      digestTable // Message-IDs
	subjects digestTable
	rows     rows

	written, writtenLinks int // rows in the file, and those with links
}

// rows is a columns at one moment. It goes on to be true while others append to the
// columns.
type rows struct {
	uids    []mail.UID
	gone    []bool  // expunged before anything was known of them
	sent    []int64 // sent date (RFC 5256 section 2.2)
	reply   []bool
	subject []int32  // number of the base subject
	texts   [][]byte // base subjects by number

	// What only threads are made of is loaded when somebody wants them: the first rows
	// may have it alone.
	id     []int32 // number of the Message-ID
	refEnd []int32 // where the references of a row end in refs
	refs   []int32
	ids    int32 // numbers of Message-IDs are below

	table *columns // that they are rows of
}

// Number 0 is that of the empty text.

func newColumns(v mail.UIDValidity) *columns {
	return &columns{
		validity: v,
		ids:      newDigestTable(),
		subjects: newDigestTable(),
		rows:     rows{texts: [][]byte{nil}, ids: 1},
	}
}

// refsOf returns the references of a row.
func (r *rows) refsOf(row int32) []int32 {
	from := int32(0)
	if row > 0 {
		from = r.refEnd[row-1]
	}
	return r.refs[from:r.refEnd[row]:r.refEnd[row]]
}

// spareRows is how many rows of messages that have left may stay, besides as many as
// there are messages.
const spareRows = 1000

// mostRows is how many rows are loaded at most for a set of messages, so that whoever
// asks for others finds them.
func mostRows(among *store.MessageSet) int { return 4*among.Len() + spareRows }

// columns returns rows with all messages of a set, and where each message of the
// snapshot is in them. Those of the whole mailbox are used, and completed, if that
// is not much more than what is asked for. If linked is set they have Message-IDs and
// references.
func (f *finder) columns(ctx context.Context, among *store.MessageSet, linked bool) (rows, []int32, error) {
	uids := f.Snapshot.UIDs()
	if err := f.Snapshot.Err(); err != nil {
		return rows{}, nil, err
	}
	c, ok := f.Mailbox.Derived().(*columns)
	if !ok && f.Snapshot.Len() <= mostRows(among) {
		c = parseColumns(f.Mailbox.ReadDerived(), f.Snapshot.UIDValidity())
	}
	if c == nil || c.stale(f.Snapshot) {
		c = newColumns(f.Snapshot.UIDValidity())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	todo := c.rows.missing(uids)
	whole := len(todo) <= mostRows(among)
	if whole {
		f.Mailbox.KeepDerived(c)
	} else {
		c = newColumns(c.validity)
		todo = among.Indexes()
	}
	if err := f.load(ctx, c, todo, linked); err != nil {
		return rows{}, nil, err
	}
	place := c.rows.places(uids)
	if linked {
		if err := f.loadLinks(ctx, c, place); err != nil {
			return rows{}, nil, err
		}
	}
	if whole && c.worthWriting() && f.Snapshot.Err() == nil {
		f.Mailbox.WriteDerived(c.encode())
		c.written, c.writtenLinks = len(c.rows.uids), len(c.rows.id)
	}
	out := c.rows
	out.table = c
	return out, place, nil
}

// stale reports whether it is better to begin anew.
func (c *columns) stale(s *store.Snapshot) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.validity != s.UIDValidity() || len(c.rows.uids) > 2*s.Len()+spareRows
}

// missing returns the messages that come after the last row.
func (r *rows) missing(uids []mail.UID) []int {
	last := mail.UID(0)
	if n := len(r.uids); n > 0 {
		last = r.uids[n-1]
	}
	from := len(uids)
	for from > 0 && uids[from-1] > last {
		from--
	}
	todo := make([]int, 0, len(uids)-from)
	for i := from; i < len(uids); i++ {
		todo = append(todo, i)
	}
	return todo
}

// places returns the rows of messages; none for one that has no row.
func (r *rows) places(uids []mail.UID) []int32 {
	out := make([]int32, len(uids))
	row := 0
	for i, uid := range uids {
		for row < len(r.uids) && r.uids[row] < uid {
			row++
		}
		out[i] = none
		if row < len(r.uids) && r.uids[row] == uid {
			out[i] = int32(row)
		}
	}
	return out
}

// loaded is what was found out about one message.
type loaded struct {
	gone, reply bool
	sent        int64
	subject     digest
	text        []byte // the subject
}

// links is what was found out about the links of one message.
type links struct {
	id   digest
	refs []digest
}

// load appends rows for messages, which are ascending and behind all that there are.
// With links it is done in one go, if no row before lacks them.
func (f *finder) load(ctx context.Context, c *columns, messages []int, linked bool) error {
	if len(messages) == 0 {
		return nil
	}
	place := make([]int32, f.Snapshot.Len())
	for n, i := range messages {
		place[i] = int32(n)
	}
	found := make([]loaded, len(messages))
	var linkage []links
	if linked && len(c.rows.id) == len(c.rows.uids) {
		linkage = make([]links, len(messages))
	}
	err := f.spread(ctx, messages, func(r *reader) func(int) error {
		l := columnLoader{f: f, ctx: ctx, keys: keyReader{r: r}}
		return func(i int) error {
			m := &found[place[i]]
			err := l.load(i, m)
			if err == nil && linkage != nil {
				err = l.loadLinks(i, &linkage[place[i]])
			}
			if err != nil && store.KindOf(err) == store.Gone {
				*m, err = loaded{gone: true}, nil
			}
			return err
		}
	})
	if err != nil {
		return err
	}
	c.numberSubjects()
	c.reserve(len(messages))
	for n, i := range messages {
		c.append(f.Snapshot.UID(i), &found[n])
	}
	c.appendLinks(linkage)
	return nil
}

// reserve makes room for so many rows more.
func (c *columns) reserve(n int) {
	r := &c.rows
	r.uids, r.gone = slices.Grow(r.uids, n), slices.Grow(r.gone, n)
	r.sent, r.reply = slices.Grow(r.sent, n), slices.Grow(r.reply, n)
	r.subject = slices.Grow(r.subject, n)
}

// loadLinks completes the rows. place has the row of each message of the snapshot; what
// has left it has no links any more.
func (f *finder) loadLinks(ctx context.Context, c *columns, place []int32) error {
	r := &c.rows
	from := int32(len(r.id))
	if int(from) == len(r.uids) {
		return nil
	}
	found := make([]links, int32(len(r.uids))-from)
	var messages []int
	for i, row := range place {
		if row >= from && !r.gone[row] {
			messages = append(messages, i)
		}
	}
	err := f.spread(ctx, messages, func(rd *reader) func(int) error {
		l := columnLoader{f: f, ctx: ctx, keys: keyReader{r: rd}}
		return func(i int) error {
			err := l.loadLinks(i, &found[place[i]-from])
			if err != nil && store.KindOf(err) == store.Gone {
				return nil // without links until it leaves
			}
			return err
		}
	})
	if err != nil {
		return err
	}
	c.appendLinks(found)
	return nil
}

// appendLinks completes as many rows.
func (c *columns) appendLinks(found []links) {
	r, n := &c.rows, len(found)
	r.id, r.refEnd, r.refs = slices.Grow(r.id, n), slices.Grow(r.refEnd, n), slices.Grow(r.refs, n)
	c.ids.reserve(n)
	for k := range found {
		r.id = append(r.id, c.ids.number(found[k].id))
		for _, ref := range found[k].refs {
			r.refs = append(r.refs, c.ids.number(ref))
		}
		r.refEnd = append(r.refEnd, int32(len(r.refs)))
	}
	r.ids = int32(len(c.ids.digests))
}

// columnLoader loads messages for one goroutine.
type columnLoader struct {
	f    *finder
	ctx  context.Context
	keys keyReader
	text arena
	refs []digest // where the next references go
}

func (l *columnLoader) load(i int, m *loaded) error {
	sort, err := l.keys.sortKeys(i)
	if err != nil {
		return err
	}
	if m.sent, err = l.f.sentDate(l.ctx, i, sort); err != nil {
		return err
	}
	m.reply = sort.Reply
	m.subject, m.text = digestOf(sort.Subject), l.text.keep(sort.Subject)
	return nil
}

func (l *columnLoader) loadLinks(i int, m *links) error {
	thread, err := l.keys.threadKeys(i)
	if err != nil {
		return err
	}
	m.id = digestOf(thread.ID)
	start := len(l.refs)
	for ref := range thread.References() {
		l.refs = append(l.refs, digestOf(ref))
	}
	m.refs = l.refs[start:len(l.refs):len(l.refs)]
	if cap(l.refs)-len(l.refs) < message.MaxReferences {
		l.refs = make([]digest, 0, 4096)
	}
	return nil
}

func (c *columns) append(uid mail.UID, m *loaded) {
	r := &c.rows
	r.uids = append(r.uids, uid)
	r.gone = append(r.gone, m.gone)
	r.sent = append(r.sent, m.sent)
	r.reply = append(r.reply, m.reply)
	subject := c.subjects.number(m.subject)
	if int(subject) == len(r.texts) {
		r.texts = append(r.texts, append([]byte(nil), m.text...))
	}
	r.subject = append(r.subject, subject)
}
