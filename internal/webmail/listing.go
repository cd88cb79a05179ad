package webmail

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/search"
	"fantail/internal/store"
	"fantail/internal/webmail/settings"
)

// perPage is how many lines a list shows at once.
const perPage = 50

// wish is what somebody wants to see of a mailbox: the part of an address that its lists
// have in common.
type wish struct {
	Mailbox string
	Page    int    // from 1
	Sort    string // a key of sorts
	Filter  string // a key of filters
	Back    bool   // the other way round
}

// sorts are the orders of a list. "" is by arrival, newest first.
var sorts = map[string][]search.Criterion{
	"":        nil,
	"date":    {{Order: search.ByDate}},
	"from":    {{Order: search.ByDisplayFrom, Reverse: true}},
	"to":      {{Order: search.ByDisplayTo, Reverse: true}},
	"subject": {{Order: search.BySubject, Reverse: true}},
	"size":    {{Order: search.BySize}},
}

// filters are the quick filters: what must be set, and what must not.
var filters = map[string]struct{ has, lacks mail.Flags }{
	"":           {},
	"unread":     {lacks: mail.Seen},
	"starred":    {has: mail.Flagged},
	"unanswered": {lacks: mail.Answered | mail.Draft},
}

// wishOf reads an address. Whatever it says that means nothing is an error.
func wishOf(mailbox string, q url.Values) (wish, error) {
	w := wish{Mailbox: mailbox, Page: 1, Sort: q.Get("sort"), Filter: q.Get("filter"), Back: q.Get("back") != ""}
	if p := q.Get("p"); p != "" {
		var err error
		if w.Page, err = strconv.Atoi(p); err != nil || w.Page < 1 {
			return wish{}, notFound("error.noSuchPage")
		}
	}
	_, sorted := sorts[w.Sort]
	if _, filtered := filters[w.Filter]; !sorted || !filtered {
		return wish{}, notFound("error.noSuchPage")
	}
	return w, nil
}

// query is what an address says behind its path, beginning with "?"; "" if all is as usual.
func (w wish) query() string {
	q := url.Values{}
	if w.Page > 1 {
		q.Set("p", strconv.Itoa(w.Page))
	}
	for name, value := range map[string]string{"sort": w.Sort, "filter": w.Filter} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if w.Back {
		q.Set("back", "1")
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// Query is query without its first character, for forms.
func (w wish) Query() string { return strings.TrimPrefix(w.query(), "?") }

// link is what the address of a message says of the list that it was opened from,
// beginning with "&"; "" if that is as usual.
func (w wish) link() string {
	if q := w.query(); q != "" {
		return "&l=" + url.QueryEscape(q[1:])
	}
	return ""
}

// path is the address of the list.
func (w wish) path() string { return "/f/" + url.PathEscape(w.Mailbox) + w.query() }

// page is the same list at another page.
func (w wish) page(n int) wish {
	w.Page = n
	return w
}

// lines are what a list has, in its order: of each line its messages, ascending.
type lines struct {
	n  int
	at func(i int) []mail.UID
}

// list finds the lines of a list.
func (s *Site) list(ctx context.Context, v view, w wish, grouping settings.Grouping) (lines, error) {
	drafts := s.boxes.useOf(ctx, v.Name()) == `\Drafts` // each is taken up by itself
	if w.Sort == "" && grouping != "messages" && !drafts {
		return s.groups(ctx, v, w)
	}
	order, err := s.order(ctx, v, w)
	if err != nil {
		return lines{}, err
	}
	if f := filters[w.Filter]; f.has != 0 || f.lacks != 0 {
		order = slices.DeleteFunc(order, func(i int) bool { return !passes(v.snap.Flags(i), w.Filter) })
	}
	return lines{len(order), func(i int) []mail.UID { return []mail.UID{v.snap.UID(order[turned(i, len(order), w.Back)])} }}, nil
}

// order returns all messages by a sort, ascending.
func (s *Site) order(ctx context.Context, v view, w wish) ([]int, error) {
	all := make([]int, v.snap.Len())
	for i := range all {
		all[i] = i
	}
	if by := sorts[w.Sort]; by != nil {
		among := store.NewMessageSet(v.snap.Len())
		among.AddAll()
		finder := search.Search{Mailbox: v.Mailbox, Snapshot: v.snap}
		return finder.Sort(ctx, by, among)
	}
	return all, nil
}

// groups finds conversations. One passes a filter if one of its messages does.
func (s *Site) groups(ctx context.Context, v view, w wish) (lines, error) {
	c, err := s.boxes.conversations(ctx, v)
	if err != nil {
		return lines{}, err
	}
	if w.Filter == "" {
		return lines{c.Len(), func(i int) []mail.UID { return c.at(turned(i, c.Len(), w.Back)) }}, nil
	}
	pass, want := make([]bool, v.snap.Len()), filters[w.Filter]
	for i, f := range v.snap.AllFlags() {
		pass[i] = f.Has(want.has) && f&want.lacks == 0
	}
	var passing []int
	for g := range c.Len() {
		if slices.ContainsFunc(c.rows[c.starts[g]:c.starts[g+1]], func(i int32) bool { return pass[i] }) {
			passing = append(passing, g)
		}
	}
	return lines{len(passing), func(i int) []mail.UID { return c.at(passing[turned(i, len(passing), w.Back)]) }}, nil
}

// turned counts from the end, where the newest or largest is.
func turned(i, n int, back bool) int {
	if back {
		return i
	}
	return n - 1 - i
}

func passes(f mail.Flags, filter string) bool {
	want := filters[filter]
	return f.Has(want.has) && f&want.lacks == 0
}
