package lmtpfront

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/daemon/metrics"
	"fantail/internal/deliver/lmtp"
	"fantail/internal/deliver/parcel"
	"fantail/internal/deliver/policy"
	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
	"fantail/internal/login/userdb"
)

// asker is a connection of a mail server that asks, before it takes a message, whether a
// recipient has room for it (package policy). A full mailbox is the only thing that is
// said against anybody: who is no account here may be an alias, and what cannot be found
// out refuses nobody.
type asker struct {
	server *Server
	conn   net.Conn
	in     *crlf.Reader
	sid    string
	log    *slog.Logger

	mu          sync.Mutex // guards what follows, and orders deadlines
	interrupted bool
}

func newAsker(s *Server, conn net.Conn) *asker {
	var id [8]byte
	rand.Read(id[:]) // never fails
	a := &asker{server: s, conn: conn, sid: hex.EncodeToString(id[:])}
	a.in = crlf.NewReader(a, policy.MaxLine)
	a.log = s.o.Log.With("sid", a.sid, "proto", "policy")
	return a
}

// serve is the life of a connection.
func (a *asker) serve() {
	defer a.server.leave(a)
	defer a.conn.Close()
	defer func() {
		if r := recover(); r != nil {
			a.log.Error("panic", "err", r, "stack", string(debug.Stack()))
		}
	}()
	err := a.next()
	for err == nil {
		err = a.next()
	}
	switch {
	case err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded):
	case errors.Is(err, policy.ErrAttribute), errors.Is(err, policy.ErrEndless), errors.Is(err, crlf.ErrLineTooLong), errors.Is(err, crlf.ErrEndlessLine):
		a.log.Warn("no policy request", "err", err)
	default:
		a.log.Debug("connection ended", "err", err)
	}
}

// next answers one request.
func (a *asker) next() error {
	r, err := policy.Read(a.in)
	if err != nil {
		return err
	}
	answer := policy.Dunno
	if reply := a.refusal(r); reply != nil {
		answer = policy.Refuse(*reply)
	}
	if err := a.conn.SetWriteDeadline(time.Now().Add(a.server.limit.write)); err != nil {
		return err
	}
	_, err = io.WriteString(a.conn, answer)
	return err
}

// refusal is what a client is told whose recipient has no room, or nil.
func (a *asker) refusal(r policy.Request) *lmtp.Reply {
	if r.Type != policy.AccessPolicy || r.Recipient == "" {
		return nil
	}
	path, err := lmtp.ScanRcpt("TO:<"+r.Recipient+">", true)
	if err != nil {
		return nil // what is no address for us is for others to say
	}
	ctx, cancel := within(a.server.limit.question)
	defer cancel()
	to, err := a.server.finder.find(ctx, path)
	var reply *lmtp.Reply
	if err == nil {
		reply, err = a.server.rooms.ask(ctx, a.sid, to, r.Size)
	}
	counted := "dunno"
	switch {
	case errors.Is(err, userdb.ErrUnknown), errors.Is(err, broker.ErrDisabled):
	case err != nil:
		counted = "unknown"
		a.log.Warn("room of a recipient not known", "to", r.Recipient, "err", err)
	case reply != nil:
		counted = "full"
		a.log.Info("recipient has no room", "user", to.account, "to", r.Recipient, "size", r.Size, "status", reply.Status.String())
	}
	a.server.o.Metrics.Inc(metrics.PolicyAnswers, counted)
	return reply
}

// Read reads from the mail server.
func (a *asker) Read(p []byte) (int, error) {
	a.mu.Lock()
	err := error(errStopping)
	if !a.interrupted {
		err = a.conn.SetReadDeadline(time.Now().Add(a.server.limit.asker))
	}
	a.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := a.conn.Read(p)
	a.server.quiet.Stir()
	return n, err
}

// interrupt says that the server stops. What is asked already is answered.
func (a *asker) interrupt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.interrupted = true
	a.conn.SetReadDeadline(time.Unix(1, 0)) // an error says that it has ended
}

func (a *asker) sever() { a.conn.Close() }

// rooms knows which accounts have room, for a while. It is safe for many goroutines.
type rooms struct {
	channels *channels
	limit    *timeouts
	clock    func() time.Time

	mu    sync.Mutex // guards known
	known map[place]room
}

// place is where mail goes.
type place struct{ account, detail string }

// room is what was found out of a place: what is smaller than something that fits does, and
// what is larger than something that does not, does not.
type room struct {
	until   time.Time
	fits    int64       // the largest size; -1: of none it is known
	refused *lmtp.Reply // the answer to what does not; nil: of none it is known
	large   int64       // the smallest size of these
}

const (
	// roomLife is how long an answer is believed: a mail server with many messages for one
	// account asks its session as often as that.
	roomLife  = 5 * time.Second
	mostRooms = 10_000
)

func newRooms(cs *channels, limit *timeouts, clock func() time.Time) *rooms {
	return &rooms{channels: cs, limit: limit, clock: clock, known: make(map[place]room)}
}

// ask returns why a message of this size is refused, or nil if it is not.
func (rs *rooms) ask(ctx context.Context, sid string, to recipient, size int64) (*lmtp.Reply, error) {
	at := place{to.account, to.detail}
	rs.mu.Lock()
	r, ok := rs.known[at]
	rs.mu.Unlock()
	switch {
	case !ok || !rs.clock().Before(r.until):
		r = room{until: rs.clock().Add(roomLife), fits: -1}
	case size <= r.fits:
		return nil, nil
	case r.refused != nil && size >= r.large:
		return r.refused, nil
	}
	reply, err := rs.question(ctx, sid, to, size)
	if err != nil {
		return nil, err
	}
	switch {
	case reply.Code/100 == 2:
		reply, r.fits = nil, size
	case reply.Status.Subject == 2 && reply.Status.Detail == 2: // RFC 3463 section 3.3: mailbox full
		r.refused, r.large = reply, size
	default:
		return nil, reply
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.known) >= mostRooms {
		clear(rs.known)
	}
	rs.known[at] = r
	return reply, nil
}

// question asks the account's session. A channel that was kept may lead to one that has
// ended: then it is asked once more, which does no harm.
func (rs *rooms) question(ctx context.Context, sid string, to recipient, size int64) (*lmtp.Reply, error) {
	p := &parcel.Parcel{Question: true, Size: size, Recipients: []parcel.Recipient{{Account: to.account, Address: to.path.Text, Detail: to.detail}}}
	record, err := p.Append(nil)
	if err != nil {
		return nil, err
	}
	for fresh := false; ; fresh = true {
		ch, err := rs.channels.open(ctx, []string{to.account}, handover.Hello{SID: sid, Remote: "local"}, fresh)
		if err != nil {
			return nil, err
		}
		receipt, err := ch.within(rs.limit.question).carry(p, record, nil)
		if err == nil {
			rs.channels.give([]string{to.account}, ch)
			return &receipt.Outcomes[0].Reply, nil
		}
		ch.Close()
		if fresh {
			return nil, err
		}
	}
}
