package webmail

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// mailboxView is the list page.
type mailboxView struct {
	layout
	Name         string // as people call it
	Wish         wish
	Total        int // lines
	Unread       int
	PerPage      int // lines
	First, Last  int // of the lines shown, counted from 1; 0 if there are none
	Newer, Older string
	Rows         []row
	Outgoing     bool // shows recipients instead of senders
	Inbox, Trash bool
	Junk, Drafts bool
	Next         mail.UID // what arrives from now on has this UID or a higher one
	Sorts        []choice
	Filters      []choice
}

// choice is one of several ways to see a list.
type choice struct {
	Key, Path string
	Chosen    bool
}

// row is a line of a list: a message, or a conversation.
type row struct {
	Value   string // of its box in the form
	Path    string
	Who     string
	Count   int // messages; 1 if it is no conversation
	Subject string
	Preview string
	Labels  []string
	Files   bool
	Unread  bool
	Flagged bool
	Replied bool
	Draft   bool
	When    moment
}

// mailbox shows the messages of a mailbox.
func (s *Site) mailbox(w http.ResponseWriter, r *request) error {
	want, err := wishOf(r.PathValue("mailbox"), r.URL.Query())
	if err != nil {
		return err
	}
	v, err := s.boxes.open(r.Context(), want.Mailbox)
	if err != nil {
		return err
	}
	defer v.Close()
	all, err := s.list(r.Context(), v, want, r.prefs.Grouping)
	if err != nil {
		return err
	}
	first := (want.Page - 1) * perPage
	if first >= all.n && want.Page > 1 {
		// Messages were deleted since the link was made.
		redirect(w, want.page(max(1, (all.n+perPage-1)/perPage)).path())
		return nil
	}
	out := mailboxView{layout: s.layout(r, ""), Wish: want, Total: all.n, PerPage: perPage, Next: v.snap.UIDNext()}
	s.describe(&out, v.Name())
	for i := first; i < all.n && len(out.Rows) < perPage; i++ {
		row, err := s.row(r, v, all.at(i), out.Outgoing)
		if store.KindOf(err) == store.Gone {
			continue // deleted since the snapshot was made
		}
		if err != nil {
			return err
		}
		if row.Path += want.link(); out.Drafts && out.Writes {
			row.Path = writingPath(row.Path)
		}
		out.Rows = append(out.Rows, row)
	}
	if err := v.snap.Err(); err != nil {
		return err
	}
	out.page(first)
	return s.render(w, r, http.StatusOK, "mailbox.html", out)
}

// page fills in where the page is among all, and the ways to others.
func (out *mailboxView) page(first int) {
	if len(out.Rows) > 0 {
		out.First, out.Last = first+1, min(first+perPage, out.Total)
	}
	if out.Wish.Page > 1 {
		out.Newer = out.Wish.page(out.Wish.Page - 1).path()
	}
	if first+perPage < out.Total {
		out.Older = out.Wish.page(out.Wish.Page + 1).path()
	}
	for _, key := range []string{"", "date", "from", "subject", "size"} {
		w := wish{Mailbox: out.Wish.Mailbox, Page: 1, Sort: key, Filter: out.Wish.Filter}
		out.Sorts = append(out.Sorts, choice{key, w.path(), key == out.Wish.Sort})
	}
	for _, key := range []string{"", "unread", "starred", "unanswered"} {
		w := wish{Mailbox: out.Wish.Mailbox, Page: 1, Sort: out.Wish.Sort, Filter: key}
		out.Filters = append(out.Filters, choice{key, w.path(), key == out.Wish.Filter})
	}
}

// describe takes name and character of the mailbox from the sidebar.
func (s *Site) describe(out *mailboxView, name string) {
	out.Name, out.Inbox = name, name == mail.Inbox
	for _, f := range out.Folders {
		if f.Current {
			out.Name, out.Unread = f.Name, f.Unread
			out.Outgoing = f.Icon == "sent" || f.Icon == "draft"
			out.Trash, out.Junk, out.Drafts = f.Icon == "trash", f.Icon == "junk", f.Icon == "draft"
		}
	}
	out.Title = out.Name
	if out.Unread > 0 {
		out.Title += " (" + strconv.Itoa(out.Unread) + ")"
	}
}

// mostNames is of how many messages of a conversation a line names the senders.
const mostNames = 4

// row describes a line by its newest message, and by all that its messages have.
func (s *Site) row(r *request, v view, uids []mail.UID, outgoing bool) (row, error) {
	newest := uids[len(uids)-1]
	sum, err := s.boxes.summarize(r.Context(), v, newest)
	if err != nil {
		return row{}, err
	}
	i, ok := v.snap.Find(newest)
	if !ok {
		return row{}, v.snap.Err()
	}
	out := row{
		Value: selection{v.Name(), v.snap.UIDValidity(), uids}.String(),
		Path:  v.path(i, ""), Who: sum.from, Count: len(uids), Subject: sum.subject, Preview: sum.preview,
		Files: sum.files, When: r.when(sum.date), Draft: v.snap.Flags(i).Has(mail.Draft), Replied: v.snap.Flags(i).Has(mail.Answered),
	}
	for _, uid := range uids {
		out.mark(v.snap, uid)
	}
	if outgoing {
		out.Who = r.lang.Text("list.to", "names", sum.to)
	} else if len(uids) > 1 {
		if out.Who, err = s.senders(r.Context(), v, uids); err != nil {
			return row{}, err
		}
	}
	if out.Who == "" {
		out.Who = r.lang.Text("list.unknownSender")
	}
	if out.Subject == "" {
		out.Subject = r.lang.Text("list.noSubject")
	}
	return out, nil
}

// mark notes what one of the messages has.
func (out *row) mark(snap *store.Snapshot, uid mail.UID) {
	i, ok := snap.Find(uid)
	if !ok {
		return
	}
	f := snap.Flags(i)
	out.Unread = out.Unread || !f.Has(mail.Seen)
	out.Flagged = out.Flagged || f.Has(mail.Flagged)
	for _, k := range snap.Keywords(i) {
		if name := labelName(k); name != "" && !slices.Contains(out.Labels, name) {
			out.Labels = append(out.Labels, name)
		}
	}
}

// senders names who wrote the last messages of a conversation, the first of them first.
func (s *Site) senders(ctx context.Context, v view, uids []mail.UID) (string, error) {
	var names []string
	for _, uid := range uids[max(0, len(uids)-mostNames):] {
		sum, err := s.boxes.summarize(ctx, v, uid)
		if store.KindOf(err) == store.Gone {
			continue
		}
		if err != nil {
			return "", err
		}
		if name, _, _ := strings.Cut(sum.from, ", "); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", "), nil
}
