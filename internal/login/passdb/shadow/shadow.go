// Package shadow checks passwords of the system's users against /etc/shadow, for
// machines without PAM. Who may read that file is for the system: the group shadow, on
// Debian.
//
// An account is a user that the name service knows (package userdb/nss), with a uid that
// accounts may have, and with a line in the file. The file is read for every check: a
// password that was changed or locked counts at once, and no hash stays in memory.
//
// What the line says of time counts after a right password, as shadow(5) has it: an
// account that has expired, a password that is older than its maximum and the days of
// grace after that, and one that must be changed before anything else, are ErrExpired:
// a mail program cannot change it.
//
// A password that is locked, or empty, matches nothing, and takes the time of one that
// is not: a decoy is checked, another user's hash, always the same for the same name.
// The name service keeps what it knows of users, and not that there is none: it is asked
// once more when a user is refused of whom it was not.
package shadow

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"strings"
	"time"

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// Path is where the file is.
const Path = "/etc/shadow"

// maxFile is the largest file that is read, in octets.
const maxFile = 64 << 20

// Users are the system's accounts (nss.Accounts).
type Users interface {
	Lookup(ctx context.Context, name string) (userdb.User, error)
	// Look is Lookup, and says whether the answer was one that is kept. Ask takes the
	// time of one that is not.
	Look(ctx context.Context, name string) (user userdb.User, kept bool, err error)
	Ask(ctx context.Context)
}

// Source is the file as a passdb.Source. It is safe for many goroutines.
type Source struct {
	path    string
	users   Users
	hashing *passdb.Hashing
	seed    maphash.Seed // which decoy belongs to which name
	clock   func() time.Time
}

// New returns the Source of the file at path.
func New(path string, users Users, h *passdb.Hashing) *Source {
	return &Source{path, users, h, maphash.MakeSeed(), time.Now}
}

// Name implements passdb.Source.
func (*Source) Name() string { return "shadow" }

// Password implements passdb.Source.
func (s *Source) Password(ctx context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	user, kept, err := s.users.Look(ctx, q.Name)
	if err != nil {
		return userdb.User{}, err
	}
	line, all, err := s.line(user)
	if err != nil {
		return userdb.User{}, err
	}
	locked := line.locked()
	hash := line.hash
	if locked {
		hash = s.decoy(all, q.Name)
	}
	ok, err := s.hashing.Match(ctx, q.Remote, hash, password)
	if !ok && kept {
		s.users.Ask(ctx)
	}
	switch {
	case locked && ctx.Err() == nil:
		return userdb.User{}, passdb.ErrWrong
	case err != nil:
		return userdb.User{}, fmt.Errorf("%w: check the password of %s: %w", userdb.ErrUnavailable, user.Name, err)
	case !ok:
		return userdb.User{}, passdb.ErrWrong
	}
	return admitted(user, line.expired(s.today(), true))
}

// Certificate implements passdb.Certified: the password does not matter, but the account
// must not have expired.
func (s *Source) Certificate(ctx context.Context, q passdb.Query) (userdb.User, error) {
	user, line, err := s.find(ctx, q.Name)
	if err != nil {
		return userdb.User{}, err
	}
	return admitted(user, line.expired(s.today(), false))
}

// Lookup implements passdb.Source.
func (s *Source) Lookup(ctx context.Context, name string) (userdb.User, error) {
	user, _, err := s.find(ctx, name)
	return user, err
}

// Decoy implements passdb.Decoy.
func (s *Source) Decoy(ctx context.Context, q passdb.Query, password userdb.Secret) {
	all, err := s.read()
	if err != nil {
		return // Check says so
	}
	_, _ = s.hashing.Match(ctx, q.Remote, s.decoy(all, q.Name), password) // it is known to be wrong
}

// Check implements passdb.Source.
func (s *Source) Check(context.Context) error {
	_, err := s.read()
	return err
}

func admitted(user userdb.User, err error) (userdb.User, error) {
	if err != nil {
		return userdb.User{}, err
	}
	return user, nil
}

// find returns an account and its line.
func (s *Source) find(ctx context.Context, name string) (userdb.User, entry, error) {
	user, err := s.users.Lookup(ctx, name)
	if err != nil {
		return userdb.User{}, entry{}, err
	}
	line, _, err := s.line(user)
	return user, line, err
}

// line returns the line of an account, and all lines.
func (s *Source) line(user userdb.User) (entry, string, error) {
	all, err := s.read()
	if err != nil {
		return entry{}, "", fmt.Errorf("%w: %w", userdb.ErrUnavailable, err)
	}
	for text := range strings.Lines(all) {
		if first, _, _ := strings.Cut(text, ":"); first != user.Name {
			continue
		}
		line, err := parse(strings.TrimSuffix(text, "\n"))
		if err != nil {
			return entry{}, "", fmt.Errorf("%w: account %s in %s: %w", userdb.ErrUnavailable, user.Name, s.path, err)
		}
		return line, all, nil
	}
	return entry{}, "", fmt.Errorf("%w: %s is not in %s", userdb.ErrUnknown, user.Name, s.path)
}

// read returns the file.
func (s *Source) read() (string, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", fmt.Errorf("%s is not a regular file of at most %d octets", s.path, maxFile)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", s.path, err)
	}
	return string(text), nil
}

// decoy returns the hash of some user, or "" if nobody has one.
func (s *Source) decoy(all, name string) userdb.Secret {
	var hashes []userdb.Secret
	for text := range strings.Lines(all) {
		line, err := parse(strings.TrimSuffix(text, "\n"))
		if err == nil && !line.locked() {
			hashes = append(hashes, line.hash)
		}
	}
	if len(hashes) == 0 {
		return ""
	}
	return hashes[maphash.String(s.seed, strings.ToLower(name))%uint64(len(hashes))]
}

// today is the number of the day, from the first of January 1970, UTC.
func (s *Source) today() int64 { return s.clock().Unix() / (24 * 60 * 60) }

var errLine = errors.New("not a line of shadow(5)")
