// Package tlsconf gives a server its TLS configuration: at least TLS 1.2, one
// certificate that is read from two files, watched, and swapped without a
// restart.
//
// Watching needs no goroutine: a handshake that finds the last look a second
// or more in the past stats both files and reads them if they changed. A pair
// that cannot be used (half written, key of another certificate) is logged
// once and leaves the certificate in use until the files change again.
//
// If neither file exists, Load makes a self-signed pair, so that a new
// installation speaks TLS at once; see selfsigned.go. If one of them exists,
// the other one missing is an error: nothing of the administrator's is ever
// overwritten.
package tlsconf

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Options say where the certificate is.
type Options struct {
	Certificate string // PEM file, leaf first
	Key         string // PEM file
	Host        string // name of this machine, for a self-signed certificate
	Clock       func() time.Time
	Log         *slog.Logger
}

const (
	lookEvery  = time.Second
	warnBefore = 14 * 24 * time.Hour
	maxFile    = 1 << 20 // octets of one PEM file
)

// Server holds the certificate in use. It is safe for many goroutines.
type Server struct {
	o Options

	mu     sync.Mutex // guards what follows
	pair   *tls.Certificate
	stamps [2]stamp  // of the files when they were last read
	looked time.Time // when they were last compared
}

// stamp tells whether a file was replaced or written.
type stamp struct {
	modified time.Time
	size     int64
	file     fs.FileInfo // for os.SameFile
}

func (s stamp) equal(t stamp) bool {
	if s.file == nil || t.file == nil {
		return s.file == t.file
	}
	return s.size == t.size && s.modified.Equal(t.modified) && os.SameFile(s.file, t.file)
}

// Load reads the certificate, or makes one if there is none.
func Load(o Options) (*Server, error) {
	s := &Server{o: o}
	if err := s.ensure(); err != nil {
		return nil, err
	}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Check reports what Load would have to say about the files, and makes none.
func Check(o Options) error {
	s := &Server{o: o}
	noCertificate, noKey, err := s.missing()
	switch {
	case err != nil || noCertificate && noKey:
		return err
	case noCertificate || noKey:
		return s.onlyOne(noCertificate)
	}
	return s.Reload()
}

// Config returns a configuration for tls.Server that always has the
// certificate in use.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, // RFC 8996, RFC 8314 section 4.1
		// Small first records are for pages that are shown while they arrive. Mail is
		// not: a download of many messages has full records from its beginning.
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.certificate(), nil
		},
	}
}

// Reload reads both files now. On an error the certificate in use stays.
func (s *Server) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = s.o.Clock()
	return s.read(s.look())
}

// certificate returns the certificate in use, after looking whether the files
// changed if that was not done within the last second.
func (s *Server) certificate() *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Clock()
	if now.Sub(s.looked) < lookEvery && !now.Before(s.looked) {
		return s.pair
	}
	s.looked = now
	stamps := s.look()
	if stamps[0].equal(s.stamps[0]) && stamps[1].equal(s.stamps[1]) {
		return s.pair
	}
	if err := s.read(stamps); err != nil {
		s.o.Log.Error("certificate not changed", "err", err)
	} else {
		s.o.Log.Info("certificate changed", "file", s.o.Certificate)
	}
	return s.pair
}

func (s *Server) look() (stamps [2]stamp) {
	for i, path := range []string{s.o.Certificate, s.o.Key} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size(), info}
		}
	}
	return stamps
}

// read reads the pair whose stamps are given. The stamps are kept even if it
// is not usable, so that one bad pair is reported once. They were taken before
// reading: a file that changed since is read again.
func (s *Server) read(stamps [2]stamp) error {
	s.stamps = stamps
	certificate, err := readFile(s.o.Certificate)
	if err != nil {
		return fmt.Errorf("read tls.certificate: %w", err)
	}
	key, err := readFile(s.o.Key)
	if err != nil {
		return fmt.Errorf("read tls.key: %w", err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("tls.certificate %s with tls.key %s: %w", s.o.Certificate, s.o.Key, err)
	}
	s.pair = &pair
	if until := pair.Leaf.NotAfter; until.Before(s.o.Clock().Add(warnBefore)) {
		s.o.Log.Warn("certificate expires", "file", s.o.Certificate, "until", until)
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d octets", path, maxFile)
	}
	return data, err
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
