package passdb

import (
	"container/list"
	"context"
	"net/netip"
	"sync"

	"fantail/internal/login/penalty"
)

// queue gives out turns, of which there are a few at once. Who waits stands in the line
// of his source, in the order in which they came; the sources take turns. So somebody
// who tries a hundred passwords at once makes others wait for one of his checks for
// each turn that there is, not for a hundred.
type queue struct {
	mu    sync.Mutex // guards the rest
	free  int
	lines map[netip.Prefix]*line // none is empty
	order list.List              // of them: whose turn is next
}

// line are those who wait, of one source.
type line struct {
	source  netip.Prefix
	waiting list.List     // of chan struct{}, which is closed when it is their turn
	place   *list.Element // of the line in the order
}

func newQueue(turns int) *queue {
	return &queue{free: turns, lines: make(map[netip.Prefix]*line)}
}

// acquire waits for a turn, or for the end of ctx, which is the error.
func (q *queue) acquire(ctx context.Context, from netip.Addr) error {
	q.mu.Lock()
	if q.free > 0 {
		q.free--
		q.mu.Unlock()
		return nil
	}
	l := q.line(penalty.Source(from))
	mine := make(chan struct{})
	place := l.waiting.PushBack(mine)
	q.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-mine: // it came at the same time
		q.pass()
	default:
		q.leave(l, place)
	}
	return context.Cause(ctx)
}

// release gives a turn back.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pass()
}

// line returns the line of a source, a new one if there is none. The lock is held.
func (q *queue) line(source netip.Prefix) *line {
	l := q.lines[source]
	if l == nil {
		l = &line{source: source}
		l.place = q.order.PushBack(l)
		q.lines[source] = l
	}
	return l
}

// pass gives a turn to who is next. The lock is held.
func (q *queue) pass() {
	next := q.order.Front()
	if next == nil {
		q.free++
		return
	}
	q.order.MoveToBack(next)
	l := next.Value.(*line)
	first := l.waiting.Front()
	close(first.Value.(chan struct{}))
	q.leave(l, first)
}

// leave takes somebody out of a line. The lock is held.
func (q *queue) leave(l *line, place *list.Element) {
	l.waiting.Remove(place)
	if l.waiting.Len() == 0 {
		q.order.Remove(l.place)
		delete(q.lines, l.source)
	}
}
