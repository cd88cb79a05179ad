package authd

import (
	"os"
	"testing"

	"fantail/internal/login/broker/wire"
)

// Who brings mail is told whose it is, and gets a ticket for the service LMTP alone.
func TestLocate(t *testing.T) {
	e := engine(t, &accounts{})
	front, sessiond := connect(t, e, Delivery), connect(t, e, Session)
	front.say(1, &wire.Locate{Name: "ann"})
	front.want(1, &wire.Located{Account: "ann", UID: 1000})
	front.say(2, &wire.Locate{Name: "nobody"})
	front.want(2, &wire.Failure{Reason: wire.Unknown, Name: "nobody"})
	front.say(3, &wire.Locate{Name: "away"})
	front.want(3, &wire.Failure{Reason: wire.Unavailable, Name: "away"})

	ticket := func() wire.Ticket {
		t.Helper()
		front.say(4, &wire.Locate{Name: "ann", Ticket: true})
		_, m := front.hear()
		l, ok := m.(*wire.Located)
		if !ok || l.Ticket == (wire.Ticket{}) {
			t.Fatalf("%#v", m)
		}
		return l.Ticket
	}
	redeem := &wire.Redeem{Service: wire.LMTP, Account: "ann", Ticket: ticket(), PID: uint32(os.Getpid()), UID: uint32(os.Geteuid())}
	sessiond.say(5, redeem)
	if _, m := sessiond.hear(); m.Kind() != wire.KindAccount {
		t.Errorf("%#v", m)
	}
	sessiond.say(6, redeem)
	sessiond.want(6, &wire.Denied{})
	for _, s := range []wire.Service{wire.IMAP, wire.POP3, wire.Webmail, wire.SMTP} {
		sessiond.say(7, &wire.Redeem{Service: s, Account: "ann", Ticket: ticket(), PID: uint32(os.Getpid()), UID: uint32(os.Geteuid())})
		sessiond.want(7, &wire.Denied{})
	}
	for _, role := range []Role{Front, Session, MailServer} {
		if role.name == Front.name {
			p := connect(t, e, role)
			p.say(1, &wire.Locate{Name: "ann"})
			p.wantEnd("may not say")
		}
		for _, k := range role.kinds {
			if k == wire.KindLocate {
				t.Errorf("a %s may locate", role.name)
			}
		}
	}
	front.say(8, &wire.Begin{Service: wire.LMTP, Mechanism: "PLAIN"})
	front.wantEnd("may not say")
}
