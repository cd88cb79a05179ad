package webmail

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"fantail/internal/message"
	"fantail/internal/webmail/settings"
)

// Pictures on other servers tell the sender that a message was read, where and when. They
// are loaded by the browser itself (img-src https: in the policy of the body, no referrer),
// and only if the reader has said so: for once, or for a sender or domain that is really
// where the message comes from. Pictures that nobody can see are never loaded (htmlsafe).

// picturesView is the line about pictures on other servers.
type picturesView struct {
	Count int
	Shown bool
	// Sender and Domain may be trusted from now on; "": they cannot, since nobody knows
	// whether the message is from them.
	Sender, Domain string
	Trusted        string // the entry because of which they are shown; "" if there is none
	Action         string
}

// allowances are the messages whose pictures were asked for once, by id. They are
// forgotten with the session.
type allowances struct {
	mu sync.Mutex
	of map[string]bool
}

const mostAllowances = 1000

func (a *allowances) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil || len(a.of) >= mostAllowances {
		a.of = make(map[string]bool)
	}
	a.of[id] = true
}

func (a *allowances) has(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of[id]
}

// showPictures decides for a message. by is the entry of the settings that says so, "" if
// it is not one.
func (s *Site) showPictures(r *request, id string, a *authenticity) (show bool, by string) {
	if r.prefs.Pictures == "never" {
		return false, ""
	}
	for _, entry := range []string{senderEntry(a), "@" + a.Domain} {
		if a.Passed && slices.ContainsFunc(r.prefs.Trusted, func(t string) bool { return strings.EqualFold(t, entry) }) {
			return true, entry
		}
	}
	return r.prefs.Pictures == "always" || s.allowed.has(id), ""
}

// senderEntry is how the settings name the author of a message.
func senderEntry(a *authenticity) string { return a.From.Mailbox + "@" + a.Domain }

// aboutPictures describes the pictures of a message; nil if there is nothing to say.
func (s *Site) aboutPictures(r *request, f *found, a *authenticity, count int) *picturesView {
	if count == 0 || r.prefs.Pictures != "" {
		return nil
	}
	id := idOf(f.snap.Base(f.at))
	v := &picturesView{Count: count, Action: f.path("/pictures")}
	v.Shown, v.Trusted = s.showPictures(r, id, a)
	if a.Passed && settable(senderEntry(a)) {
		v.Sender, v.Domain = senderEntry(a), a.Domain
	}
	return v
}

// settable reports whether the settings take an entry.
func settable(entry string) bool {
	return (&settings.Settings{Trusted: []string{entry}}).Check() == nil && oneLine(entry) == entry
}

// pictures does what the buttons say: load the pictures of this message, those of its
// sender or domain from now on, or no longer.
func (s *Site) pictures(w http.ResponseWriter, r *request) error {
	f, root, err := s.findMessage(r)
	if err != nil {
		return err
	}
	defer f.Close()
	a := authenticate(root, s.authority)
	said := ""
	switch allow := r.PostFormValue("allow"); allow {
	case "once":
		s.allowed.add(idOf(f.snap.Base(f.at)))
	case "sender", "domain", "no":
		if !a.Passed {
			return &problem{http.StatusConflict, "reader.notAuthentic"}
		}
		entry := senderEntry(&a)
		if allow == "domain" {
			entry = "@" + a.Domain
		}
		if err := s.trust(&a, entry, allow == "no"); err != nil {
			return err
		}
		said = r.lang.Text(map[string]string{"sender": "reader.trusts", "domain": "reader.trusts", "no": "reader.trustsNot"}[allow], "who", strings.TrimPrefix(entry, "@"))
	default:
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	token := ""
	if said != "" {
		token = s.undo.keep(said, nil)
	}
	return s.answer(w, r, said, token)
}

// trust changes the settings: it adds an entry, or takes away all that name the sender.
func (s *Site) trust(a *authenticity, entry string, not bool) error {
	err := s.settings.Change(func(now *settings.Settings) error {
		now.Trusted = slices.DeleteFunc(now.Trusted, func(t string) bool {
			return strings.EqualFold(t, entry) || not && strings.EqualFold(t, "@"+a.Domain)
		})
		if !not {
			now.Trusted = append(now.Trusted, entry)
		}
		return nil
	})
	if errors.Is(err, settings.ErrInvalid) {
		return &problem{http.StatusConflict, "reader.notAuthentic"}
	}
	return err
}

// findMessage finds the message of a request. The caller closes it.
func (s *Site) findMessage(r *request) (*found, *message.Part, error) {
	f, err := s.boxes.find(r.Context(), r.PathValue("id"), placeOf(r))
	if err != nil {
		return nil, nil, err
	}
	root, err := f.Structure(r.Context(), f.uid())
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, root, nil
}
