package webfront

import (
	"context"
	"crypto/hmac"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
)

// The page of security: who is logged in to webmail, and, after the password was given
// once more, app passwords and the second factor. Those are authd's: this page only carries
// what is asked and told. A Vault is kept with the session, and forgotten when authd has.

var securityTemplate = settingsTemplate("security.html")

// security is what the template shows.
type security struct {
	frame
	Good, Bad string  // keys of what was done, or why not
	Count     int     // for Good
	Action    string  // where the forms of unlock.html go, and
	Kept      []field // what they have besides
	Second    *Asks   // the password was given, and this is asked for as well
	Open      bool    // the password was given
	Logins    []login
	Others    bool // there are logins besides this one
	State     *wire.Managed
	Programs  []appPassword
	Services  []string
	Secret    string        // of a new app password
	Label     string        // of that
	Typed     string        // the secret of a new second factor, as it is typed
	QR        template.HTML // the same as a picture
	Recovery  []string      // codes
	Keys      []securityKey
	NewKey    string // JSON for a new security key
}

// login is a session on the page.
type login struct {
	SID, Agent, Host string
	First, Last      moment
	Trusted, This    bool
}

// appPassword is an app password on the page.
type appPassword struct {
	ID, Label, Services string
	Created, Used       string // days; Used "" is never
}

// forPrograms are the services that an app password can be for here. One for webmail would
// let in whoever has it without the second factor.
var forPrograms = []wire.Service{wire.IMAP, wire.POP3, wire.SMTP}

func (s *Server) securityPage(w http.ResponseWriter, r *http.Request) {
	s.inside(w, r, func(v *session) {
		p := s.security(r, v)
		if p.Open {
			s.do(r, v, &p, wire.Manage{Verb: wire.Look})
		}
		s.showSecurity(w, r, http.StatusOK, v, p)
	})
}

// security is the page without what authd knows.
func (s *Server) security(r *http.Request, v *session) security {
	p := security{frame: s.frameOf(r, v, "security"), Action: pathSecurity}
	for _, service := range forPrograms {
		p.Services = append(p.Services, service.String())
	}
	s.sessions.mu.Lock()
	waits := v.second
	p.Open = v.vault != nil
	s.sessions.mu.Unlock()
	if waits != nil && !p.Open {
		asks := waits.asks()
		p.Second = &asks
	}
	return p
}

// showSecurity shows the page with the logins as they are now.
func (s *Server) showSecurity(w http.ResponseWriter, r *http.Request, status int, v *session, p security) {
	for _, one := range s.sessions.list(v) {
		p.Logins = append(p.Logins, login{one.sid, one.agent, hostOf(one.remote), when(p.Language, one.started), when(p.Language, one.used), one.trusted, one.this})
		p.Others = p.Others || !one.this
	}
	if p.State != nil {
		for _, a := range p.State.Passwords {
			one := appPassword{ID: a.ID, Label: a.Label, Created: dayOf(p, a.Created)}
			if a.Used > 0 {
				one.Used = dayOf(p, a.Used)
			}
			var names []string
			for _, service := range a.Services {
				names = append(names, strings.ToUpper(service.String()))
			}
			one.Services = strings.Join(names, ", ")
			p.Programs = append(p.Programs, one)
		}
		for _, k := range p.State.Keys {
			one := securityKey{ID: k.ID, Label: k.Label, Created: dayOf(p, k.Created)}
			if k.Used > 0 {
				one.Used = dayOf(p, k.Used)
			}
			if k.Origin != originOf(r) {
				one.Elsewhere = strings.TrimPrefix(k.Origin, "https://")
			}
			p.Keys = append(p.Keys, one)
		}
	}
	p.script(w)
	s.show(w, status, securityTemplate[p.Language.Tag], p)
}

// script has the page ask for a security key, if it does.
func (p *security) script(w http.ResponseWriter) {
	if p.Second != nil || p.NewKey != "" {
		p.Script = keyScript()
		w.Header().Set("Content-Security-Policy", scriptPolicy)
	}
}

// dayOf writes a day.
func dayOf(p security, days uint32) string {
	return p.Language.Date(time.Unix(int64(days)*24*60*60, 0).UTC(), "base.dayYear")
}

// changes are what forms of the page ask for, by the value of op.
var changes = map[string]func(s *Server, r *http.Request, v *session, p *security){
	"revoke":  (*Server).revokeOne,
	"others":  (*Server).revokeOthers,
	"unlock":  (*Server).unlock,
	"add":     (*Server).addPassword,
	"remove":  ask(wire.RevokePassword, "security.removed"),
	"begin":   (*Server).beginCodes,
	"confirm": (*Server).confirmCodes,
	"renew":   (*Server).renewCodes,
	"end":     ask(wire.EndCodes, "security.codesEnded"),
	"second":  (*Server).secondFactor,
	"newkey":  (*Server).beginKey,
	"addkey":  (*Server).confirmKey,
	"endkey":  ask(wire.RemoveKey, "security.keyRemoved"),
}

func (s *Server) changeSecurity(w http.ResponseWriter, r *http.Request) {
	if err := s.readForm(w, r); err != nil {
		http.Error(w, "malformed form", http.StatusBadRequest)
		return
	}
	s.inside(w, r, func(v *session) {
		if !hmac.Equal([]byte(v.token), []byte(r.PostForm.Get("token"))) {
			http.Error(w, "this form belongs to another session", http.StatusForbidden)
			return
		}
		change, ok := changes[r.PostForm.Get("op")]
		if !ok {
			http.Error(w, "malformed form", http.StatusBadRequest)
			return
		}
		if r.PostForm.Get("op") == "revoke" && r.PostForm.Get("sid") == v.sid {
			s.leave(w, r, v)
			return
		}
		p := s.security(r, v)
		change(s, r, v, &p)
		if p.Open && p.State == nil {
			s.do(r, v, &p, wire.Manage{Verb: wire.Look})
		}
		status := http.StatusOK
		if p.Bad != "" {
			status = http.StatusForbidden
		}
		s.showSecurity(w, r, status, v, p)
	})
}

// do asks authd for a change, and puts what it tells on the page. It reports whether that
// was done.
func (s *Server) do(r *http.Request, v *session, p *security, m wire.Manage) bool {
	s.sessions.mu.Lock()
	vault := v.vault
	s.sessions.mu.Unlock()
	p.Open = vault != nil
	if vault == nil {
		p.Bad = "security.locked"
		return false
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Wait)
	defer cancel()
	state, err := vault.Change(ctx, m)
	if err == nil {
		if what := notices[m.Verb]; what != "" {
			s.tell(r, v, what, aboutOf(p, m), "")
		}
		p.State = state
		return true
	}
	switch {
	case errors.Is(err, broker.ErrLocked):
		p.Open, p.State, p.Bad = false, nil, "security.locked"
		if m.Verb == wire.Look {
			p.Bad = ""
		}
		s.sessions.mu.Lock()
		if v.vault == vault {
			v.vault = nil
		}
		s.sessions.mu.Unlock()
	case errors.Is(err, broker.ErrWrong) && m.Verb == wire.ConfirmKey:
		p.Bad = wrongKey
	case errors.Is(err, broker.ErrWrong):
		p.Bad = wrongCode
	case errors.Is(err, broker.ErrMechanism):
		p.Bad = "security.noKeyHere"
	case errors.Is(err, broker.ErrMalformed):
		p.Bad = "security.notDone"
	case errors.Is(err, broker.ErrBusy):
		p.Bad = "security.tooMany"
	default:
		s.log.Error("change how an account logs in", "user", v.account, "sid", v.sid, "err", err)
		p.Bad, p.Open = "security.notNow", false
	}
	return false
}

// aboutOf is the name of what a change is about.
func aboutOf(p *security, m wire.Manage) string {
	if m.ID == "" {
		return m.Label
	}
	if p.State == nil {
		return ""
	}
	for _, a := range p.State.Passwords {
		if a.ID == m.ID {
			return a.Label
		}
	}
	for _, k := range p.State.Keys {
		if k.ID == m.ID {
			return k.Label
		}
	}
	return ""
}

// ask is a change of authd's that needs nothing but an id.
func ask(verb wire.Verb, good string) func(*Server, *http.Request, *session, *security) {
	return func(s *Server, r *http.Request, v *session, p *security) {
		id := r.PostForm.Get("id")
		if len(id) > 16 {
			id = ""
		}
		if id != "" { // what it is called can be told as long as it is there
			s.do(r, v, p, wire.Manage{Verb: wire.Look})
			p.Bad = ""
		}
		if s.do(r, v, p, wire.Manage{Verb: verb, ID: id}) {
			p.Good = good
		}
	}
}

// unlock checks the password once more.
func (s *Server) unlock(r *http.Request, v *session, p *security) {
	r = called(r, v.sid)
	password := r.PostForm.Get("password")
	if password == "" || len(password) > 1024 {
		p.Bad = "security.wrong"
		return
	}
	ctx, done, err := s.turn(r)
	if err != nil {
		p.Bad = "security.notNow"
		return
	}
	defer done()
	vault, err := s.entrance.Unlock(ctx, v.account, v.typed, password, remoteAddr(r.RemoteAddr))
	var more *FactorWanted[Vault]
	if errors.As(err, &more) {
		s.wait(v, more.Second)
		asks := more.Second.Asks()
		p.Second = &asks
		return
	}
	s.unlocked(r, v, p, vault, err)
}

// wait has the unlocking of a session wait for a second factor, for a while.
func (s *Server) wait(v *session, c Second[Vault]) {
	next := &pending[Vault]{second: c}
	s.sessions.mu.Lock()
	old := v.second
	v.second = next
	s.sessions.mu.Unlock()
	if old != nil {
		old.end()
	}
	time.AfterFunc(codeTime, func() { s.forget(v, next) })
}

// forget ends a wait.
func (s *Server) forget(v *session, p *pending[Vault]) {
	s.sessions.mu.Lock()
	if v.second == p {
		v.second = nil
	}
	s.sessions.mu.Unlock()
	p.end()
}

// secondFactor checks the second factor after the password.
func (s *Server) secondFactor(r *http.Request, v *session, p *security) {
	r = called(r, v.sid)
	s.sessions.mu.Lock()
	waits := v.second
	s.sessions.mu.Unlock()
	if waits == nil {
		p.Bad = "security.locked"
		return
	}
	var vault Vault
	err := waits.enter(s, r, func(_ *http.Request, opened Vault) error {
		vault = opened
		return nil
	})
	if errors.Is(err, ErrCode) {
		s.failed(r, v.account, "security")
		asks := waits.asks()
		p.Second, p.Bad = &asks, wrongSecond
		return
	}
	p.Second = nil
	s.forget(v, waits)
	if err == nil && isRecovery(answerOf(r)) {
		s.tell(r, v, recoveryUsed, "", "")
	}
	s.unlocked(r, v, p, vault, err)
}

// unlocked tells how the question of the password, and the second factor, has ended.
func (s *Server) unlocked(r *http.Request, v *session, p *security, vault Vault, err error) {
	switch {
	case errors.Is(err, ErrRefused):
		s.failed(r, v.account, "security")
		p.Bad = "security.wrong"
	case errors.Is(err, errOver):
		p.Bad = "security.locked"
	case refusal(err) != "":
		p.Bad = refusal(err)
	case err != nil:
		s.log.Error("unlock", "user", v.account, "sid", v.sid, "err", err)
		p.Bad = "security.notNow"
	default:
		s.sessions.mu.Lock()
		v.vault, v.proved = vault, time.Now()
		s.sessions.mu.Unlock()
		s.log.Info("security unlocked", "user", v.account, "sid", v.sid, "remote", hostOf(r.RemoteAddr))
		p.Open = true
	}
}

// leave ends this session, from the list of all.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, v *session) {
	v.end("revoked")
	dropCookie(w, cookieName)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	redirect(w, "/login?note=out")
}

func (s *Server) revokeOne(r *http.Request, v *session, p *security) {
	sid := r.PostForm.Get("sid")
	if sid == "" {
		p.Bad = "security.notDone"
		return
	}
	p.Good, p.Count = "security.revoked", s.sessions.revoke(v, sid)
}

func (s *Server) revokeOthers(_ *http.Request, v *session, p *security) {
	p.Good, p.Count = "security.revoked", s.sessions.revoke(v, "")
}

func (s *Server) addPassword(r *http.Request, v *session, p *security) {
	m := wire.Manage{Verb: wire.AddPassword, Label: strings.TrimSpace(r.PostForm.Get("label"))}
	for _, service := range forPrograms {
		if slices.Contains(r.PostForm["for"], service.String()) {
			m.Services = append(m.Services, service)
		}
	}
	if m.Label == "" || len(m.Label) > 400 || len(m.Services) == 0 {
		p.Bad = "security.notDone"
		return
	}
	if s.do(r, v, p, m) && len(p.State.Secrets) == 1 {
		p.Secret, p.Label = p.State.Secrets[0], m.Label
	}
}
