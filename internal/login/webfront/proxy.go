package webfront

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
)

// What the front tells the session program about a request. Headers of these
// names never come from outside: requests that have any with this prefix lose
// them.
const (
	headerPrefix  = "Wm-"
	headerAccount = "Wm-Account" // the account's name
	headerToken   = "Wm-Token"   // what every form of this session must send as "token"
	headerTheme   = "Wm-Theme"   // in answers: the colours of pages
)

// dial connects to a session program. The session ends when the program does.
func (s *Server) dial(ctx context.Context, a Account, v *session) (program, error) {
	conn, err := a.Connect(ctx, v.sid)
	if err != nil {
		return nil, fmt.Errorf("start session program: %w", err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	var used atomic.Bool
	t := &http.Transport{
		Protocols:          &protocols,
		DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if used.Swap(true) {
				return nil, errors.New("the session program has only one connection")
			}
			return conn, nil
		},
	}
	cc, err := t.NewClientConn(ctx, "http", programHost+":80")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("greet session program: %w", err), conn.Close())
	}
	cc.SetStateHook(func(cc *http.ClientConn) {
		// The hook may run before the session is in the table, and must not
		// run for the end of a session that is ending.
		if cc.Err() != nil {
			go s.sessions.gone(v)
		}
	})
	return cc, nil
}

// programHost stands in requests where a host name must stand.
const programHost = "session.invalid"

// proxy answers everything that needs a session.
func (s *Server) proxy(w http.ResponseWriter, r *http.Request) {
	s.inside(w, r, func(v *session) {
		if needsProof(r.Method, r.URL.Path) && !s.sessions.proven(v) {
			s.askProof(w, r, v)
			return
		}
		s.forward(w, r, v)
	})
}

// forward has a session's program answer.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, v *session) {
	if r.URL.Path == eventsPath {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.closing, cancel)()
		r = r.WithContext(ctx)
	}
	// Two policies would both be in force, so the guard's gives way to that of
	// the page; see harden.
	w.Header().Del("Content-Security-Policy")
	if isVisit(r) {
		if cookie := s.sessions.rotate(v); cookie != "" {
			s.sessions.setSession(w, cookie, true)
		}
	}
	p := httputil.ReverseProxy{
		Transport: v.program,
		Rewrite:   v.rewrite,
		ModifyResponse: func(resp *http.Response) error {
			if l := resp.Header.Get("Content-Language"); l != "" {
				s.sessions.learn(v, l, resp.Header.Get(headerTheme))
			}
			w.Header().Del("Cache-Control") // the program's is in force
			return harden(resp)
		},
		// With the request as it came: the one that went on has no cookie, by which it is
		// known that there was a session.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { s.broken(w, r, v, err) },
		ErrorLog:     s.http.ErrorLog,
	}
	p.ServeHTTP(w, r)
}

// rewrite makes the request that the session program sees: without the cookie
// and whatever else identifies a browser, with what only the front can know.
func (v *session) rewrite(p *httputil.ProxyRequest) {
	p.SetURL(&url.URL{Scheme: "http", Host: programHost})
	h := p.Out.Header
	for name := range h {
		if len(name) >= len(headerPrefix) && name[:len(headerPrefix)] == headerPrefix {
			h.Del(name)
		}
	}
	for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization"} {
		h.Del(name)
	}
	h.Set(headerAccount, v.account)
	h.Set(headerToken, v.token)
}

// harden takes from an answer what a session program has no business to say: it
// parses strangers' mail, and what takes it over must stay within one login.
func harden(resp *http.Response) error {
	h := resp.Header
	for _, name := range []string{"Set-Cookie", "Service-Worker-Allowed", "Access-Control-Allow-Origin",
		"Access-Control-Allow-Credentials", "Alt-Svc", "Clear-Site-Data", headerTheme} {
		h.Del(name)
	}
	for _, kv := range pageHeaders { // the guard has set these already
		h.Del(kv[0])
	}
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", ownPolicy)
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	return nil
}

// askToLogIn answers who has no session.
func (s *Server) askToLogIn(w http.ResponseWriter, r *http.Request) {
	if !isVisit(r) {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "not logged in", http.StatusUnauthorized)
		return
	}
	q := url.Values{}
	if next := localPath(r.URL.RequestURI()); next != "/" {
		q.Set("next", next)
	}
	if _, err := r.Cookie(cookieName); err == nil {
		dropCookie(w, cookieName)
		q.Set("note", "ended")
	}
	where := "/login"
	if len(q) > 0 {
		where += "?" + q.Encode()
	}
	redirect(w, where)
}

// broken answers when the program did not.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, v *session, err error) {
	if r.Context().Err() != nil {
		return // the client is gone; there is nobody to answer
	}
	s.log.Error("session program", "user", v.account, "sid", v.sid, "err", err)
	if c, ok := v.program.(interface{ Err() error }); ok && c.Err() == nil {
		http.Error(w, "mail cannot be shown at the moment", http.StatusBadGateway)
		return
	}
	v.end("program ended")
	s.askToLogIn(w, r)
}
