package imapd

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// client is the model: what a client makes of the responses, by the letter of
// RFC 9051 sections 7.4 and 7.5.
type client struct {
	uids  []mail.UID
	flags map[mail.UID]string
}

func (c *client) apply(t *testing.T, v *view, ch changes) {
	t.Helper()
	for _, n := range ch.expunged {
		if n == 0 || int(n) > len(c.uids) {
			t.Fatalf("EXPUNGE %d of %d", n, len(c.uids))
		}
		delete(c.flags, c.uids[n-1])
		c.uids = append(c.uids[:n-1], c.uids[n:]...)
	}
	if ch.exists {
		if v.len() <= len(c.uids) {
			t.Fatalf("EXISTS %d when the client counts %d", v.len(), len(c.uids))
		}
		for n := len(c.uids); n < v.len(); n++ {
			uid := v.uid(uint32(n) + 1)
			c.uids = append(c.uids, uid)
			now, _ := v.now(uid)
			c.flags[uid] = flagText(now) // a client fetches what is new
		}
	}
	if v.len() != len(c.uids) {
		t.Fatalf("the view counts %d, the client %d", v.len(), len(c.uids))
	}
	for _, n := range ch.flags {
		uid := c.uids[n-1]
		if v.uid(n) != uid {
			t.Fatalf("message %d is UID %d to the view and %d to the client", n, v.uid(n), uid)
		}
		now, _ := v.now(uid)
		c.flags[uid] = flagText(now)
	}
}

func flagText(s seen) string { return fmt.Sprint(s.snap.Flags(s.i), s.snap.Keywords(s.i)) }

// TestViewModel does random things to a mailbox and tells a client of them, with
// and without leave to send EXPUNGE. The client's numbering is always the view's,
// and after a full report it knows all.
func TestViewModel(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		acct, err := store.OpenAccount(filepath.Join(t.TempDir(), "Maildir"), store.Options{Host: "test"})
		if err != nil {
			t.Fatal(err)
		}
		m, err := acct.Open(ctx, mail.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		sync := func() *store.Snapshot {
			s, err := m.Sync(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		v := newView(sync())
		c := &client{flags: make(map[mail.UID]string)}
		for step := range 120 {
			latest := sync()
			some := func() []mail.UID {
				var uids []mail.UID
				for _, u := range latest.UIDs() {
					if rnd.IntN(4) == 0 {
						uids = append(uids, u)
					}
				}
				return uids
			}
			switch rnd.IntN(5) {
			case 0, 1:
				add(t, m, rnd.IntN(3)+1)
			case 2:
				if err := m.Expunge(ctx, some()); err != nil {
					t.Fatal(err)
				}
			case 3:
				change := store.FlagChange{Op: mail.Op(rnd.IntN(3)), FlagSet: store.FlagSet{
					Flags:    mail.Flags(rnd.IntN(32)),
					Keywords: []mail.Keyword{mail.Keyword(fmt.Sprint("k", rnd.IntN(4)))},
				}}
				if _, err := m.SetFlags(ctx, some(), change); err != nil {
					t.Fatal(err)
				}
			}
			v.latest = sync()
			may := rnd.IntN(2) == 0
			ch := v.advance(may, func(mail.UID, seen) bool { return false })
			if !may && len(ch.expunged) > 0 {
				t.Fatalf("step %d: EXPUNGE where it is forbidden", step)
			}
			c.apply(t, v, ch)
			if again := v.advance(may, func(mail.UID, seen) bool { return false }); !again.none() {
				t.Fatalf("step %d: told twice: %+v", step, again)
			}
			for _, uid := range c.uids {
				if now, gone := v.now(uid); !gone && flagText(now) != c.flags[uid] {
					t.Fatalf("step %d: UID %d is %s, the client thinks %s", step, uid, flagText(now), c.flags[uid])
				}
			}
			if may && len(c.uids) != v.latest.Len() {
				t.Fatalf("step %d: after a full report the client counts %d of %d", step, len(c.uids), v.latest.Len())
			}
		}
		m.Close()
		if err := acct.Close(); err != nil {
			t.Fatal(err)
		}
	}
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
