package store

import (
	"context"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/text"
)

// TextQuery asks for messages whose text has a needle: anywhere, in the body, or in
// the fields of one name.
type TextQuery = text.Query

// TextScope is the part of a message in which a TextQuery looks.
type TextScope = text.Scope

// The scopes.
const (
	WholeText = text.Whole    // SEARCH TEXT
	BodyText  = text.BodyOnly // SEARCH BODY
	FieldText = text.OneField // SEARCH HEADER, FROM, SUBJECT
)

// TextSearch is what FindText looks for, and where.
type TextSearch struct {
	Queries []TextQuery
	Among   *MessageSet // the messages that matter; nil: all
	// Progress is called by FindText itself, every tenth of a second or less often,
	// with how many messages were looked at and how many there are to look at.
	// It may be nil.
	Progress func(done, total int)
}

// FindText looks for needles in the text of the messages of s, and returns for each
// query the messages among those asked for that match. Several queries in one call
// look at each message once; queries for fields alone cost a small part of others,
// so whoever has both asks for the fields first, and for the rest among the hits. The answer is exact: what the cache of texts does not
// have is read from the messages, on all processors, and goes into the cache. A
// message that is gone, or whose file makes no sense, does not match. The caller
// has m open and s is one of its snapshots; between messages ctx is obeyed.
func (m *Mailbox) FindText(ctx context.Context, s *Snapshot, q TextSearch) ([]*MessageSet, error) {
	f := newTextFind(m, s, q)
	if err := fail("search text", m.name, f.run(ctx)); err != nil {
		return nil, err
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return f.hits, nil
}

// textFind is a FindText, or the filling of the cache, at work.
type textFind struct {
	m        *Mailbox
	s        *Snapshot
	uids     []mail.UID // of s
	matchers []*text.Matcher
	overlap  int
	headers  bool          // they look in headers alone
	left     *MessageSet   // messages that are not decided yet
	hits     []*MessageSet // by query
	progress func(done, total int)
	every    time.Duration // between two calls of progress
	total    int

	cached textCensus // what was seen in the cache
}

func newTextFind(m *Mailbox, s *Snapshot, q TextSearch) *textFind {
	f := &textFind{m: m, s: s, uids: s.UIDs(), left: NewMessageSet(s.Len()),
		progress: q.Progress, every: 100 * time.Millisecond, headers: len(q.Queries) > 0}
	if q.Among != nil {
		f.left.bits.or(q.Among.bits)
	} else {
		f.left.AddAll()
	}
	for _, query := range q.Queries {
		c := text.Compile(query)
		f.matchers = append(f.matchers, c)
		f.overlap = max(f.overlap, c.Overlap())
		f.headers = f.headers && query.In == FieldText
		f.hits = append(f.hits, NewMessageSet(s.Len()))
	}
	f.total = f.left.Len()
	return f
}

// run decides all messages.
func (f *textFind) run(ctx context.Context) error {
	if f.trivial() {
		return nil
	}
	c := f.m.openTexts(f.s)
	err := f.decide(ctx, c)
	f.leave(c, err == nil || ctx.Err() != nil) // what nobody had the time for is done in the background
	return err
}

// decide decides all messages, first those that the cache knows.
func (f *textFind) decide(ctx context.Context, c *textCache) error {
	if err := f.look(ctx, c); err != nil {
		return err
	}
	if f.left.Len() >= worthKeeping {
		f.m.texts.stopFilling()
		if c.lock(&f.cached) {
			if err := f.look(ctx, c); err != nil { // what has come meanwhile
				return err
			}
		}
	}
	return f.read(ctx, c, nil)
}

// leave closes the cache, and lets it be filled.
func (f *textFind) leave(c *textCache, fill bool) (busy bool) {
	fill = fill && c.view != nil && !c.broken.Load()
	c.close()
	return fill && f.m.fillTexts(f)
}

// PrepareTexts begins to put the texts of the messages of s into the cache of texts, in
// the background, if many of them are not there: for a FindText to come. It goes on until
// m is closed for good. busy tells that this goes on now, or that it has to wait for another
// mailbox of the account: whoever wants to know the end asks again.
func (m *Mailbox) PrepareTexts(ctx context.Context, s *Snapshot) (busy bool, err error) {
	f := newTextFind(m, s, TextSearch{})
	c := m.openTexts(s)
	if err := f.look(ctx, c); err != nil {
		c.close()
		return false, fail("prepare search", m.name, err)
	}
	return f.leave(c, true), s.Err()
}

// trivial decides all messages if the queries do not depend on them.
func (f *textFind) trivial() bool {
	some := false
	for q, m := range f.matchers {
		if m.Always() {
			f.hits[q].bits.or(f.left.bits)
		} else {
			some = true
		}
	}
	return !some || f.total == 0
}

// report tells of the progress until ended is closed; done tells how far the work is.
func (f *textFind) report(ended <-chan struct{}, done func() int) {
	if f.progress == nil {
		<-ended
		return
	}
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			f.progress(done(), f.total)
		}
	}
}
