package imapd

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// client is the model: what a client makes of the responses, by the letter of
// RFC 9051 sections 7.4 and 7.5. It walks over all messages, so it is right
// without any thought of what can have changed.
type client struct {
	uids   []mail.UID // by number
	flags  map[mail.UID]string
	recent map[mail.UID]bool // also of messages that it does not count yet

	vanish bool        // it has enabled QRESYNC
	held   bool        // some of uids are gone, and it was not told
	knows  mail.ModSeq // up to which it would believe to know all, if it left now
}

func flagText(s seen) string { return fmt.Sprint(s.snap.Flags(s.i), s.snap.Keywords(s.i)) }

// due is what the client has to be told of a snapshot.
func (c *client) due(latest *store.Snapshot, mayExpunge bool, settled func(mail.UID, seen) bool) (ch changes) {
	left := 0
	for i, uid := range c.uids {
		j, ok := latest.Find(uid)
		if !ok {
			ch.expunged = append(ch.expunged, uint32(i)+1)
			ch.vanished = append(ch.vanished, uid)
			left++
			continue
		}
		number := i + 1 - left
		if !mayExpunge {
			number = i + 1
		}
		if now := (seen{latest, j}); flagText(now) != c.flags[uid] && !settled(uid, now) {
			ch.flags = append(ch.flags, uint32(number))
		}
	}
	if !mayExpunge && left > 0 {
		return changes{flags: ch.flags, highest: c.vanish}
	}
	slices.Reverse(ch.expunged)
	if c.vanish {
		ch.expunged = nil
	} else {
		ch.vanished = nil
	}
	ch.highest = c.vanish && c.held
	ch.exists = latest.Len() > len(c.uids)-left
	return ch
}

// apply makes the client know what it is told of a snapshot.
func (c *client) apply(t *testing.T, latest *store.Snapshot, ch changes, settled func(mail.UID, seen) bool) {
	t.Helper()
	for _, uid := range ch.vanished {
		i := slices.Index(c.uids, uid)
		if i < 0 {
			t.Fatalf("VANISHED %d, which the client does not count", uid)
		}
		ch.expunged = append([]uint32{uint32(i) + 1}, ch.expunged...)
	}
	for _, n := range ch.expunged {
		if n == 0 || int(n) > len(c.uids) {
			t.Fatalf("EXPUNGE %d of %d", n, len(c.uids))
		}
		delete(c.flags, c.uids[n-1])
		c.uids = slices.Delete(c.uids, int(n)-1, int(n))
	}
	if ch.exists {
		for i := len(c.uids); i < latest.Len(); i++ {
			uid := latest.UID(i)
			c.uids = append(c.uids, uid)
			c.flags[uid] = flagText(seen{latest, i}) // a client fetches what is new
		}
	}
	for i, uid := range c.uids {
		j, ok := latest.Find(uid)
		now := seen{latest, j}
		if ok && (slices.Contains(ch.flags, uint32(i)+1) || settled(uid, now)) {
			c.flags[uid] = flagText(now)
		}
	}
}

// come checks that the client loses nothing if it leaves now and comes back: all that
// it has not been told is newer than the highest mod-sequence that it has seen (RFC
// 7162 section 6).
func (c *client) come(t *testing.T, v *view, ch changes) {
	t.Helper()
	c.held = false
	seen := mail.ModSeq(0)
	for i, uid := range c.uids {
		j, ok := v.latest.Find(uid)
		c.held = c.held || !ok
		if slices.Contains(ch.flags, uint32(i)+1) {
			seen = max(seen, v.latest.ModSeq(j))
		}
	}
	if ch.highest {
		c.knows = v.highest()
	} else {
		c.knows = max(c.knows, seen)
	}
	vanished := v.latest.VanishedSince(c.knows)
	for _, uid := range c.uids {
		in := func(r store.UIDRange) bool { return r.Lo <= uid && uid <= r.Hi }
		if _, ok := v.latest.Find(uid); !ok && !slices.ContainsFunc(vanished, in) {
			t.Fatalf("the client knows all up to %d and never hears that %d is gone", c.knows, uid)
		}
	}
}

// check compares all that a view says with what the client knows.
func (c *client) check(t *testing.T, v *view, mayExpunge bool) {
	t.Helper()
	if v.len() != len(c.uids) {
		t.Fatalf("the view counts %d, the client %d", v.len(), len(c.uids))
	}
	recent := 0
	for i, uid := range c.uids {
		n := uint32(i) + 1
		if v.uid(n) != uid || v.seq(uid) != n {
			t.Fatalf("message %d is UID %d to the view and %d to the client", n, v.uid(n), uid)
		}
		now, gone := v.now(uid)
		if _, ok := v.latest.Find(uid); ok == gone {
			t.Fatalf("UID %d is gone: %v", uid, gone)
		}
		if flagText(now) != c.flags[uid] || flagText(v.last(uid)) != c.flags[uid] {
			t.Fatalf("UID %d is %s and was told %s, the client thinks %s", uid, flagText(now), flagText(v.last(uid)), c.flags[uid])
		}
		if v.recent.has(uid) != c.recent[uid] {
			t.Fatalf("UID %d is recent: %v", uid, v.recent.has(uid))
		}
		if c.recent[uid] {
			recent++
		}
	}
	if v.recent.counted != recent {
		t.Fatalf("RECENT is %d, not %d", v.recent.counted, recent)
	}
	if mayExpunge && len(c.uids) != v.latest.Len() {
		t.Fatalf("after a full report the client counts %d of %d", len(c.uids), v.latest.Len())
	}
}

func unsettled(mail.UID, seen) bool { return false }

// tells reports whether there is something about messages.
func (c changes) tells() bool {
	return !changes{c.expunged, c.vanished, c.exists, c.flags, false}.none()
}

// TestViewModel does random things to a mailbox and tells a client of them, with
// and without leave to send EXPUNGE, with and without flags that the client knows
// of. What is told is what the model says, and afterwards both know the same.
func TestViewModel(t *testing.T) {
	for seed := range uint64(12) {
		m := newRandomMailbox(t, seed)
		vanish := seed%2 == 1
		v := newView(m.sync(), vanish)
		c := &client{vanish: vanish, knows: v.highest(), flags: make(map[mail.UID]string), recent: make(map[mail.UID]bool)}
		for step := range 150 {
			m.change(step)
			if claimed := m.claim(); len(claimed) > 0 {
				v.recent.add(v.known, claimed)
				for _, uid := range claimed {
					c.recent[uid] = true
				}
			}
			v.sync(m.sync())
			may := m.rnd.IntN(3) == 0
			settled := unsettled
			if m.rnd.IntN(3) == 0 {
				some := mail.UID(m.rnd.IntN(3))
				settled = func(uid mail.UID, _ seen) bool { return uid%3 == some }
			}
			want := c.due(v.latest, may, settled)
			got, err := v.advance(may, settled)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(changes{})); d != "" {
				t.Fatalf("seed %d, step %d, may expunge %v: %s", seed, step, may, d)
			}
			c.apply(t, v.latest, got, settled)
			c.check(t, v, may)
			if vanish {
				c.come(t, v, got)
			}
			if again, err := v.advance(may, unsettled); err != nil || again.highest != c.held && vanish || again.tells() {
				t.Fatalf("step %d: told twice: %+v %v", step, again, err)
			}
		}
	}
}

// randomMailbox is a mailbox to which things happen.
type randomMailbox struct {
	*store.Mailbox
	t   *testing.T
	dir string
	rnd *rand.Rand
	n   int // files delivered
}

func newRandomMailbox(t *testing.T, seed uint64) *randomMailbox {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "Maildir")
	acct, err := store.OpenAccount(dir, store.Options{Host: "test"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := acct.Open(context.Background(), mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		if err := acct.Close(); err != nil {
			t.Error(err)
		}
	})
	return &randomMailbox{Mailbox: m, t: t, dir: dir, rnd: rand.New(rand.NewPCG(seed, 1))}
}

func (m *randomMailbox) sync() *store.Snapshot {
	m.t.Helper()
	s, err := m.Sync(context.Background())
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// some returns the UIDs of about a quarter of the messages.
func (m *randomMailbox) some() (uids []mail.UID) {
	for _, u := range m.sync().UIDs() {
		if m.rnd.IntN(4) == 0 {
			uids = append(uids, u)
		}
	}
	return uids
}

// change does one thing.
func (m *randomMailbox) change(step int) {
	m.t.Helper()
	switch m.rnd.IntN(6) {
	case 0:
		add(m.t, m.Mailbox, m.rnd.IntN(3)+1)
	case 1, 2:
		m.n++
		name := fmt.Sprintf("11%08d.M%dP1.h", m.n, m.n)
		if err := os.WriteFile(filepath.Join(m.dir, "new", name), []byte("Subject: x\n\n"), 0o600); err != nil {
			m.t.Fatal(err)
		}
	case 3:
		if step%3 > 0 { // else the mailbox would be empty mostly
			break
		}
		if err := m.Expunge(context.Background(), m.some()); err != nil {
			m.t.Fatal(err)
		}
	case 4:
		change := store.FlagChange{Op: mail.Op(m.rnd.IntN(3)), FlagSet: store.FlagSet{
			Flags:    mail.Flags(m.rnd.IntN(32)),
			Keywords: []mail.Keyword{mail.Keyword(fmt.Sprint("k", m.rnd.IntN(4)))},
		}}
		if _, err := m.SetFlags(context.Background(), m.some(), change); err != nil {
			m.t.Fatal(err)
		}
	}
}

// claim takes what is new over, mostly.
func (m *randomMailbox) claim() []mail.UID {
	m.t.Helper()
	if m.rnd.IntN(3) == 0 {
		return nil
	}
	m.sync()
	claimed, err := m.ClaimRecent(context.Background())
	if err != nil {
		m.t.Fatal(err)
	}
	return claimed
}

func add(t *testing.T, m *store.Mailbox, n int) {
	t.Helper()
	b, err := m.NewAppend()
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		w, err := b.Add(store.FlagSet{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "Subject: x\n\nbody\n")
	}
	if _, err := b.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkAdvance finds out what to tell of one mail that has come to a large
// mailbox, and of one whose flags have changed.
func BenchmarkAdvance(b *testing.B) {
	const n = 1_000_000
	dir := ClaimedMailbox(b, n)
	acct, err := store.OpenAccount(dir, store.Options{Host: "test"})
	if err != nil {
		b.Fatal(err)
	}
	defer acct.Close()
	m, err := acct.Open(b.Context(), mail.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	sync := func() *store.Snapshot {
		s, err := m.Sync(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	s0 := sync()
	if err := os.WriteFile(filepath.Join(dir, "new", "1800000000.M1P1.h"), []byte("Subject: x\n\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	s1 := sync()
	change := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Flagged}}
	if _, err := m.SetFlags(b.Context(), []mail.UID{n + 1}, change); err != nil {
		b.Fatal(err)
	}
	s2 := sync()
	for _, c := range []struct {
		name     string
		from, to *store.Snapshot
		want     changes
	}{{"arrival", s0, s1, changes{exists: true}}, {"flags", s1, s2, changes{flags: []uint32{n + 1}}}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				v := newView(c.from, false)
				v.sync(c.to)
				got, err := v.advance(true, unsettled)
				if err != nil || !cmp.Equal(got, c.want, cmp.AllowUnexported(changes{})) {
					b.Fatalf("%+v %v", got, err)
				}
			}
		})
	}
}
