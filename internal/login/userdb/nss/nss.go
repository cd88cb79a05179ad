// Package nss asks the system who its users are, by whatever the machine's name
// service switch says: files, LDAP, SSSD, winbind.
//
// Only the C library can ask the switch, and Fantail's programs are linked without it.
// So the questions go to getent(1), the C library's own tool, one process each:
//
//	User     getent -- passwd NAME       exit 2: there is no such user
//	Groups   getent -- initgroups NAME
//	GroupID  getent -- group NAME        exit 2: there is no such group
//
// It is called by its absolute path, without a shell, with an environment of our own, a
// deadline and a budget for what it says. What it says is parsed strictly, and must be
// about the name that was asked: to getent a number is a uid. Any other end of it means
// that the answer could not be found out. It cannot tell whether a directory was out of
// reach, and says then that the user is unknown.
//
// Where there is no getent, as in a container without anything, /etc/passwd and
// /etc/group are read.
//
// Answers are kept for ten seconds, since a mail program opens several connections at
// once. That somebody is unknown is not kept: who makes an account wants to use it.
package nss

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"fantail/internal/login/userdb"
)

// User is a user of the system.
type User struct {
	Name     string // as the system spells it
	UID, GID uint32
	Home     string // absolute, or ""
}

const (
	fresh    = 10 * time.Second // how long an answer is kept
	mostKept = 4096             // answers of each kind; more are not kept
	deadline = 15 * time.Second // for one question
	atOnce   = 16               // questions; others wait
)

// DB is the system's database of users. It is safe for many goroutines.
type DB struct {
	getent        []string // where the tool may be
	passwd, group string   // files, where it is not
	clock         func() time.Time
	turns         chan struct{} // one element for each question that is asked

	mu     sync.Mutex // guards what follows
	users  map[string]kept[User]
	groups map[string]kept[[]uint32]
	gids   map[string]kept[uint32]
}

type kept[T any] struct {
	answer T
	until  time.Time
}

// Tools are where the C library's own tool may be.
func Tools() []string {
	return []string{"/usr/bin/getent", "/bin/getent", "/run/current-system/sw/bin/getent"}
}

// Open returns the database. It asks nothing yet.
func Open() *DB {
	return &DB{
		getent: Tools(),
		passwd: "/etc/passwd",
		group:  "/etc/group",
		clock:  time.Now,
		turns:  make(chan struct{}, atOnce),
		users:  make(map[string]kept[User]),
		groups: make(map[string]kept[[]uint32]),
		gids:   make(map[string]kept[uint32]),
	}
}

// User returns the user called name. The error wraps userdb.ErrUnknown or
// userdb.ErrUnavailable.
func (d *DB) User(ctx context.Context, name string) (User, error) {
	return ask(d, d.users, name, func() (u User, err error) {
		text, err := d.entry(ctx, "passwd", d.passwd, name)
		if err != nil {
			return u, err
		}
		if u, err = parseUser(text); err != nil {
			return u, err
		}
		if !strings.EqualFold(u.Name, name) {
			return User{}, userdb.ErrUnknown
		}
		return u, nil
	})
}

// GroupID returns the gid of the group called name. The error wraps userdb.ErrUnknown
// or userdb.ErrUnavailable.
func (d *DB) GroupID(ctx context.Context, name string) (uint32, error) {
	return ask(d, d.gids, name, func() (uint32, error) {
		text, err := d.entry(ctx, "group", d.group, name)
		if err != nil {
			return 0, err
		}
		g, err := parseGroup(text)
		if err == nil && !strings.EqualFold(g.name, name) {
			err = userdb.ErrUnknown
		}
		return g.gid, err
	})
}

// Groups returns the gids of a user's groups, besides the one that User says. The error
// wraps userdb.ErrUnavailable.
func (d *DB) Groups(ctx context.Context, u User) ([]uint32, error) {
	return ask(d, d.groups, u.Name, func() ([]uint32, error) {
		text, err := d.run(ctx, "initgroups", u.Name)
		if err == nil {
			return parseGroups(text, u.Name, u.GID)
		}
		if errors.Is(err, errNoTool) || errors.Is(err, errNoDatabase) {
			return d.memberships(u)
		}
		return nil, err
	})
}

// ask finds an answer: one that is kept, or a new one. Errors that are not ErrUnknown
// become unavailable.
func ask[T any](d *DB, answers map[string]kept[T], name string, find func() (T, error)) (T, error) {
	var none T
	if err := userdb.CheckName(name); err != nil {
		return none, fmt.Errorf("%w: %w", userdb.ErrUnknown, err)
	}
	if strings.HasPrefix(name, "-") || strings.HasPrefix(name, "+") {
		return none, userdb.ErrUnknown // an option; a line that refers to NIS
	}
	if a, ok := look(d, answers, name); ok {
		return a, nil
	}
	a, err := find()
	switch {
	case err == nil:
	case errors.Is(err, userdb.ErrUnknown):
		return none, err
	default:
		return none, fmt.Errorf("%w: ask the system for %q: %w", userdb.ErrUnavailable, name, err)
	}
	keep(d, answers, name, a)
	return a, nil
}

func look[T any](d *DB, answers map[string]kept[T], name string) (a T, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := answers[name]
	if !ok || !d.clock().Before(k.until) {
		return a, false
	}
	return k.answer, true
}

func keep[T any](d *DB, answers map[string]kept[T], name string, a T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock()
	if len(answers) >= mostKept {
		for n, k := range answers {
			if !now.Before(k.until) {
				delete(answers, n)
			}
		}
	}
	if len(answers) < mostKept {
		answers[name] = kept[T]{a, now.Add(fresh)}
	}
}

// entry returns the line of a name in one of the databases.
func (d *DB) entry(ctx context.Context, database, file, name string) (string, error) {
	text, err := d.run(ctx, database, name)
	if errors.Is(err, errNoTool) {
		return find(file, name)
	}
	return text, err
}

// memberships is Groups from the file.
func (d *DB) memberships(u User) ([]uint32, error) {
	var gids []uint32
	err := each(d.group, func(line string) bool {
		g, err := parseGroup(line)
		if err == nil && g.gid != u.GID && g.has(u.Name) && len(gids) < mostGroups {
			gids = append(gids, g.gid)
		}
		return true // a line that is none is nobody's
	})
	return gids, err
}
