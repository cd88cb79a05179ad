// Package tlsconf gives a server its TLS configuration: at least TLS 1.2, and
// certificates that are read from files, watched, and swapped without a restart.
//
//	pair.go        a certificate and its key, in two files
//	directory.go   further pairs, in a directory: for other names or with other kinds of keys
//	choose.go      which of them a client gets
//	keys.go        keys alone, for the process that has them where others have certificates
//	selfsigned.go  a pair that is made if there is none
//	clientca.go    who certifies clients, if they are asked for certificates
//	conn.go, binding.go   what SASL binds to a connection
//
// Watching needs no goroutine: a handshake that finds the last look a second or more in
// the past looks at the files, and reads those that changed. Others that come meanwhile
// do not wait for it. A pair that cannot be used (half written, key of another
// certificate) is logged once and leaves the certificate in use until the files change
// again. Pairs that appear in the directory or go away do so for clients, too.
//
// If neither file of the own certificate exists, Load makes a self-signed pair, so that a
// new installation speaks TLS at once. If one of them exists, the other one missing is an
// error: nothing of the administrator's is ever overwritten. Of the directory nothing is
// an error at the start: the other names are served.
package tlsconf

import (
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where the certificates are.
type Options struct {
	Certificate string // PEM file, leaf first
	Key         string // PEM file
	Directory   string // of further pairs; "": there are none
	ClientCA    string // PEM file of those who certify clients; "": these are not asked
	Host        string // name of this machine, for a self-signed certificate
	// Sign returns the private key of a certificate that another process has; nil: keys
	// are read here.
	Sign  func(crypto.PublicKey) (crypto.Signer, error)
	Clock func() time.Time
	Log   *slog.Logger
}

// lookEvery is how long a look at the files is good for at least; and so long that
// looking does not take more than one part in lookShare of the time.
const (
	lookEvery = time.Second
	lookShare = 50
)

// Server holds the certificates in use. It is safe for many goroutines.
type Server struct {
	o     Options
	inUse atomic.Pointer[certificates]

	mu          sync.Mutex // guards what follows; whoever reads files has it
	own         pair
	further     []*pair // of the directory, in order of their paths
	clients     authorities
	unreadable  bool      // the directory is, and that was said
	looked, due time.Time // the last look, and the next one
}

func newServer(o Options) *Server {
	return &Server{
		o:       o,
		own:     pair{certificate: o.Certificate, key: o.Key, setting: "tls."},
		clients: authorities{path: o.ClientCA},
	}
}

// Load reads the certificates, or makes one if there is none.
func Load(o Options) (*Server, error) {
	s := newServer(o)
	if o.Sign == nil { // otherwise who has the keys makes one
		if err := s.ensure(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	further, own := s.look(true)
	if s.clients.path != "" && s.clients.inUse == nil { // this is one of the further errors
		own = errors.Join(append([]error{own}, further...)...)
	}
	if own != nil {
		return nil, own
	}
	s.complain(further)
	return s, nil
}

// Check reports what Load would have to say about the files, and makes none.
func Check(o Options) error {
	s := newServer(o)
	noCertificate, noKey, err := s.missing()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	further, own := s.look(true)
	switch {
	case noCertificate && (noKey || o.Sign != nil):
		own = nil
	case o.Sign != nil:
	case noCertificate || noKey:
		own = s.onlyOne(noCertificate)
	}
	return errors.Join(append([]error{own}, further...)...)
}

// Config returns a configuration for tls.Server that always has the
// certificates in use.
func (s *Server) Config() *tls.Config {
	c := s.config()
	if s.clients.path != "" {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current().config, nil }
	}
	return c
}

// config is the part of the configuration that does not change.
func (s *Server) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // RFC 8996, RFC 8314 section 4.1
		// Small first records are for pages that are shown while they arrive. Mail is
		// not: a download of many messages has full records from its beginning.
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			one := s.current().choose(hello)
			if c, ok := hello.Conn.(*Conn); ok {
				c.shown = one.Leaf
			}
			return one, nil
		},
	}
}

// Reload reads all files now. After an error of a pair the certificate in use stays.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	further, own := s.look(true)
	return errors.Join(append([]error{own}, further...)...)
}

// current returns the certificates in use, after looking whether files changed if that
// was not done within the last second.
func (s *Server) current() *certificates {
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		if now := s.o.Clock(); now.Before(s.looked) || !now.Before(s.due) {
			further, own := s.look(false)
			s.complain(append([]error{own}, further...))
		}
	}
	return s.inUse.Load()
}

// Expiry returns when the first of the certificates ends that are in use.
func (s *Server) Expiry() (first time.Time) {
	for _, c := range s.current().all() {
		if c.Leaf != nil && (first.IsZero() || c.Leaf.NotAfter.Before(first)) {
			first = c.Leaf.NotAfter
		}
	}
	return first
}

// complain says why pairs are not used.
func (s *Server) complain(errs []error) {
	for _, err := range errs {
		if err != nil {
			s.o.Log.Error("certificate not changed", "err", err)
		}
	}
}

// look reads what has changed, or all of it, and has it used.
func (s *Server) look(all bool) (further []error, own error) {
	began := s.o.Clock()
	found, err := s.find()
	if err != nil {
		further = append(further, err)
	}
	changed := all || len(found) != len(s.further)
	s.further = found
	if s.clients.path != "" && (all || s.clients.changed()) {
		changed = true
		if err := s.clients.read(); err != nil {
			further = append(further, err)
		} else if !all {
			s.o.Log.Info("certificate changed", "file", s.clients.path)
		}
	}
	for _, p := range append([]*pair{&s.own}, found...) {
		if !all && !p.changed() && !(p.complaint != "" && s.o.Sign != nil) { // its key may have come
			continue
		}
		changed = true
		before := p.complaint
		err := p.read(s.o.Sign)
		if p.complaint = ""; err != nil {
			if p.complaint = err.Error(); p.complaint == before && !all {
				continue // was told
			}
		}
		switch {
		case err != nil && p == &s.own:
			own = err
		case err != nil:
			further = append(further, err)
		default:
			s.tell(p, all)
		}
	}
	if changed && s.own.inUse != nil {
		c := newCertificates(s.usable(), s.o.Clock())
		if s.clients.inUse != nil {
			c.config = s.clients.ask(s.config())
		}
		s.inUse.Store(c)
	}
	s.looked = s.o.Clock()
	s.due = s.looked.Add(max(lookEvery, lookShare*s.looked.Sub(began)))
	return further, own
}

// find returns the pairs of the directory: those that are known, unless both their files
// are gone, and new ones.
func (s *Server) find() ([]*pair, error) {
	if s.o.Directory == "" {
		return nil, nil
	}
	there, err := findPairs(s.o.Directory)
	if err != nil {
		if s.unreadable {
			return s.further, nil
		}
		s.unreadable = true
		return s.further, fmt.Errorf("read tls.directory: %w", err)
	}
	s.unreadable = false
	var list []*pair
	for _, p := range s.further {
		if !p.gone() {
			list = append(list, p)
		} else {
			s.o.Log.Info("certificate gone", "file", p.certificate)
		}
	}
	for _, p := range there {
		if !slices.ContainsFunc(list, func(q *pair) bool { return q.certificate == p.certificate }) {
			list = append(list, &p)
		}
	}
	return list, nil
}

// usable are the certificates in use, the own one first.
func (s *Server) usable() []*tls.Certificate {
	list := []*tls.Certificate{s.own.inUse}
	for _, p := range s.further {
		if p.inUse != nil {
			list = append(list, p.inUse)
		}
	}
	return list
}

// tell logs that a certificate was read, unless all were because somebody asked.
func (s *Server) tell(p *pair, asked bool) {
	if !asked {
		s.o.Log.Info("certificate changed", "file", p.certificate)
	}
	if p.expires(s.o.Clock()) {
		s.o.Log.Warn("certificate expires", "file", p.certificate, "until", p.inUse.Leaf.NotAfter)
	}
}

// missing reports which of the two files do not exist.
func (s *Server) missing() (certificate, key bool, err error) {
	for i, path := range []string{s.o.Certificate, s.o.Key} {
		_, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && i == 0:
			certificate = true
		case errors.Is(err, fs.ErrNotExist):
			key = true
		case err != nil:
			return false, false, fmt.Errorf("look for the certificate: %w", err)
		}
	}
	return certificate, key, nil
}
