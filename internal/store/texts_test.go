package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store/text"
)

// textBox makes a mailbox of n messages; message i has the word "w<i>w" in its body,
// and "even" or "odd" in its subject.
func textBox(t testing.TB, n int) (dir string, m *Mailbox, s *Snapshot) {
	t.Helper()
	dir = t.TempDir()
	m = openBox(t, openAccount(t, dir), mail.Inbox)
	addTexts(t, m, 0, n)
	return dir, m, syncBox(t, m)
}

// addTexts adds messages as another program does, which is faster.
func addTexts(t testing.TB, m *Mailbox, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		name := fmt.Sprintf("%d.M%06dP1Q%d.other:2,", 1700000000+i, i, i)
		body := fmt.Sprintf("Subject: %s\n\nw%dw\n", []string{"even", "odd"}[i%2], i)
		if err := os.WriteFile(filepath.Join(m.dir.Path(), "cur", name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// idle waits until nothing is filled in the background.
func (m *Mailbox) idle() {
	m.texts.mu.Lock()
	stopped := m.texts.stopped
	m.texts.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
}

// cachedUIDs are the messages in the cache of texts; one may be there twice.
func cachedUIDs(t testing.TB, dir string, s *Snapshot) (uids []mail.UID, frames int) {
	t.Helper()
	v, err := text.Open(dir, s.UIDValidity())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var f text.Frame
	defer f.Close()
	for v.Next(&f) == nil {
		uids = append(uids, f.UIDs()...)
		frames++
	}
	slices.Sort(uids)
	return uids, frames
}

func wantCached(t testing.TB, dir string, s *Snapshot) {
	t.Helper()
	if got, _ := cachedUIDs(t, dir, s); !slices.Equal(got, s.UIDs()) {
		t.Errorf("in the cache are %d messages, want %d:\n%v", len(got), s.Len(), got)
	}
}

// A search that is prepared opens no message, and preparing it again is no work.
func TestPrepareTexts(t *testing.T) {
	dir, m, s := textBox(t, 100)
	busy, err := m.PrepareTexts(t.Context(), s)
	if err != nil || !busy {
		t.Fatal(busy, err)
	}
	m.idle()
	wantCached(t, dir, s)
	if busy, err := m.PrepareTexts(t.Context(), s); err != nil || busy {
		t.Errorf("all is there: %v, %v", busy, err)
	}
}

// A search that nobody waits for any more goes on in the background.
func TestTextsOfCanceledSearch(t *testing.T) {
	dir, m, s := textBox(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.FindText(ctx, s, TextSearch{Queries: []TextQuery{{Needle: "w77w"}}}); err == nil {
		t.Fatal("no error")
	}
	m.idle()
	wantCached(t, dir, s)
}

// A search leaves what it has read, and the next one opens no message.
func TestTextsAreKept(t *testing.T) {
	dir, m, s := textBox(t, 200)
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	m.idle()
	wantCached(t, dir, s)
	for _, sub := range []string{"cur", "new"} { // no message can be read any more
		if err := os.Rename(filepath.Join(dir, sub), filepath.Join(dir, sub+".away")); err != nil {
			t.Fatal(err)
		}
	}
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	wantFound(t, m, s, TextQuery{Needle: "W199w", In: BodyText}, 200)
	if got := found(t, m, s, TextQuery{Needle: "odd", In: FieldText, Field: "subject"}); len(got) != 100 {
		t.Errorf("%d messages are odd", len(got))
	}
}

// A search in headers leaves the headers, without anything being filled.
func TestHeadersAreKept(t *testing.T) {
	dir, m, s := textBox(t, 200)
	m.texts.close()
	odd := TextQuery{Needle: "odd", In: FieldText, Field: "subject"}
	want := found(t, m, s, odd)
	cur := filepath.Join(dir, "cur")
	if err := os.Rename(cur, cur+".away"); err != nil {
		t.Fatal(err)
	}
	if got := found(t, m, s, odd); len(want) != 100 || !slices.Equal(got, want) {
		t.Errorf("%d messages are odd, then %d", len(want), len(got))
	}
	if err := os.Rename(cur+".away", cur); err != nil {
		t.Fatal(err)
	}
	wantFound(t, m, s, TextQuery{Needle: "w77w", In: BodyText}, 78)
	wantFound(t, m, s, TextQuery{Needle: "w78w"}, 79)
}

// A search among few messages, or in headers alone, makes the cache be filled in
// the background.
func TestTextsAreFilled(t *testing.T) {
	for name, search := range map[string]func(t *testing.T, m *Mailbox, s *Snapshot){
		"among": func(t *testing.T, m *Mailbox, s *Snapshot) {
			if got := found(t, m, s, TextQuery{Needle: "w77w"}, 10, 77); !slices.Equal(got, []int{78}) {
				t.Errorf("found %v", got)
			}
		},
		"header": func(t *testing.T, m *Mailbox, s *Snapshot) {
			if got := found(t, m, s, TextQuery{Needle: "EVEN", In: FieldText, Field: "Subject"}); len(got) != 100 {
				t.Errorf("%d messages are even", len(got))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, m, s := textBox(t, 200)
			search(t, m, s)
			m.idle()
			wantCached(t, dir, s)
		})
	}
}

// New messages go in when they are enough for a frame; a few are read each time.
func TestTextsGrow(t *testing.T) {
	dir, m, _ := textBox(t, 100)
	n := 100
	for _, more := range []int{3, 3, 50, 1} {
		addTexts(t, m, n, n+more)
		n += more
		s := syncBox(t, m)
		wantFound(t, m, s, TextQuery{Needle: fmt.Sprintf("w%dw", n-1)}, n)
		m.idle()
	}
	if got, _ := cachedUIDs(t, dir, syncBox(t, m)); len(got) != 156 {
		t.Errorf("%d messages are in the cache, want 156", len(got))
	}
}

// What was expunged leaves the cache when it is enough, and small frames become
// large ones.
func TestTextsAreCompacted(t *testing.T) {
	dir, m, s := textBox(t, 400)
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	m.idle()
	if err := m.Expunge(context.Background(), s.UIDs()[:300]); err != nil {
		t.Fatal(err)
	}
	s = syncBox(t, m)
	wantFound(t, m, s, TextQuery{Needle: "w77w"})
	m.idle()
	wantCached(t, dir, s)
	for n := 400; n < 400+20*worthKeeping; n += worthKeeping {
		addTexts(t, m, n, n+worthKeeping)
		s = syncBox(t, m)
		wantFound(t, m, s, TextQuery{Needle: fmt.Sprintf("w%dw", n)}, n+1)
		m.idle()
	}
	wantCached(t, dir, s)
	if _, frames := cachedUIDs(t, dir, s); frames > 17 {
		t.Errorf("%d messages lie in %d frames", s.Len(), frames)
	}
}

// Of long messages few are in a frame, and it is as it should be.
func TestTextsOfLongMessages(t *testing.T) {
	dir := t.TempDir()
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	for i := range 100 {
		name := fmt.Sprintf("%d.M%06dP1Q%d.other:2,", 1700000000+i, i, i)
		body := fmt.Sprintf("Subject: long\n\n%s\n", strings.Repeat(fmt.Sprintf("w%dw ", i), 20_000))
		if err := os.WriteFile(filepath.Join(dir, "cur", name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := syncBox(t, m)
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	m.idle()
	wantCached(t, dir, s)
	before, err := os.Stat(filepath.Join(dir, text.Name))
	if err != nil {
		t.Fatal(err)
	}
	if _, frames := cachedUIDs(t, dir, s); frames < 17 {
		t.Errorf("%d frames: too few to prove anything", frames)
	}
	wantFound(t, m, s, TextQuery{Needle: "w78w"}, 79)
	m.idle()
	if after, err := os.Stat(filepath.Join(dir, text.Name)); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was written anew: %v", err)
	}
}

// A frame that was damaged is found out, its messages are read, and the file is made
// anew.
func TestTextsDamaged(t *testing.T) {
	dir, m, s := textBox(t, 300)
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	m.idle()
	path := filepath.Join(dir, text.Name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-10] ^= 1 // in the last frame's bodies
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range s.Len() {
		if i%50 == 0 {
			wantFound(t, m, s, TextQuery{Needle: fmt.Sprintf("w%dw", i)}, i+1)
		}
	}
	m.idle()
	wantCached(t, dir, s)
}

// Closing the mailbox ends the filling at once.
func TestCloseWhileFilling(t *testing.T) {
	dir := t.TempDir()
	a, err := OpenAccount(dir, Options{Host: "test"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Open(context.Background(), mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	addTexts(t, m, 0, 1500)
	s := syncBox(t, m)
	if got := found(t, m, s, TextQuery{Needle: "w7w"}, 7); len(got) != 1 {
		t.Errorf("found %v", got)
	}
	start := time.Now()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("closing took %v", d)
	}
	if m.acct.filling.Load() {
		t.Error("it is being filled still")
	}
}

// Processes that search, while others deliver and expunge, always answer exactly.
func TestTextsInManyProcesses(t *testing.T) {
	dir, m, _ := textBox(t, 150)
	var wg sync.WaitGroup
	for p := range 3 {
		wg.Go(func() {
			for round := range 6 {
				m := openBox(t, openAccount(t, dir), mail.Inbox)
				s := syncBox(t, m)
				i := (p*50 + round*7) % s.Len()
				uid := int(s.UID(i))
				if got := found(t, m, s, TextQuery{Needle: fmt.Sprintf("w%dw", uid-1)}); !slices.Equal(got, []int{uid}) &&
					len(got) > 0 { // expunged meanwhile
					t.Errorf("found %v, want %d", got, uid)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 10 {
			addTexts(t, m, 150+20*i, 150+20*i+20)
			if err := m.Expunge(context.Background(), []mail.UID{mail.UID(10*i + 1), mail.UID(10*i + 2)}); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	s := syncBox(t, m)
	for i := 0; i < s.Len(); i += 31 {
		wantFound(t, m, s, TextQuery{Needle: fmt.Sprintf("w%dw", s.UID(i)-1)}, int(s.UID(i)))
	}
}

// On a full disk, and where nothing may be written, a search is as exact.
func TestTextsOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=80m"); err != nil {
		t.Skip("mounting a small file system needs root: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	root := filepath.Join(dir, "Maildir")
	a, err := OpenAccount(root, Options{Host: "test"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Open(context.Background(), mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer m.Close()
	addTexts(t, m, 0, 100)
	s := syncBox(t, m)
	// Too little is free for a cache, before anything is refused.
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	m.idle()
	if _, err := os.Stat(filepath.Join(root, text.Name)); err == nil {
		t.Error("a cache was written on a disk that is nearly full")
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	m.idle()
	wantCached(t, root, s)
}

// What refuses to be written leaves the file as it was, and is not asked again soon.
func TestTextsRefused(t *testing.T) {
	dir, m, s := textBox(t, 100)
	if err := os.Mkdir(filepath.Join(dir, text.Name), 0o700); err != nil {
		t.Fatal(err)
	}
	wantFound(t, m, s, TextQuery{Needle: "w77w"}, 78)
	m.idle()
	wantFound(t, m, s, TextQuery{Needle: "w78w"}, 79)
	m.idle()
	if err := os.Remove(filepath.Join(dir, text.Name)); err != nil {
		t.Fatal(err)
	}
	m.texts.refused()
	wantFound(t, m, s, TextQuery{Needle: "w78w"}, 79)
	m.idle()
	if _, err := os.Stat(filepath.Join(dir, text.Name)); err == nil {
		t.Error("it was asked again")
	}
}

// The search tells how far it is.
func TestTextProgress(t *testing.T) {
	const n = 500
	_, m, s := textBox(t, n)
	last, told := 0, 0
	f := newTextFind(m, s, TextSearch{
		Queries: []TextQuery{{Needle: "absent"}},
		Progress: func(done, total int) {
			if done < last || done > total || total != n {
				t.Errorf("%d of %d after %d", done, total, last)
			}
			last = done
			told++
		},
	})
	f.every = 100 * time.Microsecond
	if err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	m.idle()
	if told == 0 || last == 0 {
		t.Errorf("told %d times, last of %d messages", told, last)
	}
}
