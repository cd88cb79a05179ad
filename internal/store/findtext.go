package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fantail/internal/store/maildir"
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
	// Progress is called by FindText itself, not more often than every
	// tenth of a second, with the messages that were looked at and all there are
	// to look at; total may grow. It may be nil.
	Progress func(done, total int)
}

// FindText looks for needles in the text of the messages of s, and returns for each
// query the messages among those asked for that match. Several queries in one call
// read each message once. The answer is exact: what the cache of texts does not
// know is read from the messages, on all processors. A message that is gone, or
// whose file makes no sense, does not match. The caller has m open and s is one of
// its snapshots; between messages ctx is obeyed.
func (m *Mailbox) FindText(ctx context.Context, s *Snapshot, q TextSearch) ([]*MessageSet, error) {
	const op = "search text"
	f := newTextFind(m, s, q)
	if err := f.readMessages(ctx); err != nil {
		return nil, fail(op, m.name, err)
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return f.hits, nil
}

// textFind is a FindText at work.
type textFind struct {
	m        *Mailbox
	s        *Snapshot
	matchers []*text.Matcher
	overlap  int
	left     *MessageSet   // messages that are not decided yet
	hits     []*MessageSet // by query
	progress func(done, total int)
}

func newTextFind(m *Mailbox, s *Snapshot, q TextSearch) *textFind {
	f := &textFind{m: m, s: s, left: NewMessageSet(s.Len()), progress: q.Progress}
	if q.Among != nil {
		f.left.bits.or(q.Among.bits)
	} else {
		f.left.AddAll()
	}
	for _, query := range q.Queries {
		c := text.Compile(query)
		f.matchers = append(f.matchers, c)
		f.overlap = max(f.overlap, c.Overlap())
		f.hits = append(f.hits, NewMessageSet(s.Len()))
	}
	return f
}

// maxTextReaders is how many messages are read at once, at most. Each costs some
// megabytes.
const maxTextReaders = 4

// textBatch is how many messages a reader takes at once.
const textBatch = 16

// readMessages decides the messages that are left by reading them.
func (f *textFind) readMessages(ctx context.Context) error {
	todo := make([]int, 0, f.left.Len())
	for i := range f.left.All() {
		todo = append(todo, i)
	}
	if len(todo) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done atomic.Int64
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), maxTextReaders, (len(todo)+textBatch-1)/textBatch)
	readers := make([]*textReader, workers)
	for w := range workers {
		r := newTextReader(f)
		readers[w] = r
		wg.Go(func() {
			for ctx.Err() == nil {
				to := int(next.Add(textBatch))
				if to-textBatch >= len(todo) {
					return
				}
				for _, i := range todo[to-textBatch : min(to, len(todo))] {
					if err := r.read(ctx, i); err != nil {
						cancel(err)
						return
					}
					done.Add(1)
				}
			}
		})
	}
	f.report(&wg, &done, len(todo))
	for _, r := range readers {
		for q, h := range r.hits {
			f.hits[q].bits.or(h.bits)
		}
	}
	return context.Cause(ctx)
}

// report tells of the progress until the group is done.
func (f *textFind) report(wg *sync.WaitGroup, done *atomic.Int64, total int) {
	if f.progress == nil {
		wg.Wait()
		return
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			f.progress(int(done.Load()), total)
		}
	}
}

// textReader reads messages for a textFind: one of several that work at once.
type textReader struct {
	f     *textFind
	r     *text.Reader
	whole []byte // a file
	hits  []*MessageSet
	piece []bool // by query: found in a piece of the message
}

func newTextReader(f *textFind) *textReader {
	r := &textReader{f: f, r: text.NewReader(), piece: make([]bool, len(f.matchers))}
	for range f.matchers {
		r.hits = append(r.hits, NewMessageSet(f.s.Len()))
	}
	return r
}

// read looks at message i.
func (r *textReader) read(ctx context.Context, i int) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	uid := r.f.s.UID(i)
	e, err := r.f.m.entry(ctx, "open message", uid)
	if KindOf(err) == Gone {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := r.text(e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && kindOfCause(err) == Corrupt:
		r.f.m.acct.opt.Log.Warn("message not searched", "mailbox", r.f.m.name, "uid", uid, "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("UID %d: %w", uid, err)
	}
	for q, m := range r.f.matchers {
		if r.piece[q] || m.Match(t) {
			r.hits[q].Add(i)
		}
	}
	return nil
}

// maxTextFile is the size of a file that is read in one piece, in octets.
const maxTextFile = 4 << 20

// text reads the text of a file.
func (r *textReader) text(e maildir.Entry) (t *text.Text, err error) {
	clear(r.piece)
	f, err := r.f.m.open(e)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: nothing to lose
	var in text.File = f
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if st.Size() <= maxTextFile {
		// One octet more tells that the end was reached.
		r.whole = slices.Grow(r.whole[:0], int(st.Size())+1)[:st.Size()+1]
		n, err := io.ReadFull(f, r.whole)
		switch err {
		case io.EOF, io.ErrUnexpectedEOF:
			in = bytes.NewReader(r.whole[:n])
		case nil: // it grows
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("read message: %w", err)
		}
	}
	return r.r.Read(in, r.f.overlap, func(piece []byte) {
		for q, m := range r.f.matchers {
			r.piece[q] = r.piece[q] || m.MatchBody(piece)
		}
	})
}
