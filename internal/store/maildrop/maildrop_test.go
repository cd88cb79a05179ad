package maildrop

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fantail/internal/mail"
)

func TestEnter(t *testing.T) {
	d := Dir(t.TempDir())
	start := time.Unix(1763884931, 0)
	enter := func(after, delay time.Duration, alone bool, want error) *Session {
		t.Helper()
		s, err := d.Enter(start.Add(after), delay, alone)
		if err == nil {
			err = s.Welcome(start.Add(after))
		}
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("after %v with a delay of %v: %v, want %v", after, delay, err, want)
		}
		return s
	}
	enter(0, time.Minute, false, nil)
	enter(0, time.Minute, false, ErrDelay)
	enter(59*time.Second, time.Minute, false, ErrDelay) // and does not count as a login
	enter(time.Minute, time.Minute, false, nil)
	enter(time.Minute, 0, false, nil)
	enter(-time.Hour, time.Minute, false, nil) // the clock was wrong
	enter(time.Hour+time.Second/2, time.Second, false, nil)
	enter(time.Hour+time.Second, time.Second, false, ErrDelay)
	enter(time.Hour+time.Second/2, 0, false, nil)
	enter(time.Hour+7*time.Second/4, time.Second, false, ErrDelay)
	enter(time.Hour+2*time.Second, time.Second, false, nil)
	if s, err := d.Enter(start.Add(90*time.Minute), time.Minute, false); err != nil || s.Leave() != nil { // who is not let in after all
		t.Error(err)
	}
	enter(90*time.Minute, time.Minute, false, nil)
	s := enter(2*time.Hour, 0, true, nil)
	enter(3*time.Hour, 0, true, ErrInUse)
	enter(3*time.Hour, time.Minute, false, ErrInUse)
	if err := s.Leave(); err != nil {
		t.Fatal(err)
	}
	s = enter(4*time.Hour, 0, true, nil)
	if err := s.Leave(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(string(d), loginFile), []byte("a time that is none, and is long\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	enter(5*time.Hour, time.Minute, false, nil)
	if text, err := os.ReadFile(filepath.Join(string(d), loginFile)); err != nil || string(text) != "1763902931\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func read(t *testing.T, d Dir, v mail.UIDValidity) map[mail.UID]int64 {
	t.Helper()
	r, err := d.Retrieved(v)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[mail.UID]int64)
	for uid, at := range r {
		got[uid] = at.Unix()
	}
	return got
}

func TestRetrieved(t *testing.T) {
	d := Dir(t.TempDir())
	want := func(v mail.UIDValidity, want map[mail.UID]int64) {
		t.Helper()
		if got := read(t, d, v); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	add := func(v mail.UIDValidity, at int64, uids ...mail.UID) {
		t.Helper()
		if err := d.AddRetrieved(v, uids, time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
	}
	want(7, nil)
	add(7, 100, 3, 1)
	want(7, map[mail.UID]int64{1: 100, 3: 100})
	add(7, 200, 1, 4)
	want(7, map[mail.UID]int64{1: 100, 3: 100, 4: 200})
	want(77, nil) // another mailbox
	if err := d.Compact(7, func(uid mail.UID) bool { return uid != 3 }); err != nil {
		t.Fatal(err)
	}
	want(7, map[mail.UID]int64{1: 100, 4: 200})
	add(77, 300, 9)
	want(7, nil)
	want(77, map[mail.UID]int64{9: 300})
}

// TestDamaged: whatever is wrong with the file, no message is retrieved that was not,
// and none earlier than it was.
func TestDamaged(t *testing.T) {
	const head = "fantail-pop3-retrieved 1 V7\n"
	for text, want := range map[string]map[mail.UID]int64{
		"":                                    {9: 500},
		"fantail-pop3-retr":                   {9: 500},
		"fantail-pop3-retrieved 2 V7\n1 1\n":  {9: 500},
		"fantail-pop3-retrieved 1 V70\n1 1\n": {9: 500},
		head:                                  {9: 500},
		head + "1 400\n2 4":                   {1: 400, 9: 500},
		head + "1\n2 x\n0 5\n-1 5\n3 -4\n4294967296 1\n5 1 1\n\n8 400\n": {8: 400, 9: 500},
		"\x00\x00" + head: {9: 500},
	} {
		d := Dir(t.TempDir())
		path := filepath.Join(string(d), retrievedFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.AddRetrieved(7, []mail.UID{9}, time.Unix(500, 0)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		got := read(t, d, 7)
		if !maps.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestAddedAtOnce(t *testing.T) {
	d := Dir(t.TempDir())
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 20 {
				uid := mail.UID(1 + n*20 + i)
				if err := d.AddRetrieved(7, []mail.UID{uid}, time.Unix(int64(uid), 0)); err != nil {
					t.Error(err)
				}
				if i%10 == 9 {
					if err := d.Compact(7, func(mail.UID) bool { return true }); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	got := read(t, d, 7)
	for uid := mail.UID(1); uid <= 160; uid++ {
		if got[uid] != int64(uid) {
			t.Errorf("UID %d: %d", uid, got[uid])
		}
	}
}

func FuzzParseRetrieved(f *testing.F) {
	f.Add("fantail-pop3-retrieved 1 V7\n1 400\n2 4\n1 300\n")
	f.Add("fantail-pop3-retrieved 1 V7\n1 400\n2 4")
	f.Fuzz(func(t *testing.T, text string) {
		r, ours := parseRetrieved(text, 7)
		if !ours && len(r) > 0 {
			t.Error("of another mailbox")
		}
		for uid, at := range r {
			if uid == 0 || at.Unix() < 0 {
				t.Errorf("%d %v", uid, at)
			}
		}
	})
}
