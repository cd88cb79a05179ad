package search

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"fantail/internal/message"
	"fantail/internal/store"
)

// Order is what messages are sorted by (RFC 5256 section 3, RFC 5957 section 3).
type Order uint8

// The orders.
const (
	ByArrival Order = iota
	ByCc
	ByDate
	ByFrom
	BySize
	BySubject
	ByTo
	ByDisplayFrom
	ByDisplayTo
)

// fromHeader reports whether the order is one of the sort keys.
func (o Order) fromHeader() bool { return o != ByArrival && o != BySize }

// inColumns reports whether the order is by what a columns has.
func (o Order) inColumns() bool { return o == ByDate || o == BySubject }

// Criterion is one of the orders of a Sort. Reverse turns it round, but not the
// order of messages that are equal by it.
type Criterion struct {
	Order   Order
	Reverse bool
}

// Sort returns the messages of among in an order: by the first criterion, those
// that are equal by the second, and so on; what is equal by all of them is in the
// order of the mailbox. Messages that are gone are left out.
func (s *Search) Sort(ctx context.Context, by []Criterion, among *store.MessageSet) ([]int, error) {
	f := &finder{Search: s, gone: gone{set: store.NewMessageSet(s.Snapshot.Len())}}
	t := table{by: decisive(by), messages: among.Indexes()}
	t.begin()
	if err := f.fill(ctx, &t, among); err != nil {
		return nil, err
	}
	return t.sorted(f.gone.set), nil
}

// decisive returns the criteria that can make a difference: messages that are equal
// by an order once are so again.
func decisive(by []Criterion) []Criterion {
	var out []Criterion
	for _, c := range by {
		if !slices.ContainsFunc(out, func(d Criterion) bool { return d.Order == c.Order }) {
			out = append(out, c)
		}
	}
	return out
}

// table has a column of values for each criterion, with a row for each message.
type table struct {
	by       []Criterion
	messages []int
	numbers  [][]int64
	texts    [][][]byte
}

// has reports whether one of the orders is such.
func (t *table) has(such func(Order) bool) bool {
	return slices.ContainsFunc(t.by, func(by Criterion) bool { return such(by.Order) })
}

func (t *table) begin() {
	t.numbers = make([][]int64, len(t.by))
	t.texts = make([][][]byte, len(t.by))
	for c := range t.by {
		switch t.by[c].Order {
		case ByArrival, ByDate, BySize:
			t.numbers[c] = make([]int64, len(t.messages))
		default:
			t.texts[c] = make([][]byte, len(t.messages))
		}
	}
}

// fill finds out the values.
func (f *finder) fill(ctx context.Context, t *table, among *store.MessageSet) error {
	for c, by := range t.by {
		if !by.Order.fromHeader() {
			if err := f.fillRows(ctx, t, c); err != nil {
				return err
			}
		}
	}
	if !t.has(Order.fromHeader) {
		return nil
	}
	if !t.has(func(o Order) bool { return o.fromHeader() && !o.inColumns() }) {
		return f.fillColumns(ctx, t, among)
	}
	place := make([]int32, f.Snapshot.Len()) // of a message in the table
	for n, i := range t.messages {
		place[i] = int32(n)
	}
	return f.spread(ctx, t.messages, func(r *reader) func(int) error {
		k := keyReader{r: r}
		var a arena
		return func(i int) error {
			keys, err := k.sortKeys(i)
			if err == nil {
				err = f.fillKeys(ctx, t, i, int(place[i]), keys, &a)
			}
			return f.gone.pass(i, err)
		}
	})
}

// fillColumns fills the table from what sorting has found out before.
func (f *finder) fillColumns(ctx context.Context, t *table, among *store.MessageSet) error {
	r, place, err := f.columns(ctx, among, false)
	if err != nil {
		return err
	}
	for n, i := range t.messages {
		row := place[i]
		if row == none || r.gone[row] {
			f.gone.set.Add(i)
			continue
		}
		for c, by := range t.by {
			switch by.Order {
			case ByDate:
				t.numbers[c][n] = r.sent[row]
			case BySubject:
				t.texts[c][n] = r.texts[r.subject[row]]
			}
		}
	}
	return nil
}

// fillRows fills a column from the rows of the index.
func (f *finder) fillRows(ctx context.Context, t *table, c int) error {
	col := t.numbers[c]
	for n, i := range t.messages {
		row := f.Snapshot.Row(i)
		var err error
		if t.by[c].Order == BySize {
			col[n], err = f.size(ctx, row)
		} else {
			date, e := f.internal(ctx, row)
			col[n], err = date.Unix(), e
		}
		if err := f.gone.pass(i, err); err != nil {
			return err
		}
	}
	return nil
}

// fillKeys fills row n, which is message i, with its keys.
func (f *finder) fillKeys(ctx context.Context, t *table, i, n int, keys message.SortKeys, a *arena) (err error) {
	for c, by := range t.by {
		switch {
		case by.Order == ByDate:
			if t.numbers[c][n], err = f.sentDate(ctx, i, keys); err != nil {
				return err
			}
		case by.Order.fromHeader():
			t.texts[c][n] = a.keep(textOf(keys, by.Order))
		}
	}
	return nil
}

func textOf(keys message.SortKeys, o Order) []byte {
	switch o {
	case ByCc:
		return keys.Cc
	case ByFrom:
		return keys.From
	case BySubject:
		return keys.Subject
	case ByTo:
		return keys.To
	case ByDisplayFrom:
		return keys.DisplayFrom
	case ByDisplayTo:
		return keys.DisplayTo
	}
	panic(fmt.Sprintf("search: order %d is no text", o))
}

// arena keeps many small texts together.
type arena struct{ free []byte }

const arenaSize = 64 << 10

func (a *arena) keep(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	if len(text) > len(a.free) {
		a.free = make([]byte, max(arenaSize, len(text)))
	}
	n := copy(a.free, text)
	kept := a.free[:n:n]
	a.free = a.free[n:]
	return kept
}

// entry is a row while it is sorted: what decides most comparisons, and which row
// it is.
type entry struct {
	first uint64 // the value of the first criterion, or how it begins
	row   int32
}

// sorted returns the messages in order, without some.
func (t *table) sorted(without *store.MessageSet) []int {
	entries := make([]entry, 0, len(t.messages))
	for n, i := range t.messages {
		if !without.Has(i) {
			entries = append(entries, entry{t.first(n), int32(n)})
		}
	}
	parallelSort(entries, t.compare)
	out := make([]int, len(entries))
	for n, e := range entries {
		out[n] = t.messages[e.row]
	}
	return out
}

// first returns a number that orders rows as the first criterion does, as far as
// that can be said in 64 bits.
func (t *table) first(n int) uint64 {
	if len(t.by) == 0 {
		return 0
	}
	var v uint64
	if col := t.numbers[0]; col != nil {
		v = uint64(col[n]) ^ 1<<63
	} else if text := t.texts[0][n]; len(text) >= 8 {
		v = binary.BigEndian.Uint64(text)
	} else {
		for i, c := range text {
			v |= uint64(c) << (56 - 8*i)
		}
	}
	if t.by[0].Reverse {
		return ^v
	}
	return v
}

func (t *table) compare(a, b entry) int {
	if a.first != b.first {
		return cmp.Compare(a.first, b.first)
	}
	for c, by := range t.by {
		d := 0
		if col := t.numbers[c]; col != nil {
			d = cmp.Compare(col[a.row], col[b.row])
		} else {
			d = bytes.Compare(t.texts[c][a.row], t.texts[c][b.row])
		}
		if d != 0 && by.Reverse {
			return -d
		}
		if d != 0 {
			return d
		}
	}
	return cmp.Compare(a.row, b.row)
}

// worthTwo is from how many entries on two goroutines sort faster than one.
const worthTwo = 4096

// parallelSort sorts entries, of which no two are equal.
func parallelSort(entries []entry, compare func(a, b entry) int) {
	if len(entries) < worthTwo {
		slices.SortFunc(entries, compare)
		return
	}
	half := len(entries) / 2
	low, high := slices.Clone(entries[:half]), entries[half:]
	var wg sync.WaitGroup
	wg.Go(func() { slices.SortFunc(low, compare) })
	slices.SortFunc(high, compare)
	wg.Wait()
	// What is written never overtakes what is still to be read of high.
	for n := range entries {
		switch {
		case len(low) == 0:
			return
		case len(high) == 0 || compare(low[0], high[0]) < 0:
			entries[n], low = low[0], low[1:]
		default:
			entries[n], high = high[0], high[1:]
		}
	}
}
