package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"fantail/internal/mail"
	"fantail/test/samplemail"
)

const validity = 7

func openView(t testing.TB, dir string) *View {
	t.Helper()
	v, err := Open(dir, validity)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// lock goes through the file and takes the lock.
func lock(t testing.TB, v *View) *Writer {
	t.Helper()
	drain(t, v)
	w, _, err := v.Lock()
	if err != nil || w == nil {
		t.Fatal(w, err)
	}
	drain(t, v)
	t.Cleanup(func() { w.Close() })
	return w
}

func drain(t testing.TB, v *View) (uids []mail.UID) {
	t.Helper()
	var f Frame
	defer f.Close()
	for {
		err := v.Next(&f)
		if err == io.EOF {
			return uids
		}
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, f.UIDs()...)
	}
}

// write puts messages into the file, so many in a frame; a UID is the message's
// place, counted from 1.
func write(t testing.TB, w *Writer, each int, first mail.UID, messages ...[]byte) {
	t.Helper()
	b, err := NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader()
	for i, m := range messages {
		text, err := r.Read(bytes.NewReader(m), 0, func([]byte) {})
		if err != nil {
			t.Fatal(err)
		}
		if !b.Add(first+mail.UID(i), text) {
			t.Fatalf("message %d is not kept", i)
		}
		if b.Full() || b.Len() == each || i == len(messages)-1 {
			if err := w.Append(b); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// find asks the file. It returns the UIDs that match, and those that it decides.
func find(t testing.TB, v *View, q Query) (hits, decided []mail.UID) {
	t.Helper()
	m := Compile(q)
	var f Frame
	defer f.Close()
	for {
		err := v.Next(&f)
		if err == io.EOF {
			slices.Sort(hits)
			slices.Sort(decided)
			return hits, decided
		}
		if err != nil {
			t.Fatal(err)
		}
		n := len(f.UIDs())
		want, found := make([]bool, n), make([]bool, n)
		for i := range want {
			want[i] = true
		}
		if err := f.Find(m, want, found); errors.Is(err, ErrDamaged) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		for i, uid := range f.UIDs() {
			if found[i] {
				hits = append(hits, uid)
			}
			if f.Decides(m, i) {
				decided = append(decided, uid)
			}
		}
	}
}

func plainTexts(t testing.TB, messages [][]byte) (all []plain) {
	for _, m := range messages {
		all = append(all, plainText(t, m))
	}
	return all
}

func samples(n int, seed uint64) (all [][]byte) {
	for m := range samplemail.Generate(n, seed) {
		all = append(all, m.Data)
	}
	return all
}

// What the file answers is what a plain search in the messages answers.
func TestFileAgainstPlainSearch(t *testing.T) {
	dir := t.TempDir()
	messages := samples(200, 5)
	write(t, lock(t, openView(t, dir)), 40, 1, messages...)
	r := rand.New(rand.NewPCG(5, 6))
	texts := plainTexts(t, messages)
	some := 0
	for range 300 {
		q := someQuery(t, r, messages[r.IntN(len(messages))])
		var want []mail.UID
		for i, p := range texts {
			if p.matches(q) {
				want = append(want, mail.UID(i)+1)
			}
		}
		got, decided := find(t, openView(t, dir), q)
		if !slices.Equal(got, want) || len(decided) != len(messages) {
			t.Fatalf("%+q: %v of %d decided, want %v", q, got, len(decided), want)
		}
		if len(want) > 0 && len(want) < len(messages) {
			some++
		}
	}
	if some < 100 {
		t.Errorf("%d of 300 queries have some hits: they prove nothing", some)
	}
}

// Only the messages that are asked for are looked at.
func TestFindAmong(t *testing.T) {
	dir := t.TempDir()
	write(t, lock(t, openView(t, dir)), 100, 1, slices.Repeat([][]byte{[]byte("Subject: x\n\nriver\n")}, 9)...)
	v := openView(t, dir)
	var f Frame
	defer f.Close()
	if err := v.Next(&f); err != nil {
		t.Fatal(err)
	}
	want := []bool{false, true, true, false, true, false, false, true, true}
	for _, q := range []Query{{Needle: "river"}, {Needle: "r"}, {Needle: "x", In: OneField, Field: "Subject"}} {
		hits := make([]bool, len(want))
		if err := f.Find(Compile(q), want, hits); err != nil || !slices.Equal(hits, want) {
			t.Errorf("%v: %v, %v", q, hits, err)
		}
	}
}

func TestLongBodyIsNotDecided(t *testing.T) {
	dir := t.TempDir()
	long := []byte("Subject: long\n\n" + strings.Repeat("the river rises\n", maxBody/15))
	write(t, lock(t, openView(t, dir)), 100, 1, []byte("Subject: short\n\nbrook\n"), long, []byte("\nbrook\n"))
	for _, c := range []struct {
		q             Query
		hits, decided string
	}{
		{Query{Needle: "river", In: BodyOnly}, "[]", "[1 3]"},
		{Query{Needle: "brook"}, "[1 3]", "[1 3]"},
		{Query{Needle: "long", In: OneField, Field: "subject"}, "[2]", "[1 2 3]"},
	} {
		hits, decided := find(t, openView(t, dir), c.q)
		if fmt.Sprint(hits) != c.hits || fmt.Sprint(decided) != c.decided {
			t.Errorf("%v: %v of %v, want %s of %s", c.q, hits, decided, c.hits, c.decided)
		}
	}
}

// What was made of a header alone decides about the message's own fields alone.
func TestHeaderAlone(t *testing.T) {
	dir := t.TempDir()
	w := lock(t, openView(t, dir))
	b, err := NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	text, err := NewReader().ReadHeader(strings.NewReader("Subject: x\nX-Y: z\n\nriver"))
	if err != nil || !b.Add(3, text) {
		t.Fatal("not kept", err)
	}
	if err := w.Append(b); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q             Query
		hits, decided string
	}{
		{Query{Needle: "river"}, "[]", "[]"},
		{Query{Needle: "z"}, "[3]", "[]"},
		{Query{Needle: "z", In: BodyOnly}, "[]", "[]"},
		{Query{Needle: "z", In: OneField, Field: "x-y"}, "[3]", "[3]"},
		{Query{Needle: "z", In: OneField, Field: "subject"}, "[]", "[3]"},
	} {
		hits, decided := find(t, openView(t, dir), c.q)
		if fmt.Sprint(hits) != c.hits || fmt.Sprint(decided) != c.decided {
			t.Errorf("%v: %v of %v, want %s of %s", c.q, hits, decided, c.hits, c.decided)
		}
	}
}

// A header of enormous size is not kept.
func TestTooMuchToKeep(t *testing.T) {
	b, err := NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	var text Text
	text.sections[Header] = make([]byte, maxSection)
	if b.Add(1, &text) || b.Len() != 0 {
		t.Error("it is kept")
	}
}

// Of a file of another UIDVALIDITY nothing is believed, and the next writer makes it
// anew.
func TestOtherValidity(t *testing.T) {
	dir := t.TempDir()
	w := lock(t, openView(t, dir))
	write(t, w, 100, 1, samples(20, 1)...)
	w.Close()
	v, err := Open(dir, validity+1)
	if err != nil {
		t.Fatal(err)
	}
	if got := drain(t, v); len(got) > 0 {
		t.Errorf("UIDs of another validity: %v", got)
	}
	write(t, lock(t, v), 100, 5, []byte("\nriver\n"))
	if v, _ = Open(dir, validity+1); !slices.Equal(drain(t, v), []mail.UID{5}) {
		t.Error("what was written is not there")
	}
	if got := drain(t, openView(t, dir)); len(got) > 0 {
		t.Errorf("the old messages are there again: %v", got)
	}
}

// One writes; others do not wait, and read what is there.
func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	a := openView(t, dir)
	w := lock(t, a)
	write(t, w, 100, 1, []byte("\nriver\n"))
	b := openView(t, dir)
	if got := drain(t, b); len(got) != 1 {
		t.Errorf("the other reads %v", got)
	}
	if w2, _, err := b.Lock(); w2 != nil || err != nil {
		t.Errorf("a second writer: %v, %v", w2, err)
	}
	write(t, w, 100, 2, []byte("\nbrook\n"))
	w.Close()
	w2, again, err := b.Lock()
	if w2 == nil || again || err != nil {
		t.Fatal(w2, again, err)
	}
	if got := drain(t, b); !slices.Equal(got, []mail.UID{2}) {
		t.Errorf("what has come meanwhile: %v", got)
	}
	write(t, w2, 100, 3, []byte("\nlake\n"))
	if err := w2.Compact(func(mail.UID, Lack) bool { return true }, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	w2.Close()
	// The first still reads the file that was replaced, and notices when it locks.
	w3, again, err := a.Lock()
	if w3 == nil || !again || err != nil {
		t.Fatal(w3, again, err)
	}
	defer w3.Close()
	if got := drain(t, a); !slices.Equal(got, []mail.UID{1, 2, 3}) {
		t.Errorf("after the replacement: %v", got)
	}
}

// Several goroutines take frames, and append.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	w := lock(t, openView(t, dir))
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5 {
				write(t, w, 10, mail.UID(1+g*100+i*20), slices.Repeat([][]byte{[]byte("\nriver\n")}, 20)...)
			}
		})
	}
	wg.Wait()
	v := openView(t, dir)
	seen := make([][]mail.UID, 4)
	for g := range seen {
		wg.Go(func() { seen[g] = drain(t, v) })
	}
	wg.Wait()
	all := slices.Concat(seen...)
	slices.Sort(all)
	if len(all) != 400 || all[0] != 1 || all[399] != 400 || len(slices.Compact(all)) != 400 {
		t.Errorf("%d messages: %v", len(all), all)
	}
}

// Whatever a crash leaves of the last frame, those before it count, and the next
// writer goes on behind them.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	w := lock(t, openView(t, dir))
	write(t, w, 10, 1, samples(10, 1)...)
	first, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, 10, 11, samples(10, 2)...)
	w.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		cut := int(first.Size()) + r.IntN(len(whole)-int(first.Size()))
		torn := slices.Clone(whole[:cut])
		if r.IntN(2) == 0 { // the file was longer already
			torn = append(torn, make([]byte, r.IntN(5000))...)
		}
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		q := Query{Needle: "e"}
		if _, decided := find(t, openView(t, dir), q); len(decided) != 10 && len(torn) < len(whole) {
			t.Fatalf("cut at %d: %v", cut, decided)
		}
		w := lock(t, openView(t, dir))
		write(t, w, 10, 21, []byte("\nriver\n"))
		w.Close()
		hits, _ := find(t, openView(t, dir), Query{Needle: "river"})
		if !slices.Contains(hits, 21) {
			t.Fatalf("cut at %d: what was written then is lost: %v", cut, hits)
		}
	}
}

// Damage makes the file know less, and never something wrong.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	messages := samples(60, 3)
	w := lock(t, openView(t, dir))
	write(t, w, 20, 1, messages...)
	w.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	q := Query{Needle: "ing"}
	right := make(map[mail.UID]bool)
	for i, p := range plainTexts(t, messages) {
		right[mail.UID(i)+1] = p.matches(q)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		bad := slices.Clone(whole)
		for range 1 + r.IntN(3) {
			bad[r.IntN(len(bad))] ^= byte(1 << r.IntN(8))
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		hits, decided := find(t, openView(t, dir), q)
		for _, uid := range decided {
			if slices.Contains(hits, uid) != right[uid] {
				t.Fatalf("UID %d: wrong answer from a damaged file", uid)
			}
		}
	}
}

func TestCompact(t *testing.T) {
	dir := t.TempDir()
	v := openView(t, dir)
	w := lock(t, v)
	messages := samples(300, 4)
	write(t, w, 7, 1, messages...)
	write(t, w, 7, 1, messages[:50]...) // twice
	before, err := os.Stat(v.path)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	n := 0
	err = w.Compact(func(mail.UID, Lack) bool { return true }, func() error {
		if n++; n == 5 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Errorf("stopped: %v", err)
	}
	if after, err := os.Stat(v.path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced all the same: %v", err)
	}
	seen := make(map[mail.UID]bool)
	keep := func(uid mail.UID, _ Lack) bool {
		again := seen[uid]
		seen[uid] = true
		return !again && uid%3 > 0
	}
	if err := w.Compact(keep, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	write(t, w, 7, 1000, []byte("\nriver\n"))
	got := drain(t, openView(t, dir))
	if len(got) != 201 || got[200] != 1000 {
		t.Errorf("%d messages: %v", len(got), got)
	}
	texts := plainTexts(t, messages)
	for q := range 20 {
		q := Query{Needle: string(rune('a' + q))}
		hits, _ := find(t, openView(t, dir), q)
		for _, uid := range got[:200] {
			if want := texts[uid-1].matches(q); slices.Contains(hits, uid) != want {
				t.Fatalf("%v: UID %d: %v", q, uid, !want)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Texts of which nothing is there do not lead to their neighbours.
func TestFindInNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, lock(t, openView(t, dir)), 100, 1,
		[]byte(""), []byte("Subject:\n\n"), []byte("X-A: b\n\n"), []byte("Subject: x\n\ny\n"), []byte("Subject:"), []byte(""))
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{}, "[1 2 3 4 5 6]"},
		{Query{In: BodyOnly}, "[1 2 3 4 5 6]"},
		{Query{In: OneField, Field: "subject"}, "[2 4 5]"},
		{Query{In: OneField, Field: "x-a"}, "[3]"},
		{Query{In: OneField, Field: "subjec"}, "[]"},
		{Query{In: OneField, Field: ""}, "[]"},
		{Query{In: OneField, Field: "subject", Needle: "x"}, "[4]"},
		{Query{In: OneField, Field: "subject", Needle: "b"}, "[]"},
		{Query{Needle: "y"}, "[4]"},
		{Query{Needle: "b"}, "[2 3 4 5]"},
		{Query{Needle: "subject: "}, "[2 4 5]"},
		{Query{Needle: "\xff"}, "[]"},
	} {
		if hits, _ := find(t, openView(t, dir), c.q); fmt.Sprint(hits) != c.want {
			t.Errorf("%+q: %v, want %s", c.q, hits, c.want)
		}
	}
}

// What is in the file's place is not followed and not waited for.
func TestForeignFile(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"link":      func(path string) error { return os.Symlink("/etc/passwd", path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := make(filepath.Join(dir, Name)); err != nil {
				t.Fatal(err)
			}
			if v, err := Open(dir, validity); err == nil {
				v.Close()
				t.Error("it was opened")
			}
		})
	}
}

func FuzzFrames(f *testing.F) {
	dir := f.TempDir()
	v, err := Open(dir, validity)
	if err != nil {
		f.Fatal(err)
	}
	w, _, err := v.Lock()
	if err != nil {
		f.Fatal(err)
	}
	write(f, w, 2, 1, []byte("Subject: a\nX-B: c\n\nd\n"), []byte("\ntext\n"), []byte("To: e\n\n"))
	seed, err := os.ReadFile(v.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed[headerSize:])
	f.Add(seed[headerSize : len(seed)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		// With right checksums, lest they keep everything strange away.
		dir := t.TempDir()
		h := header(validity)
		if err := os.WriteFile(filepath.Join(dir, Name), append(h, repair(b)...), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, q := range []Query{{Needle: "a"}, {Needle: "", In: OneField, Field: "subject"}} {
			hits, decided := find(t, openView(t, dir), q)
			if len(hits) > 3*len(b) || len(decided) > 3*len(b) {
				t.Errorf("%d octets have %d messages", len(b), len(decided))
			}
		}
	})
}

// repair gives heads and sections that could be some the right checksums.
func repair(b []byte) []byte {
	b = slices.Clone(b)
	seed := sum(header(validity))
	for rest := b; ; {
		n, err := headSize(rest)
		if err != nil || n > len(rest) {
			return b
		}
		at := n
		for s := range sections {
			for _, p := range []int{12 + 16*int(s), 20 + 16*int(s)} {
				size := int(le.Uint32(rest[p:]))
				if size > len(rest)-at {
					break
				}
				le.PutUint32(rest[p+4:], sum(rest[at:at+size]))
				at += size
			}
		}
		le.PutUint32(rest, sumAfter(seed, rest[4:n]))
		rest = rest[at:]
	}
}
