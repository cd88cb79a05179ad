package webmail

import (
	"mime/multipart"
	"net/http"
	"time"

	"fantail/internal/locale"
	"fantail/internal/webmail/settings"
)

// request is what a page answers: the request, and how whoever made it wants to be
// answered.
type request struct {
	*http.Request
	prefs settings.Settings
	lang  *locale.Language
	now   time.Time // where the person is

	uploads   []upload        // of a form with files
	importing *multipart.Part // the file of a form that is read while it comes
}

// understand reads the account's settings for a request. Without any, it goes by the
// browser. Settings that cannot be read are no reason to show no mail: the log says why.
func (s *Site) understand(r *http.Request) *request {
	prefs, err := s.settings.Load()
	if err != nil {
		s.log.Error("settings", "err", err)
	}
	zone := s.zone
	if prefs.Zone != "" {
		if z, err := time.LoadLocation(prefs.Zone); err == nil {
			zone = z
		}
	}
	return &request{
		Request: r, prefs: prefs, now: s.clock().In(zone),
		lang: locale.Match(prefs.Language, r.Header.Get("Accept-Language")),
	}
}

// moment is a time as a person reads it: short in lists, whole on request.
type moment struct {
	Short string // "14:02", "12 Nov", "12 Nov 2024"
	Long  string // "Thursday, 12 November 2026, 14:02"
	ISO   string // for <time datetime>; "" if there is no time
}

// when writes a time.
func (r *request) when(t time.Time) moment {
	if t.IsZero() {
		none := r.lang.Text("base.none")
		return moment{Short: none, Long: none}
	}
	t = t.In(r.now.Location())
	return moment{Short: r.lang.Short(t, r.now), Long: r.lang.Date(t, locale.Full), ISO: t.Format(time.RFC3339)}
}
