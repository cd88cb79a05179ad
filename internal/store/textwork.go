package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"fantail/internal/daemon/processors"
	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/text"
)

// maxTextWorkers is how many goroutines work for one search, at most. Each needs
// some megabytes.
const maxTextWorkers = 4

// textBatch is how many messages a worker takes at once.
const textBatch = 32

// textWorker is one of the goroutines that work for a textFind: on frames of the
// cache, or on messages.
type textWorker struct {
	f       *textFind
	hits    []*MessageSet
	decided bitset
	done    *atomic.Int64 // messages decided by all workers

	// For the cache.
	census textCensus
	frame  text.Frame
	index  []int  // of the frame's messages
	want   []bool // them
	found  []bool

	// For messages.
	reader *text.Reader
	whole  []byte // a file
	piece  []bool // by query: found in a piece of the message
	batch  *text.Batch
}

// work lets so many goroutines work and takes together what they find.
func (f *textFind) work(ctx context.Context, workers int, do func(context.Context, *textWorker) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var done atomic.Int64
	done.Store(int64(f.total - f.left.Len()))
	var wg sync.WaitGroup
	all := make([]*textWorker, workers)
	for i := range all {
		w := &textWorker{f: f, decided: newBitset(f.s.Len()), piece: make([]bool, len(f.matchers)), done: &done}
		w.census.has, w.census.fields = newBitset(f.s.Len()), newBitset(f.s.Len())
		for range f.matchers {
			w.hits = append(w.hits, NewMessageSet(f.s.Len()))
		}
		all[i] = w
		wg.Go(func() {
			if err := do(ctx, w); err != nil {
				cancel(err)
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	f.report(ended, func() int { return int(done.Load()) })
	for _, w := range all {
		w.frame.Close()
		for i := range f.left.bits {
			f.left.bits[i] &^= w.decided[i]
		}
		for q, h := range w.hits {
			f.hits[q].bits.or(h.bits)
		}
		f.cached.add(&w.census)
	}
	return context.Cause(ctx)
}

// look decides what the cache can decide.
func (f *textFind) look(ctx context.Context, c *textCache) error {
	if c.view == nil {
		return nil
	}
	return f.work(ctx, min(processors.Workers(f.s.Len(), textBatch), maxTextWorkers), func(ctx context.Context, w *textWorker) error {
		for ctx.Err() == nil {
			err := c.view.Next(&w.frame)
			if err == nil {
				err = w.lookAt()
			}
			switch {
			case err == io.EOF:
				return nil
			case errors.Is(err, text.ErrDamaged):
				w.census.damaged++
			case err != nil: // a cache that cannot be read is none
				f.m.acct.opt.Log.Warn("read cache of texts", "mailbox", f.m.name, "err", err)
				c.broken.Store(true)
				return nil
			}
		}
		return nil
	})
}

// lookAt decides what the frame can decide.
func (w *textWorker) lookAt() error {
	uids := w.frame.UIDs()
	w.index, w.want = w.index[:0], w.want[:0]
	any := false
	at := 0
	for k, uid := range uids {
		if at >= len(w.f.uids) || w.f.uids[at] != uid {
			at, _ = slices.BinarySearch(w.f.uids, uid)
		}
		there := at < len(w.f.uids) && w.f.uids[at] == uid
		w.index = append(w.index, at)
		want := there && w.f.left.Has(at)
		w.want = append(w.want, want)
		any = any || want
		w.census.entries++
		if there {
			w.census.take(at, w.frame.Lacks(k))
			at++
		}
	}
	if !w.frame.Full() {
		w.census.small++
	}
	if !any {
		return nil
	}
	for q, m := range w.f.matchers {
		w.found = append(w.found[:0], make([]bool, len(uids))...)
		err := w.frame.Find(m, w.want, w.found)
		if err != nil {
			return err
		}
		for k, hit := range w.found {
			if hit {
				w.hits[q].Add(w.index[k])
			}
		}
	}
	n := 0
	for k, want := range w.want {
		if want && w.decides(k) {
			w.decided.set(w.index[k])
			n++
		}
	}
	w.done.Add(int64(n))
	return nil
}

// decides reports whether the frame has all that the answers for its message k
// depend on.
func (w *textWorker) decides(k int) bool {
	for _, m := range w.f.matchers {
		if !w.frame.Decides(m, k) {
			return false
		}
	}
	return true
}

// read decides the messages that are left by reading them. What it reads goes into
// the cache if c is locked. With a pace there is one worker, which stops for it after
// each message.
func (f *textFind) read(ctx context.Context, c *textCache, pace func(context.Context) error) error {
	todo := slices.Collect(f.left.All())
	if len(todo) == 0 {
		return nil
	}
	workers := min(processors.Workers(len(todo), textBatch), maxTextWorkers)
	if pace != nil {
		workers = 1
	}
	var next atomic.Int64
	return f.work(ctx, workers, func(ctx context.Context, w *textWorker) (err error) {
		w.reader = text.NewReader()
		w.batch = c.newBatch()
		defer func() { c.keep(w.batch) }()
		for ctx.Err() == nil {
			to := int(next.Add(textBatch))
			if to-textBatch >= len(todo) {
				return nil
			}
			for _, i := range todo[to-textBatch : min(to, len(todo))] {
				if err := w.readMessage(ctx, i, c); err != nil {
					return err
				}
				w.done.Add(1)
				if pace != nil {
					if err := pace(ctx); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// readMessage looks at message i.
func (w *textWorker) readMessage(ctx context.Context, i int, c *textCache) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	uid, m := w.f.uids[i], w.f.m
	e, err := m.entry(ctx, "open message", uid)
	if KindOf(err) == Gone {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := w.text(e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && kindOfCause(err) == Corrupt:
		m.acct.opt.Log.Warn("message not searched", "mailbox", m.name, "uid", uid, "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("UID %d: %w", uid, err)
	}
	for q, matcher := range w.f.matchers {
		if w.piece[q] || matcher.Match(t) {
			w.hits[q].Add(i)
		}
	}
	w.decided.set(i)
	return w.keep(uid, i, t, c)
}

// keep puts a text into the cache, if that is to be.
func (w *textWorker) keep(uid mail.UID, i int, t *text.Text, c *textCache) error {
	if w.batch == nil {
		return nil
	}
	if w.batch.Full() && !c.keep(w.batch) {
		w.batch = nil
		return nil
	}
	if w.batch.Add(uid, t) {
		w.census.take(i, t.Lacks)
		w.census.entries++
	}
	return nil
}

// maxTextFile is the size of a file that is read in one piece, in octets.
const maxTextFile = 4 << 20

// text reads the text of a file.
func (w *textWorker) text(e maildir.Entry) (*text.Text, error) {
	clear(w.piece)
	if ok, err := w.readPlain(e); err != nil {
		return nil, err
	} else if ok {
		in := bytes.NewReader(w.whole)
		if w.f.headers {
			return w.reader.ReadHeader(in)
		}
		return w.textOf(in)
	}
	f, err := w.f.m.open(e)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: nothing to lose
	if w.f.headers {
		return w.header(f)
	}
	return w.textOf(f)
}

// readPlain reads a file, or its header if that is enough. It reports false if that is
// long, or compressed, which calls for another way.
func (w *textWorker) readPlain(e maildir.Entry) (ok bool, err error) {
	if !w.f.headers {
		w.whole, _, err = w.f.m.dir.ReadMessage(e, w.whole[:0], maxTextFile)
		if errors.Is(err, maildir.ErrLong) {
			return false, nil
		}
		return err == nil && isPlain(w.whole), err
	}
	w.whole = slices.Grow(w.whole[:0], firstHeader)[:firstHeader]
	n, all, err := w.f.m.dir.ReadHead(e, w.whole)
	w.whole = w.whole[:n]
	return err == nil && isPlain(w.whole) && (all || hasHeaderEnd(w.whole)), err
}

// textOf makes the text of a message.
func (w *textWorker) textOf(in text.File) (*text.Text, error) {
	return w.reader.Read(in, w.f.overlap, func(piece []byte) {
		for q, m := range w.f.matchers {
			w.piece[q] = w.piece[q] || m.MatchBody(piece)
		}
	})
}

// firstHeader is more than most headers have, in octets.
const firstHeader = 8 << 10

// hasHeaderEnd reports whether there is an empty line in b.
func hasHeaderEnd(b []byte) bool {
	return bytes.Contains(b, []byte("\n\n")) || bytes.Contains(b, []byte("\n\r\n"))
}

// header reads the fields of a message.
func (w *textWorker) header(f io.ReaderAt) (*text.Text, error) {
	for n := firstHeader; ; n *= 8 {
		w.whole = slices.Grow(w.whole[:0], n)[:n]
		have, err := f.ReadAt(w.whole, 0)
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read header: %w", err)
		}
		b := w.whole[:have]
		if hasHeaderEnd(b) || err == io.EOF || n > maxTextFile {
			return w.reader.ReadHeader(bytes.NewReader(b))
		}
	}
}
