package client

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Notify is what a client has asked for by NOTIFY SET (RFC 5465), or by NOTIFY NONE if
// it is empty, and what it knows from that of other mailboxes than the selected one.
type Notify struct {
	Status  bool // the state of the others is told at once
	New     bool // MessageNew and MessageExpunge of the selected mailbox
	Flags   bool // FlagChange of it
	Delayed bool
	Fetch   []string // data items of its new messages, as they are asked for
	Groups  []NotifyGroup

	// Own reports whether the client has made a message itself: it is not told then.
	Own func(box string, uid uint32) bool

	boxes  map[string]Status
	names  map[string]Name
	listed bool // names has all that there are
}

// NotifyGroup is an event group about other mailboxes than the selected one.
type NotifyGroup struct {
	Filter                  string // PERSONAL, INBOXES, SUBSCRIBED, SUBTREE or MAILBOXES
	Boxes                   []string
	New, Flags, Names, Subs bool // MessageNew and MessageExpunge, FlagChange, MailboxName, SubscriptionChange
}

// Status are the items of STATUS responses by name.
type Status map[string]uint64

// Name is what LIST tells of a name. The zero Name does not exist.
type Name struct{ Exists, Subscribed bool }

// String is the command.
func (n *Notify) String() string {
	if !n.New && len(n.Groups) == 0 {
		return "NOTIFY NONE"
	}
	var b strings.Builder
	b.WriteString("NOTIFY SET")
	if n.Status {
		b.WriteString(" STATUS")
	}
	events := func(filter string, list []string) {
		if len(list) == 0 {
			fmt.Fprintf(&b, " (%s NONE)", filter)
			return
		}
		fmt.Fprintf(&b, " (%s (%s))", filter, strings.Join(list, " "))
	}
	var list []string
	if n.New {
		list = append(list, "MessageNew", "MessageExpunge")
		if len(n.Fetch) > 0 {
			list[0] += " (" + strings.Join(n.Fetch, " ") + ")"
		}
	}
	if n.Flags {
		list = append(list, "FlagChange")
	}
	filter := "SELECTED"
	if n.Delayed {
		filter = "SELECTED-DELAYED"
	}
	events(filter, list)
	for _, g := range n.Groups {
		filter := g.Filter
		if len(g.Boxes) > 0 {
			filter += " (" + strings.Join(g.Boxes, " ") + ")"
		}
		events(filter, g.events())
	}
	return b.String()
}

func (g NotifyGroup) events() (list []string) {
	for _, e := range []struct {
		on   bool
		name string
	}{{g.New, "MessageNew MessageExpunge"}, {g.Flags, "FlagChange"}, {g.Names, "MailboxName"}, {g.Subs, "SubscriptionChange"}} {
		if e.on {
			list = append(list, e.name)
		}
	}
	return list
}

// covers reports whether the group is about a mailbox. Who is subscribed to it may have
// changed: maybe is the answer then.
func (g NotifyGroup) covers(box string, maybe bool) bool {
	switch g.Filter {
	case "PERSONAL", "INBOXES":
		return true
	case "SUBSCRIBED":
		return maybe
	case "MAILBOXES":
		return slices.Contains(g.Boxes, box)
	}
	return slices.ContainsFunc(g.Boxes, func(b string) bool { return within(box, b) })
}

// within reports whether a mailbox is another or below it.
func within(box, top string) bool { return box == top || strings.HasPrefix(box, top+".") }

// wants reports whether a group that suits is about a mailbox.
func (n *Notify) wants(box string, maybe bool, suits func(NotifyGroup) bool) bool {
	return slices.ContainsFunc(n.Groups, func(g NotifyGroup) bool { return suits(g) && g.covers(box, maybe) })
}

func (g NotifyGroup) tellsNew() bool   { return g.New }
func (g NotifyGroup) tellsFlags() bool { return g.Flags }
func (g NotifyGroup) tellsNames() bool { return g.Names }
func (g NotifyGroup) tellsList() bool  { return g.Names || g.Subs }

// Tells reports whether anything of other mailboxes is told.
func (n *Notify) Tells() bool { return n != nil && len(n.Groups) > 0 }

// Anytime reports whether EXPUNGE may be told at any time. Then message numbers are of
// no use in commands (RFC 5465 section 5.3).
func (n *Notify) Anytime() bool { return n != nil && n.New && !n.Delayed }

// All reports whether the client is told everything of the selected mailbox: without
// NOTIFY, or with one that asks for it.
func (n *Notify) All() bool { return n == nil || n.New && n.Flags }

// Begun is heard when the command has succeeded: what is told from now on is because of
// it.
func (n *Notify) Begun() {
	n.names = make(map[string]Name)
	if n.boxes == nil {
		n.boxes = make(map[string]Status)
	}
}

// HearStatus takes a STATUS response. asked says that the client has asked for it, by
// STATUS or in this NOTIFY. selected is the selected mailbox, or "".
func (n *Notify) HearStatus(r *Response, asked bool, selected string, blame blamer) {
	box, told, ok := ReadStatus(r)
	switch {
	case !ok:
		blame(Grammar, "%s", r.Raw)
		return
	case asked:
	case box == selected:
		blame(Unasked, "%s: that mailbox is selected", r.Raw)
	case !n.wants(box, true, NotifyGroup.tellsNew):
		blame(Unasked, "%s after %s", r.Raw, n)
	}
	if n.boxes == nil {
		n.boxes = make(map[string]Status)
	}
	if n.boxes[box] == nil {
		n.boxes[box] = make(Status)
	}
	maps.Copy(n.boxes[box], told)
}

// ReadStatus reads a STATUS response.
func ReadStatus(r *Response) (box string, s Status, ok bool) {
	if len(r.Args) != 2 || len(r.Args[1].List)%2 != 0 {
		return "", nil, false
	}
	s = make(Status)
	for i := 0; i+1 < len(r.Args[1].List); i += 2 {
		n, err := strconv.ParseUint(r.Args[1].List[i+1].Text, 10, 63)
		if err != nil {
			return "", nil, false
		}
		s[strings.ToUpper(r.Args[1].List[i].Text)] = n
	}
	return r.Args[0].Text, s, true
}

// HearList takes a LIST response. asked says that the client has asked for it by LIST.
func (n *Notify) HearList(r *Response, asked bool, blame blamer) {
	name, old, is, ok := ReadList(r)
	if !ok {
		blame(Grammar, "%s", r.Raw)
		return
	}
	if !asked && !n.wants(name, true, NotifyGroup.tellsList) && !n.wants(old, true, NotifyGroup.tellsList) {
		blame(Unasked, "%s after %s", r.Raw, n)
	}
	if old != "" {
		n.Renamed(old, name)
	}
	if !asked && n.listed && is.Exists && !n.names[name].Exists && old == "" {
		n.boxes[name] = Status{"MESSAGES": 0, "UIDNEXT": 1} // it is new
	}
	n.names[name] = is
	if !is.Exists {
		delete(n.boxes, name)
	}
}

// ReadList reads a LIST response. old is OLDNAME, or "".
func ReadList(r *Response) (name, old string, is Name, ok bool) {
	if len(r.Args) < 3 || len(r.Args) > 4 || r.Args[0].List == nil {
		return "", "", Name{}, false
	}
	is.Exists = true
	for _, a := range r.Args[0].Strings() {
		switch strings.ToLower(a) {
		case `\nonexistent`, `\noselect`:
			is.Exists = false
		case `\subscribed`:
			is.Subscribed = true
		}
	}
	if len(r.Args) == 4 {
		list := r.Args[3].List
		for i := 0; i+1 < len(list); i += 2 {
			if list[i].Is("OLDNAME") && len(list[i+1].List) == 1 {
				old = list[i+1].List[0].Text
			}
		}
	}
	return r.Args[2].Text, old, is, true
}

// Listed is heard when all names have been told by LIST.
func (n *Notify) Listed() { n.listed = true }

// Made enters that the client has made a mailbox or removed one, or has subscribed or
// unsubscribed: it is not told then.
func (n *Notify) Made(name string, change func(*Name)) {
	if n == nil || n.names == nil {
		return
	}
	is := n.names[name]
	had := is.Exists
	change(&is)
	n.names[name] = is
	if had != is.Exists {
		delete(n.boxes, name)
	}
}

// Renamed enters that a mailbox has another name, and those below it.
func (n *Notify) Renamed(from, to string) {
	if n == nil || n.names == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		if within(name, from) && n.names[name].Exists {
			is := n.names[name]
			n.names[name] = Name{Subscribed: is.Subscribed}
			n.names[to+name[len(from):]] = Name{Exists: true, Subscribed: n.names[to+name[len(from):]].Subscribed}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.boxes)) {
		if within(name, from) {
			n.boxes[to+name[len(from):]] = n.boxes[name]
			delete(n.boxes, name)
		}
	}
}

// Delivered enters that the client has put messages into a mailbox. It is not told of
// that, if these were all that came.
func (n *Notify) Delivered(box string, uids []uint32) {
	if n == nil || n.boxes[box] == nil || len(uids) == 0 {
		return
	}
	s := n.boxes[box]
	delete(s, "UNSEEN")
	delete(s, "HIGHESTMODSEQ")
	_, counted := s["MESSAGES"]
	if next, ok := s["UIDNEXT"]; counted && ok && uint64(slices.Min(uids)) == next {
		s["MESSAGES"] += uint64(len(uids))
		s["UIDNEXT"] = uint64(slices.Max(uids)) + 1
	}
}

// Selected enters that a mailbox is selected now: of that STATUS tells nothing.
func (n *Notify) Selected(box string) {
	if n != nil {
		delete(n.boxes, box)
	}
}

// Left enters that it is no more, with what the client knows of it.
func (n *Notify) Left(box string, messages int) {
	if n != nil && n.boxes != nil && n.wants(box, false, NotifyGroup.tellsNew) {
		n.boxes[box] = Status{"MESSAGES": uint64(messages)}
	}
}

// World is what there is when all is quiet.
type World struct {
	Boxes  map[string]Status
	Names  map[string]Name
	Stable []string // mailboxes that nobody removes or renames
}

// Differs returns where what the client was told is not what is so, with one mailbox
// selected.
func (n *Notify) Differs(w World, selected string, condStore bool) (list []string) {
	for box, is := range w.Boxes {
		told := n.boxes[box]
		if box == selected || !n.wants(box, false, NotifyGroup.tellsNew) {
			continue
		}
		if !slices.Contains(w.Stable, box) && !n.wants(box, false, NotifyGroup.tellsNames) {
			continue // it may be another one, without a word
		}
		items := []string{"MESSAGES", "UIDNEXT"}
		if n.wants(box, false, NotifyGroup.tellsFlags) {
			items = append(items, "UNSEEN")
			if condStore {
				items = append(items, "HIGHESTMODSEQ")
			}
		}
		for _, item := range items {
			if v, ok := told[item]; ok && v != is[item] {
				list = append(list, fmt.Sprintf("%s: %s is known to be %d, and is %d", box, item, v, is[item]))
			}
		}
	}
	if !n.listed {
		return list
	}
	both := maps.Clone(w.Names)
	maps.Copy(both, n.names)
	for name := range both {
		told, is := n.names[name], w.Names[name]
		if told.Exists != is.Exists && n.wants(name, false, NotifyGroup.tellsNames) {
			list = append(list, fmt.Sprintf("%s is known to exist: %t, and it is %t", name, told.Exists, is.Exists))
		}
		if told.Subscribed != is.Subscribed && n.wants(name, false, func(g NotifyGroup) bool { return g.Subs }) {
			list = append(list, fmt.Sprintf("%s is known to be subscribed: %t, and it is %t", name, told.Subscribed, is.Subscribed))
		}
	}
	slices.Sort(list)
	return list
}
