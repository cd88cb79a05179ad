package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"fantail/internal/mail"
)

func TestSqueeze(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	masks := []uint64{0, 1, 1 << 63, 1<<64 - 1, 0xf0, 0x8000000000000001, 1<<63 - 1}
	for range 1000 {
		masks = append(masks, rng.Uint64()&rng.Uint64(), rng.Uint64()|rng.Uint64())
	}
	for _, dead := range masks {
		for _, n := range []int{1, 7, 63, 64} {
			dead := dead & (1<<n - 1) // none behind the end, as in a leaf
			var s, want []int
			for i := range n {
				s = append(s, i)
				if dead&(1<<i) == 0 {
					want = append(want, i)
				}
			}
			if got := squeeze(s, dead); !slices.Equal(got, want) {
				t.Fatalf("%d without %x: %v", n, dead, got)
			}
		}
	}
}

func TestUnseen(t *testing.T) {
	for n := range 40 {
		flags := slices.Repeat([]byte{byte(mail.AllFlags)}, n)
		if got := unseen(flags); got != n {
			t.Fatalf("all of %d are seen: %d", n, got)
		}
		for first := n - 1; first >= 0; first-- {
			flags[first] = byte(mail.AllFlags &^ mail.Seen)
			if got := unseen(flags); got != first {
				t.Fatalf("%d of %d: %d", first, n, got)
			}
		}
	}
}

// TestScans compares the bulk forms with one message after the other, where nodes,
// pages and leaves begin and end: unchanged, changed, expunged and added.
func TestScans(t *testing.T) {
	for _, n := range []int{1, 64, 4095, 4096, 4097, 8192, 9000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := open(t, t.TempDir())
			reset(t, f, n)
			l := lock(t, f)
			if _, err := l.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			l.Unlock()
			contents(t, load(t, f))
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for range 3 {
				x := commit(t, f, func(tx *Tx) error {
					for _, r := range tx.Index().Rows() {
						var err error
						switch at := int(r.UID); {
						case at%4096 < 130 && rng.IntN(3) == 0, at > 8192 && rng.IntN(2) == 0:
							err = tx.Expunge(r.UID)
						case rng.IntN(100) == 0:
							err = tx.SetFlags(r.UID, base(r.UID)+":2,", false, mail.Flags(rng.IntN(32)), nil)
						}
						if err != nil {
							return err
						}
					}
					for range 100 {
						if err := tx.Add(message(tx.e.x.next)); err != nil {
							return err
						}
					}
					return nil
				})
				contents(t, x)
				contents(t, load(t, open(t, f.dir)))
			}
		})
	}
}

// TestRepeatedRenames lets the names that one leaf has had outgrow its text, many
// times over.
func TestRepeatedRenames(t *testing.T) {
	f := open(t, t.TempDir())
	reset(t, f, 70)
	info := func(uid mail.UID, n int) string {
		return ":2," + string(slices.Repeat([]byte{'a' + byte(int(uid)+n)%26}, (int(uid)*7+n*13)%100))
	}
	const rounds = 200
	x := commit(t, f, func(tx *Tx) error {
		for n := range rounds {
			for uid := mail.UID(1); uid <= 70; uid++ {
				if err := tx.SetFlags(uid, base(uid)+info(uid, n), false, 0, nil); err != nil {
					return err
				}
			}
		}
		for _, leaf := range tx.e.leaves {
			if len(leaf.text) > maxText {
				t.Errorf("a text of %d octets", len(leaf.text))
			}
		}
		return nil
	})
	for _, x := range []*Index{x, load(t, open(t, f.dir))} {
		for i, r := range x.Rows() {
			if want := base(r.UID) + info(r.UID, rounds-1); x.Name(i) != want {
				t.Fatalf("UID %d: %q, want %q", r.UID, x.Name(i), want)
			}
		}
	}
}
