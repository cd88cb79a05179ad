package conf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// assignment is one "name = value" of a file, with tables and dotted keys
// spelled out: [imap] listen = [] has the name imap.listen.
type assignment struct {
	name  string
	line  int // from 1
	value value
}

// value is the right side of an assignment: a scalar or a list of scalars.
type value struct {
	kind  unstable.Kind
	data  string
	line  int
	items []value // of an array
}

// plain reads a value of TOML that is written in the simplest way, as nearly all defaults
// are: every program begins with reading them, and some run for milliseconds. ok is false
// if it is not.
func plain(text string) (v value, ok bool) {
	inner := strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
	switch {
	case text == "true" || text == "false":
		return value{kind: unstable.Bool, data: text}, true
	case text == "[]":
		return value{kind: unstable.Array}, true
	case text == "0" || text != "" && text[0] != '0' && strings.Trim(text, "0123456789") == "":
		return value{kind: unstable.Integer, data: text}, true
	case len(text) == len(inner)+2 && !strings.ContainsFunc(inner, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= 0x7f }):
		return value{kind: unstable.String, data: inner}, true
	case strings.HasPrefix(text, `["`) && strings.HasSuffix(text, `"]`):
		return plainList(text[1 : len(text)-1])
	}
	return value{}, false
}

func plainList(text string) (list value, ok bool) {
	list.kind = unstable.Array
	for t := range strings.SplitSeq(text, ", ") {
		item, ok := plain(t)
		if !ok || item.kind != unstable.String {
			return value{}, false
		}
		list.items = append(list.items, item)
	}
	return list, true
}

func (v value) text() (string, error) {
	if v.kind != unstable.String {
		return "", fmt.Errorf("want a string in quotes, not %s", v.words())
	}
	return v.data, nil
}

func (v value) boolean() (bool, error) {
	if v.kind != unstable.Bool {
		return false, fmt.Errorf("want true or false, not %s", v.words())
	}
	return v.data == "true", nil
}

func (v value) integer() (int64, error) {
	if v.kind != unstable.Integer {
		return 0, fmt.Errorf("want a number, not %s", v.words())
	}
	n, err := strconv.ParseInt(v.data, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a number that fits", v.data)
	}
	return n, nil
}

func (v value) strings() ([]string, error) {
	if v.kind != unstable.Array {
		return nil, fmt.Errorf(`want a list such as ["a", "b"], not %s`, v.words())
	}
	list := make([]string, len(v.items))
	for i, item := range v.items {
		text, err := item.text()
		if err != nil {
			return nil, v.at(i, err)
		}
		list[i] = text
	}
	return list, nil
}

// at places err on the line of item i.
func (v value) at(i int, err error) error {
	if v.items[i].line == 0 {
		return err
	}
	return &Error{Line: v.items[i].line, Err: err}
}

func (v value) words() string {
	switch v.kind {
	case unstable.String:
		return "a string"
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return v.data
}

// parse reads TOML into the list of its assignments. Errors have a line and no
// file yet; what can be read in spite of them is in the list.
func parse(data []byte) ([]assignment, []*Error) {
	// The library's decoder knows TOML's rules about what may be said twice;
	// its parser, walked below, knows the lines.
	var all map[string]any
	if err := toml.Unmarshal(data, &all); err != nil {
		return nil, []*Error{syntax(err)}
	}
	w := walker{}
	w.p.Reset(data)
	for w.p.NextExpression() {
		w.expression(w.p.Expression())
	}
	if err := w.p.Error(); err != nil {
		w.errs = append(w.errs, syntax(err))
	}
	return w.list, w.errs
}

// syntax takes the line out of an error of the library.
func syntax(err error) *Error {
	var de *toml.DecodeError
	if !errors.As(err, &de) {
		return &Error{Err: err}
	}
	line, _ := de.Position()
	return &Error{Line: line, Err: errors.New(strings.TrimPrefix(de.Error(), "toml: "))}
}

type walker struct {
	p     unstable.Parser
	table string // the prefix that the last [header] set
	skip  bool   // the last header was wrong: so would be all below it
	list  []assignment
	errs  []*Error
}

func (w *walker) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.KeyValue:
		if !w.skip {
			w.keyValue(w.table, n)
		}
	case unstable.Table:
		name, line := w.key("", n.Key())
		if w.skip = !isTable(name); w.skip {
			w.errs = append(w.errs, &Error{Line: line, Err: unknown(name)})
		}
		w.table = name
	case unstable.ArrayTable:
		name, line := w.key("", n.Key())
		w.skip = true
		w.errs = append(w.errs, &Error{Line: line, Err: fmt.Errorf("[[%s]]: no setting is a list of tables", name)})
	}
}

// keyValue appends the assignments of one key: several if it is an inline
// table.
func (w *walker) keyValue(prefix string, n *unstable.Node) {
	name, line := w.key(prefix, n.Key())
	v := n.Value()
	if v.Kind == unstable.InlineTable && isTable(name) {
		for it := v.Children(); it.Next(); {
			w.keyValue(name, it.Node())
		}
		return
	}
	w.list = append(w.list, assignment{name, line, w.value(v)})
}

func (w *walker) value(n *unstable.Node) value {
	v := value{kind: n.Kind, data: string(n.Data)}
	if n.Raw.Length > 0 {
		v.line = w.p.Shape(n.Raw).Start.Line
	}
	if n.Kind == unstable.Array {
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, w.value(it.Node()))
		}
	}
	return v
}

// key joins a dotted key to its prefix and tells its line.
func (w *walker) key(prefix string, it unstable.Iterator) (name string, line int) {
	name = prefix
	for it.Next() {
		if name != "" {
			name += "."
		}
		name += string(it.Node().Data)
		if line == 0 {
			line = w.p.Shape(it.Node().Raw).Start.Line
		}
	}
	return name, line
}

// isTable reports whether some setting is in the table called name.
func isTable(name string) bool {
	for _, r := range settings {
		if strings.HasPrefix(r.name, name+".") {
			return true
		}
	}
	return false
}
