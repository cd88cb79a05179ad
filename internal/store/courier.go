package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// traces are files that a server after Courier has left in a mailbox, if they are
// not empty. It may have given UIDs of its own, and its users may have taken
// keywords away: what Courier knew is old then.
var traces = []string{"fantail.index", "fantail.log", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"}

// importCourier makes the UID list of a mailbox that had Courier as its server, or
// returns nil if it had not; the lock is held. Keywords come first, and the list
// when they are on disk: an import that was cut short is done again from the
// beginning, with the same result. Nothing of Courier's is changed.
func (m *Mailbox) importCourier(ctx context.Context) (*uidlist.List, error) {
	c, err := uidlist.ImportCourier(m.dir.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, w := range c.Warnings {
		m.acct.opt.Log.Warn("part of Courier's files not read", "mailbox", m.name, "err", w)
	}
	served, err := m.served()
	if err != nil {
		return nil, err
	}
	list := uidlist.List{Next: 1, From: 1}
	if c.List != nil {
		list = *c.List
	}
	if served {
		list.Validity = 0
	} else if err := m.importKeywords(ctx, c.Keywords); err != nil {
		return nil, fmt.Errorf("import Courier's keywords: %w", err)
	}
	if list.Validity == 0 {
		if list.Validity, err = m.freshValidity(); err != nil {
			return nil, err
		}
	}
	m.acct.opt.Log.Info("mailbox imported from Courier", "mailbox", m.name, "messages", len(list.Records))
	return m.uids.Import(&list)
}

// served reports whether there are traces of another server than Courier.
func (m *Mailbox) served() (bool, error) {
	for _, name := range traces {
		switch info, err := os.Lstat(filepath.Join(m.dir.Path(), name)); {
		case err == nil && info.Size() > 0:
			return true, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return false, err
		}
	}
	return false, nil
}

// importKeywords gives messages keywords: letters to the ones that most messages
// have, and places in fantail-keywords to the rest. All of it is on disk then.
func (m *Mailbox) importKeywords(ctx context.Context, sets map[string][]mail.Keyword) error {
	if len(sets) == 0 {
		return nil
	}
	files, used, err := m.locate(ctx, sets)
	if err != nil {
		return err
	}
	m.kw.Reserve(uint32(used))
	given, err := m.giveLetters(byUse(sets, files))
	if err != nil {
		return err
	}
	further := make(map[string][]mail.Keyword)
	for _, base := range slices.Sorted(maps.Keys(files)) {
		e := files[base]
		l := given.labels(sets[base], !e.New) // a name in new has no letters
		if len(l.more) > 0 {
			further[base] = l.more
		}
		if l.letters == 0 {
			continue
		}
		_, err := m.dir.ChangeFlags(ctx, e, func(n maildir.Name) maildir.Name { return n.With(n.Flags, n.Letters|l.letters) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(m.importFurther(further), m.dir.SyncCur())
}

// locate finds the files of messages, and the letters that any file has. A message
// that is proven gone is left out; one that is neither found nor proven gone is
// taken for one in new, of which nothing else need be known.
func (m *Mailbox) locate(ctx context.Context, sets map[string][]mail.Keyword) (files map[string]maildir.Entry, used maildir.Letters, err error) {
	files = make(map[string]maildir.Entry)
	for w, err := range m.dir.Sweeps(ctx, len(sets)) {
		if err != nil {
			return nil, 0, err
		}
		for file, new := range w.Files() {
			n, ok := maildir.ParseName(strings.Clone(file))
			if !ok {
				continue
			}
			used |= n.Letters
			if _, wanted := sets[n.Base]; wanted {
				files[n.Base] = maildir.Entry{Name: n, File: strings.Clone(file), New: new}
			}
		}
		if w.Proof() || len(files) == len(sets) && w.Probable() {
			return files, used, nil
		}
	}
	for base := range sets {
		if _, found := files[base]; !found {
			files[base] = maildir.Entry{New: true}
		}
	}
	return files, used, nil
}

// byUse returns the keywords of the files, those that most of them have first.
func byUse(sets map[string][]mail.Keyword, files map[string]maildir.Entry) []mail.Keyword {
	uses := make(map[string]int)
	spelling := make(map[string]mail.Keyword) // the least of several, so that it is the same each time
	for base := range files {
		for _, kw := range sets[base] {
			key := strings.ToLower(string(kw))
			uses[key]++
			if old, ok := spelling[key]; !ok || kw < old {
				spelling[key] = kw
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(uses), func(a, b string) int {
		return cmp.Or(cmp.Compare(uses[b], uses[a]), strings.Compare(a, b))
	})
	kws := make([]mail.Keyword, len(keys))
	for i, key := range keys {
		kws[i] = spelling[key]
	}
	return kws
}

// lettering is where the keywords of an import go, by their names in small letters:
// the number of a letter, or -1. Those that have no place are not in it.
type lettering map[string]int

// giveLetters gives letters as far as they go, and places in fantail-keywords as
// far as these go.
func (m *Mailbox) giveLetters(kws []mail.Keyword) (lettering, error) {
	if err := m.more.Load(); err != nil {
		return nil, err
	}
	places := make(map[string]bool)
	for _, kw := range m.more.Names() {
		places[strings.ToLower(string(kw))] = true
	}
	letters, err := m.kw.AddAll(kws)
	if err != nil {
		return nil, err
	}
	given, lost := make(lettering), 0
	for i, kw := range kws {
		switch key := strings.ToLower(string(kw)); {
		case letters[i] >= 0:
			given[key] = letters[i]
		case places[key] || len(places) < uidlist.MaxOverflow:
			given[key], places[key] = -1, true
		default:
			lost++
		}
	}
	if lost > 0 {
		m.acct.opt.Log.Warn("Courier has more keywords than a mailbox can have", "mailbox", m.name, "lost", lost)
	}
	return given, nil
}

func (g lettering) labels(kws []mail.Keyword, letters bool) (l labels) {
	for _, kw := range kws {
		switch i, ok := g[strings.ToLower(string(kw))]; {
		case !ok:
		case i >= 0 && letters:
			l.letters |= 1 << i
		default:
			l.more = append(l.more, kw)
		}
	}
	return l
}

// importFurther writes the keywords that have no letter. A message that has too
// many of them goes without.
func (m *Mailbox) importFurther(sets map[string][]mail.Keyword) error {
	err := m.more.Set(sets)
	if !errors.Is(err, uidlist.ErrTooManyKeywords) {
		return err
	}
	for _, base := range slices.Sorted(maps.Keys(sets)) {
		err := m.more.Set(map[string][]mail.Keyword{base: sets[base]})
		if errors.Is(err, uidlist.ErrTooManyKeywords) {
			m.acct.opt.Log.Warn("Courier has more keywords than a message can have", "mailbox", m.name, "base", base, "err", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}
