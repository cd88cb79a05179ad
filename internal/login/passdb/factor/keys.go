package factor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

const (
	// MostKeys is how many security keys an account may have.
	MostKeys = 10
	// MaxLabel is the longest name of one, in octets.
	MaxLabel = 100

	handleSize = 16 // octets
)

// Errors of security keys.
var (
	ErrMost  = errors.New("the account has as many security keys as it may have")
	ErrLabel = errors.New("not a name for a security key")
	ErrKnown = errors.New("the account has this security key already")
	ErrNoKey = errors.New("the account has no such security key")
)

// Key is a security key or passkey of an account.
type Key struct {
	ID            string // eight hexadecimal digits, for people and forms
	Label         string
	Created, Used time.Time // days; Used may be zero
	Credential    webauthn.Credential
}

// idOf is a name of a credential that fits into forms.
func idOf(c webauthn.Credential) string {
	sum := sha256.Sum256(c.ID)
	return hex.EncodeToString(sum[:4])
}

// checkLabel checks a name that somebody gives his key.
func checkLabel(label string) error {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	if label == "" || len(label) > MaxLabel || !utf8.ValidString(label) || strings.ContainsFunc(label, odd) || strings.TrimSpace(label) != label {
		return ErrLabel
	}
	return nil
}

// User is whom a new key of an account is for, and the keys that it has. Before its first
// one the handle is a new one, which AddKey keeps.
func (s *Store) User(account string) (webauthn.User, []webauthn.Credential, error) {
	u := webauthn.User{Name: account}
	f, err := s.read(account)
	if err != nil && !errors.Is(err, ErrNone) {
		return u, nil, err
	}
	if f != nil && len(f.keys) > 0 {
		u.Handle = f.handle[:]
		return u, f.credentials(), nil
	}
	u.Handle = make([]byte, handleSize)
	rand.Read(u.Handle) // never fails
	return u, nil, nil
}

// AddKey gives an account a key, which is in force at once, and returns recovery codes if
// it has none. The error may be ErrMost, ErrLabel or ErrKnown.
func (s *Store) AddKey(account, label string, u webauthn.User, c webauthn.Credential) ([]userdb.Secret, error) {
	if err := checkLabel(label); err != nil {
		return nil, err
	}
	var codes []userdb.Secret
	err := s.change(context.Background(), account, func(f *file) (*file, error) {
		if f == nil {
			f = &file{account: strings.ToLower(account)}
		}
		for _, k := range f.keys {
			if bytes.Equal(k.Credential.ID, c.ID) || k.ID == idOf(c) {
				return nil, ErrKnown
			}
		}
		switch {
		case len(f.keys) >= MostKeys:
			return nil, ErrMost
		case len(f.keys) == 0:
			f.handle = [handleSize]byte(u.Handle)
		}
		f.keys = append(f.keys, Key{ID: idOf(c), Label: label, Created: dayOf(s.today()), Credential: c})
		codes = f.first()
		return f, nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveKey ends a key. With the last of an account's factors its recovery codes end. The
// error may be ErrNoKey.
func (s *Store) RemoveKey(account, id string) error {
	return s.change(context.Background(), account, func(f *file) (*file, error) {
		if f == nil {
			return nil, ErrNoKey
		}
		i := slices.IndexFunc(f.keys, func(k Key) bool { return k.ID == id })
		if i < 0 {
			return nil, ErrNoKey
		}
		f.keys = slices.Delete(f.keys, i, i+1)
		return f.kept(), nil
	})
}

// VerifyKey reports whether a response to a challenge is of a key of the account's, and
// keeps its counter. An error that wraps webauthn.ErrRefused says what is wrong with it;
// another that this could not be found out, and may be ErrNone.
func (s *Store) VerifyKey(ctx context.Context, account string, c webauthn.Challenge, response []byte) (bool, error) {
	id, err := webauthn.Answers(response)
	if err != nil {
		return false, err
	}
	known := true
	err = s.change(ctx, account, func(f *file) (*file, error) {
		if f == nil || !f.inForce() {
			return nil, ErrNone
		}
		i := slices.IndexFunc(f.keys, func(k Key) bool { return bytes.Equal(k.Credential.ID, id) })
		if known = i >= 0; !known {
			return nil, ErrNoKey
		}
		after, err := f.keys[i].Credential.Assert(response, c)
		if err != nil {
			return nil, err
		}
		f.keys[i].Credential, f.keys[i].Used = after, dayOf(s.today())
		return f, nil
	})
	if !known {
		return false, nil
	}
	return err == nil, err
}

func (f *file) credentials() []webauthn.Credential {
	var list []webauthn.Credential
	for _, k := range f.keys {
		list = append(list, k.Credential)
	}
	return list
}
