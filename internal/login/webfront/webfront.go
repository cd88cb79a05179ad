// Package webfront is what webmail shows to strangers: an HTTPS server with a
// login page, and behind it a proxy to the session program of whoever has
// logged in.
//
// A request passes these, from the outside in:
//
//	guard.go    headers of every answer; cross-site requests that change
//	            something, or read something with a session, end here
//	login.go    GET and POST /login, the style sheet and the icon: all that
//	            browsers get without a session
//	code.go     GET and POST /login/code, between a right password and a session; pending.go
//	            is what waits there
//	autoconfig.go, setup.go   the same for mail programs, and what people read who set them up
//	security.go, settings.go   pages of settings that are not the session program's: who is
//	            logged in, app passwords, second factors (factor.go), mail programs
//	session.go  the cookie becomes a login session, or the answer is /login
//	confirm.go  what needs the password once more before it goes there
//	proxy.go    everything else goes to the session program, without cookie
//
// leave.go is how it ends while browsers come.
//
// A login session is one row of a table in memory and one connection to one
// session program. It begins with a correct password and ends with POST
// /logout, with idleness, with age, with the end of the program, or with the
// end of the front, or by being revoked on another one, and then all of it is gone: the row, the connection, and
// so the program. The states of a browser follow from that:
//
//	no cookie, unknown cookie  ->  login page; no cookie is ever adopted
//	cookie of a session        ->  the session program's pages
//
// The table knows the SHA-256 of a cookie, never the cookie.
//
// The front sees no mail but what passes through it, links no store and no
// password source, and asks an Entrance about passwords.
package webfront

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"fantail/internal/autoconfig"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/proxyproto"
	"fantail/internal/login/broker/wire"
	"fantail/web"
)

// Entrance checks passwords and opens accounts.
type Entrance interface {
	// Enter returns the account that name and password open. An error that
	// wraps ErrRefused says that they open none, without saying why; a FactorWanted
	// that a second factor is wanted as well; any other error that it could not be found
	// out.
	Enter(ctx context.Context, name, password string, from net.Addr) (Account, error)
	// Unlock is Enter for somebody who is in, and wants to change how the account called
	// name logs in.
	Unlock(ctx context.Context, account, name, password string, from net.Addr) (Vault, error)
}

// Vault is the right to change how an account logs in, for some minutes.
type Vault interface {
	// Change asks for a change: m has no permit and no account yet. Errors are those of
	// broker.Manager.
	Change(ctx context.Context, m wire.Manage) (*wire.Managed, error)
}

// FactorWanted is the error of an Entrance for a right password that is not enough for a T.
type FactorWanted[T any] struct{ Second Second[T] }

func (*FactorWanted[T]) Error() string { return "a second factor is wanted as well" }

// Second is a login that waits for a second factor. It is for one goroutine.
type Second[T any] interface {
	// Asks says what is asked for, until the next Enter.
	Asks() Asks
	// Enter returns what the login opens if the answer is right: a code, or the JSON of a
	// security key. An error that wraps ErrCode says that it was wrong and another may be
	// tried, one that wraps ErrRefused that there were too many; that and any other is the
	// end.
	Enter(ctx context.Context, answer string) (T, error)
	// Cancel gives the login up.
	Cancel()
}

// Asks is what a second factor can be. Recovery codes always are one.
type Asks struct {
	App     bool   // a code of an app
	Options string // JSON for pages that ask for a security key; "": there is none
}

// Account is an account that somebody has proved to own.
type Account interface {
	// Name is the account's name, which need not be what was typed.
	Name() string
	// Connect starts the account's session program and returns the connection
	// on which it serves HTTP/2 without TLS. sid names the login session in
	// logs. The program ends when the connection is closed.
	Connect(ctx context.Context, sid string) (net.Conn, error)
}

// ErrRefused is the error of an Entrance for a wrong name or password.
var ErrRefused = errors.New("wrong name or password")

// ErrCode is the error of a Second for a wrong answer.
var ErrCode = errors.New("wrong code or security key")

// Options are what a Server needs.
type Options struct {
	Entrance Entrance
	Metrics  *metrics.Set
	Log      *slog.Logger
	Limits   Limits // zero fields mean DefaultLimits
	Proxies  proxyproto.Proxies
	Provider *autoconfig.Provider // what mail programs are told; nil: nothing
}

// Server is the front. It is an http.Handler; Serve puts it on a listener.
type Server struct {
	entrance Entrance
	metrics  *metrics.Set
	log      *slog.Logger
	limits   Limits
	sessions *table
	waiting  *waiting
	crowd    *crowd
	proxies  proxyproto.Proxies
	provider *autoconfig.Provider
	asked    rate
	arrivals *arrivals
	closing  context.Context // ends when Close begins
	close    context.CancelFunc
	checks   chan struct{} // one token per password check that may run
	loginKey [32]byte      // signs the tokens of login forms
	handler  http.Handler
	http     *http.Server

	mu        sync.Mutex // guards listeners
	listeners []net.Listener
	accepting sync.WaitGroup // on listeners
}

// New returns a server without sessions.
func New(o Options) *Server {
	s := &Server{entrance: o.Entrance, metrics: o.Metrics, log: o.Log, limits: o.Limits.withDefaults(), proxies: o.Proxies, provider: o.Provider}
	s.closing, s.close = context.WithCancel(context.Background())
	s.asked.most = s.limits.Asked
	s.sessions = newTable(s.limits, s.ended)
	s.waiting = newWaiting()
	s.crowd = &crowd{most: s.limits.Connections, perSource: s.limits.PerSource, sources: make(map[netip.Addr]int)}
	s.arrivals = newArrivals()
	s.metrics.Ask(metrics.Connections, func() (float64, bool) { return float64(s.arrivals.count()), true })
	s.checks = make(chan struct{}, s.limits.Checks)
	rand.Read(s.loginKey[:]) // crypto/rand.Read never fails
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, r.handle)
	}
	if s.provider != nil {
		for _, r := range s.discovery() {
			mux.HandleFunc(r.pattern, s.seldom(r.handle))
		}
	}
	s.handler = s.noted(s.counted(s.guard(anyCase(mux))))
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.limits.Header,
		IdleTimeout:       s.limits.KeepAlive,
		MaxHeaderBytes:    s.limits.HeaderBytes,
		ConnContext:       remember,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // broken handshakes and the like
	}
	return s
}

// route is a row of the front's own pages.
type route struct {
	pattern string // as http.ServeMux has them
	handle  http.HandlerFunc
}

// routes is all that the front answers itself. What is not here needs a session
// and belongs to the session program.
func (s *Server) routes() []route {
	return []route{
		{"GET /login", s.loginPage},
		{"POST /login", s.login},
		{"GET /login/code", s.codePage},
		{"POST /login/code", s.code},
		{"POST /logout", s.logout},
		{"GET " + pathSecurity, s.securityPage},
		{"POST " + pathSecurity, s.changeSecurity},
		{"GET " + pathDevices, s.devicesPage},
		{"POST " + pathConfirm, s.confirm},
		{"GET " + pathConfirm, s.confirmPage},
		{"GET " + styleSheet.path, styleSheet.serve},
		{"GET " + web.Prefix, web.Serve},
		{"GET /favicon.ico", icon.serve},
		{"GET " + icon.path, icon.serve},
		{"GET /robots.txt", robots},
		{"GET /healthz", healthy},
		{"GET /.well-known/passkey-endpoints", passkeyEndpoints},
		{"/.well-known/", http.NotFound},
		{"/", s.proxy},
	}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve accepts TLS connections on l until Close, and then returns nil.
func (s *Server) Serve(l net.Listener, config *tls.Config) error {
	if !s.accepts(l) {
		return l.Close()
	}
	defer s.accepting.Done()
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		s.metrics.Inc(metrics.Handshakes, metrics.TLSVersion(state.Version))
		return nil
	}
	err := s.http.Serve(tls.NewListener(bounded{l, s.crowd, s.proxies, s.arrivals, s.metrics, s.log}, config))
	if s.closing.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ended is called once for every session that ends.
func (s *Server) ended(v *session, why string, requests int) {
	s.log.Info("logout", "sid", v.sid, "proto", "webmail", "remote", hostOf(v.remote), "user", v.account,
		"reason", why, "dur", time.Since(v.started).Round(time.Second), "requests", requests)
}

func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	respond(w, "User-agent: *\nDisallow: /\n")
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	respond(w, "ok\n")
}
