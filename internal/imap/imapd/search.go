package imapd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
)

// search is SEARCH (RFC 9051 section 6.4.4, RFC 3501 section 6.4.4).
func (s *Session) search(ctx context.Context) error { return s.find(ctx, false) }

// uidSearch is UID SEARCH (RFC 9051 section 6.4.9).
func (s *Session) uidSearch(ctx context.Context) error { return s.find(ctx, true) }

func (s *Session) find(ctx context.Context, byUID bool) error {
	query, err := imap.ScanSearch(s.in)
	if err != nil {
		return err
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	q, err := s.compile(query)
	if err != nil {
		return err
	}
	hits, err := s.hits(ctx, q, byUID)
	if err != nil {
		return err
	}
	s.out.Untagged(wire.RespSearch) // also when there are none
	for _, n := range hits {
		s.out.SP().Number(n)
	}
	s.out.CRLF()
	if err := s.tell(func(mail.UID, seen) bool { return false }); err != nil {
		return err
	}
	return s.done("SEARCH completed.")
}

// hits returns the numbers or UIDs of the messages that match, ascending.
func (s *Session) hits(ctx context.Context, q matcher, byUID bool) ([]uint32, error) {
	var hits []uint32
	c := &candidate{s: s, ctx: ctx}
	for c.counted = range everything(s.box.view).messages(q.cost >= costRow) {
		if q.cost > costRow || c.seq%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		ok, err := q.match(c)
		c.close()
		switch {
		case err != nil && store.KindOf(err) == store.Gone: // expunged meanwhile
		case err != nil:
			return nil, err
		case ok && byUID:
			hits = append(hits, uint32(c.uid()))
		case ok:
			hits = append(hits, c.seq)
		}
	}
	return hits, s.trusted()
}

// What it costs to look at one message, from nothing to reading all of it.
const (
	costNumber = iota
	costFlags
	costRow // if that does not tell, the message's file once
	costHeader
	costBody
)

// matcher is a search key made ready for many messages.
type matcher struct {
	cost  int
	match func(*candidate) (bool, error)
}

// compile makes a key ready: sets are resolved, strings folded, and of the keys
// that must all match the cheapest is tried first.
func (s *Session) compile(q *imap.Search) (matcher, error) {
	keys := make([]matcher, len(q.Keys))
	cost := costNumber
	for i, k := range q.Keys {
		m, err := s.compile(k)
		if err != nil {
			return matcher{}, err
		}
		keys[i] = m
		cost = max(cost, m.cost)
	}
	slices.SortStableFunc(keys, func(a, b matcher) int { return cmp.Compare(a.cost, b.cost) })
	switch q.Op {
	case imap.SearchAll:
		return matcher{costNumber, func(*candidate) (bool, error) { return true, nil }}, nil
	case imap.SearchAnd:
		return matcher{cost, func(c *candidate) (bool, error) { return decide(c, keys, false) }}, nil
	case imap.SearchOr:
		return matcher{cost, func(c *candidate) (bool, error) { return decide(c, keys, true) }}, nil
	case imap.SearchNot:
		return matcher{cost, func(c *candidate) (bool, error) {
			ok, err := keys[0].match(c)
			return !ok, err
		}}, nil
	case imap.SearchSeq, imap.SearchUID:
		ts, err := s.resolve(q.Set, q.Op == imap.SearchUID)
		return matcher{costNumber, func(c *candidate) (bool, error) { return ts.has(c.seq), nil }}, err
	}
	return s.compileKey(q), nil
}

// decide tries the keys until one has the answer that settles the matter: true
// for OR, false for AND.
func decide(c *candidate, keys []matcher, settles bool) (bool, error) {
	for _, k := range keys {
		if ok, err := k.match(c); err != nil || ok == settles {
			return ok, err
		}
	}
	return !settles, nil
}

// compileKey makes ready a key that looks at one property of a message.
func (s *Session) compileKey(q *imap.Search) matcher {
	needle := fold(q.Text)
	switch q.Op {
	case imap.SearchFlag:
		return matcher{costFlags, func(c *candidate) (bool, error) { return c.now.flags().Has(q.Flag), nil }}
	case imap.SearchKeyword:
		return hasKeyword(q.Keyword)
	case imap.SearchRecent:
		return matcher{costFlags, func(c *candidate) (bool, error) { return s.box.view.recent.has(c.uid()), nil }}
	case imap.SearchLarger:
		return matcher{costRow, func(c *candidate) (bool, error) {
			n, err := c.size()
			return n > q.Size, err
		}}
	case imap.SearchSmaller:
		return matcher{costRow, func(c *candidate) (bool, error) {
			n, err := c.size()
			return n < q.Size, err
		}}
	case imap.SearchBefore, imap.SearchOn, imap.SearchSince:
		return matcher{costRow, func(c *candidate) (bool, error) {
			t, err := c.date()
			return err == nil && dayMatches(q.Op, day(t), q.Date), err
		}}
	case imap.SearchSentBefore, imap.SearchSentOn, imap.SearchSentSince:
		return matcher{costHeader, func(c *candidate) (bool, error) {
			root, err := c.structure()
			if err != nil {
				return false, err
			}
			t, ok := root.Date()
			return ok && dayMatches(q.Op, day(t), q.Date), nil
		}}
	case imap.SearchHeader:
		return matcher{costHeader, func(c *candidate) (bool, error) { return c.hasField(q.Field, needle) }}
	case imap.SearchBody:
		return matcher{costBody, func(c *candidate) (bool, error) { return c.hasText(needle, false) }}
	case imap.SearchText:
		return matcher{costBody, func(c *candidate) (bool, error) { return c.hasText(needle, true) }}
	}
	panic(fmt.Sprintf("search key %d is not handled", q.Op))
}

// hasKeyword makes KEYWORD ready. Messages with the same keywords are looked at
// once as long as they follow one another.
func hasKeyword(k mail.Keyword) matcher {
	var snap *store.Snapshot
	var set uint32
	var has bool
	return matcher{costRow, func(c *candidate) (bool, error) {
		if snap != c.now.snap || set != c.row.Set() {
			snap, set = c.now.snap, c.row.Set()
			has = slices.ContainsFunc(snap.KeywordSet(set), k.Equal)
		}
		return has, nil
	}}
}

// day is the date of a time in the time's own zone (RFC 9051 section 6.4.4: time
// and zone are disregarded).
func day(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func dayMatches(op imap.SearchOp, have, want time.Time) bool {
	switch op {
	case imap.SearchBefore, imap.SearchSentBefore:
		return have.Before(want)
	case imap.SearchOn, imap.SearchSentOn:
		return have.Equal(want)
	default:
		return !have.Before(want)
	}
}

// candidate is one message while a query looks at it. What it needs of the file
// is loaded once.
type candidate struct {
	*counted // with its row if the query costs that much
	s        *Session
	ctx      context.Context
	root     *message.Part
	file     *os.File
}

func (c *candidate) uid() mail.UID { return c.now.uid() }

func (c *candidate) size() (int64, error) {
	if n, ok := c.row.Virtual(); ok {
		return n, nil
	}
	return c.s.box.mbox.Size(c.ctx, c.uid())
}

// date returns INTERNALDATE.
func (c *candidate) date() (time.Time, error) {
	if t, ok := c.row.Internal(); ok {
		return t, nil
	}
	st, err := c.s.box.mbox.Stat(c.ctx, c.uid())
	return st.Date, err
}

func (c *candidate) structure() (_ *message.Part, err error) {
	if c.root == nil {
		c.root, err = c.s.box.mbox.Structure(c.ctx, c.uid())
	}
	return c.root, err
}

func (c *candidate) open() (_ *os.File, err error) {
	if c.file == nil {
		c.file, err = c.s.box.mbox.OpenMessage(c.ctx, c.uid())
	}
	return c.file, err
}

func (c *candidate) close() {
	if c.file != nil {
		c.file.Close() // only read from
	}
	c.file, c.root = nil, nil
}

// hasField reports whether a field of that name has the folded needle in it. The
// empty needle is in every field.
func (c *candidate) hasField(name, needle string) (bool, error) {
	root, err := c.structure()
	if err != nil {
		return false, err
	}
	return fieldHas(root, name, needle), nil
}

// hasText reports whether the folded needle is in the message's text: that of its
// text parts and of the headers of messages in it, and if whole is set of its own
// header and of its parts'.
func (c *candidate) hasText(needle string, whole bool) (found bool, err error) {
	root, err := c.structure()
	if err != nil {
		return false, err
	}
	file, err := c.open()
	if err != nil {
		return false, err
	}
	root.Walk(func(p *message.Part) bool {
		switch {
		case found || err != nil:
			return false
		case p.Message != nil && headerHas(p.Message, needle), whole && headerHas(p, needle):
			found = true
		case p.Type == "text":
			found, err = textHas(p.Text(file, maxText), needle)
		}
		return !found && err == nil
	})
	if err != nil {
		err = fmt.Errorf("search text of UID %d: %w", c.uid(), err)
	}
	return found, err
}

// maxText is how much decoded text of one part is searched.
const maxText = 64 << 20

// textHas searches decoded text in windows that overlap by the needle's length.
func textHas(r io.Reader, needle string) (bool, error) {
	w := foldWindow{needle: needle}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if w.add(buf[:n]) {
			return true, nil
		}
		if err == io.EOF {
			return w.finish(), nil
		}
		if err != nil {
			return false, err
		}
	}
}
