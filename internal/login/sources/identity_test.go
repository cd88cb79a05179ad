package sources

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/userdb"
	"fantail/internal/login/userdb/nss"
)

// machine is a system with some users.
type machine struct{ err error }

func (m machine) User(_ context.Context, name string) (nss.User, error) {
	users := map[string]nss.User{
		"ann":   {Name: "ann", UID: 1000, GID: 100, Home: "/home/ann"},
		"vmail": {Name: "vmail", UID: 900, GID: 901, Home: "/srv"},
	}
	u, ok := users[name]
	if m.err == nil && !ok {
		return u, userdb.ErrUnknown
	}
	return u, m.err
}

func (m machine) Groups(_ context.Context, u nss.User) ([]uint32, error) {
	if u.Name == "ann" {
		return []uint32{8, 27}, m.err
	}
	return nil, m.err
}

func (m machine) GroupID(_ context.Context, name string) (uint32, error) {
	if name != "mail" {
		return 0, userdb.ErrUnknown
	}
	return 8, m.err
}

func TestIdentity(t *testing.T) {
	virtual := conf.AuthSettings{VirtualUID: "vmail", VirtualHome: "/srv/%{user}"}
	grouped := conf.AuthSettings{VirtualUID: "950", VirtualGID: "mail", VirtualHome: "/srv/%{user}"}
	none := conf.AuthSettings{}
	own := &authd.Owner{UID: 1000, GID: 1001}
	down := errors.New("down")
	nobody := func(name string) userdb.User { return userdb.User{Name: name, UID: -1, GID: -1} }
	for _, c := range []struct {
		name string
		user userdb.User
		auth conf.AuthSettings
		own  *authd.Owner
		down error
		want wire.Account // the zero one: an error
	}{
		{"all is said", userdb.User{Name: "eve", UID: 5, GID: 6, Home: "/e", Quota: "1GiB"}, virtual, nil, down,
			wire.Account{Name: "eve", UID: 5, GID: 6, Home: "/e", Mail: "/e/Maildir", Quota: "1GiB"}},
		{"the system's user", nobody("ann"), virtual, nil, nil,
			wire.Account{Name: "ann", UID: 1000, GID: 100, Groups: []uint32{8, 27}, Home: "/home/ann", Mail: "/home/ann/Maildir"}},
		{"with a home of its own", userdb.User{Name: "ann", UID: -1, GID: -1, Home: "/a"}, none, nil, nil,
			wire.Account{Name: "ann", UID: 1000, GID: 100, Groups: []uint32{8, 27}, Home: "/a", Mail: "/a/Maildir"}},
		{"from a source of the system", userdb.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann", System: true}, none, nil, nil,
			wire.Account{Name: "ann", UID: 1000, GID: 100, Groups: []uint32{8, 27}, Home: "/home/ann", Mail: "/home/ann/Maildir"}},
		{"only the same name", userdb.User{Name: "ann", UID: 7, GID: 7}, virtual, nil, nil,
			wire.Account{Name: "ann", UID: 7, GID: 7, Home: "/srv/ann", Mail: "/srv/ann/Maildir"}},
		{"only the same name, no group", userdb.User{Name: "ann", UID: 7, GID: -1}, virtual, nil, nil, wire.Account{}},
		{"its group is the system's", userdb.User{Name: "ann", UID: 1000, GID: -1}, none, nil, nil,
			wire.Account{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann", Mail: "/home/ann/Maildir"}},
		{"virtual", nobody("eve"), virtual, nil, nil,
			wire.Account{Name: "eve", UID: 900, GID: 901, Home: "/srv/eve", Mail: "/srv/eve/Maildir"}},
		{"virtual, with a group", nobody("eve"), grouped, nil, nil,
			wire.Account{Name: "eve", UID: 950, GID: 8, Home: "/srv/eve", Mail: "/srv/eve/Maildir"}},
		{"virtual with mail, without home", userdb.User{Name: "eve", UID: -1, GID: -1, Mail: "/m"}, conf.AuthSettings{VirtualUID: "vmail"}, nil, nil,
			wire.Account{Name: "eve", UID: 900, GID: 901, Mail: "/m"}},
		{"no template", nobody("eve"), none, nil, nil, wire.Account{}},
		{"no home", nobody("eve"), conf.AuthSettings{VirtualUID: "vmail"}, nil, nil, wire.Account{}},
		{"a number without a group", nobody("eve"), conf.AuthSettings{VirtualUID: "950", VirtualHome: "/srv/%{user}"}, nil, nil, wire.Account{}},
		{"unknown virtual user", nobody("eve"), conf.AuthSettings{VirtualUID: "vmial", VirtualHome: "/srv/%{user}"}, nil, nil, wire.Account{}},
		{"unknown virtual group", nobody("eve"), conf.AuthSettings{VirtualUID: "950", VirtualGID: "m", VirtualHome: "/srv/%{user}"}, nil, nil, wire.Account{}},
		{"a name that leads elsewhere", nobody(".."), virtual, nil, nil, wire.Account{}},
		{"the system is down", nobody("eve"), virtual, nil, down, wire.Account{}},
		{"one uid", userdb.User{Name: "eve", UID: -1, GID: -1, Home: "/e"}, none, own, down,
			wire.Account{Name: "eve", UID: 1000, GID: 1001, Home: "/e", Mail: "/e/Maildir"}},
		{"one uid, the system's home", nobody("ann"), none, own, nil,
			wire.Account{Name: "ann", UID: 1000, GID: 1001, Home: "/home/ann", Mail: "/home/ann/Maildir"}},
		{"one uid, another user's name", nobody("vmail"), none, own, nil, wire.Account{}},
		{"one uid, and another", userdb.User{Name: "eve", UID: 5, GID: 6, Home: "/e", Quota: "1GiB"}, none, own, nil, wire.Account{}},
	} {
		i := &identity{cfg: &conf.Config{Auth: c.auth, Mail: conf.MailSettings{Path: "~/Maildir"}}, own: c.own, system: machine{c.down}}
		a, err := i.of(t.Context(), c.user)
		if diff := cmp.Diff(c.want, a); diff != "" || (err == nil) != (c.want.Name != "") {
			t.Errorf("%s: %v\n%s", c.name, err, diff)
		}
		if err != nil && (!errors.Is(err, userdb.ErrUnavailable) || errors.Is(err, userdb.ErrUnknown)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
