package storetest

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// world is where a promise is kept: an account, its files, and what its users
// have been told.
type world struct {
	t       *testing.T
	ctx     context.Context
	dir     string
	open    Opener
	weather weather
	acct    *store.Account
	boxes   map[string]*store.Mailbox
	peer    *store.Account    // of the second process; nil where there is none
	old     map[string][]byte // derived files as they were once
	heard   map[string]*memory
	count   int

	forgetful bool // derived data may have been lost
}

// memory is what anybody was told of one mailbox.
type memory struct {
	validity mail.UIDValidity
	guid     string
	next     mail.UID
	base     map[mail.UID]string
}

func newWorld(t *testing.T, open Opener, wr weather) *world {
	dir := filepath.Join(t.TempDir(), "Maildir")
	w := &world{
		t: t, ctx: context.Background(), dir: dir, open: open, weather: wr,
		boxes: make(map[string]*store.Mailbox), old: make(map[string][]byte), heard: make(map[string]*memory),
	}
	w.acct = open(t, dir)
	t.Cleanup(func() {
		for _, m := range w.boxes {
			w.must(m.Close())
		}
		w.must(w.acct.Close())
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// account is the account, after some weather.
func (w *world) account() *store.Account {
	w.t.Helper()
	w.weather.blow(w)
	return w.acct
}

// box is an open mailbox, after some weather.
func (w *world) box(name string) *store.Mailbox {
	w.t.Helper()
	w.weather.blow(w)
	return w.opened(name)
}

func (w *world) opened(name string) *store.Mailbox {
	w.t.Helper()
	if m := w.boxes[name]; m != nil {
		return m
	}
	m, err := w.acct.Open(w.ctx, name)
	w.must(err)
	w.boxes[name] = m
	return m
}

// forget closes a mailbox that the world has open.
func (w *world) forget(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if m := w.boxes[name]; m != nil {
			w.must(m.Close())
			delete(w.boxes, name)
		}
		delete(w.heard, name)
	}
}

// inbox is the mailbox that most promises are about.
func (w *world) inbox() *store.Mailbox { return w.box(mail.Inbox) }

// sync takes a snapshot and holds it against the rules.
func (w *world) sync(name string) *store.Snapshot {
	w.t.Helper()
	m := w.box(name)
	s, err := m.Sync(w.ctx)
	w.must(err)
	w.told(name, s)
	return s
}

// told checks the rules of snapshots.
func (w *world) told(name string, s *store.Snapshot) {
	w.t.Helper()
	m := w.heard[name]
	if m == nil {
		m = &memory{validity: s.UIDValidity(), guid: s.GUID(), base: make(map[mail.UID]string)}
		w.heard[name] = m
	}
	if s.UIDValidity() != m.validity || s.UIDValidity() == 0 {
		w.t.Errorf("%s: UIDVALIDITY was %d and is %d", name, m.validity, s.UIDValidity())
	}
	if s.GUID() != m.guid || len(s.GUID()) != 32 {
		w.t.Errorf("%s: GUID was %q and is %q", name, m.guid, s.GUID())
	}
	if s.UIDNext() < m.next {
		w.t.Errorf("%s: UIDNEXT was %d and is %d", name, m.next, s.UIDNext())
	}
	for i, uid := range s.UIDs() {
		if uid != s.UID(i) || uid == 0 || uid >= s.UIDNext() || i > 0 && uid <= s.UID(i-1) {
			w.t.Errorf("%s: message %d has UID %d behind %v, UIDNEXT %d", name, i, uid, s.UIDs()[:i], s.UIDNext())
		}
		if j, ok := s.Find(uid); !ok || j != i {
			w.t.Errorf("%s: Find(%d) = %d, %t, want %d", name, uid, j, ok, i)
		}
		if base, ok := m.base[uid]; ok && base != s.Base(i) {
			w.t.Errorf("%s: UID %d was %s and is %s", name, uid, base, s.Base(i))
		} else if !ok && uid < m.next {
			w.t.Errorf("%s: UID %d came in below UIDNEXT %d", name, uid, m.next)
		}
		m.base[uid] = s.Base(i)
	}
	if n := s.Len(); n != len(s.UIDs()) || n != s.Status().Messages {
		w.t.Errorf("%s: %d messages, %d UIDs, status %+v", name, n, len(s.UIDs()), s.Status())
	}
	m.next = s.UIDNext()
}

// expect takes a snapshot and compares it with lines such as "1 S $Forwarded":
// the UID, letters of system flags, "new" if it is in new, keywords.
func (w *world) expect(name string, want ...string) *store.Snapshot {
	w.t.Helper()
	s := w.sync(name)
	if d := cmp.Diff(want, show(s)); d != "" {
		w.t.Errorf("%s (-want +got):\n%s", name, d)
	}
	return s
}

// letters are the letters of system flags in file names.
var letters = []struct {
	flag   mail.Flags
	letter string
}{{mail.Draft, "D"}, {mail.Flagged, "F"}, {mail.Answered, "R"}, {mail.Seen, "S"}, {mail.Deleted, "T"}}

func show(s *store.Snapshot) []string {
	var lines []string
	for i := range s.Len() {
		f := []string{fmt.Sprint(s.UID(i))}
		for _, l := range letters {
			if s.Flags(i).Has(l.flag) {
				f = append(f, l.letter)
			}
		}
		if s.IsNew(i) {
			f = append(f, "new")
		}
		kws := slices.Clone(s.Keywords(i))
		slices.Sort(kws)
		for _, k := range kws {
			f = append(f, string(k))
		}
		lines = append(lines, strings.Join(f, " "))
	}
	return lines
}

// append appends messages to a mailbox and returns their UIDs.
func (w *world) append(name string, f store.FlagSet, bodies ...string) []mail.UID {
	w.t.Helper()
	got, err := appendTo(w.ctx, w.box(name), f, bodies...)
	w.must(err)
	if len(got.UIDs) != len(bodies) {
		w.t.Fatalf("%d messages got UIDs %v", len(bodies), got.UIDs)
	}
	if m := w.heard[name]; m != nil && got.UIDValidity != m.validity {
		w.t.Errorf("%s: appended under UIDVALIDITY %d, was %d", name, got.UIDValidity, m.validity)
	}
	return got.UIDs
}

func appendTo(ctx context.Context, m *store.Mailbox, f store.FlagSet, bodies ...string) (store.Appended, error) {
	b, err := m.NewAppend()
	if err != nil {
		return store.Appended{}, err
	}
	for _, body := range bodies {
		wr, err := b.Add(f, time.Time{})
		if err == nil {
			_, err = io.WriteString(wr, body)
		}
		if err != nil {
			b.Abort()
			return store.Appended{}, err
		}
	}
	return b.Commit(ctx)
}

// set changes flags and returns the UIDs that are said to be missing.
func (w *world) set(name string, op mail.Op, f mail.Flags, kws []mail.Keyword, uids ...mail.UID) []mail.UID {
	w.t.Helper()
	c := store.FlagChange{Op: op, FlagSet: store.FlagSet{Flags: f, Keywords: kws}}
	missing, err := w.box(name).SetFlags(w.ctx, uids, c)
	w.must(err)
	return missing
}

// read returns the content of a message.
func (w *world) read(name string, uid mail.UID) string {
	w.t.Helper()
	f, err := w.box(name).OpenMessage(w.ctx, uid)
	w.must(err)
	defer f.Close()
	text, err := io.ReadAll(f)
	w.must(err)
	return string(text)
}

// kind checks that an operation failed as it should.
func (w *world) kind(what string, err error, want store.Kind) {
	w.t.Helper()
	if err == nil || store.KindOf(err) != want {
		w.t.Errorf("%s: %v (%v), want %v", what, err, store.KindOf(err), want)
	}
}

// same checks that two lists of UIDs are the same.
func (w *world) same(what string, got []mail.UID, want ...mail.UID) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: UIDs %v, want %v", what, got, want)
	}
}

// file writes a message as another program would.
func (w *world) file(name, body string) {
	w.t.Helper()
	w.count++
	tmp := filepath.Join(w.dir, "tmp", fmt.Sprint("foreign", w.count))
	w.must(os.WriteFile(tmp, []byte(body), 0o600))
	w.must(os.Rename(tmp, filepath.Join(w.dir, name)))
}

// move renames a file as another program would.
func (w *world) move(from, to string) {
	w.t.Helper()
	w.must(os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)))
}

// remove unlinks a file as another program would.
func (w *world) remove(name string) {
	w.t.Helper()
	w.must(os.Remove(filepath.Join(w.dir, name)))
}

// files lists what is in new and cur of a Maildir.
func (w *world) files(dir string) []string {
	w.t.Helper()
	var all []string
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		w.must(err)
		for _, e := range entries {
			all = append(all, sub+"/"+e.Name())
		}
	}
	return all
}
