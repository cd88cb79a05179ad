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
	"fantail/internal/webmail/contacts"
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
	ID         string // the Message-ID, by which its draft is known in every version
	Next       string // where the person goes on when the message is sent
	Identities []identityView
	To, Cc     string
	Bcc        string
	More       bool // Cc and Bcc are shown
	Subject    string
	Text       string
	Rich       bool
	HTML       string // if Rich
	Below      bool   // typing begins below what is quoted
	Cursor     int    // where it begins in Text
	Files      []attachedView
	Doubts     []string
	Anyway     bool // the doubts can be put aside
	Pending    bool
	Conflict   string   // the address of the draft that another window has saved
	Limit      string   // how large files may be
	Most       int64    // the same, in octets
	Soonest    string   // of a message that is sent later
	Presets    []option // times that people often want
	SavedAt    string
}

type identityView struct {
	Key, Name string
	Signature string // which scripts put in the place of another one's
	Chosen    bool
}

// attachedView is a file of the message.
type attachedView struct {
	Key    string `json:"key"`
	Name   string `json:"name"`
	Size   string `json:"size"`
	Octets int64  `json:"octets"`
}

// fileKey is how forms name a file.
func fileKey(i int, f compose.File) string { return strconv.Itoa(i) + " " + safeName(f.Name) }

// Blank is the line of a file that scripts fill in.
func (composeView) Blank() attachedView { return attachedView{} }

// attached lists the files of the message.
func (r *request) attached(d *writing) []attachedView {
	list := []attachedView{}
	for i, f := range d.Files {
		list = append(list, attachedView{fileKey(i, f), oneLine(f.Name), r.lang.Size(f.Size), f.Size})
	}
	return list
}

// compose shows the page for a new message.
func (s *Site) compose(w http.ResponseWriter, r *request) error {
	d, err := s.begin(r)
	if err != nil {
		return err
	}
	defer d.Close() // it was only read
	if d.MessageID, err = compose.NewMessageID(d.From.Domain); err != nil {
		return err
	}
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
	title := oneLine(d.Subject)
	if title == "" {
		title = r.lang.Text("compose.new")
	}
	v := composeView{
		layout: s.layout(r, title), Action: d.action(), Subject: d.Subject, Text: d.plain(), Rich: d.Rich, Below: d.at == nil && r.prefs.Quote == "below", Pending: d.pending,
		To: addressLine(d.To, d.Draft.To), Cc: addressLine(d.Cc, d.Draft.Cc), Bcc: addressLine(d.Bcc, d.Draft.Bcc),
		Limit: r.lang.Size(s.maxFiles()), Most: s.maxFiles(), Soonest: r.now.Add(time.Minute).Format(atForm),
		Presets: r.presets(), ID: d.MessageID, Next: d.next(r), Conflict: d.conflict, Files: r.attached(d),
	}
	if d.Rich {
		v.HTML = d.HTML // which setHTML has made
	} else {
		v.Cursor = d.Cursor
	}
	v.More = v.Cc != "" || v.Bcc != ""
	for _, id := range s.identities(r) {
		v.Identities = append(v.Identities, identityView{id.Key, id.Address.String(), r.signature(id.Key), id.Key == d.Draft.Identity})
	}
	v.Doubts, v.Anyway = r.said(d, asked)
	switch {
	case d.conflict != "":
		v.Action, v.Pending = r.URL.RequestURI(), false
	case d.at != nil:
		v.SavedAt = r.lang.Date(d.Date.In(r.now.Location()), locale.Time)
	}
	return s.render(w, r, http.StatusOK, "compose.html", v)
}

// said writes doubts in the person's language, and whether they can be put aside.
func (r *request) said(d *writing, asked []compose.Doubt) (texts []string, anyway bool) {
	anyway = len(asked) > 0
	for _, q := range asked {
		text := r.lang.Text(doubts[q])
		if q == compose.NotAddresses {
			text = r.lang.Text(doubts[q], "text", oneLine(strings.Join([]string{d.Draft.To, d.Draft.Cc, d.Draft.Bcc}, " ")))
		}
		texts, anyway = append(texts, text), anyway && !refuses(q)
	}
	return texts, anyway
}

// refuses reports whether a message cannot be sent with a doubt.
func refuses(q compose.Doubt) bool { return q == compose.NoRecipients || q == compose.NotAddresses }

// atForm is a time in a form (HTML, datetime-local).
const atForm = "2006-01-02T15:04"

// presets are tomorrow and next Monday, at eight.
func (r *request) presets() []option {
	at := func(days int) time.Time {
		return time.Date(r.now.Year(), r.now.Month(), r.now.Day()+days, 8, 0, 0, 0, r.now.Location())
	}
	list := []option{{Value: at(1).Format(atForm), Text: r.lang.Text("compose.tomorrow", "time", r.lang.Date(at(1), locale.Full))}}
	if days := (8 - int(r.now.Weekday())) % 7; days > 1 {
		list = append(list, option{Value: at(days).Format(atForm), Text: r.lang.Text("compose.monday", "time", r.lang.Date(at(days), locale.Full))})
	}
	return list
}

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
	if d.conflict != "" {
		return s.conflicting(w, r, d)
	}
	op, _, _ := strings.Cut(r.PostFormValue("op"), ":")
	switch op {
	case "discard":
		steps, err := s.throwAway(r.Context(), d)
		if err != nil {
			return err
		}
		text := r.lang.Text("compose.discarded")
		return s.answer(w, r, text, s.undo.keep(text, steps))
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

// state is what scripts are told of the message that is written.
type state struct {
	Action string         `json:"action"`
	ID     string         `json:"id"`
	Saved  string         `json:"saved"`
	Files  []attachedView `json:"files"`
	Inline []string       `json:"inline,omitempty"` // Content-IDs of the pictures in the text
	Text   *string        `json:"text,omitempty"`   // if it was to be plain from now on
	HTML   *string        `json:"html,omitempty"`   // if it was to be formatted
	Asked  []string       `json:"asked,omitempty"`  // doubts: it was not sent
	Anyway bool           `json:"anyway,omitempty"` // they can be put aside
}

func (s *Site) tellState(w http.ResponseWriter, r *request, d *writing, asked []compose.Doubt) error {
	out := state{Action: d.action(), ID: d.MessageID, Saved: r.lang.Text("compose.savedAt", "time", r.lang.Date(r.now, locale.Time)), Files: r.attached(d)}
	for _, f := range d.Inline {
		out.Inline = append(out.Inline, f.ID)
	}
	switch r.PostFormValue("convert") {
	case "rich":
		out.HTML = &d.HTML
	case "plain":
		out.Text = &d.Text
	}
	out.Asked, out.Anyway = r.said(d, asked)
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(out)
}

// saved tells that the draft was saved: a script by data, a person by the page.
func (s *Site) saved(w http.ResponseWriter, r *request, d *writing) error {
	if r.Header.Get("Accept") == "application/json" {
		return s.tellState(w, r, d, nil)
	}
	text := r.lang.Text("compose.saved")
	r.PostForm.Set("next", d.action())
	return s.answer(w, r, text, s.undo.keep(text, nil))
}

// submit sends the message, or asks first whether it is meant so.
func (s *Site) submit(w http.ResponseWriter, r *request, d *writing) (err error) {
	if err := s.apply(r, d); err != nil {
		return err
	}
	if err := s.save(r, d); err != nil {
		return err
	}
	asked := s.asks(r, d)
	for _, q := range asked {
		switch {
		case !refuses(q) && r.PostFormValue("anyway") != "":
		case r.Header.Get("Accept") == "application/json":
			return s.tellState(w, r, d, asked)
		default:
			return s.showWriting(w, r, d, asked)
		}
	}
	wait := r.undoTime()
	due, said := s.clock().Add(wait), "compose.sent"
	if op, at, preset := strings.Cut(r.PostFormValue("op"), ":"); op == "later" {
		if !preset {
			at = r.PostFormValue("at")
		}
		if due, err = time.ParseInLocation(atForm, at, r.now.Location()); err != nil || !due.After(r.now) || due.After(r.now.AddDate(1, 0, 0)) {
			return &problem{http.StatusUnprocessableEntity, "compose.badTime"}
		}
		said = "compose.scheduled"
	}
	id, err := s.queue(r, d, due)
	if err != nil {
		return err
	}
	var steps []step
	if wait > 0 || said == "compose.scheduled" {
		steps = []step{unsend{id, d.action(), due}}
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

// undoTime is for how long a message waits that was sent.
func (r *request) undoTime() time.Duration { return time.Duration(r.prefs.Undo()) * time.Second }

// asks are the doubts that the person wants to hear of, and those that nobody can put aside.
func (s *Site) asks(r *request, d *writing) []compose.Doubt {
	asked := d.Doubts(s.labels(r).Forwarded)
	if r.prefs.Reminders.On(true) {
		return asked
	}
	return slices.DeleteFunc(asked, func(q compose.Doubt) bool { return !refuses(q) })
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
	if err := s.box.Spend(s.clock(), len(to), s.sendLimit); errors.Is(err, outbox.ErrPace) {
		return "", &problem{http.StatusTooManyRequests, "compose.tooMany"}
	} else if err != nil {
		return "", err
	}
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
	s.learn(r, d)
	return id, nil
}

// learn counts those whom the message goes to, so that they are completed first. That it
// cannot is no reason not to send.
func (s *Site) learn(r *request, d *writing) {
	var list []contacts.Recipient
	for _, a := range slices.Concat(d.To, d.Cc, d.Bcc) {
		if !slices.ContainsFunc(s.ownAddresses(r), func(own string) bool { return strings.EqualFold(own, a.Addr()) }) {
			list = append(list, contacts.Recipient{Name: a.Name, Addr: a.Display()})
		}
	}
	p, err := s.people()
	if err == nil {
		err = p.uses.Record(r.now, list)
	}
	if err != nil {
		s.log.Error("remember recipients", "err", err)
	}
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
type unsend struct {
	id, leads string
	due       time.Time
}

func (u unsend) undo(ctx context.Context, s *Site) error { return s.unsend(ctx, u.id) }

// next is where the person goes on.
func (u unsend) next() string { return u.leads }

// until is for how long the message can be taken back.
func (u unsend) until() time.Time { return u.due }

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
