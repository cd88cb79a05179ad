package webfront

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"fantail/internal/locale"
)

// codeCookie names a login that waits for a code.
const codeCookie = "__Host-wm-code"

// mostWaiting is how many logins may wait for codes: all of them had the password.
const mostWaiting = 1000

// waits is a login whose password was right, and that waits for a second factor.
type waits struct {
	pending[Account]
	sid        string
	name, next string // what was typed, and where to go
	trust      bool   // on a device of one's own
	timer      *time.Timer
}

// waiting holds these logins by the hash of their cookies.
type waiting struct {
	mu   sync.Mutex
	rows map[[sha256.Size]byte]*waits
}

func newWaiting() *waiting { return &waiting{rows: make(map[[sha256.Size]byte]*waits)} }

// add has a login wait, and returns its cookie's value; "" if too many do.
func (t *waiting) add(v *waits) (cookie string) {
	cookie = secret()
	key := sha256.Sum256([]byte(cookie))
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) >= mostWaiting {
		return ""
	}
	t.rows[key] = v
	v.timer = time.AfterFunc(codeTime, func() { t.end(key, v) })
	return cookie
}

// find returns the login that r belongs to, nil if there is none.
func (t *waiting) find(r *http.Request) (key [sha256.Size]byte, v *waits) {
	c, err := r.Cookie(codeCookie)
	if err != nil {
		return key, nil
	}
	key = sha256.Sum256([]byte(c.Value))
	t.mu.Lock()
	defer t.mu.Unlock()
	return key, t.rows[key]
}

// end has a login wait no longer.
func (t *waiting) end(key [sha256.Size]byte, v *waits) {
	t.mu.Lock()
	delete(t.rows, key)
	t.mu.Unlock()
	v.timer.Stop()
	v.pending.end()
}

func (t *waiting) endAll() {
	t.mu.Lock()
	all := make(map[[sha256.Size]byte]*waits, len(t.rows))
	for key, v := range t.rows {
		all[key] = v
	}
	t.mu.Unlock()
	for key, v := range all {
		t.end(key, v)
	}
}

// await has somebody asked for a second factor.
func (s *Server) await(w http.ResponseWriter, r *http.Request, f loginForm, c Second[Account]) {
	cookie := s.waiting.add(&waits{pending: pending[Account]{second: c}, sid: sidOf(r.Context()), name: f.Name, next: f.Next, trust: f.Trust})
	if cookie == "" {
		c.Cancel()
		s.admit(w, r, f, admitted{}, errors.New("too many logins wait for codes"))
		return
	}
	dropCookie(w, formCookie)
	setCookie(w, codeCookie, cookie, http.SameSiteStrictMode)
	redirect(w, "/login/code")
}

// codeForm is what the template shows.
type codeForm struct {
	Style, Icon string
	Script      string
	Language    *locale.Language
	Token       string
	Asks        Asks
	Recovery    bool   // a recovery code is asked for
	Alert       string // key of what went wrong
}

// wrongCode is the key of what is said of one.
const wrongCode = "login.wrongCode"

// wrongRecovery is that of a recovery code, wrongKey that of a security key.
const (
	wrongRecovery = "login.wrongRecovery"
	wrongKey      = "login.wrongKey"
)

func (s *Server) codePage(w http.ResponseWriter, r *http.Request) {
	_, v := s.waiting.find(r)
	if v == nil {
		redirect(w, "/login")
		return
	}
	s.showCode(w, r, http.StatusOK, v, codeForm{Recovery: r.URL.Query().Has("recovery")})
}

// showCode writes the page of a login that waits.
func (s *Server) showCode(w http.ResponseWriter, r *http.Request, status int, v *waits, f codeForm) {
	c, err := r.Cookie(codeCookie)
	if err != nil {
		redirect(w, "/login")
		return
	}
	f.Token, f.Style, f.Icon, f.Language, f.Asks = s.loginToken(c.Value), styleSheet.path, icon.path, speaks(r), v.asks()
	if f.Asks.Options != "" {
		f.Script = keyScript()
		w.Header().Set("Content-Security-Policy", scriptPolicy)
	}
	w.Header().Set("Vary", "Accept-Language")
	s.show(w, status, codeTemplate[f.Language.Tag], f)
}

// code takes a code.
func (s *Server) code(w http.ResponseWriter, r *http.Request) {
	if err := s.readForm(w, r); err != nil {
		http.Error(w, "malformed form", http.StatusBadRequest)
		return
	}
	key, v := s.waiting.find(r)
	c, err := r.Cookie(codeCookie)
	if v == nil || err != nil || !hmac.Equal([]byte(s.loginToken(c.Value)), []byte(r.PostForm.Get("token"))) {
		dropCookie(w, codeCookie)
		redirect(w, "/login?note=late")
		return
	}
	r = called(r, v.sid)
	f := codeForm{Recovery: r.PostForm.Get("recovery") != ""}
	var in admitted
	err = v.enter(s, r, func(r *http.Request, a Account) (err error) {
		in, err = s.begin(r.Context(), r, a, v.name, v.trust)
		return err
	})
	if errors.Is(err, ErrCode) {
		s.failed(r, v.name, "code")
		switch {
		case r.PostForm.Has("key"):
			f.Alert = wrongKey
		case f.Recovery:
			f.Alert = wrongRecovery
		default:
			f.Alert = wrongCode
		}
		s.showCode(w, r, http.StatusForbidden, v, f)
		return
	}
	s.waiting.end(key, v)
	dropCookie(w, codeCookie)
	if errors.Is(err, ErrRefused) {
		s.failed(r, v.name, "code")
	}
	if errors.Is(err, ErrRefused) || errors.Is(err, errOver) {
		redirect(w, "/login?note=late")
		return
	}
	s.admit(w, r, loginForm{Name: v.name, Next: v.next, Trust: v.trust}, in, err)
}
