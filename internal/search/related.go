package search

import (
	"context"

	"fantail/internal/store"
)

// Names are Message-IDs by which messages are known to each other: their own, and those
// that they refer to. They mean the same in all mailboxes.
type Names map[digest]struct{}

// mostNames is how many are collected: a field that lists more says nothing.
const mostNames = 10_000

// Names adds those of messages to n.
func (s *Search) Names(ctx context.Context, messages []int, n Names) error {
	r, place, err := s.linked(ctx)
	if err != nil {
		return err
	}
	r.table.mu.Lock()
	digests := r.table.ids.digests // what is in it stays
	r.table.mu.Unlock()
	add := func(number int32) {
		if number > 0 && len(n) < mostNames {
			n[digests[number]] = struct{}{}
		}
	}
	for _, i := range messages {
		if row := place[i]; row != none && !r.gone[row] {
			add(r.id[row])
			for _, ref := range r.refsOf(row) {
				add(ref)
			}
		}
	}
	return nil
}

// Related returns the messages that have one of the names, or refer to one, ascending.
//
// Where the links of the mailbox are known it costs a look at four octets of each
// message and reference, and less if none of the names occurs.
func (s *Search) Related(ctx context.Context, n Names) ([]int, error) {
	if len(n) == 0 {
		return nil, nil
	}
	r, place, err := s.linked(ctx)
	if err != nil {
		return nil, err
	}
	wanted := r.table.numbers(n, r.ids)
	if wanted == nil {
		return nil, nil
	}
	var out []int
	for i, row := range place {
		if row == none || r.gone[row] {
			continue
		}
		hit := wanted[r.id[row]]
		for _, ref := range r.refsOf(row) {
			hit = hit || wanted[ref]
		}
		if hit {
			out = append(out, i)
		}
	}
	return out, nil
}

// linked returns the rows of all messages, with their links.
func (s *Search) linked(ctx context.Context) (rows, []int32, error) {
	all := store.NewMessageSet(s.Snapshot.Len())
	all.AddAll()
	return (&finder{Search: s}).columns(ctx, all, true)
}

// numbers tells which numbers below an end the names have; nil: none of them has one.
func (c *columns) numbers(n Names, end int32) []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids.reserve(0) // those of a file have no slots yet
	var wanted []bool
	for d := range n {
		number := c.ids.find(d).number
		if number == 0 || number >= end {
			continue
		}
		if wanted == nil {
			wanted = make([]bool, end)
		}
		wanted[number] = true
	}
	return wanted
}
