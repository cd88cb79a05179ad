package webmail

import (
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"

	"fantail/internal/locale"
	"fantail/internal/mail"
	"fantail/internal/store/warning"
	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/devices"
)

// What an account's owner is told by a message in his inbox, so that nobody else does it
// behind his back: a login in a new place, a change of how one logs in, an address that is
// written from. The front says it by a request that no browser can make (headerNotice); what
// happens here is told from here.

// headerNotice says what has happened. The front takes it from requests of browsers.
const headerNotice = "Wm-Notice"

// noticed are the kinds, each with the keys of its subject and sentence.
var noticed = map[string]struct{ subject, text string }{
	"login":           {"notice.login", "notice.loginText"},
	"recoveryUsed":    {"notice.recovery", "notice.recoveryText"},
	"recoveryRenewed": {"notice.recoveryNew", "notice.recoveryNewText"},
	"appOn":           {"notice.factor", "notice.appOn"},
	"appOff":          {"notice.factor", "notice.appOff"},
	"keyAdded":        {"notice.factor", "notice.keyAdded"},
	"keyRemoved":      {"notice.factor", "notice.keyRemoved"},
	"passwordMade":    {"notice.password", "notice.passwordMade"},
	"passwordRevoked": {"notice.password", "notice.passwordRevoked"},
	"identity":        {"notice.identity", "notice.identityText"},
}

// notice tells what the front says.
func (s *Site) notice(w http.ResponseWriter, r *request) error {
	kind := r.Header.Get(headerNotice)
	if _, ok := noticed[kind]; !ok || kind == "identity" {
		return notFound("error.noPage")
	}
	at := whereIs(r)
	if kind == "login" {
		marks := []devices.Mark{devices.Place(at.agent, at.host)}
		if m, ok := devices.Device(r.PostForm.Get("device")); ok {
			marks = append(marks, m)
		}
		known, err := s.devices.Visit(s.clock(), marks...)
		if err != nil {
			return err
		}
		if known {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	if err := s.deliverNotice(r, kind, r.PostForm.Get("about"), at); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// whence is where somebody is, as far as that is known.
type whence struct{ agent, host string }

// whereIs is what the front says of it.
func whereIs(r *request) whence {
	return whence{short(r.PostForm.Get("agent")), short(r.PostForm.Get("host"))}
}

// short is one line of text that is not long.
func short(text string) string {
	const most = 200 // octets
	if text = compose.OneLine(text); len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

// deliverNotice puts a notice into the inbox. What is full is no reason to fail.
func (s *Site) deliverNotice(r *request, kind, about string, at whence) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	keys := noticed[kind]
	t := r.lang.Text
	text := []string{t(keys.text, "name", short(about)), ""}
	if at.agent != "" {
		text = append(text, t("notice.browser", "name", at.agent))
	}
	if at.host != "" {
		text = append(text, t("notice.address", "address", at.host))
	}
	text = append(text, t("notice.time", "time", r.lang.Date(r.now, locale.Full)+" "+r.now.Format("-07:00")), "", t("notice.footer"))
	l := warning.Letter{User: s.accountName(r), Host: host, Subject: t(keys.subject), Text: strings.Join(text, "\n") + "\n", Now: s.clock()}
	return s.intoInbox(r, l.Message())
}

// accountName is the account's.
func (s *Site) accountName(r *request) string {
	if name := r.Header.Get(headerAccount); name != "" {
		return name
	}
	return s.name
}

// intoInbox delivers a message of our own.
func (s *Site) intoInbox(r *request, message []byte) error {
	v, err := s.boxes.open(r.Context(), mail.Inbox)
	if err != nil {
		return err
	}
	defer v.Close() // it was only read
	d, err := v.NewDelivery()
	if err != nil {
		return err
	}
	if _, err := d.Write(message); err != nil {
		return errors.Join(err, d.Abort())
	}
	return d.Commit(r.Context())
}

// newAddresses are those of the second list that are not in the first one.
func newAddresses(before, after []string) (list []string) {
	for _, a := range after {
		same := func(old string) bool { return strings.EqualFold(old, a) }
		if !slices.ContainsFunc(before, same) && !slices.ContainsFunc(list, same) {
			list = append(list, a)
		}
	}
	return list
}
