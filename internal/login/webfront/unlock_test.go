package webfront

import (
	"context"
	"errors"
	"testing"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/brokertest"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/userdb"
)

// managed are questions to authd.
type managed struct{ asked []wire.Manage }

func (m *managed) Manage(_ context.Context, q *wire.Manage) (*wire.Managed, error) {
	m.asked = append(m.asked, *q)
	if q.Verb == wire.Unlock {
		return &wire.Managed{Permit: wire.Ticket{2}}, nil
	}
	return &wire.Managed{}, nil
}

// asks tells for which service somebody logs in.
type asks struct {
	broker.Authenticator
	service *wire.Service
}

func (a asks) Begin(l broker.Login, mechanism string) broker.Exchange {
	*a.service = l.Service
	return a.Authenticator.Begin(l, mechanism)
}

// TestBrokerUnlock: a password, and a code where one is wanted, become a permit for this
// account and no other.
func TestBrokerUnlock(t *testing.T) {
	check := func(name string, password userdb.Secret) (broker.Grant, error) {
		if password != "right" {
			return broker.Grant{}, broker.ErrWrong
		}
		return broker.Grant{Account: name, Ticket: wire.Ticket{1}}, nil
	}
	code := func(_, code string) error {
		switch code {
		case "123456":
			return nil
		case "busy":
			return broker.ErrBusy
		}
		return broker.ErrCodeWrong
	}
	more := errors.New("a code is wanted")
	for _, c := range []struct {
		account, password, code string
		codes                   bool
		want                    error
	}{
		{"ann", "right", "", false, nil},
		{"ann", "right", "123456", false, nil}, // typed, and not needed
		{"ann", "wrong", "", false, ErrRefused},
		{"ann", "", "", false, ErrRefused},
		{"bob", "right", "", false, ErrRefused}, // the password of another account
		{"ann", "right", "", true, more},
		{"ann", "right", "000000", true, ErrCode},
		{"ann", "right", "busy", true, broker.ErrBusy},
		{"ann", "wrong", "123456", true, ErrRefused},
		{"ann", "right", "123456", true, nil},
	} {
		var service wire.Service
		door, authd := brokertest.Door{Check: check}, &managed{}
		if c.codes {
			door.Code = code
		}
		b := Broker{Authenticator: asks{door, &service}, Manager: authd}
		v, err := b.Unlock(t.Context(), c.account, "ann", c.password, remoteAddr("192.0.2.1:7"))
		var wanted *FactorWanted[Vault]
		if errors.As(err, &wanted) && c.code != "" {
			v, err = wanted.Second.Enter(t.Context(), c.code)
		}
		if c.want != nil {
			if c.want == more && wanted == nil || c.want != more && !errors.Is(err, c.want) || len(authd.asked) != 0 {
				t.Errorf("%+v: %v, asked %v", c, err, authd.asked)
			}
			continue
		}
		if err != nil || service != wire.Security {
			t.Errorf("%+v: for %v, %v", c, service, err)
			continue
		}
		if _, err := v.Change(t.Context(), wire.Manage{Verb: wire.Look, Account: "bob", Permit: wire.Ticket{9}}); err != nil {
			t.Error(err)
		}
		want := []wire.Manage{{Permit: wire.Ticket{1}, Account: "ann", Verb: wire.Unlock}, {Permit: wire.Ticket{2}, Account: "ann", Verb: wire.Look}}
		for i, w := range want {
			if got := authd.asked[i]; got.Permit != w.Permit || got.Account != w.Account || got.Verb != w.Verb {
				t.Errorf("%+v: asked %+v, not %+v", c, got, w)
			}
		}
	}
}
