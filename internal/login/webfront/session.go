package webfront

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// cookieName: the prefix makes browsers refuse the cookie unless it is secure,
// for this host alone, and for every path.
const cookieName = "__Host-wm"

// session is one login.
type session struct {
	sid     string // in logs; worth nothing to who reads it
	account string
	remote  string
	token   string // in every form
	agent   string // the browser, as it says
	typed   string // the name that was typed at login
	trusted bool   // on a device of one's own
	started time.Time

	program program
	telling sync.RWMutex // held while the program is told something, for which the end waits
	idle    *time.Timer
	age     *time.Timer

	// Guarded by table.mu.
	used     time.Time // begin or end of the last request
	running  int       // requests at this moment
	unasked  int       // and those that nobody asked for
	requests int
	end      func(why string) // does something once
	language string           // of its pages, as the session program says; "": not yet
	theme    string           // of its pages
	rotated  time.Time        // when it got its cookie
	vault    Vault            // nil: the password must be given again,
	second   *pending[Vault]  // or was, and a second factor must be as well
	budget   float64          // requests that it may make at once,
	spent    time.Time        // as of then
	proved   time.Time        // when the password was given, and the second factor
}

// program is the connection to a session program.
type program interface {
	http.RoundTripper
	Close() error
}

// table holds the sessions by the hash of their cookies.
type table struct {
	limits Limits
	ended  func(v *session, why string, requests int)

	mu   sync.Mutex
	rows map[[sha256.Size]byte]*session
}

func newTable(l Limits, ended func(*session, string, int)) *table {
	return &table{limits: l, ended: ended, rows: make(map[[sha256.Size]byte]*session)}
}

// errFull says that there are as many sessions as there may be.
var errFull = errors.New("too many sessions")

// add makes v a session and returns its cookie's value. The value is new: what
// a browser sent before it logged in never names a session, so nobody can
// prepare a session for somebody else.
func (t *table) add(v *session) (cookie string, err error) {
	cookie = secret()
	key := sha256.Sum256([]byte(cookie))
	t.mu.Lock()
	defer t.mu.Unlock()
	oldest, same := t.crowd(v.account)
	if len(t.rows) >= t.limits.Sessions && same < t.limits.PerUser {
		return "", errFull
	}
	if same >= t.limits.PerUser {
		go oldest.end("too many sessions") // which takes the lock
	}
	var once sync.Once
	v.end = func(why string) { once.Do(func() { t.remove(v, why) }) }
	v.started = time.Now()
	v.used, v.rotated, v.proved = v.started, v.started, v.started
	age := t.limits.Age
	if v.trusted {
		age = t.limits.Kept
	}
	v.idle = time.AfterFunc(t.rest(v), func() { t.rested(v) })
	v.age = time.AfterFunc(age, func() { v.end("age") })
	t.rows[key] = v
	return cookie, nil
}

// rest is how long v may be without a request.
func (t *table) rest(v *session) time.Duration {
	if v.trusted {
		return t.limits.Trusted
	}
	return t.limits.Idle
}

const (
	// rotation is how old the cookie of a trusted session gets in use.
	rotation = 24 * time.Hour
	// overlap is how long the old one is good beside the new one: other requests of the
	// same page are on their way with it.
	overlap = time.Minute
)

// rotate returns a new cookie for v if it is time for one, and "" otherwise. What somebody
// has copied from a browser is worth nothing soon after that browser is used again.
func (t *table) rotate(v *session) (cookie string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !v.trusted || time.Since(v.rotated) < rotation {
		return ""
	}
	var old [][sha256.Size]byte
	for key, row := range t.rows {
		if row == v {
			old = append(old, key)
		}
	}
	if len(old) == 0 {
		return "" // it has ended
	}
	v.rotated = time.Now()
	cookie = secret()
	t.rows[sha256.Sum256([]byte(cookie))] = v
	time.AfterFunc(overlap, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, key := range old {
			delete(t.rows, key)
		}
	})
	return cookie
}

// learn remembers how the session's pages look.
func (t *table) learn(v *session, language, theme string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v.language, v.theme = language, theme
}

// shown is a session as its owner sees it.
type shown struct {
	sid, remote, agent string
	started, used      time.Time
	trusted, this      bool
}

// list returns the sessions of v's account, the one used last first.
func (t *table) list(v *session) []shown {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := make(map[*session]bool)
	var out []shown
	for _, row := range t.rows {
		if row.account == v.account && !seen[row] {
			seen[row] = true
			out = append(out, shown{row.sid, row.remote, row.agent, row.started, row.used, row.trusted, row == v})
		}
	}
	slices.SortFunc(out, func(a, b shown) int { return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.sid, b.sid)) })
	return out
}

// revoke ends sessions of v's account: that called sid, or all but v if it is "". It
// reports how many there were.
func (t *table) revoke(v *session, sid string) (n int) {
	t.mu.Lock()
	var ends []func(string)
	seen := make(map[*session]bool)
	for _, row := range t.rows {
		if row.account == v.account && !seen[row] && (sid == "" && row != v || sid != "" && row.sid == sid) {
			seen[row] = true
			ends = append(ends, row.end)
		}
	}
	t.mu.Unlock()
	for _, end := range ends {
		end("revoked")
	}
	return len(ends)
}

// crowd counts the sessions of an account and finds the one that has rested
// longest. The caller holds mu.
func (t *table) crowd(account string) (oldest *session, n int) {
	seen := make(map[*session]bool) // for a moment one can have two cookies
	for _, v := range t.rows {
		if v.account != account || seen[v] {
			continue
		}
		seen[v] = true
		if n++; oldest == nil || v.used.Before(oldest.used) {
			oldest = v
		}
	}
	return oldest, n
}

// find returns the session that r belongs to, nil if none. It does not idle out
// until release.
func (t *table) find(r *http.Request) *session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	key := sha256.Sum256([]byte(c.Value))
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.rows[key]
	if v != nil {
		v.requests++
		if unasked(r) {
			v.unasked++
		} else {
			v.used = time.Now()
			v.running++
		}
	}
	return v
}

// eventsPath is that of the stream in which a window hears of changes.
const eventsPath = "/events"

// unasked reports whether r says nothing of whether somebody is there: it is the stream in
// which a window hears of changes, which runs as long as the window is open, or what the
// window fetches when it has heard of one.
func unasked(r *http.Request) bool {
	return r.URL.Path == eventsPath || r.Header.Get("X-Wm-Unasked") != ""
}

// crowded reports whether v has more requests at once than it may.
func (t *table) crowded(v *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return v.running+v.unasked > t.limits.Requests
}

// calm is how long who has asked too much is told to wait.
const calm = 5 * time.Second

// spend takes a request out of v's budget, and reports whether there was one left: Burst of
// them, and Rate more in a second.
func (t *table) spend(v *session, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	most := float64(t.limits.Burst)
	v.budget = min(most, v.budget+now.Sub(v.spent).Seconds()*float64(t.limits.Rate))
	if v.spent.IsZero() {
		v.budget = most
	}
	v.spent = now
	if v.budget < 1 {
		return false
	}
	v.budget--
	return true
}

// release says that a request of v, found by find, is over.
func (t *table) release(v *session, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if unasked(r) {
		v.unasked--
		return
	}
	v.running--
	v.used = time.Now()
}

// rested runs when v may have been without a request for long enough. A request
// that still runs, such as a long download, is no rest.
func (t *table) rested(v *session) {
	t.mu.Lock()
	left := t.rest(v) - time.Since(v.used)
	if v.running > 0 {
		left = t.rest(v)
	}
	if left > 0 {
		v.idle.Reset(left)
	}
	t.mu.Unlock()
	if left <= 0 {
		v.end("idle")
	}
}

// gone ends the session of a program that has ended. If v is not in the table
// yet, its first request will find out.
func (t *table) gone(v *session) {
	t.mu.Lock()
	end := v.end
	t.mu.Unlock()
	if end != nil {
		end("program ended")
	}
}

func (t *table) remove(v *session, why string) {
	t.mu.Lock()
	for key, row := range t.rows {
		if row == v {
			delete(t.rows, key)
		}
	}
	requests := v.requests
	t.mu.Unlock()
	v.idle.Stop()
	v.age.Stop()
	v.telling.Lock() // for ever: nothing is told any more
	// The program ends with the connection; there is nobody to tell if closing
	// a socket fails.
	_ = v.program.Close()
	t.ended(v, why, requests)
}

func (t *table) endAll(why string) {
	t.mu.Lock()
	all := make([]*session, 0, len(t.rows))
	for _, v := range t.rows {
		all = append(all, v)
	}
	t.mu.Unlock()
	for _, v := range all {
		v.end(why)
	}
}

// secret returns 256 random bits in 43 characters.
func secret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// setSession sets the cookie of a session: for as long as the browser runs, or on a device
// of one's own for as long as it may rest.
func (t *table) setSession(w http.ResponseWriter, value string, trusted bool) {
	c := &http.Cookie{Name: cookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if trusted {
		c.MaxAge = int(t.limits.Trusted / time.Second)
	}
	http.SetCookie(w, c)
}

// setDevice sets the cookie of a device of one's own.
func setDevice(w http.ResponseWriter, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: deviceCookie, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(deviceLife / time.Second),
	})
}

// setCookie sets a cookie that ends with the browser. Lax, not Strict: a link in
// another program opens the mail that it points to; nothing is ever changed by
// GET.
func setCookie(w http.ResponseWriter, name, value string, site http.SameSite) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: site})
}

func dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
}
