package webmail

import (
	"net/http"
	"strconv"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// perPage is how many messages a list shows at once.
const perPage = 50

// mailboxView is the list page.
type mailboxView struct {
	layout
	Name         string // as people call it
	Total        int
	Unread       int
	First, Last  int // of the messages shown, counted from 1; 0 if there are none
	Newer, Older string
	Rows         []row
	Outgoing     bool // shows recipients instead of senders
	Inbox        bool
}

// row is a message in the list.
type row struct {
	Path    string
	Who     string
	Subject string
	Preview string
	Files   bool
	Unread  bool
	Flagged bool
	Replied bool
	Draft   bool
	When    moment
}

// mailbox shows the messages of a mailbox, the newest first.
func (s *Site) mailbox(w http.ResponseWriter, r *request) error {
	v, err := s.boxes.open(r.Context(), r.PathValue("mailbox"))
	if err != nil {
		return err
	}
	defer v.Close()
	page := 1
	if p := r.URL.Query().Get("p"); p != "" {
		if page, err = strconv.Atoi(p); err != nil || page < 1 {
			return notFound("error.noSuchPage")
		}
	}
	n := v.snap.Len()
	first := (page - 1) * perPage // counted from the newest
	if page > n/perPage+1 || first >= n && page > 1 {
		// Messages were deleted since the link was made.
		redirect(w, mailboxPath(v.Name(), max(1, (n+perPage-1)/perPage)))
		return nil
	}
	out := mailboxView{layout: s.layout(r, ""), Total: n, Inbox: v.Name() == mail.Inbox}
	s.describe(&out, v.Name())
	for i := n - 1 - first; i >= 0 && len(out.Rows) < perPage; i-- {
		row, err := s.row(r, v, i, out.Outgoing)
		if store.KindOf(err) == store.Gone {
			continue // deleted since the snapshot was made
		}
		if err != nil {
			return err
		}
		out.Rows = append(out.Rows, row)
	}
	if err := v.snap.Err(); err != nil {
		return err
	}
	if len(out.Rows) > 0 {
		out.First, out.Last = first+1, min(first+perPage, n)
	}
	if page > 1 {
		out.Newer = mailboxPath(v.Name(), page-1)
	}
	if first+perPage < n {
		out.Older = mailboxPath(v.Name(), page+1)
	}
	return s.render(w, r, http.StatusOK, "mailbox.html", out)
}

// describe takes name and character of the mailbox from the sidebar.
func (s *Site) describe(out *mailboxView, name string) {
	out.Name = name
	for _, f := range out.Folders {
		if f.Current {
			out.Name, out.Unread = f.Name, f.Unread
			out.Outgoing = f.Icon == special[`\Sent`].icon || f.Icon == special[`\Drafts`].icon
		}
	}
	out.Title = out.Name
	if out.Unread > 0 {
		out.Title += " (" + strconv.Itoa(out.Unread) + ")"
	}
}

func (s *Site) row(r *request, v view, i int, outgoing bool) (row, error) {
	sum, err := s.boxes.summarize(r.Context(), v, v.snap.UID(i))
	if err != nil {
		return row{}, err
	}
	flags := v.snap.Flags(i)
	out := row{
		Path:    v.path(i, ""),
		Who:     sum.from,
		Subject: sum.subject,
		Preview: sum.preview,
		Files:   sum.files,
		Unread:  !flags.Has(mail.Seen),
		Flagged: flags.Has(mail.Flagged),
		Replied: flags.Has(mail.Answered),
		Draft:   flags.Has(mail.Draft),
		When:    r.when(sum.date),
	}
	if outgoing {
		out.Who = r.lang.Text("list.to", "names", sum.to)
	}
	if out.Who == "" {
		out.Who = r.lang.Text("list.unknownSender")
	}
	if out.Subject == "" {
		out.Subject = r.lang.Text("list.noSubject")
	}
	return out, nil
}
