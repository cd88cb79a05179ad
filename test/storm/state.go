package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/test/storm/ondisk"
	"fantail/test/storm/witness"
)

// state is everything that clients can learn of an account.
type state struct {
	boxes map[string]*boxState
	subs  []string
}

// boxState is one mailbox.
type boxState struct {
	validity mail.UIDValidity
	guid     string
	next     mail.UID
	messages map[mail.UID]message
}

// message is one message: what it is, how it is flagged, and whether it is new.
type message struct {
	token string
	flags string
	fresh bool
}

// observe opens an account as a process does that starts now, and looks at all
// that is there. A UID list that Dovecot would not take is an error too.
func observe(dir string) (*state, error) {
	a, err := store.OpenAccount(dir, store.Options{Host: "storm"})
	if err != nil {
		return nil, err
	}
	s := &state{boxes: make(map[string]*boxState)}
	err = s.look(a)
	return s, errors.Join(err, a.Close())
}

func (s *state) look(a *store.Account) error {
	ctx := context.Background()
	infos, err := a.List(ctx)
	if err != nil {
		return err
	}
	for _, i := range infos {
		if i.NoSelect {
			continue
		}
		m, err := a.Open(ctx, i.Name)
		if err != nil {
			return err
		}
		b, err := lookInto(m)
		if err := errors.Join(err, m.Close()); err != nil {
			return err
		}
		s.boxes[i.Name] = b
	}
	s.subs, err = a.Subscriptions(ctx)
	return err
}

// lookInto looks at a mailbox. Pages of a damaged index are found out when they
// are read; the next sync makes it anew.
func lookInto(m *store.Mailbox) (*boxState, error) {
	for try := 1; ; try++ {
		snap, err := m.Sync(context.Background())
		if err != nil {
			return nil, err
		}
		b, err := readAll(m, snap)
		if try == 2 || snap.Err() == nil {
			return b, errors.Join(err, snap.Err())
		}
	}
}

func readAll(m *store.Mailbox, snap *store.Snapshot) (*boxState, error) {
	b := &boxState{snap.UIDValidity(), snap.GUID(), snap.UIDNext(), make(map[mail.UID]message)}
	for i, uid := range snap.UIDs() {
		token, err := tokenOf(m, uid)
		if err != nil {
			return nil, fmt.Errorf("UID %d: %w", uid, err)
		}
		b.messages[uid] = message{token, witness.Spell(snap.Flags(i), snap.Keywords(i)), snap.IsNew(i)}
	}
	return b, nil
}

// checkLists holds the UID list of every mailbox against Dovecot's rules. After a
// crash the last line may have no end; the next writer sees to it.
func checkLists(dir string, unfinished bool) error {
	paths, err := filepath.Glob(filepath.Join(dir, "dovecot-uidlist"))
	more, err2 := filepath.Glob(filepath.Join(dir, ".*", "dovecot-uidlist"))
	errs := []error{err, err2}
	for _, p := range append(paths, more...) {
		if _, err := ondisk.ReadUIDList(filepath.Dir(p)); err != nil && !(unfinished && errors.Is(err, ondisk.ErrUnfinished)) {
			errs = append(errs, fmt.Errorf("%s: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

// differences tells what of two states is not the same.
func (s *state) differences(t *state) []string {
	var all []string
	for name := range maps.Keys(s.boxes) {
		if t.boxes[name] == nil {
			all = append(all, fmt.Sprintf("%s is not there any more", name))
			continue
		}
		all = append(all, s.boxes[name].differences(name, t.boxes[name])...)
	}
	for name := range maps.Keys(t.boxes) {
		if s.boxes[name] == nil {
			all = append(all, fmt.Sprintf("%s was not there before", name))
		}
	}
	if !slices.Equal(s.subs, t.subs) {
		all = append(all, fmt.Sprintf("subscriptions were %q and are %q", s.subs, t.subs))
	}
	return all
}

func (b *boxState) differences(name string, c *boxState) []string {
	var all []string
	if b.validity != c.validity || b.guid != c.guid || b.next > c.next {
		all = append(all, fmt.Sprintf("%s: UIDVALIDITY, GUID, UIDNEXT were %d %s %d and are %d %s %d",
			name, b.validity, b.guid, b.next, c.validity, c.guid, c.next))
	}
	for uid, m := range b.messages {
		if now, ok := c.messages[uid]; !ok || now != m {
			all = append(all, fmt.Sprintf("%s: UID %d was %v and is %v", name, uid, m, now))
		}
	}
	for uid, m := range c.messages {
		if _, ok := b.messages[uid]; !ok {
			all = append(all, fmt.Sprintf("%s: UID %d is %v and was not there", name, uid, m))
		}
	}
	return all
}

// derivedFiles are those that may be deleted at any time.
var derivedFiles = []string{"fantail.index", "fantail.log", "fantail.cache", "fantail.sort", "fantail.status"}

// removeDerived deletes all derived files of an account.
func removeDerived(dir string) error {
	var errs []error
	for _, name := range derivedFiles {
		for _, pattern := range []string{name, ".*/" + name} {
			paths, err := filepath.Glob(filepath.Join(dir, pattern))
			errs = append(errs, err)
			for _, p := range paths {
				errs = append(errs, os.Remove(p))
			}
		}
	}
	return errors.Join(errs...)
}

// tokens counts the messages on disk by what they are, wherever they lie.
func tokens(dir string) (map[string]int, error) {
	count := make(map[string]int)
	for _, pattern := range []string{"new/*", "cur/*", ".*/new/*", ".*/cur/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			if strings.HasPrefix(filepath.Base(filepath.Dir(filepath.Dir(p))), "..") {
				continue // deleted, and not yet gone
			}
			f, err := os.Open(p)
			if err != nil {
				return nil, err
			}
			token, err := readToken(f)
			if err := errors.Join(err, f.Close()); err != nil {
				return nil, fmt.Errorf("%s: %w", p, err)
			}
			count[token]++
		}
	}
	return count, nil
}
