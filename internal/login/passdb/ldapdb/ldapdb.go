// Package ldapdb asks an LDAP directory (RFC 4511) for accounts and their passwords.
//
//	Password ── search: the one entry of the name ── bind as its DN ──► account
//	Lookup ──── search ──► account
//	             │                                      │
//	             ╰ connections bound as                 ╰ connections bound as
//	               auth.ldap_bind_dn                      whoever logged in last
//
// filter.go makes the filter of a name, entry.go an account of an entry, pool.go keeps
// connections, answer.go says what a refusal means.
//
// Invariants:
//   - A name reaches the directory only escaped (RFC 4515 section 3).
//   - Nobody is bound with an empty password, which every directory accepts, or with an
//     empty name (RFC 4513 section 5.1).
//   - A wrong password is said to be so only when the directory says so: what it refuses
//     for another reason is unavailable.
//   - A message of the directory has at most maxMessage octets.
//   - Each request has a deadline, and ends with its context. Referrals are not followed
//     and aliases not resolved: both could name another directory's accounts.
//
// A name that nobody has is refused after the time that one of the last wrong passwords
// took (decoy.go): no bind of ours makes a directory hash for an entry that is not there.
package ldapdb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

const (
	dialTime    = 5 * time.Second
	requestTime = 10 * time.Second
)

// DB is a directory as a passdb.Source.
type DB struct {
	s        conf.LDAPSettings
	password userdb.Secret // of s.BindDN
	tls      *tls.Config   // nil: no TLS
	starttls bool
	filter   filter

	searching *pool // bound as s.BindDN
	proving   *pool // bound as anybody
	refusals  refusals
}

// New returns the directory of the settings. It connects to nothing yet.
func New(s conf.LDAPSettings) (*DB, error) {
	d := &DB{s: s}
	if err := d.secure(); err != nil {
		return nil, fmt.Errorf("auth.ldap_uri: %w", err)
	}
	var err error
	if d.filter, err = parseFilter(s.Filter); err != nil {
		return nil, fmt.Errorf("auth.ldap_filter: %w", err)
	}
	if _, err := ldap.ParseDN(s.Base); err != nil {
		return nil, fmt.Errorf("auth.ldap_base: %w", err)
	}
	switch {
	case s.BindDN != "" && s.BindPasswordFile == "":
		return nil, errors.New("auth.ldap_bind_dn needs auth.ldap_bind_password_file")
	case s.BindDN != "":
		if d.password, err = userdb.ReadSecret(s.BindPasswordFile); err != nil {
			return nil, fmt.Errorf("auth.ldap_bind_password_file: %w", err)
		}
	}
	d.searching = newPool(d.dialBound)
	d.proving = newPool(d.dial)
	return d, nil
}

// secure reads the URI and what of TLS belongs to it.
func (d *DB) secure() error {
	// A path in place of the host, as ldapi has it,.
	if strings.HasPrefix(d.s.URI, "ldapi://") {
		return nil
	}
	u, err := url.Parse(d.s.URI)
	switch {
	case err != nil:
		return err
	case u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Hostname() == "":
		return fmt.Errorf("%q is none of ldap://host, ldaps://host, ldapi://%%2Fpath", d.s.URI)
	case u.Scheme == "ldap" && !d.s.StartTLS:
		return nil
	}
	d.starttls = u.Scheme == "ldap"
	d.tls = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if d.s.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(d.s.CAFile)
	if err != nil {
		return err
	}
	d.tls.RootCAs = x509.NewCertPool()
	if !d.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("no certificate in %s", d.s.CAFile)
	}
	return nil
}

// maxMessage is the length of the longest message of a directory, in octets. An entry
// has few attributes that are asked for.
const maxMessage = 1 << 20

// The package that reads them has one limit for a whole process, which without this is
// two gigabytes.
func init() { ber.MaxPacketLengthBytes = maxMessage }

// dial connects; nobody is bound.
func (d *DB) dial(ctx context.Context) (*ldap.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTime}
	dialer.Deadline, _ = ctx.Deadline() // the zero Time if there is none
	c, err := ldap.DialURL(d.s.URI, ldap.DialWithDialer(dialer), ldap.DialWithTLSConfig(d.tls))
	if err != nil {
		return nil, err
	}
	c.SetTimeout(requestTime)
	if d.starttls {
		err = during(ctx, c, func() error { return c.StartTLS(d.tls) })
	}
	if err != nil {
		c.Close() // the error that matters is the first
		return nil, err
	}
	return c, nil
}

// dialBound connects and binds as who searches.
func (d *DB) dialBound(ctx context.Context) (*ldap.Conn, error) {
	c, err := d.dial(ctx)
	if err != nil || d.s.BindDN == "" {
		return c, err
	}
	if err := during(ctx, c, func() error { return c.Bind(d.s.BindDN, string(d.password)) }); err != nil {
		c.Close() // the error that matters is the first
		return nil, fmt.Errorf("bind as %s: %w", d.s.BindDN, undecided{err})
	}
	return c, nil
}

// Name implements passdb.Source.
func (*DB) Name() string { return "ldap" }

// Password implements passdb.Source.
func (d *DB) Password(ctx context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	e, user, err := d.find(ctx, q.Name)
	if err != nil {
		return userdb.User{}, err
	}
	if password == "" || len(password) > passdb.MaxPassword {
		return userdb.User{}, userdb.ErrWrong
	}
	began := time.Now()
	if err = d.bind(ctx, e.DN, password); err != nil {
		if errors.Is(err, userdb.ErrWrong) {
			d.refusals.note(time.Since(began))
		}
		return userdb.User{}, fmt.Errorf("bind as the user: %w", err)
	}
	return user, nil
}

// bind asks the directory whether this is the password of an entry.
func (d *DB) bind(ctx context.Context, dn string, password userdb.Secret) error {
	return d.proving.do(ctx, func(c *ldap.Conn) error {
		result, err := c.SimpleBind(&ldap.SimpleBindRequest{
			Username: dn, Password: string(password),
			Controls: []ldap.Control{ldap.NewControlBeheraPasswordPolicy()},
		})
		return answer(result, err)
	})
}

// Lookup implements passdb.Source.
func (d *DB) Lookup(ctx context.Context, name string) (userdb.User, error) {
	_, user, err := d.find(ctx, name)
	return user, err
}

// Check implements passdb.Source: it looks at the base.
func (d *DB) Check(ctx context.Context) error {
	return d.searching.do(ctx, func(c *ldap.Conn) error {
		r := d.request(ldap.ScopeBaseObject, "(objectClass=*)")
		_, err := c.Search(r)
		return err
	})
}

// Close ends the connections that nobody uses.
func (d *DB) Close() error { return errors.Join(d.searching.close(), d.proving.close()) }
