package search

import (
	"context"
	"sync"
	"sync/atomic"

	"fantail/internal/daemon/processors"
)

// piece is how many messages a goroutine takes at a time.
const piece = 32

// spread looks at each of the messages, in pieces that several goroutines take
// from left to right. begin makes the function with which one goroutine looks, and
// gets a reader that belongs to that goroutine. The first error ends it.
func (s *Search) spread(ctx context.Context, messages []int, begin func(*reader) func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.Progress.expect(len(messages))
	w := work{s: s, messages: messages, begin: begin}
	workers := processors.Workers(len(messages), piece)
	if workers <= 1 {
		return w.run(ctx)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					w.panicked.CompareAndSwap(nil, &p)
					cancel(context.Canceled)
				}
			}()
			if err := w.run(ctx); err != nil {
				cancel(err) // of several the first stays
			}
		})
	}
	wg.Wait()
	if p := w.panicked.Load(); p != nil {
		panic(*p) // where the caller expects one
	}
	return context.Cause(ctx)
}

// work is what the goroutines of spread share.
type work struct {
	s        *Search
	messages []int
	begin    func(*reader) func(i int) error
	next     atomic.Int64
	panicked atomic.Pointer[any]
}

func (w *work) run(ctx context.Context) error {
	r := &reader{search: w.s, ctx: ctx}
	look := w.begin(r)
	for {
		at := int(w.next.Add(piece)) - piece
		if at >= len(w.messages) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		part := w.messages[at:min(at+piece, len(w.messages))]
		for _, i := range part {
			if err := look(i); err != nil {
				return err
			}
		}
		w.s.Progress.add(len(part))
	}
}
