package webmail

import (
	"net/http"
	"net/url"
	"strings"

	"fantail/internal/message"
	"fantail/internal/webmail/compose"
)

// unsubscribeView offers to leave a mailing list (RFC 2369 section 3.2).
type unsubscribeView struct {
	List   string // what it is called
	Action string // where the form goes that does it at once (RFC 8058); "" if that cannot be
	Link   string // a page that does it, or where one writes a message that does
	Host   string // of that page
	Doubt  bool   // nobody vouches for what the message says
}

// waysOut are those of a message. oneClick is safe to ask by a program: the sender says so,
// and a signature says that it is the sender who says so (RFC 8058 section 4).
type waysOut struct {
	oneClick     string
	page, mailto string
	signed       bool
}

// maxWays is how many addresses of a List-Unsubscribe field are looked at.
const maxWays = 10

// leave reads how the list of a message can be left.
func leave(root *message.Part, a *authenticity) waysOut {
	w := waysOut{}
	fields := values(root, "List-Unsubscribe")
	if len(fields) == 0 {
		return w
	}
	w.signed = a.signed(root, "list-unsubscribe")
	for _, text := range bracketed(fields[0]) {
		u, err := url.Parse(text)
		if err != nil || u.User != nil {
			continue
		}
		switch {
		case u.Scheme == "https" && u.Host != "" && w.page == "":
			w.page = u.String()
		case u.Scheme == "mailto" && w.mailto == "":
			if m, err := compose.ParseMailto(text); err == nil && len(m.To) > 0 {
				w.mailto = text
			}
		}
	}
	post := values(root, "List-Unsubscribe-Post")
	if w.page != "" && len(post) == 1 && strings.EqualFold(strings.TrimSpace(post[0]), "List-Unsubscribe=One-Click") &&
		a.signed(root, "list-unsubscribe", "list-unsubscribe-post") {
		w.oneClick = w.page
	}
	return w
}

// bracketed returns what stands in angle brackets (RFC 2369 section 2), without white space.
func bracketed(field string) []string {
	var out []string
	for len(out) < maxWays {
		_, rest, ok := strings.Cut(field, "<")
		inner, after, closed := strings.Cut(rest, ">")
		if !ok || !closed {
			break
		}
		inner = strings.Join(strings.Fields(inner), "")
		if len(inner) < 2000 {
			out = append(out, inner)
		}
		field = after
	}
	return out
}

// aboutUnsubscribing describes the way out of a list; nil if there is none.
func (s *Site) aboutUnsubscribing(l *letter, a *authenticity) *unsubscribeView {
	w := leave(l.root, a)
	v := &unsubscribeView{List: listName(l.root), Doubt: !w.signed}
	switch {
	case w.oneClick != "" && s.outbox != nil:
		v.Action, v.Host = l.f.path("/unsubscribe"), hostOf(w.oneClick)
	case w.page != "":
		v.Link, v.Host = w.page, hostOf(w.page)
	case w.mailto != "" && s.outbox != nil:
		v.Link = "/compose?mailto=" + url.QueryEscape(w.mailto)
	default:
		return nil
	}
	return v
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return oneLine(asciiDomain(u.Hostname()))
}

// listName is what a list calls itself (RFC 2919), or who writes to it.
func listName(root *message.Part) string {
	if ids := values(root, "List-Id"); len(ids) > 0 {
		name, _, _ := strings.Cut(ids[0], "<")
		if name = strings.Trim(oneLine(message.DecodeHeader(name)), `" `); name != "" {
			return name
		}
	}
	return names(root.Envelope().From)
}

// unsubscribe files the request to leave the list of a message.
func (s *Site) unsubscribe(w http.ResponseWriter, r *request) error {
	f, root, err := s.findMessage(r)
	if err != nil {
		return err
	}
	defer f.Close()
	a := authenticate(root, s.authority)
	way := leave(root, &a)
	if way.oneClick == "" || s.outbox == nil {
		return &problem{http.StatusConflict, "reader.noUnsubscribing"}
	}
	if err := s.outbox.Unsubscribe(r.Context(), way.oneClick); err != nil {
		return err
	}
	said := r.lang.Text("reader.unsubscribed", "list", listName(root))
	return s.answer(w, r, said, s.undo.keep(said, nil))
}
