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

const (
	// codeTime is how long a code is waited for. authd waits a little longer.
	codeTime = 4 * time.Minute
	// mostWaiting is how many logins may wait for codes: all of them had the password.
	mostWaiting = 1000
	// maxCode is the longest thing that is taken for a code, in octets.
	maxCode = 64
)

// waits is a login whose password was right, and that waits for a code.
type waits struct {
	name, next string // what was typed, and where to go
	trust      bool   // on a device of one's own
	timer      *time.Timer

	mu    sync.Mutex // a code is looked at
	codes Codes
	over  bool
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

// end has a login wait no longer. It waits for the check of a code.
func (t *waiting) end(key [sha256.Size]byte, v *waits) {
	t.mu.Lock()
	delete(t.rows, key)
	t.mu.Unlock()
	v.timer.Stop()
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.over {
		v.over = true
		v.codes.Cancel()
	}
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

// await has somebody asked for a code.
func (s *Server) await(w http.ResponseWriter, r *http.Request, f loginForm, c Codes) {
	cookie := s.waiting.add(&waits{name: f.Name, next: f.Next, trust: f.Trust, codes: c})
	if cookie == "" {
		c.Cancel()
		s.admit(w, r, f, "", errors.New("too many logins wait for codes"))
		return
	}
	dropCookie(w, formCookie)
	setCookie(w, codeCookie, cookie, http.SameSiteStrictMode)
	redirect(w, "/login/code")
}

// codeForm is what the template shows.
type codeForm struct {
	Style, Icon string
	Language    *locale.Language
	Token       string
	Recovery    bool   // a recovery code is asked for
	Alert       string // key of what went wrong
}

// wrongCode is the key of what is said of one.
const wrongCode = "login.wrongCode"

// wrongRecovery is that of a recovery code.
const wrongRecovery = "login.wrongRecovery"

func (s *Server) codePage(w http.ResponseWriter, r *http.Request) {
	if _, v := s.waiting.find(r); v == nil {
		redirect(w, "/login")
		return
	}
	s.showCode(w, r, http.StatusOK, codeForm{Recovery: r.URL.Query().Has("recovery")})
}

// showCode writes the page of a login that waits.
func (s *Server) showCode(w http.ResponseWriter, r *http.Request, status int, f codeForm) {
	c, err := r.Cookie(codeCookie)
	if err != nil {
		redirect(w, "/login")
		return
	}
	f.Token, f.Style, f.Icon, f.Language = s.loginToken(c.Value), styleSheet.path, icon.path, speaks(r)
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
	f := codeForm{Recovery: r.PostForm.Get("recovery") != ""}
	cookie, err := s.try(r, v, r.PostForm.Get("code"))
	if errors.Is(err, ErrCode) {
		failed(s.log, r, v.name, "code")
		f.Alert = wrongCode
		if f.Recovery {
			f.Alert = wrongRecovery
		}
		s.showCode(w, r, http.StatusForbidden, f)
		return
	}
	s.waiting.end(key, v)
	dropCookie(w, codeCookie)
	if errors.Is(err, ErrRefused) {
		failed(s.log, r, v.name, "code")
	}
	if errors.Is(err, ErrRefused) || errors.Is(err, errOver) {
		redirect(w, "/login?note=late")
		return
	}
	s.admit(w, r, loginForm{Name: v.name, Next: v.next, Trust: v.trust}, cookie, err)
}

// errOver says that a login waits no longer.
var errOver = errors.New("the login is over")

// try checks a code and makes a session, one code at a time.
func (s *Server) try(r *http.Request, v *waits, code string) (cookie string, err error) {
	if code == "" || len(code) > maxCode {
		return "", ErrCode
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.over {
		return "", errOver
	}
	ctx, done, err := s.turn(r)
	if err != nil {
		return "", err
	}
	defer done()
	account, err := v.codes.Enter(ctx, code)
	if errors.Is(err, ErrCode) {
		return "", err
	}
	v.over = true
	if err != nil {
		return "", err
	}
	return s.begin(ctx, r, account, v.name, v.trust)
}
