package ldapdb

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

func open(t *testing.T, s conf.LDAPSettings) *DB {
	t.Helper()
	d, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func ask(t *testing.T, d *DB, name, password string) (userdb.User, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return d.Password(ctx, passdb.Query{Name: name}, userdb.Secret(password))
}

const place = "uidNumber: 1000\nhomeDirectory: /home/x"

func TestDirectory(t *testing.T) {
	s := newSlapd(t, person("uid=ann", "ann", "uidNumber: 1000\nhomeDirectory: /home/ann")+
		person("cn=1", `b*(o)\\b`, place)+
		person("cn=2", "o'neil@example.org", place)+
		person("cn=3", "twice", place)+person("cn=4", "twice", place)+
		person("cn=5", "relative", "uidNumber: 1000\nhomeDirectory: home")+
		person("cn=6", "old", place+"\npwdChangedTime: 20000101000000Z")+
		person("cn=7", "new", place+"\npwdReset: TRUE")+
		person("cn=8", "locked", place+"\npwdAccountLockedTime: 000001010000Z")+
		person("cn=9", "é", place)+
		person("cn=10", "a:b", place)+
		person("cn=11", "bea", place+"\nuid: beatrice\nuid: b:e"))
	d := open(t, s.settings())
	if err := d.Check(t.Context()); err != nil {
		t.Error(err)
	}
	all := []error{nil, userdb.ErrUnknown, userdb.ErrWrong, userdb.ErrUnavailable, passdb.ErrExpired, passdb.ErrDisabled}
	for _, c := range []struct {
		name, password string
		want           error
	}{
		{"ann", "secret", nil},
		{"ANN", "secret", nil},
		{"ann", "wrong", userdb.ErrWrong},
		{"ann", "", userdb.ErrWrong}, // an unauthenticated bind would be a success
		{"ann", "secret\x00", userdb.ErrWrong},
		{"ann", strings.Repeat("x", passdb.MaxPassword+1), userdb.ErrWrong},
		{`b*(o)\\b`, "secret", nil},
		{"o'neil@example.org", "secret", nil},
		{"nobody", "secret", userdb.ErrUnknown},
		{"", "secret", userdb.ErrUnknown},
		{"a:b", "secret", userdb.ErrUnknown},
		{"twice", "secret", userdb.ErrUnavailable},
		{"relative", "secret", userdb.ErrUnavailable},
		{"old", "secret", passdb.ErrExpired},
		{"old", "wrong", userdb.ErrWrong},
		{"new", "secret", passdb.ErrExpired},
		{"new", "wrong", userdb.ErrWrong},
		{"locked", "secret", userdb.ErrWrong},
		{"locked", "wrong", userdb.ErrWrong},
		// Names that would change a filter.
		{"*", "secret", userdb.ErrUnknown},
		{"an*", "secret", userdb.ErrUnknown},
		{"ann)(uid=*", "secret", userdb.ErrUnknown},
		{"ann)(|(uid=ann", "secret", userdb.ErrUnknown},
		{`\61nn`, "secret", userdb.ErrUnknown},
		{"ann\x00", "secret", userdb.ErrUnknown},
	} {
		u, err := ask(t, d, c.name, c.password)
		for _, e := range all[1:] {
			if errors.Is(err, e) != (e == c.want) {
				t.Errorf("%q with %.20q: %v, want %v", c.name, c.password, err, c.want)
			}
		}
		if (err == nil) != (c.want == nil) || err == nil && (!strings.EqualFold(u.Name, c.name) || u.UID != 1000 || u.GID != 100) {
			t.Errorf("%q: %+v, %v", c.name, u, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error has the password: %v", err)
		}
	}
	u, err := d.Lookup(t.Context(), "Ann")
	if want := (userdb.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann"}); err != nil || u != want {
		t.Errorf("%+v, %v", u, err)
	}
	for name, also := range map[string]string{"Bea": "beatrice", "beatrice": "bea"} {
		if u, err := ask(t, d, name, "secret"); err != nil || !strings.EqualFold(u.Name, name) || u.Also != also {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
	if _, err := d.Lookup(t.Context(), "nobody"); !errors.Is(err, userdb.ErrUnknown) {
		t.Error(err)
	}
	if _, err := d.Lookup(t.Context(), "locked"); err != nil { // mail comes all the same
		t.Error(err)
	}

	// The server goes and comes again: connections that died are not used.
	s.stop()
	if _, err := ask(t, d, "ann", "secret"); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
	s.start()
	for range 3 {
		if _, err := ask(t, d, "ann", "secret"); err != nil {
			t.Error(err)
		}
	}

	t.Run("searching is refused", func(t *testing.T) {
		settings := s.settings()
		settings.BindDN = "cn=search2,dc=example,dc=org"
		d := open(t, settings)
		if _, err := ask(t, d, "ann", "secret"); !errors.Is(err, userdb.ErrUnavailable) || errors.Is(err, userdb.ErrWrong) {
			t.Error(err)
		}
		if d.Check(t.Context()) == nil {
			t.Error("Check says nothing")
		}
		settings.BindDN = "" // may search nothing: base is not visible
		if _, err := ask(t, open(t, settings), "ann", "secret"); !errors.Is(err, userdb.ErrUnavailable) {
			t.Error(err)
		}
	})
	t.Run("StartTLS", func(t *testing.T) {
		settings := s.settings()
		settings.URI, settings.CAFile = "ldap://"+s.tcp, filepath.Join(s.dir, "cert.pem")
		if _, err := ask(t, open(t, settings), "ann", "secret"); err != nil {
			t.Error(err)
		}
		settings.CAFile = "" // nobody knows that certificate
		if _, err := ask(t, open(t, settings), "ann", "secret"); !errors.Is(err, userdb.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
			t.Error(err)
		}
		settings.StartTLS = false
		if _, err := ask(t, open(t, settings), "ann", "secret"); err != nil {
			t.Error(err)
		}
	})
}

// TestSilentDirectory wants a server that says nothing to hold nobody longer than he
// waits.
func TestSilentDirectory(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		scheme   string
		startTLS bool
	}{{"ldap", true}, {"ldap", false}, {"ldaps", true}} {
		d := open(t, conf.LDAPSettings{URI: c.scheme + "://" + l.Addr().String(), StartTLS: c.startTLS, Base: "dc=x", Filter: "(uid=%{user})", Attributes: conf.LDAPAttributes{User: "uid"}})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		_, err := d.Password(ctx, passdb.Query{Name: "ann"}, "secret")
		cancel()
		if !errors.Is(err, userdb.ErrUnavailable) || time.Since(start) > 3*time.Second {
			t.Errorf("%+v: %v after %v", c, err, time.Since(start))
		}
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		change func(*conf.LDAPSettings)
		want   string
	}{
		{func(s *conf.LDAPSettings) { s.URI = "" }, "auth.ldap_uri"},
		{func(s *conf.LDAPSettings) { s.URI = "http://x" }, "auth.ldap_uri"},
		{func(s *conf.LDAPSettings) { s.URI = "ldap://" }, "auth.ldap_uri"},
		{func(s *conf.LDAPSettings) { s.CAFile = "/nonexistent" }, "auth.ldap_uri"},
		{func(s *conf.LDAPSettings) { s.Filter = "" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = "(uid=x)" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = "(uid=%{user}" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = "(uid=%u)" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = "(uid=%{name})" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = `(uid=\0%{user})` }, "auth.ldap_filter"}, // the name's first letter would be in the escape
		{func(s *conf.LDAPSettings) { s.Filter = `(uid=\%{user})` }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = "(%{user}=x)" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = "(&(uid=%{user})(%{local}=*))" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Filter = "(uid:%{user}:=%{user})" }, "auth.ldap_filter"},
		{func(s *conf.LDAPSettings) { s.Base = "x" }, "auth.ldap_base"},
		{func(s *conf.LDAPSettings) { s.BindDN = "cn=x" }, "auth.ldap_bind_password_file"},
		{func(s *conf.LDAPSettings) { s.BindDN, s.BindPasswordFile = "cn=x", "/nonexistent" }, "auth.ldap_bind_password_file"},
	} {
		s := conf.LDAPSettings{URI: "ldap://localhost", StartTLS: true, Base: "dc=x", Filter: "(uid=%{user})", Attributes: conf.LDAPAttributes{User: "uid"}}
		open(t, s)
		c.change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// TestAnswer has what other directories say than the one of the tests.
func TestAnswer(t *testing.T) {
	said := func(code uint16, text string) error { return ldap.NewError(code, errors.New(text)) }
	policy := func(e int8) *ldap.SimpleBindResult {
		c := ldap.NewControlBeheraPasswordPolicy()
		c.Error = e
		return &ldap.SimpleBindResult{Controls: []ldap.Control{c}}
	}
	for _, c := range []struct {
		name   string
		result *ldap.SimpleBindResult
		err    error
		want   error
	}{
		{"right", nil, nil, nil},
		{"right, with a policy", policy(-1), nil, nil},
		{"must be changed", policy(2), nil, passdb.ErrExpired},
		{"expired", policy(0), said(49, ""), passdb.ErrExpired},
		{"expired, another code", policy(0), said(53, ""), passdb.ErrExpired},
		{"locked", policy(1), said(19, ""), userdb.ErrWrong},
		{"wrong", nil, said(49, ""), userdb.ErrWrong},
		{"unwilling", nil, said(53, "account inactivated"), userdb.ErrUnavailable},
		{"constraint", nil, said(19, "exceed password retry limit"), userdb.ErrUnavailable},
		{"busy", nil, said(51, ""), userdb.ErrUnavailable},
		{"referral", nil, said(10, ""), userdb.ErrUnavailable},
		{"AD wrong", nil, said(49, "80090308: LdapErr: DSID-0C090400, comment: AcceptSecurityContext error, data 52e, v1db1"), userdb.ErrWrong},
		{"AD expired", nil, said(49, "80090308: LdapErr: DSID-0C090400, comment: AcceptSecurityContext error, data 532, v1db1"), passdb.ErrExpired},
		{"AD disabled", nil, said(49, "80090308: LdapErr: DSID-0C090400, comment: AcceptSecurityContext error, data 533, v1db1"), passdb.ErrDisabled},
		{"AD locked", nil, said(49, "80090308: LdapErr: DSID-0C090400, comment: AcceptSecurityContext error, data 775, v1db1"), userdb.ErrWrong},
	} {
		err := unavailable(t.Context(), answer(c.result, c.err))
		if c.want == nil && err != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// FuzzFilter wants no name to change the shape of a filter, and no filter from the
// configuration to break one.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"(uid=%{user})", `(0=\0%{user})`, "(&(mail=%{local}@%{domain})(!(x=100%%)))", "(uid=%{user}", "%", "%{", "(|(a=%{user})(b=*%{user}*))", `(a=\2a%{user})`} {
		f.Add(s, "ann@example.org")
		f.Add(s, `*)(uid=*))(|(uid=*\00`)
	}
	f.Fuzz(func(t *testing.T, s, name string) {
		parsed, err := parseFilter(s)
		if err != nil {
			return
		}
		text, err := parsed.of(name)
		if err != nil {
			if !errors.Is(err, userdb.ErrUnknown) {
				t.Fatal(err)
			}
			return
		}
		packet, err := ldap.CompileFilter(text)
		if err != nil {
			t.Fatalf("%q with %q: %q: %v", s, name, text, err)
		}
		example, err := parsed.of("local@domain")
		if err != nil {
			t.Fatal(err)
		}
		want, err := ldap.CompileFilter(example)
		if err != nil {
			t.Fatal(err)
		}
		if count(packet) != count(want) {
			t.Fatalf("%q with %q: %q has another shape", s, name, text)
		}
	})
}

// count is the number of parts of a filter.
func count(p *ber.Packet) int {
	n := 1
	for _, c := range p.Children {
		n += count(c)
	}
	return n
}

// A directory whose answer has 64 megabytes is not heard to the end.
func TestLongMessage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	long := append([]byte{0x30, 0x84, 4, 0, 0, 6, 0x04, 0x84, 4, 0, 0, 0}, make([]byte, 64<<20)...)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = c.Read(make([]byte, 1000)) // what is asked does not matter
			_, _ = c.Write(long)              // how much of it is taken is what the test is about
		}
	}()
	d := open(t, conf.LDAPSettings{URI: "ldap://" + l.Addr().String(), Base: "dc=test", Filter: "(uid=%{user})"})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = d.Lookup(t.Context(), "ann")
	runtime.ReadMemStats(&after)
	if !errors.Is(err, userdb.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 20<<20 {
		t.Errorf("%d octets for it", grown)
	}
}

// TestDecoy: a name that nobody has is refused after the time of a wrong password, also
// before there was any.
func TestDecoy(t *testing.T) {
	s := newSlapd(t, person("uid=ann", "ann", place))
	d := open(t, s.settings())
	d.Decoy(t.Context(), passdb.Query{Name: "nobody"}, "wrong")
	if _, ok := d.refusals.one(); ok {
		t.Error("a decoy counts as a refusal")
	}
	for name, password := range map[string]string{"ann": "wrong", "nobody": "wrong"} {
		if _, err := ask(t, d, name, password); err == nil {
			t.Error(name)
		}
	}
	if took, ok := d.refusals.one(); !ok || took <= 0 {
		t.Errorf("the wrong password of ann took %v", took)
	}
	const long = 300 * time.Millisecond
	for range len(d.refusals.last) {
		d.refusals.note(long)
	}
	began := time.Now()
	d.Decoy(t.Context(), passdb.Query{Name: "nobody"}, "wrong")
	if took := time.Since(began); took < long {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began = time.Now()
	d.Decoy(ctx, passdb.Query{Name: "nobody"}, "wrong")
	if took := time.Since(began); took >= long {
		t.Errorf("a decoy of nobody who waits took %v", took)
	}
}
