package webmail

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/store"
	"fantail/internal/webmail/compose"
)

// A form says which message it is about by its address, which names a version of the draft,
// and by the Message-ID, which is the same in all of them. If that version is gone, the
// Message-ID tells what has happened: another version is there, so another window has saved
// it, or has sent it off and it waits; or none is, since it was sent or thrown away. Of two
// versions the person chooses: nothing is replaced that they have not seen.

// ownID is a Message-ID of our making (compose.NewMessageID).
var ownID = regexp.MustCompile(`^<[a-z2-7]{26}@[A-Za-z0-9.-]{1,253}>$`)

// taken is the message that a form is about: a draft, or a new one.
func (s *Site) taken(r *request) (*writing, error) {
	id := r.PostFormValue("id")
	if !ownID.MatchString(id) {
		id = ""
	}
	if r.PathValue("draft") == "" {
		if d, err := s.versionOf(r, id); d != nil || err != nil {
			return d, err
		}
		d, err := s.begin(r)
		if err == nil {
			d.MessageID = id
		}
		return d, err
	}
	d, err := s.openDraft(r)
	if err == nil {
		return d, refusePending(d)
	}
	var gone *problem
	if !errors.As(err, &gone) || gone.status != http.StatusGone || r.PostFormValue("op") == "discard" {
		return nil, err
	}
	if d, err := s.versionOf(r, id); d != nil || err != nil {
		return d, err
	}
	a, err := s.answering(r, nil)
	if err != nil {
		return nil, err
	}
	d = &writing{Begun: compose.New(a)}
	d.MessageID = id
	return d, nil
}

func refusePending(d *writing) error {
	if d.pending {
		return errors.Join(&problem{http.StatusConflict, "compose.pending"}, d.Close())
	}
	return nil
}

// mostVersions is how many drafts are looked at, the newest first.
const mostVersions = 200

// versionOf finds the draft with a Message-ID; nil: there is none. What the form wants to
// be done about it is in keep: "over" replaces it, since a script has saved it and not heard
// of it; "own" makes the form's text a draft beside it. Otherwise it is a conflict.
func (s *Site) versionOf(r *request, id string) (*writing, error) {
	if id == "" {
		return nil, nil
	}
	f, err := s.withID(r.Context(), id)
	if f == nil || err != nil {
		return nil, err
	}
	d, err := s.readDraft(r, f)
	if err != nil {
		return nil, err
	}
	switch r.PostFormValue("keep") {
	case "over":
		return d, refusePending(d)
	case "own":
		d.at, d.MessageID, d.pending = nil, "", false
	default:
		d.conflict = d.action()
	}
	return d, nil
}

// withID finds a draft by its Message-ID; nil: there is none.
func (s *Site) withID(ctx context.Context, id string) (at *found, err error) {
	v, err := s.eachDraft(ctx, func(v view, i int, of string) bool {
		if of == id {
			at = &found{view: v, at: i}
		}
		return at == nil
	})
	if err == nil && at == nil {
		err = v.Close()
	}
	return at, err
}

// eachDraft calls f for the Message-IDs of drafts, the newest first, until it returns false.
// Without an error the caller closes the view.
func (s *Site) eachDraft(ctx context.Context, f func(v view, i int, id string) bool) (view, error) {
	name, err := s.boxes.special(ctx, `\Drafts`)
	if err != nil {
		return view{}, err
	}
	v, err := s.boxes.open(ctx, name)
	if err != nil {
		return view{}, err
	}
	for i := v.snap.Len() - 1; i >= max(0, v.snap.Len()-mostVersions); i-- {
		root, err := v.Structure(ctx, v.snap.UID(i))
		if store.KindOf(err) == store.Gone && err != nil {
			continue
		}
		if err != nil {
			return view{}, errors.Join(err, v.Close())
		}
		if id, _ := root.Get("Message-ID"); !f(v, i, strings.TrimSpace(id)) {
			break
		}
	}
	return v, nil
}

// conflicting tells that another window has saved the draft, and asks what to do. What is in
// the form is kept in it.
func (s *Site) conflicting(w http.ResponseWriter, r *request, d *writing) error {
	if r.Header.Get("Accept") == "application/json" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		return json.NewEncoder(w).Encode(struct {
			Error    string `json:"error"`
			Conflict string `json:"conflict"`
		}{r.lang.Text("compose.conflict"), d.conflict})
	}
	if err := s.apply(r, d); err != nil {
		return err
	}
	return s.showWriting(w, r, d, nil)
}

// apply puts what the form says into the message.
func (s *Site) apply(r *request, d *writing) error {
	form := r.PostForm
	ids := s.identities(r)
	if len(ids) == 0 {
		return &problem{http.StatusForbidden, "compose.noAddress"}
	}
	chosen := ids[0]
	for _, id := range ids {
		if id.Key == form.Get("identity") {
			chosen = id
		}
	}
	if d.Draft.Identity != chosen.Key || !conf.MaySend(s.addresses, s.delimiters, d.From.Addr()) {
		d.From, d.ReplyTo = chosen.Address, chosen.ReplyTo
	}
	other := d.Draft.Identity != chosen.Key
	d.From.Name, d.Draft.Identity, d.Sender = chosen.Address.Name, chosen.Key, nil
	d.To, d.Draft.To = recipients(form.Get("to"))
	d.Cc, d.Draft.Cc = recipients(form.Get("cc"))
	d.Bcc, d.Draft.Bcc = recipients(form.Get("bcc"))
	if other {
		d.copies(r)
	}
	d.Subject = compose.OneLine(form.Get("subject"))
	var files []compose.File
	for i, f := range d.Files {
		if !slices.Contains(form["drop"], fileKey(i, f)) {
			files = append(files, f)
		}
	}
	for _, u := range r.uploads {
		switch f := u.attachment(); {
		case u.id == "":
			files = append(files, f)
		case !slices.ContainsFunc(d.Inline, func(known compose.File) bool { return known.ID == u.id }):
			f.ID = u.id
			d.Inline = append(d.Inline[:len(d.Inline):len(d.Inline)], f)
		}
	}
	d.Files = files
	if form.Get("format") != "rich" {
		d.setText(form.Get("text"))
	} else if err := d.setHTML(form.Get("html")); err != nil {
		return err
	}
	return d.convert(form.Get("convert"))
}

// copies adds whom the identity wants to have a hidden copy of all that it sends.
func (d *writing) copies(r *request) {
	for _, i := range r.prefs.Identities {
		if !strings.EqualFold(i.Address, d.Draft.Identity) {
			continue
		}
		wanted, _ := compose.ParseRecipients(i.Bcc) // the settings took addresses only
		for _, a := range wanted {
			if !slices.ContainsFunc(d.Bcc, a.Same) {
				d.Bcc = append(d.Bcc, a)
			}
		}
	}
}
