package query

import (
	"fantail/internal/search"
	"fantail/internal/store"
)

// expr is a query for one mailbox: keys, and what no key says. always and never are
// nowhere but alone.
type expr struct {
	op   exprOp
	subs []*expr     // of and, or, not
	leaf *search.Key // of known
	test int         // of test: which one
}

type exprOp uint8

const (
	always exprOp = iota
	never
	and
	or
	not
	known
	test
)

func leaf(k *search.Key) *expr { return &expr{op: known, leaf: k} }

func constant(b bool) *expr {
	if b {
		return &expr{op: always}
	}
	return &expr{op: never}
}

// fold makes an expression with and or or.
func fold(op exprOp, subs []*expr) *expr {
	neutral, decides := always, never
	if op == or {
		neutral, decides = never, always
	}
	var left []*expr
	for _, e := range subs {
		switch e.op {
		case decides:
			return e
		case neutral:
		default:
			left = append(left, e)
		}
	}
	switch len(left) {
	case 0:
		return &expr{op: neutral}
	case 1:
		return left[0]
	}
	return &expr{op: op, subs: left}
}

// opposite makes an expression with not.
func opposite(e *expr) *expr {
	switch e.op {
	case always, never:
		return constant(e.op == never)
	case not:
		return e.subs[0]
	}
	return &expr{op: not, subs: []*expr{e}}
}

// rough returns an expression without tests which is true wherever e can be. Below
// a not (positive is false) it is false wherever e can be.
func (e *expr) rough(positive bool) *expr {
	switch e.op {
	case test:
		return constant(positive)
	case not:
		return opposite(e.subs[0].rough(!positive))
	case and, or:
		subs := make([]*expr, len(e.subs))
		for i, sub := range e.subs {
			subs[i] = sub.rough(positive)
		}
		return fold(e.op, subs)
	}
	return e
}

// rest returns what is still to be asked of what matches the rough expression.
func (e *expr) rest() *expr {
	switch {
	case e.op == never:
		return e
	case !e.tested():
		return &expr{op: always}
	case e.op != and:
		return e
	}
	var left []*expr
	for _, sub := range e.subs {
		if sub.tested() {
			left = append(left, sub)
		}
	}
	return fold(and, left)
}

func (e *expr) tested() bool {
	for _, sub := range e.subs {
		if sub.tested() {
			return true
		}
	}
	return e.op == test
}

// key returns the key of e, where sets are the messages that pass the tests.
func (e *expr) key(sets []*store.MessageSet) *search.Key {
	var keys []*search.Key
	for _, sub := range e.subs {
		keys = append(keys, sub.key(sets))
	}
	switch e.op {
	case and:
		return &search.Key{Op: search.And, Keys: keys}
	case or:
		return &search.Key{Op: search.Or, Keys: keys}
	case not:
		return &search.Key{Op: search.Not, Keys: keys}
	case test:
		return &search.Key{Op: search.Member, Set: sets[e.test]}
	case known:
		return e.leaf
	}
	all := &search.Key{Op: search.All}
	if e.op == never {
		return &search.Key{Op: search.Not, Keys: []*search.Key{all}}
	}
	return all
}
