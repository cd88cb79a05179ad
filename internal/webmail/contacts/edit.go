package contacts

import (
	"slices"
	"strings"
	"time"

	"fantail/internal/webmail/contentline"
)

// Set makes the card mean what v says, but for ID, UID and Photo. Lines whose meaning
// stays are not touched.
func (c *Card) Set(v Contact, now time.Time) {
	old := c.Contact()
	c.setText("FN", old.Name, v.Name)
	if c.first("FN") == nil { // RFC 6350 section 6.2.1: there is one
		c.replace("FN", contentline.Line{Name: "FN", Value: contentline.Escape(v.Name)})
	}
	c.setText("NICKNAME", old.Nickname, v.Nickname)
	c.setText("TITLE", old.Title, v.Title)
	c.setText("NOTE", old.Note, v.Note)
	c.setName(&old, &v)
	if old.Org != v.Org {
		c.setValue("ORG", escaped(strings.Split(v.Org, ";"), ";"))
	}
	if !slices.Equal(old.Groups, v.Groups) {
		c.setValue("CATEGORIES", escaped(v.Groups, ","))
	}
	c.setReaches("EMAIL", old.Emails, v.Emails)
	c.setReaches("TEL", old.Phones, v.Phones)
	c.setGroup(&old, &v)
	c.stamp(now)
}

// setText sets a text that has changed.
func (c *Card) setText(name, old, text string) {
	if text = shown(text); text != old {
		c.setValue(name, contentline.Escape(text))
	}
}

// setValue sets the value of the first line of that name, which keeps its group and
// parameters. An empty one removes the line.
func (c *Card) setValue(name, value string) {
	l := c.first(name)
	switch {
	case value == "":
		c.remove(name)
	case l == nil:
		c.lines = append(c.lines, contentline.Line{Name: name, Value: value})
	default:
		*l = contentline.Line{Group: l.Group, Name: l.Name, Params: l.Params, Value: value}
	}
}

// escaped joins texts to a value.
func escaped(list []string, sep string) string {
	var out []string
	for _, s := range list {
		if s = oneLine(s); s != "" {
			out = append(out, contentline.Escape(s))
		}
	}
	return strings.Join(out, sep)
}

// setName sets N (RFC 6350 section 6.2.2).
func (c *Card) setName(old, v *Contact) {
	parts := func(v *Contact) [5]string { return [5]string{v.Family, v.Given, v.Additional, v.Prefix, v.Suffix} }
	if parts(old) == parts(v) {
		return
	}
	var list []string
	empty := true
	for _, s := range parts(v) {
		s = oneLine(s)
		empty = empty && s == ""
		list = append(list, contentline.Escape(s))
	}
	value := strings.Join(list, ";")
	if empty && c.version == "4.0" { // 3.0 wants one
		value = ""
	}
	c.setValue("N", value)
}

// setReaches sets addresses or numbers. One that stays keeps its line; one that
// changes takes that of one that goes.
func (c *Card) setReaches(name string, old, list []Reach) {
	if slices.EqualFunc(old, list, sameReach) {
		return
	}
	var lines []*contentline.Line // those of old
	for i := range c.lines {
		if c.lines[i].Is(name) && len(lines) < maxValues && reach(&c.lines[i]).Value != "" {
			lines = append(lines, &c.lines[i])
		}
	}
	taken := make([]bool, len(lines))
	set := make([]bool, len(list))
	give := func(fits func(want, have Reach) bool) {
		for w := range list {
			for i := range lines {
				if !set[w] && !taken[i] && fits(list[w], old[i]) {
					set[w], taken[i] = true, true
					if !sameReach(list[w], old[i]) {
						*lines[i] = c.reachLine(name, lines[i], list[w], old[i])
					}
				}
			}
		}
	}
	give(func(want, have Reach) bool { return want.Value == have.Value })
	give(func(want, have Reach) bool { return oneLine(want.Value) != "" })
	var gone []*contentline.Line
	for i, l := range lines {
		if !taken[i] {
			gone = append(gone, l)
		}
	}
	c.drop(gone)
	for w, r := range list {
		if !set[w] && oneLine(r.Value) != "" {
			c.lines = append(c.lines, c.reachLine(name, &contentline.Line{}, r, Reach{}))
		}
	}
}

func sameReach(a, b Reach) bool {
	return a.Value == b.Value && a.Preferred == b.Preferred && slices.Equal(a.Types, b.Types)
}

// drop removes lines, with what else is in their groups: labels.
func (c *Card) drop(gone []*contentline.Line) {
	groups := make(map[string]bool)
	drop := make(map[*contentline.Line]bool)
	for _, l := range gone {
		drop[l] = true
		if l.Group != "" {
			groups[strings.ToLower(l.Group)] = true
		}
	}
	var left []contentline.Line
	for i := range c.lines {
		if l := &c.lines[i]; !drop[l] && !groups[strings.ToLower(l.Group)] {
			left = append(left, *l)
		}
	}
	c.lines = left
}

// reachLine makes the line of r from one that said something else.
func (c *Card) reachLine(name string, l *contentline.Line, r, old Reach) contentline.Line {
	out := contentline.Line{Group: l.Group, Name: name, Params: l.Params, Value: contentline.Escape(oneLine(r.Value))}
	if r.Preferred == old.Preferred && slices.Equal(r.Types, old.Types) && l.Name != "" {
		if kind, _ := l.Param("VALUE"); strings.EqualFold(kind, "uri") {
			out.Params = slices.DeleteFunc(slices.Clone(l.Params), func(p contentline.Param) bool { return strings.EqualFold(p.Name, "VALUE") })
		}
		return out
	}
	out.Params = slices.DeleteFunc(slices.Clone(l.Params), func(p contentline.Param) bool {
		return strings.EqualFold(p.Name, "TYPE") || strings.EqualFold(p.Name, "PREF") || strings.EqualFold(p.Name, "VALUE")
	})
	types := slices.Clone(r.Types)
	if c.version == "3.0" && name == "EMAIL" {
		types = append(types, "internet")
	}
	if c.version == "3.0" && r.Preferred {
		types = append(types, "pref")
	}
	for _, t := range types {
		if t = oneLine(t); t != "" {
			out.Params = append(out.Params, contentline.Param{Name: "TYPE", Values: []string{t}})
		}
	}
	if c.version == "4.0" && r.Preferred {
		out.Params = append(out.Params, contentline.Param{Name: "PREF", Values: []string{"1"}})
	}
	return out
}

// setGroup sets whether it is a group, and of whom (RFC 6350 sections 6.1.4, 6.6.5).
func (c *Card) setGroup(old, v *Contact) {
	kind, member := c.groupNames()
	if old.IsGroup != v.IsGroup {
		c.remove(kind)
		if v.IsGroup {
			c.lines = append(c.lines, contentline.Line{Name: kind, Value: "group"})
		}
	}
	if !v.IsGroup {
		if old.IsGroup { // others have no members
			c.remove(member)
		}
		return
	}
	if slices.Equal(old.Members, v.Members) {
		return
	}
	c.remove(member)
	for _, m := range v.Members[:min(len(v.Members), maxValues)] {
		if m = oneLine(m); m != "" {
			c.lines = append(c.lines, contentline.Line{Name: member, Value: m})
		}
	}
}
