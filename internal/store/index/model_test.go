package index

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"

	"github.com/google/go-cmp/cmp"
)

// model is what an index should say. Its n-th transaction is always the same, so
// whoever knows how many there were knows everything but the modseqs. UID 1 is
// never expunged: its stored size counts the transactions.
type model struct {
	n    int
	next mail.UID
	msgs map[mail.UID]Message
}

func newModel() *model {
	first := message(1)
	first.Stored, first.Virtual = 0, -1
	return &model{next: 2, msgs: map[mail.UID]Message{1: first}}
}

func (m *model) uids() []mail.UID { return slices.Sorted(maps.Keys(m.msgs)) }

// action is one call on a Tx.
type action struct {
	what string
	msg  Message // the message afterwards
}

// plan returns what the next transaction does.
func (m *model) plan() []action {
	rng := rand.New(rand.NewPCG(uint64(m.n), 7))
	counter := m.msgs[1]
	counter.Stored++
	list := []action{{"sizes", counter}}
	next := m.next
	gone := map[mail.UID]bool{1: true}
	uids := m.uids()
	for range 1 + rng.IntN(6) {
		msg := m.msgs[uids[rng.IntN(len(uids))]]
		kind := rng.IntN(10)
		if kind >= 3 && gone[msg.UID] {
			continue
		}
		gone[msg.UID] = true // at most one action for each
		base, _, _ := strings.Cut(msg.File, ":")
		switch kind {
		case 0, 1, 2:
			uid := next + mail.UID(rng.IntN(8)/7)
			msg = message(uid)
			msg.New = kind == 0
			next = uid + 1
			list = append(list, action{"add", msg})
		case 3:
			msg.New, msg.File = false, base+":2,T"
			list = append(list, action{"move", msg})
		case 4:
			msg.Stored, msg.Virtual = int64(rng.IntN(1e6)), -1
			if rng.IntN(2) == 0 {
				msg.Virtual = msg.Stored + int64(rng.IntN(1e4))
			}
			list = append(list, action{"sizes", msg})
		case 5:
			msg.Internal = time.UnixMicro(rng.Int64N(1e15))
			msg.Saved = time.Time{}
			list = append(list, action{"dates", msg})
		case 6:
			for _, uid := range uids {
				if uid >= msg.UID && uid < msg.UID+3 && uid != 1 && (uid == msg.UID || !gone[uid]) {
					gone[uid] = true
					list = append(list, action{"expunge", Message{UID: uid}})
				}
			}
		default:
			msg.Flags = mail.Flags(rng.IntN(int(mail.AllFlags) + 1))
			msg.Keywords = nil
			for range rng.IntN(3) {
				msg.Keywords = append(msg.Keywords, mail.Keyword(fmt.Sprint("k", rng.IntN(40))))
			}
			msg.New, msg.File = rng.IntN(9) == 0, fmt.Sprintf("%s:2,%d", base, rng.IntN(100))
			list = append(list, action{"flags", msg})
		}
	}
	return list
}

// step makes the next transaction happen in the model.
func (m *model) step() {
	for _, a := range m.plan() {
		if a.what == "expunge" {
			delete(m.msgs, a.msg.UID)
			continue
		}
		m.msgs[a.msg.UID] = a.msg
		m.next = max(m.next, a.msg.UID+1)
	}
	m.n++
}

// write makes the same happen in a transaction.
func (m *model) write(tx *Tx) error {
	for _, a := range m.plan() {
		msg := a.msg
		var err error
		switch a.what {
		case "add":
			err = tx.Add(msg)
		case "move":
			err = tx.Move(msg.UID, msg.File, msg.New)
		case "sizes":
			err = tx.SetSizes(msg.UID, msg.Stored, msg.Virtual)
		case "dates":
			err = tx.SetDates(msg.UID, msg.Internal, msg.Saved)
		case "expunge":
			err = tx.Expunge(msg.UID)
		case "flags":
			err = tx.SetFlags(msg.UID, msg.File, msg.New, msg.Flags, msg.Keywords)
		}
		if err != nil {
			return fmt.Errorf("%s %d: %w", a.what, msg.UID, err)
		}
	}
	return nil
}

// begin makes the index of a new model.
func (m *model) begin(l *Lock) error {
	tx, err := l.Reset(77)
	if err != nil {
		return err
	}
	defer tx.Abort()
	if err := tx.Add(m.msgs[1]); err != nil {
		return err
	}
	_, err = tx.Commit()
	return err
}

// modelOf reads an index as a model.
func modelOf(x *Index) (*model, error) {
	m := &model{next: x.UIDNext(), msgs: make(map[mail.UID]Message)}
	for i, r := range x.Rows() {
		msg := Message{UID: r.UID, File: x.Name(i), New: r.New(), Flags: r.Flags, Keywords: x.Keywords(i), Stored: -1, Virtual: -1}
		if n, ok := r.Stored(); ok {
			msg.Stored = n
		}
		if n, ok := r.Virtual(); ok {
			msg.Virtual = n
		}
		if d, ok := r.Internal(); ok {
			msg.Internal = d
		}
		if d, ok := r.Saved(); ok {
			msg.Saved = d
		}
		m.msgs[r.UID] = msg
	}
	m.n = int(m.msgs[1].Stored)
	return m, x.Err()
}

// differs is diff, fast where there is no difference.
func (m *model) differs(other *model) string {
	same := m.next == other.next && m.n == other.n && maps.EqualFunc(m.msgs, other.msgs, func(a, b Message) bool {
		x, y := a, b
		x.Keywords, y.Keywords = nil, nil
		x.Internal, y.Internal, x.Saved, y.Saved = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		return a.Internal.Equal(b.Internal) && a.Saved.Equal(b.Saved) && slices.Equal(a.Keywords, b.Keywords) && reflect.DeepEqual(x, y)
	})
	if same {
		return ""
	}
	return m.diff(other)
}

// diff compares two models; the order of keywords does not matter.
func (m *model) diff(other *model) string {
	sorted := cmp.Transformer("sort", func(l []mail.Keyword) string {
		s := make([]string, len(l))
		for i, k := range l {
			s[i] = string(k)
		}
		slices.Sort(s)
		return strings.Join(slices.Compact(s), " ")
	})
	d := cmp.Diff(m.msgs, other.msgs, sorted)
	if m.next != other.next || m.n != other.n {
		d += fmt.Sprintf("next %d and %d, n %d and %d", m.next, other.next, m.n, other.n)
	}
	return d
}

// history remembers who had which modseq when, to check what VanishedSince and
// ChangedSince answer.
type moment struct {
	modseq mail.ModSeq
	msgs   map[mail.UID]Message
}

func TestModel(t *testing.T) {
	now := time.Now()
	back := false
	opt := Options{Vanished: 40, Clock: func() time.Time {
		if back = !back; back {
			return now.Add(-time.Hour) // a clock that jumps
		}
		return now
	}}
	dir := t.TempDir()
	f, reader := openWith(t, dir, opt), openWith(t, dir, opt)
	m := newModel()
	l := lock(t, f)
	if err := m.begin(l); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	var moments []moment
	for m.n < 1500 {
		x := commit(t, f, m.write)
		m.step()
		if m.n%10 == 0 {
			checkMoments(t, x, m, moments)
		}
		if m.n%50 == 0 {
			moments = append(moments, moment{x.HighestModSeq(), maps.Clone(m.msgs)})
		}
		switch {
		case m.n%97 == 0:
			l := lock(t, f)
			if _, err := l.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			l.Unlock()
		case m.n%31 == 0: // one that is given up
			if _, err := tryCommit(f, func(tx *Tx) error {
				return errors.Join(m.write(tx), tx.SetFlags(1, base(1), true, 0, []mail.Keyword{"never", "seen"}), fs.ErrInvalid)
			}); !errors.Is(err, fs.ErrInvalid) {
				t.Fatal(err)
			}
		}
		if m.n%7 != 0 {
			continue
		}
		for _, x := range []*Index{x, load(t, reader), load(t, openWith(t, dir, opt))} {
			contents(t, x)
			got, err := modelOf(x)
			if err != nil {
				t.Fatal(err)
			}
			if d := m.diff(got); d != "" {
				t.Fatalf("after %d transactions: %s", m.n, d)
			}
		}
	}
}

// checkMoments compares the index with what it was earlier.
func checkMoments(t *testing.T, x *Index, m *model, moments []moment) {
	t.Helper()
	for _, then := range moments {
		changed := make(map[mail.UID]bool)
		for _, r := range x.ChangedSince(then.modseq) {
			changed[r.UID] = true
		}
		ranges, exact := x.VanishedSince(then.modseq)
		gone := func(uid mail.UID) bool {
			return slices.ContainsFunc(ranges, func(r UIDRange) bool { return r.Lo <= uid && uid <= r.Hi })
		}
		for uid, old := range then.msgs {
			now, ok := m.msgs[uid]
			differs := now.Flags != old.Flags || !slices.Equal(now.Keywords, old.Keywords)
			if !ok && !gone(uid) {
				t.Fatalf("UID %d vanished after %d and nobody says so", uid, then.modseq)
			}
			if ok && differs && !changed[uid] {
				t.Fatalf("UID %d changed after %d and nobody says so", uid, then.modseq)
			}
		}
		for uid := range m.msgs {
			if gone(uid) {
				t.Fatalf("UID %d is said to be gone", uid)
			}
			if _, ok := then.msgs[uid]; !ok && !changed[uid] {
				t.Fatalf("UID %d came after %d and nobody says so", uid, then.modseq)
			}
		}
		if !exact && then.modseq >= x.floor {
			t.Fatal("not exact")
		}
	}
}
