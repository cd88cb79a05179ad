// Package factor keeps the second factors of accounts, with which they log in to webmail
// besides their passwords, and recovery codes for who has lost them:
//
//	app   a secret that an authenticator app shares, from which both make a code of six
//	      digits for every half minute (RFC 6238): factor.go
//	keys  security keys and passkeys, of which the public half is kept (package
//	      webauthn): keys.go
//
// Any one of an account's is enough. Programs that can send no more than a password use app
// passwords (package apppw): its own password is not enough for them any more.
//
//	app:  none ─ Begin ─► pending ─ Confirm, with a right code ─► in force ─ RemoveApp ─► none
//	                         ╰ Begin: another secret
//	key:  none ─ AddKey, after it has signed a challenge ─► in force ─ RemoveKey ─► none
//
// The first of them that is in force brings recovery codes, which end with the last. All
// that is kept of an account is one file, so that nothing of it is there without the rest.
//
// A code is good in its half minute and in those beside it, and once: the last that was
// used is on disk (package accountdir) before somebody is let in, so that no one who has
// seen it can use it again, not even after a crash; so is the counter of a key. Recovery
// codes have 80 random bits, of which the SHA-256 is kept; each is good once. After ten
// wrong codes in a row only one in half a minute is looked at (RFC 4226 section 7.3),
// whoever sends it: he knows the password. Recovery codes and signatures cannot be guessed,
// and are always looked at.
//
// The thirty lines that the RFCs of codes ask for are here, and not those of
// github.com/pquerna/otp, which brings images and barcodes along.
package factor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // what authenticator apps know
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/accountdir"
	"fantail/internal/login/userdb"
)

const (
	// Period is how long a code is the current one.
	Period = 30 * time.Second
	// Digits are those of a code.
	Digits = 6
	// RecoveryCodes is how many are made.
	RecoveryCodes = 10

	secretSize = 20 // octets, of SHA-1: RFC 4226 section 4
	window     = 1  // periods before and after: RFC 6238 section 5.2

	freeWrong = 10               // wrong codes in a row
	slow      = 30 * time.Second // between further ones
)

// Errors of changes and checks.
var (
	ErrNone   = errors.New("the account has no second factor")
	ErrActive = errors.New("the account has an authenticator app already")
	ErrCode   = errors.New("not the code of this half minute")
)

// Store is the second factor of all accounts. It is safe for many goroutines, and many
// processes.
type Store struct {
	dir   accountdir.Dir
	clock func() time.Time

	mu    sync.Mutex // guards what follows
	wrong map[string]*wrong
}

// wrong are the wrong codes of an account since the last right one.
type wrong struct {
	count int
	next  time.Time // when the next one is looked at, if there were many
}

// Open returns the Store in dir, which need not exist.
func Open(dir string) *Store {
	return &Store{dir: accountdir.Dir{Path: dir, Most: maxFile}, clock: time.Now, wrong: make(map[string]*wrong)}
}

// File is the path of what is kept of an account.
func (s *Store) File(account string) string { return s.dir.File(account) }

// Status is what there is to tell of an account.
type Status struct {
	App      bool      // an authenticator app is in force
	Pending  bool      // or waits for Confirm
	Created  time.Time // its day
	Keys     []Key     // in the order in which they came
	Recovery int       // codes that are left
}

// Active reports whether there is a second factor in force.
func (s Status) Active() bool { return s.App || len(s.Keys) > 0 }

// Status returns an account's. The error may be ErrNone.
func (s *Store) Status(account string) (Status, error) {
	f, err := s.read(account)
	if err != nil {
		return Status{}, err
	}
	is := Status{Keys: f.keys, Recovery: len(f.recovery)}
	if f.app != nil {
		is.App, is.Pending, is.Created = f.app.active, !f.app.active, dayOf(f.app.created)
	}
	return is, nil
}

// Wanted returns what an account logs in to webmail with.
func (s *Store) Wanted(account string) (passdb.Wanted, error) {
	f, err := s.read(account)
	if errors.Is(err, ErrNone) {
		return passdb.Wanted{}, nil
	}
	if err != nil {
		return passdb.Wanted{}, err
	}
	return passdb.Wanted{App: f.app != nil && f.app.active, Keys: f.credentials()}, nil
}

// today is the number of this day from the first of January 1970.
func (s *Store) today() int64 { return s.clock().Unix() / secondsOfDay }

// dayOf is the day of a number; zero of none.
func dayOf(number int64) time.Time {
	if number == 0 {
		return time.Time{}
	}
	return time.Unix(number*secondsOfDay, 0).UTC()
}

// Secret is the secret of an authenticator app, which is shown once.
type Secret struct {
	account string
	secret  [secretSize]byte
}

// Typed is the secret as people type it: letters and digits in groups.
func (k Secret) Typed() userdb.Secret {
	text := base32Of(k.secret[:])
	var groups []string
	for group := range slices.Chunk([]byte(text), 4) {
		groups = append(groups, string(group))
	}
	return userdb.Secret(strings.Join(groups, " "))
}

// URI is the secret as authenticator apps read it, from a QR code for one. Issuer is whose
// accounts these are, as people know it; without ":".
func (k Secret) URI(issuer string) userdb.Secret {
	label := url.PathEscape(issuer + ":" + k.account)
	return userdb.Secret(fmt.Sprintf("otpauth://totp/%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		label, base32Of(k.secret[:]), url.QueryEscape(issuer), Digits, int(Period.Seconds())))
}

// Code is the code that an authenticator app with this secret shows at a time.
func (k Secret) Code(at time.Time) userdb.Secret {
	return userdb.Secret(codeOf(k.secret, at.Unix()/int64(Period.Seconds())))
}

// Begin makes a secret for an account, that is not in force before Confirm. The account's
// name must be as its source has it. The error may be ErrActive.
func (s *Store) Begin(account string) (Secret, error) {
	k := Secret{account: account}
	rand.Read(k.secret[:]) // never fails
	err := s.change(context.Background(), account, func(f *file) (*file, error) {
		if f == nil {
			f = &file{account: strings.ToLower(account)}
		}
		if f.app != nil && f.app.active {
			return nil, ErrActive
		}
		f.app = &app{secret: k.secret, created: s.today()}
		return f, nil
	})
	return k, err
}

// Confirm puts an account's secret in force, by a code that shows that somebody else has
// it too, and returns recovery codes if it has none, which nothing tells again. The error
// may be ErrNone, ErrActive or ErrCode.
func (s *Store) Confirm(account, code string) ([]userdb.Secret, error) {
	var codes []userdb.Secret
	err := s.change(context.Background(), account, func(f *file) (*file, error) {
		switch {
		case f == nil || f.app == nil:
			return nil, ErrNone
		case f.app.active:
			return nil, ErrActive
		case !f.app.use(normalize(code), s.clock()):
			return nil, ErrCode
		}
		f.app.active, codes = true, f.first()
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// first makes recovery codes for who has none.
func (f *file) first() (codes []userdb.Secret) {
	if len(f.recovery) == 0 {
		codes, f.recovery = newRecovery()
	}
	return codes
}

// Renew makes new recovery codes in place of those that an account has. The error may be
// ErrNone.
func (s *Store) Renew(account string) ([]userdb.Secret, error) {
	codes, hashes := newRecovery()
	err := s.change(context.Background(), account, func(f *file) (*file, error) {
		if f == nil || !f.inForce() {
			return nil, ErrNone
		}
		f.recovery = hashes
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveApp ends an account's authenticator app. With the last of its factors its recovery
// codes end. The error may be ErrNone.
func (s *Store) RemoveApp(account string) error {
	return s.change(context.Background(), account, func(f *file) (*file, error) {
		if f == nil || f.app == nil {
			return nil, ErrNone
		}
		f.app = nil
		return f.kept(), nil
	})
}

// Remove ends all of an account's factors. The error may be ErrNone.
func (s *Store) Remove(account string) error {
	return s.change(context.Background(), account, func(f *file) (*file, error) {
		if f == nil {
			return nil, ErrNone
		}
		return nil, nil
	})
}

// Verify reports whether a code is one of the account's, and uses it up. The error says
// that this could not be found out; it may be ErrNone, or passdb.ErrLater.
func (s *Store) Verify(ctx context.Context, account, code string) (bool, error) {
	code = normalize(code)
	guessable := len(code) == Digits
	if !guessable && len(code) != recoveryText {
		return false, nil
	}
	if guessable && !s.attempt(account) {
		return false, passdb.ErrLater
	}
	err := s.change(ctx, account, func(f *file) (*file, error) {
		switch {
		case f == nil || !f.inForce():
			return nil, ErrNone
		case guessable && f.app != nil && f.app.active && f.app.use(code, s.clock()), !guessable && f.recover(code):
			return f, nil
		}
		return nil, ErrCode
	})
	if errors.Is(err, ErrCode) {
		return false, nil
	}
	if err == nil {
		s.mu.Lock()
		delete(s.wrong, strings.ToLower(account))
		s.mu.Unlock()
	}
	return err == nil, err
}

// attempt counts an attempt as a wrong one, and reports whether it may be looked at.
func (s *Store) attempt(account string) bool {
	account = strings.ToLower(account)
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wrong[account]
	if w == nil {
		w = new(wrong)
		s.wrong[account] = w
	}
	now := s.clock()
	if w.count >= freeWrong && now.Before(w.next) {
		return false
	}
	w.count++
	w.next = now.Add(slow)
	return true
}

// use reports whether code is the secret's at this time, and has it used.
func (f *app) use(code string, now time.Time) bool {
	step := now.Unix() / int64(Period.Seconds())
	for at := max(step-window, f.used+1); at <= step+window; at++ {
		if subtle.ConstantTimeCompare([]byte(code), []byte(codeOf(f.secret, at))) == 1 {
			f.used = at
			return true
		}
	}
	return false
}

// recover reports whether code is one of the recovery codes, and takes it away.
func (f *file) recover(code string) bool {
	hash := sha256.Sum256([]byte(code))
	for i := range f.recovery {
		if subtle.ConstantTimeCompare(hash[:], f.recovery[i][:]) == 1 {
			f.recovery = slices.Delete(f.recovery, i, i+1)
			return true
		}
	}
	return false
}

// codeOf is HOTP (RFC 4226 section 5.3) of a number of periods (RFC 6238 section 4.2).
func codeOf(secret [secretSize]byte, step int64) string {
	mac := hmac.New(sha1.New, secret[:])
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%0*d", Digits, n%1_000_000)
}
