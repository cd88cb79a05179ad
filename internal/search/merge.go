package search

// merger joins threads of the same subject (RFC 5256 section 3, step 5 of
// REFERENCES).
type merger struct {
	*Forest
	table   []int32 // the subject table: a root by thread subject, plus 1
	moved   []bool  // roots that are not at the root any more
	touched []bool  // roots that have got children
}

// mergeSubjects joins the threads of the same subject, of which there are so many.
func (f *Forest) mergeSubjects(subjects int) {
	m := merger{Forest: f, moved: make([]bool, len(f.nodes)), touched: make([]bool, len(f.nodes)), table: make([]int32, subjects)}
	for _, n := range f.roots {
		m.enter(n)
	}
	made := len(f.nodes) // dummies from here on
	for _, n := range f.roots {
		m.merge(n)
	}
	for n := made; n < len(f.nodes); n++ {
		f.roots = append(f.roots, int32(n))
	}
	roots := f.roots[:0]
	for _, n := range f.roots {
		if !m.moved[n] {
			roots = append(roots, n)
		}
	}
	f.roots = roots
	for n, touched := range m.touched {
		if touched {
			f.settle(int32(n)) // step 6; all others are sorted already
		}
	}
	f.sort(f.roots)
}

// subject returns the thread subject: that of the root, or of a dummy's first child
// (5.B.i).
func (m *merger) subject(n int32) int32 { return m.mail[m.first(n)].subject }

func (m *merger) dummy(n int32) bool { return m.nodes[n].mail == none }

// reply reports whether the root is a reply or a forwarded message.
func (m *merger) reply(n int32) bool { return !m.dummy(n) && m.mail[m.nodes[n].mail].reply }

// enter puts a root into the subject table, if it is the better one for its subject
// (5.B).
func (m *merger) enter(n int32) {
	subject := m.subject(n)
	if subject == 0 {
		return
	}
	old := m.table[subject] - 1
	if old == none || !m.dummy(old) && (m.dummy(n) || m.reply(old) && !m.reply(n)) {
		m.table[subject] = n + 1
	}
}

// merge joins a root with the one that the table has for its subject (5.C).
func (m *merger) merge(n int32) {
	subject := m.subject(n)
	if m.moved[n] || subject == 0 {
		return
	}
	t := m.table[subject] - 1
	switch {
	case t == n:
	case m.dummy(t) && m.dummy(n):
		m.hang(t, m.nodes[n].children...)
		m.moved[n] = true
	case m.dummy(t), m.reply(n) && !m.reply(t):
		m.hang(t, n)
	default:
		d := m.add(none, 0)
		m.moved, m.touched = append(m.moved, false), append(m.touched, false)
		m.hang(d, t, n)
		m.table[subject] = d + 1
	}
}

// hang makes nodes children of a root.
func (m *merger) hang(root int32, nodes ...int32) {
	m.nodes[root].children = append(m.nodes[root].children, nodes...)
	for _, n := range nodes {
		m.moved[n] = true
	}
	m.touched[root] = true
}
