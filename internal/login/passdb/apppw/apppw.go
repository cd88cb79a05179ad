// Package apppw keeps the app passwords of accounts: random ones, for one program each,
// that can be revoked one at a time.
//
// An account's are in a file of their own, in a directory of authd's; file.go has its
// form. What is kept is the SHA-256 of a secret of 128 random bits: nobody finds those
// from it, so a check costs nothing, and there is no slow hash. The secret is shown once,
// as 26 letters and digits in groups.
//
// Accounts are known here by the names that their sources have for them, which need not be
// what is typed, and no source is asked for the sake of a guess: a second directory
// (owners.go) says by a hash whose password it is, and whoever asks compares that with the
// account.
//
// It is changed (package accountdir) by authd, which notes the day of the last use, and by
// the command that adds and revokes.
package apppw

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/accountdir"
	"fantail/internal/login/userdb"
)

// Most is how many app passwords an account may have.
const Most = 100

// Errors of changes, for those who ask for them.
var (
	ErrNone  = errors.New("no such app password")
	ErrMost  = errors.New("the account has as many app passwords as it may")
	ErrScope = errors.New("an app password is for imap, pop3, smtp or webmail")
	ErrLabel = errors.New("a label has 1 to 100 letters in one line")
)

// Password is an app password, without its secret.
type Password struct {
	ID       string // eight hexadecimal digits, of its account only
	Services []wire.Service
	Created  Day
	Used     Day // the last one; 0: never
	Label    string

	hash [sha256.Size]byte
}

// Day is the number of a day, from the first of January 1970, UTC; 0 is none.
type Day int64

// Time is the day's beginning.
func (d Day) Time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Store is the app passwords of all accounts. It is safe for many goroutines, and many
// processes.
type Store struct {
	dir    accountdir.Dir
	owners owners
	log    *slog.Logger
	clock  func() time.Time
}

// Open returns the Store in dir, which need not exist; nor need that beside it with the
// owners, which has "-owners" behind its name.
func Open(dir string, log *slog.Logger) *Store {
	return &Store{accountdir.Dir{Path: dir, Most: maxFile}, openOwners(dir + "-owners"), log, time.Now}
}

func (s *Store) today() Day { return Day(s.clock().Unix() / (24 * 60 * 60)) }

// Owner implements passdb.Preferred. Whose the password is says owners; of one that is not
// there it may be that of the account called q.Name. The error is only of passwords that
// look like one.
func (s *Store) Owner(q passdb.Query, password userdb.Secret) (account string, err error) {
	secret, ok := parseSecret(string(password))
	if !ok {
		return "", nil
	}
	hash := sha256.Sum256(secret[:])
	if account, err = s.owners.of(hash); account == "" && err == nil {
		account = strings.ToLower(q.Name)
	}
	var f *file
	if err == nil {
		f, err = s.read(account)
	}
	if err != nil {
		return "", fmt.Errorf("app passwords of %s: %w", q.Name, err)
	}
	var found *Password
	for i := range f.passwords {
		p := &f.passwords[i]
		if subtle.ConstantTimeCompare(p.hash[:], hash[:]) == 1 && slices.Contains(p.Services, q.Service) {
			found = p
		}
	}
	if found == nil {
		return "", nil
	}
	if found.Used < s.today() {
		if err := s.use(account, found.ID); err != nil && !errors.Is(err, accountdir.ErrBusy) { // there is a next time
			s.log.Warn("the last use of an app password is not noted", "user", account, "id", found.ID, "err", err)
		}
	}
	return account, nil
}

// use notes that a password is used today. One that has been revoked meanwhile stays so.
// A login does not wait for it.
func (s *Store) use(account, id string) error {
	return s.change(account, false, func(f *file) error {
		for i := range f.passwords {
			if f.passwords[i].ID == id {
				f.passwords[i].Used = max(f.passwords[i].Used, s.today())
			}
		}
		return nil
	})
}

// Add makes an app password for services of an account, and returns its secret, which
// nothing tells again. The error may be ErrMost, ErrScope or ErrLabel.
func (s *Store) Add(account, label string, services ...wire.Service) (Password, userdb.Secret, error) {
	if err := checkLabel(label); err != nil {
		return Password{}, "", err
	}
	if err := checkServices(services); err != nil {
		return Password{}, "", err
	}
	var secret [secretSize]byte
	rand.Read(secret[:]) // never fails
	p := Password{Services: services, Created: s.today(), Label: label, hash: sha256.Sum256(secret[:])}
	err := s.change(account, true, func(f *file) error {
		if len(f.passwords) >= Most {
			return ErrMost
		}
		for p.ID == "" || f.has(p.ID) {
			var id [4]byte
			rand.Read(id[:])
			p.ID = hex.EncodeToString(id[:])
		}
		if err := s.owners.add(p.hash, f.account); err != nil {
			return err
		}
		f.passwords = append(f.passwords, p)
		return nil
	})
	if err != nil {
		return Password{}, "", fmt.Errorf("add an app password of %s: %w", account, err)
	}
	return p, userdb.Secret(formatSecret(secret)), nil
}

// List returns an account's app passwords, oldest first.
func (s *Store) List(account string) ([]Password, error) {
	f, err := s.read(account)
	if err != nil {
		return nil, fmt.Errorf("app passwords of %s: %w", account, err)
	}
	return f.passwords, nil
}

// Revoke ends an app password. The error may be ErrNone.
func (s *Store) Revoke(account, id string) error {
	err := s.change(account, true, func(f *file) error {
		i := slices.IndexFunc(f.passwords, func(p Password) bool { return p.ID == id })
		if i < 0 {
			return ErrNone
		}
		if err := s.owners.remove(f.passwords[i].hash); err != nil {
			return err
		}
		f.passwords = slices.Delete(f.passwords, i, i+1)
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoke the app password %q of %s: %w", id, account, err)
	}
	return nil
}

// scopes are the services that an app password can be for.
var scopes = []wire.Service{wire.IMAP, wire.POP3, wire.SMTP, wire.Webmail}

func checkServices(services []wire.Service) error {
	for i, s := range services {
		if !slices.Contains(scopes, s) || slices.Contains(services[:i], s) {
			return ErrScope
		}
	}
	if len(services) == 0 {
		return ErrScope
	}
	return nil
}

func checkLabel(label string) error {
	if label == "" || len(label) > 400 || len([]rune(label)) > 100 || !printable(label) || strings.TrimSpace(label) != label {
		return ErrLabel
	}
	return nil
}
