package webmail

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/outbox"
)

// outboxView is the page of what waits to be sent, and of what went wrong.
type outboxView struct {
	layout
	Waiting []waitingView
	Notices []noticeView
}

type waitingView struct {
	ID, Subject, To string
	When            moment
	OnItsWay        bool
	Attempts        int    // that were in vain
	Said            string // by the server, to the last attempt
}

type noticeView struct {
	ID, Text, Said, Subject, To string
	When                        moment
	Draft                       string // the address of the message, if it is still among the drafts
}

// reasons are the keys of what is said of each.
var reasons = map[outbox.Reason]string{
	outbox.Refused: "outbox.refused", outbox.Expired: "outbox.expired", outbox.Unknown: "outbox.unknown",
	outbox.NoCopy: "outbox.noCopy", outbox.Sender: "outbox.sender", outbox.Damaged: "outbox.damaged",
}

// waiting shows what waits to be sent, and what was not sent.
func (s *Site) waiting(w http.ResponseWriter, r *request) error {
	v := outboxView{layout: s.layout(r, r.lang.Text("outbox.title"))}
	list, err := s.box.List()
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.State != outbox.Queued && e.State != outbox.Claimed && e.State != outbox.Sending {
			continue // what is left to do is none of the person's business
		}
		v.Waiting = append(v.Waiting, waitingView{
			ID: e.ID, Subject: r.subjectOf(e.Job.Kind, e.Job.Subject), To: oneLine(strings.Join(e.Job.To, ", ")), When: r.when(e.Job.NotBefore),
			OnItsWay: e.State != outbox.Queued, Attempts: e.Job.Attempts, Said: oneLine(e.Job.Last),
		})
	}
	if v.Notices, err = s.notices(r); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "outbox.html", v)
}

func (r *request) subjectOf(kind outbox.Kind, subject string) string {
	subject = oneLine(subject)
	switch {
	case kind == outbox.Unsubscribe:
		return r.lang.Text("outbox.unsubscription")
	case subject == "":
		return r.lang.Text("list.noSubject")
	}
	return subject
}

// notices describes what went wrong.
func (s *Site) notices(r *request) ([]noticeView, error) {
	list, err := s.box.Notices()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	drafts := make(map[string]string)
	v, err := s.eachDraft(r.Context(), func(v view, i int, id string) bool {
		drafts[id] = draftPath(idOf(v.snap.Base(i)), place{v.Name(), v.snap.UID(i)})
		return true
	})
	if err != nil {
		return nil, err
	}
	defer v.Close() // it was only read
	var out []noticeView
	for _, n := range list {
		x := noticeView{
			ID: n.ID, Text: r.lang.Text(reasons[n.Reason]), Said: oneLine(n.Said), Subject: r.subjectOf(n.Kind, n.Subject),
			To: oneLine(strings.Join(n.To, ", ")), When: r.when(n.Time),
		}
		switch {
		case n.Kind == outbox.Unsubscribe:
			x.Text = r.lang.Text("outbox.notUnsubscribed")
		case n.Reason != outbox.NoCopy && n.MessageID != "":
			x.Draft = drafts[n.MessageID]
		}
		out = append(out, x)
	}
	return out, nil
}

// wait does something with a message that waits, or with a notice.
func (s *Site) wait(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	said := ""
	var steps []step
	switch r.PostFormValue("op") {
	case "cancel":
		if err := s.unsend(r.Context(), id); err != nil {
			return err
		}
		said = "outbox.cancelled"
	case "now":
		err := s.box.Change(id, s.clock())
		if errors.Is(err, outbox.ErrTooLate) {
			return &problem{http.StatusConflict, "compose.onItsWay"}
		}
		if err != nil {
			return err
		}
		s.tellDue()
		said = "outbox.now"
	case "edit":
		return s.edit(w, r, id)
	case "again":
		var err error
		if steps, err = s.again(r, id); err != nil {
			return err
		}
		said = "compose.sent"
	case "dismiss":
		if err := s.box.Dismiss(id); err != nil {
			return err
		}
		said = "outbox.dismissed"
	default:
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	text := r.lang.Text(said)
	r.PostForm.Set("next", "/outbox")
	return s.answer(w, r, text, s.undo.keep(text, steps))
}

// again sends a message once more that a notice is about, as its draft is now.
func (s *Site) again(r *request, id string) ([]step, error) {
	list, err := s.box.Notices()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(n outbox.Notice) bool { return n.ID == id })
	if i < 0 || list[i].MessageID == "" {
		return nil, &problem{http.StatusGone, "error.vanished"}
	}
	f, err := s.withID(r.Context(), list[i].MessageID)
	if f == nil && err == nil {
		return nil, &problem{http.StatusGone, "error.vanished"}
	}
	if err != nil {
		return nil, err
	}
	d, err := s.readDraft(r, f)
	if err != nil {
		return nil, err
	}
	if err := refusePending(d); err != nil {
		return nil, err
	}
	defer d.Close() // it was only read
	if !conf.MaySend(s.addresses, s.delimiters, d.From.Addr()) {
		return nil, &problem{http.StatusForbidden, "compose.noAddress"}
	}
	due := s.clock().Add(r.undoTime())
	job, err := s.queue(r, d, due)
	if err != nil {
		return nil, err
	}
	return []step{unsend{job, "/outbox", due}}, s.box.Dismiss(id)
}

// edit takes a message back and leads to its draft.
func (s *Site) edit(w http.ResponseWriter, r *request, id string) error {
	list, err := s.box.List()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(e outbox.Entry) bool { return e.ID == id })
	if i < 0 {
		return &problem{http.StatusConflict, "compose.onItsWay"}
	}
	if err := s.unsend(r.Context(), id); err != nil {
		return err
	}
	d := list[i].Job.Draft
	v, err := s.boxes.open(r.Context(), d.Mailbox)
	if err != nil {
		return err
	}
	defer v.Close() // it was only read
	at, ok := v.snap.Find(mail.UID(d.UID))
	if !ok {
		return &problem{http.StatusGone, "error.vanished"}
	}
	redirect(w, draftPath(idOf(v.snap.Base(at)), place{d.Mailbox, mail.UID(d.UID)}))
	return nil
}

// resume has sent what an earlier session has left, and what webmail-submit has begun.
func (s *Site) resume() {
	list, err := s.box.List()
	if err != nil {
		s.log.Error("outbox", "err", err)
	}
	if len(list) > 0 || err != nil {
		s.tellDue()
	}
}

// posting is the Outbox of a Site: what is filed there goes into its box.
type posting struct{ s *Site }

// Send implements Outbox.
func (p posting) Send(_ context.Context, from string, recipients []string, message io.WriterTo) error {
	if !conf.MaySend(p.s.addresses, p.s.delimiters, from) {
		return &problem{http.StatusForbidden, "compose.noAddress"}
	}
	write := func(w io.Writer) error {
		_, err := message.WriteTo(w)
		return err
	}
	j := outbox.Job{Kind: outbox.Message, Created: p.s.clock(), NotBefore: p.s.clock(), From: from, To: recipients, Copy: true}
	if built, ok := message.(*compose.Built); ok {
		j.SMTPUTF8, j.EightBit = built.SMTPUTF8, built.EightBit
	}
	var h headOf
	if err := write(&h); err != nil && !errors.Is(err, errHead) {
		return err
	}
	_, err := p.s.box.Add(j, write, func(w io.Writer) error {
		_, err := w.Write(h.head.Bytes())
		return err
	})
	if err == nil {
		p.s.tellDue()
	}
	return err
}

// Unsubscribe implements Outbox.
func (p posting) Unsubscribe(_ context.Context, url string) error {
	_, err := p.s.box.Add(outbox.Job{Kind: outbox.Unsubscribe, Created: p.s.clock(), NotBefore: p.s.clock(), URL: url}, nil, nil)
	if err == nil {
		p.s.tellDue()
	}
	return err
}
