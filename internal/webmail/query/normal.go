package query

import "strings"

// String returns the query in its normal form.
func (t *Tree) String() string {
	if t.Root == nil {
		return ""
	}
	var b strings.Builder
	t.Root.write(&b)
	return b.String()
}

// write writes a node with as few parentheses as can be: never more of them in each
// other than there were.
func (n *Node) write(b *strings.Builder) {
	switch n.Kind {
	case TermKind:
		n.Term.write(b)
	case Not:
		b.WriteByte('-')
		n.Nodes[0].enclosed(b, n.Nodes[0].Kind != TermKind)
	default:
		for i, sub := range n.Nodes {
			if i > 0 {
				b.WriteByte(' ')
				if n.Kind == Or {
					b.WriteString("OR ")
				}
			}
			sub.enclosed(b, n.Kind == Or && sub.Kind == And)
		}
	}
}

func (n *Node) enclosed(b *strings.Builder, parentheses bool) {
	if parentheses {
		b.WriteByte('(')
	}
	n.write(b)
	if parentheses {
		b.WriteByte(')')
	}
}

func (t *Term) write(b *strings.Builder) {
	if t.Operator != Anywhere {
		b.WriteString(string(t.Operator))
		b.WriteByte(':')
	}
	if !t.quoted() {
		b.WriteString(t.Value)
		return
	}
	b.WriteByte('"')
	for _, r := range t.Value {
		if r == '"' || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
}

// quoted reports whether the value would mean something else without quotes.
func (t *Term) quoted() bool {
	if strings.ContainsFunc(t.Value, endsWord) {
		return true
	}
	if t.Operator != Anywhere {
		return false
	}
	name, value, colon := strings.Cut(t.Value, ":")
	return t.Value[0] == '-' || t.Value == "OR" || t.Value == "AND" ||
		colon && (row(name) >= 0 || looksLikeOperator(name, value))
}

// Chip is a term as a page shows it.
type Chip struct {
	Operator Operator
	Value    string
	Negated  bool
	Pos, End int // as of Term
}

// Chips returns the terms in order.
func (t *Tree) Chips() []Chip {
	var list []Chip
	t.Root.terms(false, func(t *Term, negated bool) {
		list = append(list, Chip{t.Operator, t.Value, negated, t.Pos, t.End})
	})
	return list
}

// Without returns the query without its term i, in the order of Chips, in its normal
// form.
func (t *Tree) Without(i int) string {
	return (&Tree{Root: without(t.Root, &i)}).String()
}

func without(n *Node, i *int) *Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == TermKind:
		if *i--; *i == -1 {
			return nil
		}
		return n
	case n.Kind == Not:
		return negate(without(n.Nodes[0], i))
	}
	var list []*Node
	for _, sub := range n.Nodes {
		list = append(list, without(sub, i))
	}
	return join(n.Kind, list)
}
