package webfront

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
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
	started time.Time

	program program
	idle    *time.Timer
	age     *time.Timer

	// Guarded by table.mu.
	used     time.Time // begin or end of the last request
	running  int       // requests at this moment
	requests int
	end      func(why string) // does something once
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
	v.end = func(why string) { once.Do(func() { t.remove(key, v, why) }) }
	v.started, v.used = time.Now(), time.Now()
	v.idle = time.AfterFunc(t.limits.Idle, func() { t.rested(v) })
	v.age = time.AfterFunc(t.limits.Age, func() { v.end("age") })
	t.rows[key] = v
	return cookie, nil
}

// crowd counts the sessions of an account and finds the one that has rested
// longest. The caller holds mu.
func (t *table) crowd(account string) (oldest *session, n int) {
	for _, v := range t.rows {
		if v.account != account {
			continue
		}
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
		v.used = time.Now()
		v.running++
		v.requests++
	}
	return v
}

// crowded reports whether v has more requests at once than it may.
func (t *table) crowded(v *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return v.running > t.limits.Requests
}

// release says that a request of v, found by find, is over.
func (t *table) release(v *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v.running--
	v.used = time.Now()
}

// rested runs when v may have been without a request for long enough. A request
// that still runs, such as a long download, is no rest.
func (t *table) rested(v *session) {
	t.mu.Lock()
	left := t.limits.Idle - time.Since(v.used)
	if v.running > 0 {
		left = t.limits.Idle
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

func (t *table) remove(key [sha256.Size]byte, v *session, why string) {
	t.mu.Lock()
	delete(t.rows, key)
	requests := v.requests
	t.mu.Unlock()
	v.idle.Stop()
	v.age.Stop()
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

// setCookie sets a cookie that ends with the browser. Lax, not Strict: a link in
// another program opens the mail that it points to; nothing is ever changed by
// GET.
func setCookie(w http.ResponseWriter, name, value string, site http.SameSite) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: site})
}

func dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
}
