package deliverd

import (
	"os"

	"fantail/internal/deliver/lmtp"
	"fantail/internal/deliver/parcel"
	"fantail/internal/store"
)

// errNoDeadline is that of a file without deadlines.
var errNoDeadline = os.ErrNoDeadline

var (
	delivered = lmtp.Reply{Code: 250, Status: lmtp.Status{Class: 2, Subject: 1, Detail: 5}, Text: "Delivered."}
	overQuota = lmtp.Reply{Code: 452, Status: lmtp.Status{Class: 4, Subject: 2, Detail: 2}, Text: "The mailbox is full."}
	failed    = lmtp.Reply{Code: 451, Status: lmtp.Status{Class: 4, Subject: 3, Detail: 0}, Text: "The message cannot be delivered now."}
)

// reply says what became of a letter, to the log too.
func (s *session) reply(l *letter, p *parcel.Parcel) lmtp.Reply {
	log := s.o.Log.With("user", l.to.Account)
	if l.err == nil {
		log.Info("delivered", "mailbox", l.box.Name(), "size", p.Size)
		return delivered
	}
	if store.KindOf(l.err) == store.OverQuota {
		log.Info("delivery refused", "err", l.err)
		return overQuota
	}
	log.Error("delivery failed", "err", l.err)
	return failed
}
