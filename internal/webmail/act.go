package webmail

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// What people do to messages. A form names an operation and messages; the answer leads
// back to where the form was, with a line that says what was done and offers to take it
// back (undo.go). A script asks for the same with Accept: application/json and gets that
// line as data.

// selection is messages of one mailbox. In a form it is "uid.uid.uid@uidvalidity@mailbox",
// so that what somebody chose is never something else, whatever has happened to the
// mailbox since.
type selection struct {
	mailbox  string
	validity mail.UIDValidity
	uids     []mail.UID
}

// String is how forms have it.
func (s selection) String() string {
	var b strings.Builder
	for i, uid := range s.uids {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatUint(uint64(uid), 10))
	}
	return b.String() + "@" + strconv.FormatUint(uint64(s.validity), 10) + "@" + s.mailbox
}

// parseSelection reads one.
func parseSelection(text string) (s selection, ok bool) {
	uids, rest, ok := strings.Cut(text, "@")
	validity, mailbox, ok2 := strings.Cut(rest, "@")
	v, err := strconv.ParseUint(validity, 10, 32)
	if !ok || !ok2 || err != nil || mailbox == "" {
		return selection{}, false
	}
	s = selection{mailbox: mailbox, validity: mail.UIDValidity(v)}
	for _, text := range strings.Split(uids, ".") {
		uid, err := strconv.ParseUint(text, 10, 32)
		if err != nil || uid == 0 {
			return selection{}, false
		}
		s.uids = append(s.uids, mail.UID(uid))
	}
	return s, true
}

// merge joins selections of the same mailbox, and sorts them.
func merge(list []selection) []selection {
	var out []selection
	for _, s := range list {
		i := slices.IndexFunc(out, func(o selection) bool { return o.mailbox == s.mailbox && o.validity == s.validity })
		if i < 0 {
			out = append(out, selection{s.mailbox, s.validity, nil})
			i = len(out) - 1
		}
		out[i].uids = append(out[i].uids, s.uids...)
	}
	for i := range out {
		slices.Sort(out[i].uids)
		out[i].uids = slices.Compact(out[i].uids)
	}
	return out
}

// operation is something that can be done to messages.
type operation struct {
	do   func(s *Site, ctx context.Context, a *action, v view, uids []mail.UID) error
	said string // key of the line that says it was done, with {n} and {folder}
}

// operations is everything there is, by its name in forms.
var operations = map[string]operation{
	"archive": {moveTo(`\Archive`), "act.archived"},
	"trash":   {moveTo(`\Trash`), "act.trashed"},
	"junk":    {moveTo(`\Junk`, "$Junk", "$NotJunk"), "act.junked"},
	"notjunk": {moveTo(mail.Inbox, "$NotJunk", "$Junk"), "act.moved"},
	"inbox":   {moveTo(mail.Inbox), "act.moved"},
	"move":    {(*Site).moveNamed, "act.moved"},
	"delete":  {(*Site).expunge, "act.deleted"},
	"read":    {setFlag(mail.Add, mail.Seen), "act.didRead"},
	"unread":  {setFlag(mail.Remove, mail.Seen), "act.didUnread"},
	"star":    {setFlag(mail.Add, mail.Flagged), "act.starred"},
	"unstar":  {setFlag(mail.Remove, mail.Flagged), "act.unstarred"},
	"label":   {setLabel(mail.Add), "act.labelled"},
	"unlabel": {setLabel(mail.Remove), "act.unlabelled"},
}

// action is one that is being done.
type action struct {
	to     string // mailbox of "move"
	label  mail.Keyword
	done   int    // messages
	folder string // where they went
	undo   []step // in the order in which they were done
}

// maxChosen is how many lines a form may choose one by one.
const maxChosen = 5000

// act does what a form says.
func (s *Site) act(w http.ResponseWriter, r *request) error {
	if err := r.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	// A button for one label has it behind the operation's name.
	name, label, given := strings.Cut(r.PostFormValue("op"), ":")
	if !given {
		label = r.PostFormValue("label")
	}
	op, ok := operations[name]
	if !ok {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	chosen, err := s.chosen(r)
	if err != nil {
		return err
	}
	a := &action{to: r.PostFormValue("to"), label: labelOf(label)}
	for _, c := range chosen {
		if err = s.actOn(r.Context(), op, a, c); err != nil {
			break // what was done before can be taken back all the same
		}
	}
	if err != nil && a.done == 0 {
		return err
	}
	if err != nil {
		s.log.Error("act", "cmd", name, "err", err)
	}
	said := "act.nothing"
	if a.done > 0 {
		said = op.said
	}
	text := r.lang.Text(said, "n", a.done, "folder", s.folderName(r, a.folder))
	return s.answer(w, r, text, s.undo.keep(text, a.undo))
}

// actOn does it to the messages of one mailbox. Those that are gone are left out.
func (s *Site) actOn(ctx context.Context, op operation, a *action, c selection) (err error) {
	v, err := s.boxes.open(ctx, c.mailbox)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if v.snap.UIDValidity() != c.validity {
		return nil // it is another mailbox now
	}
	uids := slices.DeleteFunc(c.uids, func(uid mail.UID) bool {
		_, ok := v.snap.Find(uid)
		return !ok
	})
	if len(uids) == 0 {
		return v.snap.Err()
	}
	return op.do(s, ctx, a, v, uids)
}

// chosen returns the messages that a form has chosen: one by one, or all of a list.
func (s *Site) chosen(r *request) ([]selection, error) {
	if r.PostFormValue("all") != "" {
		return s.chosenAll(r)
	}
	values := r.PostForm["m"]
	if len(values) == 0 {
		return nil, &problem{http.StatusBadRequest, "error.nothingChosen"}
	}
	if len(values) > maxChosen {
		return nil, &problem{http.StatusBadRequest, "error.badForm"}
	}
	var list []selection
	for _, text := range values {
		c, ok := parseSelection(text)
		if !ok {
			return nil, &problem{http.StatusBadRequest, "error.badForm"}
		}
		list = append(list, c)
	}
	return merge(list), nil
}

// chosenAll returns all messages of the list that the form was on, as it was when the form
// was made: nothing that has arrived since (before) is among them.
func (s *Site) chosenAll(r *request) ([]selection, error) {
	list, err := url.ParseQuery(r.PostFormValue("list"))
	before, err2 := strconv.ParseUint(r.PostFormValue("before"), 10, 32)
	if err != nil || err2 != nil {
		return nil, &problem{http.StatusBadRequest, "error.badForm"}
	}
	want, err := wishOf(r.PostFormValue("f"), list)
	if err != nil {
		return nil, err
	}
	v, err := s.boxes.open(r.Context(), want.Mailbox)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	all, err := s.list(r.Context(), v, want, r.prefs.Grouping)
	if err != nil {
		return nil, err
	}
	c := selection{mailbox: v.Name(), validity: v.snap.UIDValidity()}
	for i := range all.n {
		for _, uid := range all.at(i) {
			if uint64(uid) < before {
				c.uids = append(c.uids, uid)
			}
		}
	}
	return merge([]selection{c}), nil
}

// moveTo moves to a mailbox of a special use, or by its name, and there sets a keyword and
// takes another one away.
func moveTo(use string, keywords ...mail.Keyword) func(*Site, context.Context, *action, view, []mail.UID) error {
	return func(s *Site, ctx context.Context, a *action, v view, uids []mail.UID) error {
		to := use
		if strings.HasPrefix(use, `\`) {
			var err error
			if to, err = s.boxes.special(ctx, use); err != nil {
				return err
			}
		}
		n := len(a.undo)
		if err := s.move(ctx, a, v, uids, to); err != nil || len(a.undo) == n {
			return err
		}
		moved := a.undo[n].(moveBack).from
		for i, k := range keywords {
			op := mail.Add
			if i > 0 {
				op = mail.Remove
			}
			c := store.FlagChange{Op: op, FlagSet: store.FlagSet{Keywords: []mail.Keyword{k}}}
			err := s.actOn(ctx, operation{do: func(s *Site, ctx context.Context, a *action, v view, uids []mail.UID) error {
				return s.change(ctx, a, v, uids, c)
			}}, a, moved)
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// moveNamed moves to the mailbox that the form names.
func (s *Site) moveNamed(ctx context.Context, a *action, v view, uids []mail.UID) error {
	if a.to == "" {
		return &problem{http.StatusBadRequest, "error.noTarget"}
	}
	return s.move(ctx, a, v, uids, a.to)
}

func (s *Site) move(ctx context.Context, a *action, v view, uids []mail.UID, to string) (err error) {
	a.folder = to
	if to == v.Name() {
		return nil
	}
	dst, err := s.boxes.account.Open(ctx, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	moved, err := v.Move(ctx, uids, dst)
	if len(moved.Dst) > 0 {
		a.done += len(moved.Dst)
		a.undo = append(a.undo, moveBack{from: selection{to, moved.UIDValidity, moved.Dst}, to: v.Name()})
	}
	return err
}

// expunge deletes for good. Nothing takes that back, so it is only for what was thrown
// away before: the pages offer it in Trash and Junk, and ask.
func (s *Site) expunge(ctx context.Context, a *action, v view, uids []mail.UID) error {
	err := v.Expunge(ctx, uids)
	if err == nil {
		a.done += len(uids)
	}
	return err
}

func setFlag(op mail.Op, f mail.Flags) func(*Site, context.Context, *action, view, []mail.UID) error {
	return func(s *Site, ctx context.Context, a *action, v view, uids []mail.UID) error {
		a.done += len(uids)
		return s.change(ctx, a, v, uids, store.FlagChange{Op: op, FlagSet: store.FlagSet{Flags: f}})
	}
}

func setLabel(op mail.Op) func(*Site, context.Context, *action, view, []mail.UID) error {
	return func(s *Site, ctx context.Context, a *action, v view, uids []mail.UID) error {
		if a.label == "" {
			return &problem{http.StatusBadRequest, "error.noLabel"}
		}
		a.done += len(uids)
		a.folder = string(a.label)
		return s.change(ctx, a, v, uids, store.FlagChange{Op: op, FlagSet: store.FlagSet{Keywords: []mail.Keyword{a.label}}})
	}
}

// change adds or removes flags where that makes a difference, and remembers where.
func (s *Site) change(ctx context.Context, a *action, v view, uids []mail.UID, c store.FlagChange) error {
	differs := slices.DeleteFunc(slices.Clone(uids), func(uid mail.UID) bool {
		i, ok := v.snap.Find(uid)
		return !ok || hasAll(v.snap, i, c.FlagSet) == (c.Op == mail.Add)
	})
	if len(differs) == 0 {
		return nil
	}
	if _, err := v.SetFlags(ctx, differs, c); err != nil {
		return err
	}
	back := c
	back.Op = mail.Remove
	if c.Op == mail.Remove {
		back.Op = mail.Add
	}
	a.undo = append(a.undo, flagBack{selection{v.Name(), v.snap.UIDValidity(), differs}, back})
	return nil
}

// hasAll reports whether a message has flags and keywords; of a change that removes, whether
// it has none of them is the same question, since changes here are of one thing only.
func hasAll(snap *store.Snapshot, i int, f store.FlagSet) bool {
	for _, k := range f.Keywords {
		if !slices.ContainsFunc(snap.Keywords(i), func(has mail.Keyword) bool { return strings.EqualFold(string(has), string(k)) }) {
			return false
		}
	}
	return snap.Flags(i).Has(f.Flags)
}

// answer leads back to where a form was, or tells a script.
func (s *Site) answer(w http.ResponseWriter, r *request, text, token string) error {
	return s.answerAt(w, r, text, token, "")
}

// answerAt is answer where a script is to load another page.
func (s *Site) answerAt(w http.ResponseWriter, r *request, text, token, page string) error {
	if r.Header.Get("Accept") == "application/json" {
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(struct {
			Text string `json:"text"`
			Undo string `json:"undo,omitempty"`
			Next string `json:"next,omitempty"`
		}{text, token, page})
	}
	next := localPath(r.PostFormValue("next"))
	u, err := url.Parse(next)
	if err != nil {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	q := u.Query()
	q.Set("done", token)
	u.RawQuery = q.Encode()
	redirect(w, u.String())
	return nil
}

// localPath returns a path of ours; whatever else it is given, the inbox.
func localPath(p string) string {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t\x00") {
		return "/f/" + mail.Inbox
	}
	return p
}
