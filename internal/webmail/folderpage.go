package webmail

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// foldersView is the page on which folders are made and changed. With Ask it asks whether
// one is to be deleted or emptied.
type foldersView struct {
	layout
	Rows        []folderRow
	Subscribing bool // something is subscribed: programs that go by that show only those
	Parents     []folder
	Uses        []choice
	Problem     string // what was wrong with the form
	Name        string // that was written there
	Under       string
	Ask         *question
}

// folderRow is a folder with what can be done to it.
type folderRow struct {
	folder
	Subscribed bool
	UseName    string // what it is for; "" if that is nothing special
	Fixed      bool   // it cannot be renamed or deleted
	Disposable bool   // it can be emptied
	Total      int
	Delete     string // addresses of questions
	Empty      string
	Last       string // the last level of its name
}

// question is what has to be answered before something is deleted.
type question struct {
	Op, Mailbox, Name string
	Count             int
	Before            mail.UID // what arrives from now on is not meant
}

// foldersPath is the page's address.
const foldersPath = "/folders"

// folders shows all folders.
func (s *Site) folders(w http.ResponseWriter, r *request) error {
	out, err := s.foldersView(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if op := q.Get("ask"); op != "" {
		if out.Ask, err = s.question(r, op, q.Get("f")); err != nil {
			return err
		}
	}
	return s.render(w, r, http.StatusOK, "folders.html", out)
}

func (s *Site) foldersView(r *request) (*foldersView, error) {
	out := &foldersView{layout: s.layout(r, r.lang.Text("folders.title"))}
	all, err := s.boxes.account.List(r.Context())
	if err != nil {
		return nil, err
	}
	taken := make(map[string]bool)
	for _, info := range all {
		out.Subscribing = out.Subscribing || info.Subscribed
	}
	for _, f := range out.Folders {
		i := slices.IndexFunc(all, func(info store.Info) bool { return info.Name == f.Mailbox })
		if i < 0 {
			continue
		}
		row, err := s.folderRow(r, f, all[i])
		if err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, row)
		out.Parents = append(out.Parents, f)
		for _, use := range all[i].SpecialUse {
			taken[use] = true
		}
	}
	for _, use := range store.SpecialUses {
		if !taken[use] {
			out.Uses = append(out.Uses, choice{Key: use, Path: r.lang.Text("base." + special[use].icon)})
		}
	}
	return out, nil
}

func (s *Site) folderRow(r *request, f folder, info store.Info) (folderRow, error) {
	levels := strings.Split(info.Name, string(s.boxes.account.Delimiter()))
	row := folderRow{folder: f, Subscribed: info.Subscribed, Fixed: info.Name == mail.Inbox, Last: levels[len(levels)-1]}
	for _, use := range info.SpecialUse {
		row.UseName = r.lang.Text("base." + special[use].icon)
		row.Disposable = row.Disposable || use == `\Trash` || use == `\Junk`
	}
	if f.Path == "" {
		return row, nil
	}
	st, err := s.boxes.account.Status(r.Context(), info.Name, store.StatusNeeds{})
	if err != nil && !missing(err) {
		return row, err
	}
	row.Total = st.Messages
	row.Delete = foldersPath + "?" + url.Values{"ask": {"delete"}, "f": {info.Name}}.Encode()
	if row.Disposable && row.Total > 0 {
		row.Empty = foldersPath + "?" + url.Values{"ask": {"empty"}, "f": {info.Name}}.Encode()
	}
	return row, nil
}

// question asks before a folder is deleted or emptied.
func (s *Site) question(r *request, op, mailbox string) (*question, error) {
	if op != "delete" && op != "empty" {
		return nil, notFound("error.noPage")
	}
	v, err := s.boxes.open(r.Context(), mailbox)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return &question{Op: op, Mailbox: v.Name(), Name: s.folderName(r, v.Name()), Count: v.snap.Len(), Before: v.snap.UIDNext()}, nil
}

// complaint is a form that has to be filled in in another way; its text is that of a key.
type complaint string

func (c complaint) Error() string { return string(c) }

// folderOps are what the page's forms do. Each returns what to say, with {folder}, about
// which folder, and how it is undone.
var folderOps = map[string]func(s *Site, r *request, mailbox string) (said string, about string, undo []step, err error){
	"create":      (*Site).createFolder,
	"rename":      (*Site).renameFolder,
	"delete":      (*Site).deleteFolder,
	"empty":       (*Site).emptyFolder,
	"subscribe":   (*Site).subscribeFolder,
	"unsubscribe": (*Site).unsubscribeFolder,
	"read":        (*Site).readFolder,
}

// changeFolder does what a form of the page says.
func (s *Site) changeFolder(w http.ResponseWriter, r *request) error {
	op, ok := folderOps[r.PostFormValue("op")]
	if !ok {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	said, about, undo, err := op(s, r, r.PostFormValue("f"))
	var c complaint
	if errors.As(err, &c) {
		out, err := s.foldersView(r)
		if err != nil {
			return err
		}
		out.Problem = r.lang.Text(string(c), "mark", string(s.boxes.account.Delimiter()))
		out.Name, out.Under = r.PostFormValue("name"), r.PostFormValue("under")
		return s.render(w, r, http.StatusUnprocessableEntity, "folders.html", out)
	}
	if err != nil {
		return err
	}
	if r.PostFormValue("next") == "" {
		r.PostForm.Set("next", foldersPath)
	}
	text := r.lang.Text(said, "folder", s.folderName(r, about))
	return s.answer(w, r, text, s.undo.keep(text, undo))
}

// newName makes a mailbox's name of what somebody wrote.
func (s *Site) newName(r *request, under string) (string, error) {
	mark := string(s.boxes.account.Delimiter())
	name := strings.TrimSpace(oneLine(r.PostFormValue("name")))
	switch {
	case name == "":
		return "", complaint("folders.noName")
	case strings.Contains(name, mark):
		return "", complaint("folders.hasMark")
	}
	if under != "" {
		name = under + mark + name
	}
	name, err := s.boxes.account.Canonical(name)
	if err != nil {
		return "", complaint("folders.badName")
	}
	return name, nil
}

// nameProblem turns what the store says of a name into a complaint.
func nameProblem(err error) error {
	switch {
	case err == nil:
		return nil
	case store.KindOf(err) == store.Exists:
		return complaint("folders.exists")
	case store.KindOf(err) == store.Invalid:
		return complaint("folders.badName")
	}
	return err
}

func (s *Site) createFolder(r *request, _ string) (string, string, []step, error) {
	name, err := s.newName(r, r.PostFormValue("under"))
	if err != nil {
		return "", "", nil, err
	}
	var uses []string
	if use := r.PostFormValue("use"); slices.Contains(store.SpecialUses, use) {
		uses = append(uses, use)
	}
	if err := nameProblem(s.boxes.account.Create(r.Context(), name, uses...)); err != nil {
		return "", "", nil, err
	}
	// Other programs show only what is subscribed.
	return "folders.created", name, []step{removeFolder{name}}, s.boxes.account.Subscribe(r.Context(), name, true)
}

func (s *Site) renameFolder(r *request, from string) (string, string, []step, error) {
	if from == mail.Inbox {
		return "", "", nil, complaint("folders.fixed")
	}
	mark := string(s.boxes.account.Delimiter())
	under := ""
	if i := strings.LastIndex(from, mark); i >= 0 {
		under = from[:i]
	}
	if r.PostForm.Has("under") {
		under = r.PostFormValue("under")
	}
	to, err := s.newName(r, under)
	if err != nil {
		return "", "", nil, err
	}
	if to == from {
		return "folders.same", to, nil, nil
	}
	if err := nameProblem(s.renameTo(r.Context(), from, to)); err != nil {
		return "", "", nil, err
	}
	return "folders.renamed", to, []step{renameBack{to, from}}, nil
}

// renameTo renames a mailbox and what is below it, and the subscriptions with them.
func (s *Site) renameTo(ctx context.Context, from, to string) error {
	a := s.boxes.account
	names, err := a.Subscriptions(ctx)
	if err != nil {
		return err
	}
	if err := a.Rename(ctx, from, to); err != nil {
		return err
	}
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, from)
		if !ok || rest != "" && rest[0] != a.Delimiter() {
			continue
		}
		err = errors.Join(err, a.Subscribe(ctx, to+rest, true), a.Subscribe(ctx, name, false))
	}
	return err
}

// deleteFolder moves what is in a folder to Trash and removes the folder. What comes
// meanwhile keeps it alive.
func (s *Site) deleteFolder(r *request, name string) (string, string, []step, error) {
	ctx := r.Context()
	trash, err := s.boxes.special(ctx, `\Trash`)
	if err != nil {
		return "", "", nil, err
	}
	if name == mail.Inbox || name == trash {
		return "", "", nil, complaint("folders.fixed")
	}
	all, err := s.boxes.account.List(ctx)
	if err != nil {
		return "", "", nil, err
	}
	i := slices.IndexFunc(all, func(info store.Info) bool { return info.Name == name && !info.NoSelect })
	if i < 0 {
		return "", "", nil, notFound("error.noFolder")
	}
	a := &action{to: trash}
	left, err := s.clear(ctx, name, a)
	if err != nil {
		return "", "", nil, err
	}
	if left {
		return "", "", nil, complaint("folders.notEmpty")
	}
	if err := s.boxes.account.Delete(ctx, name); err != nil {
		return "", "", nil, err
	}
	undo := append(a.undo, makeFolder{all[i]})
	if all[i].Subscribed {
		err = s.boxes.account.Subscribe(ctx, name, false)
	}
	return "folders.deleted", name, undo, err
}

// clear moves all messages to a.to, and reports whether there are some nevertheless.
func (s *Site) clear(ctx context.Context, name string, a *action) (left bool, err error) {
	v, err := s.boxes.open(ctx, name)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if uids := v.snap.UIDs(); len(uids) > 0 {
		if err := s.move(ctx, a, v, uids, a.to); err != nil {
			return false, err
		}
	}
	if v.snap, err = v.Sync(ctx); err != nil {
		return false, err
	}
	return v.snap.Len() > 0, v.snap.Err()
}

// emptyFolder deletes for good what is in Trash or Junk, as it was when somebody was asked.
func (s *Site) emptyFolder(r *request, name string) (_ string, _ string, _ []step, err error) {
	before, err := strconv.ParseUint(r.PostFormValue("before"), 10, 32)
	if err != nil {
		return "", "", nil, &problem{http.StatusBadRequest, "error.badForm"}
	}
	all, err := s.boxes.account.List(r.Context())
	if err != nil {
		return "", "", nil, err
	}
	if !slices.ContainsFunc(all, func(info store.Info) bool {
		return info.Name == name && (slices.Contains(info.SpecialUse, `\Trash`) || slices.Contains(info.SpecialUse, `\Junk`))
	}) {
		return "", "", nil, complaint("folders.notTrash")
	}
	v, err := s.boxes.open(r.Context(), name)
	if err != nil {
		return "", "", nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	uids := slices.DeleteFunc(slices.Clone(v.snap.UIDs()), func(uid mail.UID) bool { return uint64(uid) >= before })
	return "folders.emptied", name, nil, v.Expunge(r.Context(), uids)
}

func (s *Site) subscribeFolder(r *request, name string) (string, string, []step, error) {
	return "folders.subscribed", name, []step{subscribeBack{name, false}}, s.boxes.account.Subscribe(r.Context(), name, true)
}

func (s *Site) unsubscribeFolder(r *request, name string) (string, string, []step, error) {
	return "folders.unsubscribed", name, []step{subscribeBack{name, true}}, s.boxes.account.Subscribe(r.Context(), name, false)
}

// readFolder marks all messages of a folder as read.
func (s *Site) readFolder(r *request, name string) (_ string, _ string, _ []step, err error) {
	v, err := s.boxes.open(r.Context(), name)
	if err != nil {
		return "", "", nil, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	var uids []mail.UID
	for i, f := range v.snap.AllFlags() {
		if !f.Has(mail.Seen) {
			uids = append(uids, v.snap.UID(i))
		}
	}
	a := &action{}
	if len(uids) > 0 {
		err = operations["read"].do(s, r.Context(), a, v, uids)
	}
	return "folders.allRead", name, a.undo, errors.Join(err, v.snap.Err())
}

// removeFolder takes back that a folder was made, unless there is something in it.
type removeFolder struct{ name string }

func (f removeFolder) undo(ctx context.Context, s *Site) error {
	st, err := s.boxes.account.Status(ctx, f.name, store.StatusNeeds{})
	if err != nil {
		return err
	}
	if st.Messages > 0 {
		return &problem{http.StatusConflict, "error.tooLate"}
	}
	if err := s.boxes.account.Delete(ctx, f.name); err != nil {
		return err
	}
	return s.boxes.account.Subscribe(ctx, f.name, false)
}

// makeFolder takes back that a folder was deleted.
type makeFolder struct{ was store.Info }

func (f makeFolder) undo(ctx context.Context, s *Site) error {
	uses := slices.DeleteFunc(slices.Clone(f.was.SpecialUse), func(use string) bool { return !slices.Contains(store.SpecialUses, use) })
	err := s.boxes.account.Create(ctx, f.was.Name, uses...)
	if err != nil && store.KindOf(err) != store.Exists {
		return err
	}
	if f.was.Subscribed {
		return s.boxes.account.Subscribe(ctx, f.was.Name, true)
	}
	return nil
}

// renameBack takes back a rename.
type renameBack struct{ from, to string }

func (f renameBack) undo(ctx context.Context, s *Site) error { return s.renameTo(ctx, f.from, f.to) }

// subscribeBack takes back a subscription, or that one ended.
type subscribeBack struct {
	name string
	on   bool
}

func (f subscribeBack) undo(ctx context.Context, s *Site) error {
	return s.boxes.account.Subscribe(ctx, f.name, f.on)
}

// quotaBar is how full the account is.
type quotaBar struct {
	Percent int
	Text    string
	Full    bool // nearly
}

// quota returns how full the account is; nil if nothing limits it. What cannot be read is
// not shown, and the log says why.
func (s *Site) quota(r *request) *quotaBar {
	used, limit, err := s.boxes.account.Quota(r.Context())
	if err != nil {
		if r.Context().Err() == nil { // or the front has lost its client
			s.log.Error("quota", "err", err)
		}
		return nil
	}
	share := func(n, most int64) int {
		if most <= 0 {
			return 0
		}
		return int(min(100, float64(n)/float64(most)*100))
	}
	octets, messages := share(used.Octets, limit.Octets), share(used.Messages, limit.Messages)
	b := &quotaBar{Percent: max(octets, messages)}
	switch {
	case limit.Octets <= 0 && limit.Messages <= 0:
		return nil
	case octets >= messages && limit.Octets > 0:
		b.Text = r.lang.Text("find.quota", "used", r.lang.Size(used.Octets), "most", r.lang.Size(limit.Octets))
	default:
		b.Text = r.lang.Text("find.quotaCount", "used", r.lang.Number(int(used.Messages)), "most", r.lang.Number(int(limit.Messages)))
	}
	b.Full = b.Percent >= 90
	return b
}
