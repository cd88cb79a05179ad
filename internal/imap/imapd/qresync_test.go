package imapd

import (
	"context"
	"math/rand/v2"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/mail"
)

// TestMatchedUpTo compares with walking over all samples one by one (RFC 7162
// section 3.2.5.2).
func TestMatchedUpTo(t *testing.T) {
	m := newRandomMailbox(t, 1)
	add(t, m.Mailbox, 60)
	if err := m.Expunge(context.Background(), []mail.UID{1, 7, 8, 20, 33, 59, 60}); err != nil {
		t.Fatal(err)
	}
	snap := m.sync()
	rnd := rand.New(rand.NewPCG(3, 3))
	sets := func() (a, b imap.SeqSet, an, bn []uint32) {
		for n, u := uint32(0), uint32(0); len(an) < 1+rnd.IntN(30); {
			n += 1 + rnd.Uint32N(4)
			u += 1 + rnd.Uint32N(4)
			if rnd.IntN(2) == 0 && int(n) <= snap.Len() {
				u = max(u, uint32(snap.UID(int(n)-1)))
			}
			an, bn = append(an, n), append(bn, u)
		}
		return imap.Numbers(an), imap.Numbers(bn), an, bn
	}
	matched := 0
	for range 2000 {
		a, b, an, bn := sets()
		want := mail.UID(0)
		for i := range an {
			if int(an[i]) <= snap.Len() && snap.UID(int(an[i])-1) == mail.UID(bn[i]) {
				want = mail.UID(bn[i])
			}
		}
		if want > 0 {
			matched++
		}
		if got := matchedUpTo(snap, &imap.QResync{Numbers: a, UIDs: b}); got != want {
			t.Fatalf("(%s %s) matches up to %d, not %d", a, b, got, want)
		}
	}
	if matched < 500 {
		t.Fatalf("only %d of the samples match", matched)
	}
	all := imap.SeqSet{{From: 1, To: 1<<32 - 1}}
	if got := matchedUpTo(snap, &imap.QResync{Numbers: all, UIDs: all}); got != 0 {
		t.Errorf("all numbers and all UIDs match up to %d", got) // UID 1 is gone
	}
}

// TestVanished compares with looking at every UID.
func TestVanished(t *testing.T) {
	for seed := range uint64(6) {
		m := newRandomMailbox(t, seed)
		add(t, m.Mailbox, 50)
		v := newView(m.sync(), true)
		var moments []mail.ModSeq
		for step := range 40 {
			moments = append(moments, v.latest.HighestModSeq())
			m.change(step)
			v.sync(m.sync())
			if m.rnd.IntN(3) > 0 {
				if _, err := v.advance(m.rnd.IntN(2) == 0, unsettled); err != nil {
					t.Fatal(err)
				}
			}
			since := moments[m.rnd.IntN(len(moments))]
			a, b, above := 1+m.rnd.Uint32N(60), 1+m.rnd.Uint32N(90), mail.UID(m.rnd.Uint32N(30))
			set := imap.SeqSet{{From: a, To: a + 9}, {From: b, To: 0}, {From: 3, To: 4}}
			got := v.vanished(since, set, above)
			gone := v.latest.VanishedSince(since)
			for uid := mail.UID(1); uid < v.latest.UIDNext()+5; uid++ {
				want := false
				for _, r := range gone {
					want = want || r.Lo <= uid && uid <= r.Hi
				}
				_, counted := v.known.Find(uid)
				asked := set.Resolve(uint32(v.known.UIDNext()) - 1).Contains(uint32(uid))
				want = want && !counted && asked && uid > above && uid < v.known.UIDNext()
				if got.Contains(uint32(uid)) != want {
					t.Fatalf("seed %d, step %d: %d of %s since %d above %d: %s", seed, step, uid, set, since, above, got)
				}
			}
		}
	}
}
