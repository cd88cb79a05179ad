package keyd

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/processors"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
)

// Keys are the private keys, by name (tlsconf.Keys).
type Keys interface {
	Find(id [32]byte) (crypto.Signer, bool)
}

// mostAsked is how many questions of one front may wait at once.
const mostAsked = 1000

// Server signs for fronts. It is safe for many goroutines.
type Server struct {
	keys    Keys
	log     *slog.Logger
	signing chan struct{}   // one element for each signature that is being made
	slow    processors.Load // those of RSA

	Metrics *metrics.Set
}

// NewServer returns a Server that makes so many signatures at once.
func NewServer(keys Keys, atOnce int, log *slog.Logger) *Server {
	return &Server{keys: keys, log: log, signing: make(chan struct{}, atOnce)}
}

// Serve serves a front until it closes its connection, breaks the rules, or ctx ends.
// It closes the connection.
func (s *Server) Serve(ctx context.Context, c *fdpass.Conn) error {
	peer, err := broker.NewPeer(ctx, c)
	if err != nil {
		return err
	}
	asked := make(chan struct{}, mostAsked)
	return peer.Serve([]wire.Kind{wire.KindSign}, func(id uint32, m wire.Message) error {
		select {
		case asked <- struct{}{}:
		default:
			return peer.Send(id, &wire.Refused{Reason: wire.Busy})
		}
		peer.Go(func() {
			peer.Tell(id, s.answer(peer.Context(), m.(*wire.Sign)))
			<-asked
		})
		return nil
	})
}

// answer answers one question.
func (s *Server) answer(ctx context.Context, m *wire.Sign) wire.Message {
	signer, ok := s.keys.Find(m.Key)
	if !ok {
		return &wire.Refused{Reason: wire.Unavailable}
	}
	opts, err := broker.SignerOpts(signer.Public(), m.Scheme, len(m.Data))
	if err != nil {
		return &wire.Refused{Reason: wire.Mechanism}
	}
	select {
	case s.signing <- struct{}{}:
		defer func() { <-s.signing }()
	case <-ctx.Done():
		return &wire.Refused{Reason: wire.Busy}
	}
	if _, ok := signer.Public().(*rsa.PublicKey); ok {
		s.slow.Begin()
		defer s.slow.Done()
	}
	signature, err := signer.Sign(rand.Reader, m.Data, opts)
	if err == nil && len(signature) > wire.MaxSignature {
		err = errors.New("a signature that is too long")
	}
	if err != nil {
		s.Metrics.Inc(metrics.Signatures, "failed")
		s.log.Error("sign", "err", err)
		return &wire.Refused{Reason: wire.Unavailable}
	}
	s.Metrics.Inc(metrics.Signatures, "ok")
	return &wire.Signed{Signature: signature}
}
