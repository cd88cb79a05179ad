package broker

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"fantail/internal/login/broker/wire"
)

// The sockets of authd, sessiond and keyd, in the directory that they share with fronts.
const (
	SocketLogin   = "login"   // authd's, for fronts
	SocketTicket  = "ticket"  // authd's, for sessiond
	SocketDeliver = "deliver" // authd's, for who delivers mail
	SocketSMTP    = "smtp"    // authd's, for mail servers, which speak another protocol (package dovecotauth)
	SocketSession = "session" // sessiond's, for fronts
	SocketAdmin   = "admin"   // sessiond's, for root
	SocketKey     = "key"     // keyd's, for fronts
)

// Remote is the way to an authd and a sessiond that run by themselves.
type Remote struct {
	*Authd
	*Sessiond
}

// NewRemote returns the way to daemons whose sockets are in a directory. It connects to
// none yet.
func NewRemote(dir string) *Remote {
	return &Remote{
		NewAuthd(DialPath(filepath.Join(dir, SocketLogin))),
		NewSessiond(DialPath(filepath.Join(dir, SocketSession))),
	}
}

// RemoteKeys is the way to a keyd that runs by itself, with its socket in a directory.
func RemoteKeys(dir string, log *slog.Logger) *Keys {
	return NewKeys(DialPath(filepath.Join(dir, SocketKey)), log)
}

// Ready waits until authd has said which mechanisms there are.
func (r *Remote) Ready(ctx context.Context) error { return r.Authd.Ready(ctx) }

// checkTime is how long daemons may take to answer that they are there.
const checkTime = 5 * time.Second

// Check reports why nobody can log in, if nobody can.
func (r *Remote) Check(wire.Service) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	return errors.Join(r.Authd.Ready(ctx), r.Sessiond.Ready(ctx))
}

// Interrupt asks sessiond to have the sessions take leave. If it is not there, they end
// with their connections.
func (r *Remote) Interrupt() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.Sessiond.Leave(ctx)
}

// Shutdown ends the connections to the daemons.
func (r *Remote) Shutdown(context.Context) error {
	return errors.Join(r.Authd.Close(), r.Sessiond.Close())
}
