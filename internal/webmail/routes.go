package webmail

import (
	"crypto/hmac"
	"net/http"
	"net/url"

	"fantail/internal/mail"
	"fantail/web"
)

// A page answers a request or returns an error, which reply.go turns into an
// answer. It must not have written anything then.
type page func(s *Site, w http.ResponseWriter, r *request) error

// route is a row of the table of pages.
type route struct {
	pattern string // as http.ServeMux has them
	page    page
	policy  string // Content-Security-Policy of the answer
	changes bool   // it changes something: the form's token is needed
}

// The policies. Each is complete: nothing is inherited from elsewhere.
const (
	// pagePolicy: nothing runs but our own files, nothing is loaded from elsewhere,
	// nobody frames. Markup enters a page of scripts by the one policy wm (swap.js).
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; frame-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types wm"

	// bodyPolicy is for the HTML of a message, which must be harmless even if
	// the sanitiser let everything through. sandbox without allow-same-origin
	// makes the document's origin unique, also when it is opened by itself: it
	// has no cookies, and what it could ask this server would count as
	// cross-site. The only pictures are those inside the document.
	bodyPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox" + bodySources

	// framePolicy is bodyPolicy for our own frame, which the browser says it is. The page
	// around it may measure the document, so it has the page's origin; it still has no
	// scripts, and no address that it could load anything from.
	framePolicy = "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox" + bodySources

	bodySources = "; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

	// editorPolicy is for the document in which formatted text is written. The page around it
	// puts there what was pasted or is quoted, so it has the page's origin, and like a body
	// no scripts, and no address that it could load anything from: pictures are handed to it.
	editorPolicy = "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

	// readerPolicy is for PDF, which browsers show with a reader of their own: a sandbox
	// switches that off.
	readerPolicy = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

	// filePolicy is for what strangers sent, as they sent it.
	filePolicy = "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// routes is everything there is.
var routes = []route{
	{"GET /{$}", (*Site).home, pagePolicy, false},
	{"GET /f/{mailbox}", (*Site).mailbox, pagePolicy, false},
	{"GET /search", (*Site).search, pagePolicy, false},
	{"GET /contacts", (*Site).contacts, pagePolicy, false},
	{"GET /contacts/{id}", (*Site).contact, pagePolicy, false},
	{"GET /contacts/complete", (*Site).complete, pagePolicy, false},
	{"GET /contacts/export", (*Site).exportContacts, filePolicy, false},
	{"POST /contacts", (*Site).changeContacts, pagePolicy, true},
	{importPattern, (*Site).importContacts, pagePolicy, true},
	{"GET /folders", (*Site).folders, pagePolicy, false},
	{"POST /folders", (*Site).changeFolder, pagePolicy, true},
	{"POST /folders/export", (*Site).exportFolder, filePolicy, true},
	{importMailPattern, (*Site).importMail, pagePolicy, true},
	{"GET /m/{id}", (*Site).message, pagePolicy, false},
	{"GET /m/{id}/body", (*Site).body, bodyPolicy, false},
	{"GET /m/{id}/part/{section}/{name}", (*Site).part, filePolicy, false},
	{"GET /m/{id}/raw", (*Site).raw, filePolicy, false},
	{"GET /m/{id}/eml", (*Site).eml, filePolicy, false},
	{"GET /m/{id}/all.zip", (*Site).all, filePolicy, false},
	{"GET /m/{id}/image/{section}/{name}", (*Site).image, filePolicy, false},
	{"GET /m/{id}/pdf/{section}/{name}", (*Site).pdf, readerPolicy, false},
	{"GET /m/{id}/view/{section}/{name}", (*Site).view, pagePolicy, false},
	{"GET /m/{id}/headers", (*Site).headers, pagePolicy, false},
	{"POST /m/{id}/pictures", (*Site).pictures, pagePolicy, true},
	{"POST /m/{id}/unsubscribe", (*Site).unsubscribe, pagePolicy, true},
	{"POST /m/{id}/invitation", (*Site).reply, pagePolicy, true},
	{"GET /events", (*Site).events, pagePolicy, false},
	{"POST /act", (*Site).act, pagePolicy, true},
	{"POST /notice", (*Site).notice, pagePolicy, true},
	{"POST /undo/{token}", (*Site).takeBack, pagePolicy, true},
	{"GET /settings", (*Site).settingsPage, pagePolicy, false},
	{"GET /settings/{page}", (*Site).settingsPage, pagePolicy, false},
	{"POST /settings/{page}", (*Site).changeSettings, pagePolicy, true},
	{"GET /compose", (*Site).compose, pagePolicy, false},
	{"POST /compose", (*Site).written, pagePolicy, true},
	{"GET /compose/frame", (*Site).editor, editorPolicy, false},
	{"GET /compose/picture", (*Site).composed, filePolicy, false},
	{"GET /compose/{draft}", (*Site).takeUp, pagePolicy, false},
	{"GET /compose/{draft}/picture", (*Site).composed, filePolicy, false},
	{"POST /compose/{draft}", (*Site).written, pagePolicy, true},
	{"GET /outbox", (*Site).waiting, pagePolicy, false},
	{"POST /outbox/{id}", (*Site).wait, pagePolicy, true},
	{"/", (*Site).nothing, pagePolicy, false},
}

// home leads to the inbox.
func (s *Site) home(w http.ResponseWriter, r *request) error {
	where := mailboxPath(mail.Inbox)
	if done := r.URL.Query().Get("done"); done != "" {
		where += "?" + url.Values{"done": {done}}.Encode()
	}
	redirect(w, where)
	return nil
}

func (s *Site) nothing(http.ResponseWriter, *request) error {
	return &problem{status: http.StatusNotFound, key: "error.noPage"}
}

// The headers of the front, and what they are for: see the package comment.
const (
	headerAccount = "Wm-Account"
	headerToken   = "Wm-Token"
	headerTheme   = "Wm-Theme" // for the front, whose pages are in the same colours
	tokenField    = "token"
	maxForm       = 64 << 10
)

func (s *Site) mux() http.Handler {
	mux := http.NewServeMux()
	for _, row := range routes {
		mux.Handle(row.pattern, s.handler(row))
	}
	mux.HandleFunc("GET "+web.Prefix, web.Serve)
	return mux
}

// handler puts the headers, the check of the token and the error page around a
// page.
func (s *Site) handler(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, plain *http.Request) {
		r := s.understand(plain)
		h := w.Header()
		for _, kv := range pageHeaders {
			h.Set(kv[0], kv[1])
		}
		h.Set("Content-Security-Policy", row.policy)
		h.Set("Content-Language", r.lang.Tag) // the front's own pages follow
		h.Set(headerTheme, string(r.prefs.Theme))
		var err error
		switch {
		case writes(row):
			defer r.forget()
			err = s.readForm(w, r)
		case row.pattern == importMailPattern:
			err = s.readImport(w, r)
		case row.pattern == importPattern:
			r.Body = http.MaxBytesReader(w, r.Body, maxImport)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		if err == nil {
			err = s.authorize(row, r)
		}
		if err == nil {
			err = row.page(s, w, r)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// authorize refuses changes that no form of this session asked for.
func (s *Site) authorize(row route, r *request) error {
	if !row.changes {
		return nil
	}
	want := r.Header.Get(headerToken)
	if want == "" || !hmac.Equal([]byte(want), []byte(r.PostFormValue(tokenField))) {
		return &problem{status: http.StatusForbidden, key: "error.otherSession"}
	}
	return nil
}

// pageHeaders are those of every answer; the front sets the same.
var pageHeaders = [][2]string{
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"X-DNS-Prefetch-Control", "off"},
	{"Cache-Control", "no-store"}, // mail leaves no trace in a browser
}
