package deliverd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"fantail/internal/deliver"
	"fantail/internal/deliver/lmtp"
	"fantail/internal/deliver/parcel"
)

// errNoDeadline is that of a file without deadlines.
var errNoDeadline = os.ErrNoDeadline

// post delivers a message to each recipient, and says what became of it. The error is
// that it did not come whole; then nobody has it.
func (s *session) post(ctx context.Context, p *parcel.Parcel) (*parcel.Receipt, error) {
	outcomes := make([]error, len(p.Recipients))
	receipt := &parcel.Receipt{Outcomes: make([]parcel.Outcome, len(p.Recipients))}
	var to []deliver.Recipient
	var which []int // of p.Recipients, for each of to
	for i, r := range p.Recipients {
		account, err := s.o.Account(r.Account)
		if err != nil {
			outcomes[i] = err
			continue
		}
		log := s.o.Log.With("user", r.Account)
		to = append(to, deliver.Recipient{
			Account: account, Address: r.Address, Detail: r.Detail, Log: log,
			// The front has a log of its own, which costs less than a line from here to there.
			Delivered: func(mailbox string) { receipt.Outcomes[i].Mailbox = mailbox },
		})
		which = append(which, i)
	}
	in := &body{s: s, left: p.Size}
	env := deliver.Envelope{Sender: &p.Sender, Top: p.Top, Stored: true}
	for i, err := range s.agent.Deliver(ctx, env, to, in) {
		outcomes[which[i]] = err
	}
	if in.err != nil {
		return nil, in.err
	}
	for i, err := range outcomes {
		receipt.Outcomes[i].Reply = s.reply(p.Recipients[i].Account, err)
	}
	return receipt, nil
}

// answer says whether there would be room for a message, for each recipient. Nobody is
// told in the log: nothing has happened.
func (s *session) answer(ctx context.Context, p *parcel.Parcel) *parcel.Receipt {
	receipt := &parcel.Receipt{Outcomes: make([]parcel.Outcome, len(p.Recipients))}
	for i, r := range p.Recipients {
		account, err := s.o.Account(r.Account)
		if err == nil {
			to := deliver.Recipient{Account: account, Address: r.Address, Detail: r.Detail, Log: s.o.Log.With("user", r.Account)}
			err = s.agent.Fits(ctx, &to, p.Size)
		}
		receipt.Outcomes[i].Reply = s.agent.Outcome(err).Reply
	}
	return receipt
}

// reply says what became of a message for one recipient, to the log too, where it is not
// there yet.
func (s *session) reply(account string, err error) lmtp.Reply {
	o := s.agent.Outcome(err)
	switch log := s.o.Log.With("user", account); {
	case err == nil:
	case o.Expected():
		log.Debug("delivery refused", "err", err) // the front says it
	default:
		log.Error("delivery failed", "err", err)
	}
	return o.Reply
}

// body reads the message behind a record.
type body struct {
	s    *session
	left int64
	err  error // of the connection
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.s.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF { // an end within a message is none
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = b.extend()
	}
	if err != nil {
		b.err = fmt.Errorf("read message: %w", err)
	}
	return n, b.err
}

// extend gives the front time for the next piece.
func (b *body) extend() error {
	err := b.s.conn.SetReadDeadline(time.Now().Add(partTime))
	if errors.Is(err, errNoDeadline) {
		err = nil
	}
	return err
}
