package storetest

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// another opens the account once more, as another process does, and INBOX in it.
func (w *world) another() *store.Mailbox {
	w.t.Helper()
	a := w.open(w.t, w.dir)
	m, err := a.Open(w.ctx, mail.Inbox)
	w.must(err)
	w.t.Cleanup(func() {
		w.must(m.Close())
		w.must(a.Close())
	})
	return m
}

// claimOnce: of all sessions that claim a message, one gets it (RFC 3501 section
// 2.3.2).
func claimOnce(w *world) {
	const n, sessions = 100, 4
	for i := range n {
		w.file(fmt.Sprintf("new/10000%05d.a.h", i), "x\n")
	}
	boxes := make([]*store.Mailbox, sessions)
	for i := range boxes {
		boxes[i] = w.another()
	}
	claimed := make([][]mail.UID, sessions)
	var wg sync.WaitGroup
	for i, m := range boxes {
		wg.Go(func() {
			for range 3 {
				if _, err := m.Sync(w.ctx); err != nil {
					w.t.Error(err)
				}
				got, err := m.ClaimRecent(w.ctx)
				if err != nil {
					w.t.Error(err)
				}
				claimed[i] = append(claimed[i], got...)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(claimed...)
	slices.Sort(all)
	if len(all) != n || len(slices.Compact(all)) != n {
		w.t.Errorf("%d messages were claimed %d times", n, len(all))
	}
	if s := w.sync(mail.Inbox); s.Len() != n || s.Status().Recent != 0 {
		w.t.Errorf("status %+v", s.Status())
	}
}

// actor is one of several processes that do what they like to one mailbox.
type actor struct {
	w    *world
	m    *store.Mailbox
	name string
	rand *rand.Rand
	on   map[mail.UID]bool // of the actor's keyword, as it left it
	seen map[mail.UID]string
	next mail.UID
}

// converge: processes that work on one mailbox at the same time, and a program
// that knows nothing of them, agree in the end: on UIDs, on flags, and with the
// directory. No change of a keyword that only one of them changes is lost.
func converge(w *world) {
	const processes, steps = 3, 60
	actors := make([]*actor, processes)
	for i := range actors {
		actors[i] = &actor{
			w: w, m: w.another(), name: fmt.Sprint("p", i), rand: rand.New(rand.NewPCG(uint64(i), 1)),
			on: make(map[mail.UID]bool), seen: make(map[mail.UID]string),
		}
	}
	var wg sync.WaitGroup
	for _, a := range actors {
		wg.Go(func() {
			for n := range steps {
				if err := a.act(n); err != nil {
					w.t.Errorf("%s: %v", a.name, err)
					return
				}
			}
		})
	}
	wg.Wait()
	want := strings.Join(show(w.sync(mail.Inbox)), "|")
	base := make(map[mail.UID]string)
	for _, a := range actors {
		s, err := a.m.Sync(w.ctx)
		w.must(err)
		if got := strings.Join(show(s), "|"); got != want {
			w.t.Errorf("%s sees %s, another %s", a.name, got, want)
		}
		for uid, b := range a.seen {
			if old, ok := base[uid]; ok && old != b {
				w.t.Errorf("UID %d is %s and %s", uid, old, b)
			}
			base[uid] = b
		}
		for uid, on := range a.on {
			if i, ok := s.Find(uid); ok && slices.Contains(s.Keywords(i), mail.Keyword(a.name)) != on {
				w.t.Errorf("%s left its keyword on UID %d as %t", a.name, uid, on)
			}
		}
	}
	if n := strings.Count(want, "|") + 1; n != len(w.files(w.dir)) {
		w.t.Errorf("%d messages, %d files", n, len(w.files(w.dir)))
	}
}

func (a *actor) act(n int) error {
	s, err := a.m.Sync(a.w.ctx)
	if err != nil {
		return err
	}
	for i := range s.Len() {
		if _, ok := a.seen[s.UID(i)]; !ok && s.UID(i) < a.next {
			a.w.t.Errorf("%s: UID %d came in below UIDNEXT %d", a.name, s.UID(i), a.next)
		}
		a.seen[s.UID(i)] = s.Base(i)
	}
	a.next = s.UIDNext()
	if s.Len() < 3 || n%3 == 0 {
		return a.add(n)
	}
	uid := s.UID(a.rand.IntN(s.Len()))
	switch a.rand.IntN(5) {
	case 0:
		return a.m.Expunge(a.w.ctx, []mail.UID{uid})
	case 1:
		_, err := a.m.Copy(a.w.ctx, []mail.UID{uid}, a.m)
		return err
	}
	op := []mail.Op{mail.Add, mail.Remove}[a.rand.IntN(2)]
	missing, err := a.m.SetFlags(a.w.ctx, []mail.UID{uid}, store.FlagChange{Op: op, FlagSet: store.FlagSet{Keywords: []mail.Keyword{mail.Keyword(a.name)}}})
	if err == nil && len(missing) == 0 {
		a.on[uid] = op == mail.Add
	}
	return err
}

// add appends a message, or delivers one.
func (a *actor) add(n int) error {
	body := fmt.Sprintf("Subject: %s %d\n\n", a.name, n)
	if n%2 == 0 {
		got, err := appendTo(a.w.ctx, a.m, store.FlagSet{Flags: mail.Seen}, body)
		if err == nil && got.UIDs[0] < a.next {
			a.w.t.Errorf("%s: appended UID %d below UIDNEXT %d", a.name, got.UIDs[0], a.next)
		}
		return err
	}
	d, err := a.m.NewDelivery()
	if err != nil {
		return err
	}
	if _, err := d.Write([]byte(body)); err != nil {
		return err
	}
	return d.Commit(a.w.ctx)
}

// watches: whoever watches is told of every change, whoever made it.
func watches(w *world) {
	m, other := w.opened(mail.Inbox), w.another()
	watch, err := m.Watch()
	w.must(err)
	w.file("new/1000000001.a.h", "a\n")
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"delivery", func() { w.file("new/1000000002.b.h", "b\n") }, "1 new|2 new"},
		{"new to cur", func() { w.move("new/1000000001.a.h", "cur/1000000001.a.h:2,") }, "1|2 new"},
		{"flags", func() { w.move("cur/1000000001.a.h:2,", "cur/1000000001.a.h:2,F") }, "1 F|2 new"},
		{"removal", func() { w.remove("new/1000000002.b.h") }, "1 F"},
		{"append by another", func() {
			_, err := appendTo(w.ctx, other, store.FlagSet{Flags: mail.Seen}, "c\n")
			w.must(err)
		}, "1 F|3 S"},
		{"keyword by another", func() {
			_, err := other.SetFlags(w.ctx, []mail.UID{1}, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{"kw"}}})
			w.must(err)
		}, "1 F kw|3 S"},
		{"expunge by another", func() { w.must(other.Expunge(w.ctx, []mail.UID{1})) }, "3 S"},
	} {
		w.settle(m, watch)
		step.do()
		if !w.toldBy(m, watch, step.want) {
			w.t.Fatalf("nobody told of: %s", step.name)
		}
	}
	w.must(watch.Close())
}

// settle syncs until the watch is silent.
func (w *world) settle(m *store.Mailbox, watch *store.Watch) {
	w.t.Helper()
	for {
		s, err := m.Sync(w.ctx)
		w.must(err)
		w.told(mail.Inbox, s)
		select {
		case <-watch.C:
		case <-time.After(50 * time.Millisecond):
			return
		}
	}
}

// toldBy waits for the watch, and for what it tells of to be in the mailbox.
func (w *world) toldBy(m *store.Mailbox, watch *store.Watch, want string) bool {
	w.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case <-watch.C:
			s, err := m.Sync(w.ctx)
			w.must(err)
			w.told(mail.Inbox, s)
			if strings.Join(show(s), "|") == want {
				return true
			}
		case <-deadline:
			s, err := m.Sync(w.ctx)
			w.must(err)
			w.t.Logf("a sync shows %q, want %q", show(s), want)
			return false
		}
	}
}

// sameSnapshot: while nothing changes, nothing is told, and nothing is written.
func sameSnapshot(w *world) {
	w.append(mail.Inbox, store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"kw"}}, "a\n", "b\n")
	time.Sleep(30 * time.Millisecond)
	before := w.sync(mail.Inbox)
	time.Sleep(30 * time.Millisecond)
	again := w.sync(mail.Inbox)
	if again != before {
		w.t.Error("nothing changed, and yet there is a new snapshot")
	}
	list := w.stamp("dovecot-uidlist")
	w.reopen(func() {})
	s := w.sync(mail.Inbox)
	for i := range s.Len() {
		if !s.Same(i, before, i) || !before.Same(i, s, i) {
			w.t.Errorf("message %d is not the same after opening again", i)
		}
	}
	if now := w.stamp("dovecot-uidlist"); now != list {
		w.t.Errorf("opening a mailbox wrote its UID list: %s, was %s", now, list)
	}
	w.set(mail.Inbox, mail.Add, mail.Flagged, nil, 1)
	if after := w.sync(mail.Inbox); after.Same(0, s, 0) || !after.Same(1, s, 1) {
		w.t.Error("Same does not tell what changed")
	}
}

// stamp tells whether a file was written or replaced.
func (w *world) stamp(name string) string {
	w.t.Helper()
	return fileStamp(w.t, filepath.Join(w.dir, name))
}
