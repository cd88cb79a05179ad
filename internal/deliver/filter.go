package deliver

import (
	"context"
	"fmt"
)

// Filter decides what becomes of a message. It is asked once for each recipient, before
// anything is written. Its error does not cost the message: it is kept.
//
// Sieve (RFC 5228) will be one beside Kept. What it needs beyond this are further
// actions (fileinto is Keep with a mailbox; discard, redirect and reject, whose outcome is
// a permanent one, are others) and the message's body, which can be read from tmp once it
// has been written.
type Filter interface {
	Filter(ctx context.Context, m *Filtered) (Keep, error)
}

// Kept is the Filter of those who have no other: the implicit keep (RFC 5228 section
// 2.10.2).
type Kept struct{}

// Filter implements Filter.
func (Kept) Filter(context.Context, *Filtered) (Keep, error) { return Keep{}, nil }

// Filtered is what a Filter knows of a message. It must not be changed, nor kept.
type Filtered struct {
	Header    []byte // its fields with the empty line behind them, with LF line ends
	Sender    *string
	Recipient *Recipient
}

// Keep is the action of keeping a message.
type Keep struct {
	Mailbox string // where; "" is where it would go without a Filter
}

// filter asks the recipient's filter which mailbox a message goes to.
func (r *Recipient) filter(ctx context.Context, m *message) (string, error) {
	f := r.Filter
	if f == nil {
		f = Kept{}
	}
	keep, err := f.Filter(ctx, &Filtered{m.header, m.sender, r})
	if ctx.Err() != nil {
		return "", fmt.Errorf("filter message: %w", ctx.Err())
	}
	if err != nil {
		r.Log.Error("filter does not work, keeping the message", "err", err)
	}
	if err != nil || keep.Mailbox == "" {
		return r.Mailbox, nil
	}
	return keep.Mailbox, nil
}
