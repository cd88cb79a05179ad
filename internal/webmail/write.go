package webmail

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"fantail/internal/locale"
	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/outbox"
)

// Writing a message: one form with all of it, whose buttons save it as a draft, send it or
// throw it away. What was typed is saved before anything else is done with it, so no
// refusal and no doubt loses it.

type messagePart = message.Part

// composeView is the page on which somebody writes.
type composeView struct {
	layout
	Action     string
	Identities []identityView
	To, Cc     string
	Bcc        string
	More       bool // Cc and Bcc are shown
	Subject    string
	Text       string
	Cursor     int
	Files      []attachedView
	Doubts     []string
	Anyway     bool // the doubts can be put aside
	Pending    bool
	Limit      string // how large files may be
	Soonest    string // of a message that is sent later
	SavedAt    string
}

type identityView struct {
	Key, Name string
	Chosen    bool
}

// attachedView is a file of the message.
type attachedView struct{ Key, Name string }

// fileKey is how forms name a file.
func fileKey(i int, f compose.File) string { return strconv.Itoa(i) + " " + safeName(f.Name) }

// compose shows the page for a new message.
func (s *Site) compose(w http.ResponseWriter, r *request) error {
	d, err := s.begin(r)
	if err != nil {
		return err
	}
	defer d.Close() // it was only read
	return s.showWriting(w, r, d, nil)
}

// takeUp shows the page for a draft.
func (s *Site) takeUp(w http.ResponseWriter, r *request) error {
	d, err := s.openDraft(r)
	if err != nil {
		return err
	}
	defer d.Close() // it was only read
	return s.showWriting(w, r, d, nil)
}

// doubts are the keys of what is said of each doubt.
var doubts = map[compose.Doubt]string{
	compose.NoRecipients: "compose.noRecipients", compose.NotAddresses: "compose.notAddresses", compose.NoSubject: "compose.noSubject",
	compose.NoText: "compose.noText", compose.NoFiles: "compose.noFiles", compose.ManyRecipients: "compose.manyRecipients",
}

func (s *Site) showWriting(w http.ResponseWriter, r *request, d *writing, asked []compose.Doubt) error {
	title := d.Subject
	if title == "" {
		title = r.lang.Text("compose.new")
	}
	v := composeView{
		layout: s.layout(r, title), Action: d.action(), Subject: d.Subject, Text: d.Text, Cursor: d.Cursor, Pending: d.pending,
		To: addressLine(d.To, d.Draft.To), Cc: addressLine(d.Cc, d.Draft.Cc), Bcc: addressLine(d.Bcc, d.Draft.Bcc),
		Limit: r.lang.Size(s.maxFiles()), Soonest: r.now.Add(time.Minute).Format(atForm), Anyway: len(asked) > 0,
	}
	v.More = v.Cc != "" || v.Bcc != ""
	for _, id := range s.identities(r) {
		v.Identities = append(v.Identities, identityView{id.Key, id.Address.String(), id.Key == d.Draft.Identity})
	}
	for i, f := range d.Files {
		v.Files = append(v.Files, attachedView{fileKey(i, f), oneLine(f.Name)})
	}
	for _, q := range asked {
		text := r.lang.Text(doubts[q])
		if q == compose.NotAddresses {
			text = r.lang.Text(doubts[q], "text", oneLine(strings.Join([]string{d.Draft.To, d.Draft.Cc, d.Draft.Bcc}, " ")))
		}
		v.Doubts = append(v.Doubts, text)
		v.Anyway = v.Anyway && q != compose.NoRecipients && q != compose.NotAddresses
	}
	if d.at != nil {
		v.SavedAt = r.lang.Date(d.Date.In(r.now.Location()), locale.Time)
	}
	return s.render(w, r, http.StatusOK, "compose.html", v)
}

// atForm is a time in a form (HTML, datetime-local).
const atForm = "2006-01-02T15:04"

// written does what the form of a message says.
func (s *Site) written(w http.ResponseWriter, r *request) error {
	if err := r.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	d, err := s.taken(r)
	if err != nil {
		return err
	}
	defer d.Close() // it was only read
	switch r.PostFormValue("op") {
	case "discard":
		if err := s.discard(r.Context(), d.at); err != nil {
			return err
		}
		text := r.lang.Text("compose.discarded")
		return s.answer(w, r, text, s.undo.keep(text, nil))
	case "send", "later":
		return s.submit(w, r, d)
	}
	if err := s.apply(r, d); err != nil {
		return err
	}
	if err := s.save(r, d); err != nil {
		return err
	}
	return s.saved(w, r, d)
}

// taken is the message that a form is about: a draft, or a new one. A draft that is gone,
// since another window has saved it, is written anew.
func (s *Site) taken(r *request) (*writing, error) {
	if r.PathValue("draft") == "" {
		return s.begin(r)
	}
	d, err := s.openDraft(r)
	var gone *problem
	if errors.As(err, &gone) && gone.status == http.StatusGone && r.PostFormValue("op") != "discard" {
		a, err := s.answering(r, nil)
		if err != nil {
			return nil, err
		}
		return &writing{Begun: compose.New(a)}, nil
	}
	if err == nil && d.pending {
		return nil, errors.Join(&problem{http.StatusConflict, "compose.pending"}, d.Close())
	}
	return d, err
}

// saved tells that the draft was saved: a script by data, a person by the page.
func (s *Site) saved(w http.ResponseWriter, r *request, d *writing) error {
	if r.Header.Get("Accept") == "application/json" {
		w.Header().Set("Content-Type", "application/json")
		var keys []attachedView
		for i, f := range d.Files {
			keys = append(keys, attachedView{fileKey(i, f), oneLine(f.Name)})
		}
		return json.NewEncoder(w).Encode(struct {
			Action string         `json:"action"`
			Saved  string         `json:"saved"`
			Files  []attachedView `json:"files"`
		}{d.action(), r.lang.Text("compose.savedAt", "time", r.lang.Date(r.now, locale.Time)), keys})
	}
	text := r.lang.Text("compose.saved")
	r.PostForm.Set("next", d.action())
	return s.answer(w, r, text, s.undo.keep(text, nil))
}

// submit sends the message, or asks first whether it is meant so.
func (s *Site) submit(w http.ResponseWriter, r *request, d *writing) error {
	if err := s.apply(r, d); err != nil {
		return err
	}
	if err := s.save(r, d); err != nil {
		return err
	}
	asked := d.Doubts(s.labels(r).Forwarded)
	for _, q := range asked {
		if q == compose.NoRecipients || q == compose.NotAddresses || r.PostFormValue("anyway") == "" {
			return s.showWriting(w, r, d, asked)
		}
	}
	wait := time.Duration(r.prefs.Undo()) * time.Second
	due, said := s.clock().Add(wait), "compose.sent"
	if r.PostFormValue("op") == "later" {
		at, err := time.ParseInLocation(atForm, r.PostFormValue("at"), r.now.Location())
		if err != nil || !at.After(r.now) || at.After(r.now.AddDate(1, 0, 0)) {
			return &problem{http.StatusUnprocessableEntity, "compose.badTime"}
		}
		due, said = at, "compose.scheduled"
	}
	id, err := s.queue(r, d, due)
	if err != nil {
		return err
	}
	var steps []step
	if wait > 0 || said == "compose.scheduled" {
		steps = []step{unsend{id, d.action()}}
	}
	text := r.lang.Text(said, "time", r.lang.Date(due.In(r.now.Location()), locale.Full))
	return s.answer(w, r, text, s.undo.keep(text, steps))
}

// waits reports whether a draft that says so waits to be sent: it may say so because a
// program died before there was anything in the outbox.
func (s *Site) waits(d *writing) (bool, error) {
	s.queueing.Lock() // what is on its way there is there afterwards
	defer s.queueing.Unlock()
	list, err := s.box.List()
	if err != nil {
		return false, err
	}
	at := d.place()
	return slices.ContainsFunc(list, func(e outbox.Entry) bool {
		return e.Job.Draft == at || d.MessageID != "" && e.Job.MessageID == d.MessageID // it may have been moved
	}), nil
}

// place is where the draft is, as the outbox has it.
func (d *writing) place() outbox.Place {
	return outbox.Place{Mailbox: d.at.Name(), Validity: uint32(d.at.snap.UIDValidity()), UID: uint32(d.at.uid())}
}

// queue puts the message, which is saved as a draft, into the outbox.
func (s *Site) queue(r *request, d *writing, due time.Time) (id string, err error) {
	to, err := d.Recipients()
	if err != nil {
		return "", s.refused(err)
	}
	built, err := d.Build(compose.Output{Form: compose.ForTransport})
	if err != nil {
		return "", s.refused(err)
	}
	own, err := d.Build(compose.Output{Form: compose.ForSent})
	if err != nil {
		return "", s.refused(err)
	}
	j := outbox.Job{
		Kind: outbox.Message, Created: s.clock(), NotBefore: due, From: d.From.Addr(), To: to, Subject: d.Subject, MessageID: d.MessageID,
		SMTPUTF8: built.SMTPUTF8, EightBit: built.EightBit, Notify: d.Draft.Notify, Copy: s.keepsCopy(r, d.Draft.Identity),
		Draft:  d.place(),
		Source: placeIn(d.Draft.Source),
	}
	switch d.Draft.Action {
	case compose.Replied:
		j.Mark = outbox.Answered
	case compose.Forwarded:
		j.Mark = outbox.Forwarded
	}
	s.queueing.Lock()
	defer s.queueing.Unlock()
	// First the keyword: a draft that says it waits and does not can be sent again (waits),
	// one that does not say so could be sent twice.
	if err := s.setPending(r.Context(), j.Draft, mail.Add); err != nil {
		return "", err
	}
	id, err = s.box.Add(j, writer(built), func(w io.Writer) error {
		var h headOf
		if _, err := own.WriteTo(&h); err != nil && !errors.Is(err, errHead) {
			return err
		}
		_, err := w.Write(h.head.Bytes())
		return err
	})
	if err != nil {
		return "", errors.Join(err, s.setPending(r.Context(), j.Draft, mail.Remove))
	}
	s.tellDue()
	return id, nil
}

func writer(b *compose.Built) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := b.WriteTo(w)
		return err
	}
}

// tellDue has what is in the outbox sent. Where nobody can be told, it waits there.
func (s *Site) tellDue() {
	if s.due == nil {
		return
	}
	if err := s.due(); err != nil {
		s.log.Error("what was written waits in the outbox", "err", err)
	}
}

// keepsCopy reports whether a copy goes into Sent.
func (s *Site) keepsCopy(r *request, identity string) bool {
	for _, i := range r.prefs.Identities {
		if strings.EqualFold(i.Address, identity) && i.NoCopy {
			return false
		}
	}
	return r.prefs.SaveSent.On(true)
}

// setPending says of a draft that it waits to be sent, or that it does not any more.
func (s *Site) setPending(ctx context.Context, p outbox.Place, op mail.Op) error {
	c := selection{p.Mailbox, mail.UIDValidity(p.Validity), []mail.UID{mail.UID(p.UID)}}
	err := s.actOn(ctx, operation{do: func(_ *Site, ctx context.Context, _ *action, v view, uids []mail.UID) error {
		_, err := v.SetFlags(ctx, uids, store.FlagChange{Op: op, FlagSet: store.FlagSet{Keywords: []mail.Keyword{pending}}})
		return err
	}}, &action{}, c)
	if err != nil && missing(err) {
		return nil
	}
	return err
}

// unsend takes a message back that waits to be sent.
type unsend struct{ id, leads string }

func (u unsend) undo(ctx context.Context, s *Site) error { return s.unsend(ctx, u.id) }

// next is where the person goes on.
func (u unsend) next() string { return u.leads }

// unsend takes a message out of the outbox; its draft is as it was.
func (s *Site) unsend(ctx context.Context, id string) error {
	j, err := s.box.Cancel(id)
	if errors.Is(err, outbox.ErrTooLate) {
		return &problem{http.StatusConflict, "compose.onItsWay"}
	}
	if err != nil {
		return err
	}
	return s.setPending(ctx, j.Draft, mail.Remove)
}
