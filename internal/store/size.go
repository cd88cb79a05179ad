package store

import (
	"context"

	"fantail/internal/mail"
)

// Size returns the octets of a message once every line ends in CRLF, as Stat
// does, without opening the file if its name tells.
func (m *Mailbox) Size(ctx context.Context, uid mail.UID) (int64, error) {
	e, err := m.entry(ctx, "stat message", uid)
	if err != nil {
		return 0, err
	}
	if n, ok := e.Name.VirtualSize(); ok {
		return n, nil
	}
	st, err := m.Stat(ctx, uid)
	return st.Size, err
}
