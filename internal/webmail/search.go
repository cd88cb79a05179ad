package webmail

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/webmail/query"
)

// searchView is the page of results; without a query it explains the language.
type searchView struct {
	layout
	Query        string
	Chips        []chip
	Notes        []string
	Rows         []result
	First, Last  int
	Total        int // lines; 0 if there may be more
	Newer, Older string
	Further      string // looks at what is older than Reached
	Reached      moment
	Wider        string // looks in Trash and Junk as well
	Help         []example
}

// chip is a condition of the query.
type chip struct{ Text, Without string }

// example is a line of the help.
type example struct{ Query, Text string }

// result is a line of the results.
type result struct {
	row
	Folder     string
	WhoM       []marked
	SubjectM   []marked
	PreviewM   []marked
	FolderPath string
}

// marked is a piece of a text, which was looked for or not.
type marked struct {
	Text string
	Hit  bool
}

// searchBox is the search in the line at the top.
type searchBox struct {
	Query  string
	Scope  string // chosen
	Here   string // scope of the folder that is shown; "" if none is
	Folder string // its name
}

// The scopes of a search: all folders but Trash and Junk, all of them, or one, whose name
// stands behind inFolder.
const (
	usualScope = ""
	wholeScope = "all"
	inFolder   = "/"
)

// searchPatience is how long a search goes on: once the page has something to show, and until
// the page says how far it has come.
type searchPatience struct{ some, none time.Duration }

var usualPatience = searchPatience{some: 150 * time.Millisecond, none: time.Second}

const (
	// longestSearch ends a step that takes far too long: the next request finds more in
	// the cache of texts.
	longestSearch = 10 * time.Second
	maxPage       = 200
)

// wanted is a search as an address has it.
type wanted struct {
	query  string
	scope  string
	page   int
	before int64 // Unix time; 0: no limit
}

func wantedOf(r *request) (wanted, error) {
	q := r.URL.Query()
	w := wanted{query: strings.TrimSpace(q.Get("q")), scope: q.Get("in"), page: 1}
	var err error
	if p := q.Get("p"); p != "" {
		if w.page, err = strconv.Atoi(p); err != nil || w.page < 1 || w.page > maxPage {
			return wanted{}, notFound("error.noSuchPage")
		}
	}
	if t := q.Get("before"); t != "" {
		if w.before, err = strconv.ParseInt(t, 10, 64); err != nil || w.before < 1 || w.before > 1<<40 {
			return wanted{}, notFound("error.noSuchPage")
		}
	}
	return w, nil
}

func (w wanted) path() string {
	q := url.Values{"q": {w.query}}
	if w.scope != usualScope {
		q.Set("in", w.scope)
	}
	if w.page > 1 {
		q.Set("p", strconv.Itoa(w.page))
	}
	if w.before != 0 {
		q.Set("before", strconv.FormatInt(w.before, 10))
	}
	return "/search?" + q.Encode()
}

// with is another search in the same place, from its beginning.
func (w wanted) with(query string) wanted { return wanted{query: query, scope: w.scope, page: 1} }

// search shows what a query finds.
func (s *Site) search(w http.ResponseWriter, r *request) error {
	want, err := wantedOf(r)
	if err != nil {
		return err
	}
	out := searchView{layout: s.layout(r, r.lang.Text("find.title")), Query: want.query}
	if want.query == "" {
		out.explain(r)
		return s.render(w, r, http.StatusOK, "search.html", out)
	}
	out.Title = want.query
	if err := s.searchFor(r, &out, want); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "search.html", out)
}

// searchFor fills in what is found.
func (s *Site) searchFor(r *request, out *searchView, want wanted) error {
	tree := query.Parse(want.query)
	plan, names, err := s.plan(r, tree, want.scope)
	if err != nil {
		return err
	}
	out.understood(r, tree, plan, want)
	var before time.Time
	if want.before != 0 {
		before = time.Unix(want.before, 0)
	}
	x, err := s.boxes.search(r.Context(), plan.Searches, names, before)
	if err != nil {
		return err
	}
	defer x.Close()
	first := (want.page - 1) * perPage
	lines, err := x.fill(r.Context(), first, r.prefs.Grouping == "messages", s.patience)
	if err != nil {
		return err
	}
	needles := needlesOf(tree)
	for i := first; i < len(lines) && len(out.Rows) < perPage; i++ {
		line, err := s.result(r, out.Folders, lines[i], needles)
		if err != nil && store.KindOf(err) == store.Gone {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		out.Rows = append(out.Rows, line)
	}
	if len(out.Rows) > 0 {
		out.First, out.Last = first+1, first+len(out.Rows)
	}
	out.others(r, want, len(lines), x.reached())
	return nil
}

// fill searches until there is a page from line first on and one line more, or time is up.
func (x *searching) fill(ctx context.Context, first int, alone bool, wait searchPatience) ([]foundLine, error) {
	start := time.Now()
	hard, cancel := context.WithTimeout(ctx, longestSearch)
	defer cancel()
	var lines []foundLine
	counted := -1 // hits of which the lines were made
	stepped := false
	for {
		hits, took := x.settled(), time.Since(start)
		if len(hits) != counted && (len(hits) > first+perPage || took > wait.some || x.frontier() == nil) {
			var err error
			if lines, err = linesOf(ctx, hits, alone); err != nil {
				return nil, err
			}
			counted = len(hits)
		}
		if len(lines) > first+perPage || len(lines) > first && took > wait.some || stepped && took > wait.none {
			return lines, nil
		}
		stepped = true
		ok, err := x.more(hard)
		if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return linesOf(ctx, x.settled(), alone)
		}
		if err != nil || !ok {
			return lines, err
		}
	}
}

// others fills in where else to look. There may be lines behind those that were found, and
// messages that nobody has looked at.
func (out *searchView) others(r *request, want wanted, lines int, reached time.Time) {
	if want.page > 1 {
		newer := want
		newer.page--
		out.Newer = newer.path()
	}
	switch {
	case lines > want.page*perPage && want.page < maxPage:
		older := want
		older.page++
		out.Older = older.path()
		if reached.IsZero() {
			out.Total = lines
		}
	case !reached.IsZero():
		further := want.with(want.query)
		further.before = reached.Unix() + 1
		if further.before == want.before { // a crowd of one second
			further.before--
		}
		out.Further, out.Reached = further.path(), r.when(reached)
	default:
		out.Total = lines
		if want.scope == usualScope && !namesFolder(query.Parse(want.query)) {
			wider := want.with(want.query)
			wider.scope = wholeScope
			out.Wider = wider.path()
		}
	}
}

func namesFolder(t *query.Tree) bool {
	return slices.ContainsFunc(t.Chips(), func(c query.Chip) bool { return c.Operator == query.In && !c.Negated })
}

// plan says where to look for what. names are those in the store of the mailboxes of the
// plan. A query that names folders itself goes by that.
func (s *Site) plan(r *request, tree *query.Tree, scope string) (*query.Plan, map[string]string, error) {
	all, err := s.boxes.account.List(r.Context())
	if err != nil {
		return nil, nil, err
	}
	if namesFolder(tree) {
		scope = usualScope
	}
	o := query.Options{Now: r.now, Keyword: func(label string) (mail.Keyword, bool) {
		k := labelOf(label)
		return k, k != ""
	}}
	names := make(map[string]string)
	for _, info := range all {
		if info.NoSelect {
			continue
		}
		m := query.Mailbox{Name: strings.ReplaceAll(info.Name, string(s.boxes.account.Delimiter()), "/"), Use: useOf(info)}
		if _, taken := names[m.Name]; taken {
			m.Name = info.Name
		}
		if one, ok := strings.CutPrefix(scope, inFolder); ok && one != info.Name {
			continue
		}
		if scope != usualScope {
			m.Use = query.NoUse // look there even if it is Trash or Junk
		}
		names[m.Name] = info.Name
		o.Mailboxes = append(o.Mailboxes, m)
	}
	return tree.Plan(o), names, nil
}

// useOf returns what a mailbox is for.
func useOf(info store.Info) query.Use {
	if info.Name == mail.Inbox {
		return query.Inbox
	}
	for _, use := range info.SpecialUse {
		switch u := query.Use(strings.ToLower(strings.TrimPrefix(use, `\`))); u {
		case query.Archive, query.Drafts, query.Sent, query.Junk, query.Trash:
			return u
		}
	}
	return query.NoUse
}

// understood says what the query was taken for.
func (out *searchView) understood(r *request, tree *query.Tree, plan *query.Plan, want wanted) {
	for i, c := range tree.Chips() {
		text := c.Value
		if c.Operator != query.Anywhere {
			text = string(c.Operator) + ": " + text
		}
		if c.Negated {
			text = "− " + text
		}
		out.Chips = append(out.Chips, chip{oneLine(text), want.with(tree.Without(i)).path()})
	}
	for _, n := range slices.Concat(tree.Notes, plan.Notes) {
		out.Notes = append(out.Notes, r.lang.Text("find.note."+string(n.Kind), "text", oneLine(n.Text)))
	}
}

// result describes a line.
func (s *Site) result(r *request, folders []folder, l foundLine, needles []string) (out result, err error) {
	f := folder{Name: l.in.Name(), Path: mailboxPath(l.in.Name())}
	if i := slices.IndexFunc(folders, func(f folder) bool { return f.Mailbox == l.in.Name() }); i >= 0 {
		f = folders[i]
	}
	out.Folder, out.FolderPath = f.Name, f.Path
	if out.row, err = s.row(r, l.in.view, l.uids, f.Icon == "sent" || f.Icon == "draft"); err != nil {
		return out, err
	}
	if out.Path += "&s=" + url.QueryEscape(r.URL.RawQuery); f.Icon == "draft" && out.Draft && s.outbox != nil {
		out.Path = writingPath(out.Path)
	}
	out.WhoM, out.SubjectM, out.PreviewM = mark(out.Who, needles), mark(out.Subject, needles), mark(out.Preview, needles)
	return out, nil
}

// needlesOf returns the words of a query that can be seen in a list.
func needlesOf(tree *query.Tree) []string {
	var list []string
	for _, c := range tree.Chips() {
		switch c.Operator {
		case query.Anywhere, query.From, query.To, query.Subject, query.Body:
			if !c.Negated {
				list = append(list, c.Value)
			}
		}
	}
	return list
}

// mark cuts a text where something begins or ends that was looked for.
func mark(text string, needles []string) []marked {
	runes := []rune(text)
	lower := lowered(runes)
	hit := make([]bool, len(runes)+1)
	for _, n := range needles {
		needle := lowered([]rune(n))
		for i := 0; len(needle) > 0 && i+len(needle) <= len(lower); i++ {
			if slices.Equal(lower[i:i+len(needle)], needle) {
				for k := range needle {
					hit[i+k] = true
				}
			}
		}
	}
	var out []marked
	for i := 0; i < len(runes); {
		end := i
		for end < len(runes) && hit[end] == hit[i] {
			end++
		}
		out = append(out, marked{string(runes[i:end]), hit[i]})
		i = end
	}
	return out
}

func lowered(s []rune) []rune {
	out := make([]rune, len(s))
	for i, r := range s {
		out[i] = unicode.ToLower(r)
	}
	return out
}

// examples are what the help shows; each key is find.help.<name>.
var examples = []struct{ name, query string }{
	{"words", "garden tools"}, {"phrase", `"see you on Monday"`}, {"from", "from:ann"}, {"to", "to:ben cc:eva"}, {"subject", "subject:invoice"}, {"body", "body:budget"},
	{"has", "has:attachment"}, {"filename", "filename:pdf"}, {"is", "is:unread is:flagged"}, {"in", "in:archive"}, {"label", "label:work"},
	{"date", "after:2026-03 before:2026-06-15"}, {"age", "newer_than:2w older_than:1y"}, {"size", "larger:5M"}, {"list", "list:announce"}, {"or", "ann OR ben"}, {"not", "-from:newsletter"},
}

// explain fills in the help.
func (out *searchView) explain(r *request) {
	for _, e := range examples {
		out.Help = append(out.Help, example{e.query, r.lang.Text("find.help." + e.name)})
	}
}

// searchBox is the search at the top of a page.
func (l *layout) searchBox(r *request) searchBox {
	b := searchBox{}
	if r.URL.Path == "/search" {
		b.Query, b.Scope = r.URL.Query().Get("q"), r.URL.Query().Get("in")
	}
	here := r.PathValue("mailbox")
	if here == "" {
		here = strings.TrimPrefix(b.Scope, inFolder)
	}
	if here == "" && strings.HasPrefix(r.URL.Path, "/m/") {
		here = r.URL.Query().Get("f")
	}
	for _, f := range l.Folders {
		if f.Mailbox == here && f.Path != "" {
			b.Here, b.Folder = inFolder+here, f.Name
			if r.URL.Path != "/search" && r.prefs.Scope == "folder" {
				b.Scope = b.Here
			}
		}
	}
	return b
}
