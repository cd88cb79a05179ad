package deliver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/conf"
	"fantail/internal/store"
)

// once delivers a message to an account in which duplicates are looked for.
func once(t *testing.T, a *store.Account, now int64, address, id string) error {
	t.Helper()
	return onceBy(t, &Agent{Settings: conf.DeliverSettings{Duplicates: conf.Window(time.Hour)}, Clock: at(now)}, a, address, id)
}

func onceBy(t *testing.T, agent *Agent, a *store.Account, address, id string) error {
	t.Helper()
	to := []Recipient{{Account: a, Address: address, Log: discard}}
	in := "Subject: a\n\n"
	if id != "" {
		in = "Message-ID: " + id + "\n" + in
	}
	return agent.Deliver(t.Context(), Envelope{}, to, strings.NewReader(in))[0]
}

func TestDuplicates(t *testing.T) {
	a := account(t)
	const noon = 1_800_000_000
	steps := []struct {
		what        string
		now         int64
		address, id string
		delivered   bool
	}{
		{"the first", noon, "a@b", "<1@x>", true},
		{"again", noon, "a@b", "<1@x>", false},
		{"to another address", noon, "c@b", "<1@x>", true},
		{"to no address", noon, "", "<1@x>", true},
		{"to none again", noon, "", "<1@x>", false},
		{"in other letters", noon, "A@B", "<1@x>", false},
		{"another", noon, "a@b", "<1@X>", true},
		{"folded", noon, "a@b", "\n <1@x>", false},
		{"without id", noon, "a@b", "", true},
		{"without id again", noon, "a@b", "", true},
		{"no id", noon, "a@b", "a b", true},
		{"no id again", noon, "a@b", "a b", true},
		{"long id", noon, "a@b", strings.Repeat("x", maxID+1), true},
		{"long id again", noon, "a@b", strings.Repeat("x", maxID+1), true},
		{"late", noon + 3599, "a@b", "<1@x>", false},
		{"too late", noon + 3600, "a@b", "<1@x>", true},
		{"when the clock is wrong", noon - 3600, "a@b", "<1@x>", true},
	}
	n := 0
	for _, s := range steps {
		if err := once(t, a, s.now, s.address, s.id); err != nil {
			t.Fatal(s.what, err)
		}
		if s.delivered {
			n++
		}
		if got := len(mailIn(t, a.Path())); got != n {
			t.Fatalf("%s: %d messages, want %d", s.what, got, n)
		}
	}
	if info, err := os.Stat(filepath.Join(a.Path(), seenFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
}

// What is wrong with the file costs no message.
func TestDamagedDuplicates(t *testing.T) {
	const now = 1_800_000_000
	good := fmt.Sprintf("%d a@b <1@x>\n", now)
	tests := []struct {
		name, text string
		duplicate  bool
	}{
		{"good", good, true},
		{"torn", good[:len(good)-1], false},
		{"torn before", "1800000000 a@b <0" + "\n" + good, true},
		{"no time", "x a@b <1@x>\n", false},
		{"empty lines", "\n\n" + good, true},
		{"binary", "\x00\x01" + good, false},
		{"large", strings.Repeat("1 a@b <0@x>\n", 3*maxSeen/12) + good, false},
		{"a time to come", fmt.Sprintf("%d a@b <1@x>\n", now+60), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := account(t)
			path := filepath.Join(a.Path(), seenFile)
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := once(t, a, now, "a@b", "<1@x>"); err != nil {
					t.Fatal(err)
				}
			}
			want := 1
			if tt.duplicate {
				want = 0
			}
			if got := len(mailIn(t, a.Path())); got != want {
				t.Errorf("%d messages, want %d", got, want)
			}
			info, err := os.Stat(path)
			if err != nil || info.Size() > maxSeen {
				t.Error(info.Size(), err)
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		a := account(t)
		if err := os.Mkdir(filepath.Join(a.Path(), seenFile), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := once(t, a, now, "a@b", "<1@x>"); err != nil || len(mailIn(t, a.Path())) != 1 {
			t.Error(err)
		}
	})
}

// The file does not grow for ever, and what it forgets first is what is oldest.
func TestManyDuplicates(t *testing.T) {
	a := account(t)
	const now = 1_800_000_000
	path := filepath.Join(a.Path(), seenFile)
	var text strings.Builder
	n := 0
	for ; text.Len() < maxSeen-40; n++ {
		fmt.Fprintf(&text, "%d a@b <%d@x>\n", now, n)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := once(t, a, now+1, "a@b", fmt.Sprintf("<new%d@x>", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		id        string
		delivered int
	}{{fmt.Sprintf("<%d@x>", n-1), 4}, {"<new0@x>", 4}, {"<new3@x>", 4}, {"<0@x>", 5}} {
		if err := once(t, a, now+2, "a@b", tt.id); err != nil {
			t.Fatal(err)
		}
		if got := len(mailIn(t, a.Path())); got != tt.delivered {
			t.Errorf("%s: %d messages, want %d", tt.id, got, tt.delivered)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() > maxSeen*2/3 {
		t.Error(info.Size(), err)
	}
}

// Of deliveries at the same time one is the first.
func TestDuplicatesAtOnce(t *testing.T) {
	a := account(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := once(t, a, 1_800_000_000, "a@b", "<1@x>"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(mailIn(t, a.Path())); got != 1 {
		t.Errorf("%d messages", got)
	}
}

// What is not delivered is not remembered.
func TestNotRemembered(t *testing.T) {
	a := account(t)
	dir := filepath.Join(a.Path(), "new")
	if err := once(t, a, 1_800_000_000, "a@b", "<0@x>"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"gone"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh, err := store.OpenAccount(a.Path(), store.Options{Host: "host"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fresh.Close() })
	if err := once(t, fresh, 1_800_000_000, "a@b", "<1@x>"); err == nil {
		t.Fatal("delivered into a file")
	}
	text, err := os.ReadFile(filepath.Join(a.Path(), seenFile))
	if err != nil || strings.Contains(string(text), "<1@x>") {
		t.Errorf("%q, %v", text, err)
	}
}

// Who holds the lock for too long holds up nobody's mail for ever.
func TestLockedDuplicates(t *testing.T) {
	a := account(t)
	f, err := os.Create(filepath.Join(a.Path(), seenFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	agent := &Agent{Settings: conf.DeliverSettings{Duplicates: conf.Window(time.Hour)}, patience: 50 * time.Millisecond}
	if err := onceBy(t, agent, a, "a@b", "<1@x>"); err != nil || len(mailIn(t, a.Path())) != 1 {
		t.Error(err)
	}
}

// FuzzSeen: a message is a duplicate only if a whole line says so.
func FuzzSeen(f *testing.F) {
	const now = 1_800_000_000
	good := "1800000000 a@b <1@x>\n"
	for _, s := range []string{good, "x\n" + good, good[:20], "1799999999 a@b <1@x>\n1", "\n \n", "99999999999999999999 a@b <1@x>\n", "-5 a@b <1@x>\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &seen{key: "a@b <1@x>", now: time.Unix(now, 0), window: time.Hour, text: text}
		want := false
		for seconds := int64(now - 3599); seconds <= now+1; seconds++ {
			line := fmt.Sprintf("%d %s\n", seconds, s.key)
			want = want || strings.HasPrefix(string(text), line) || strings.Contains(string(text), "\n"+line)
		}
		if got := s.has(); got && !want {
			// A number can be written in more than one way.
			if !strings.Contains(string(text), " "+s.key+"\n") {
				t.Errorf("%q: a duplicate", text)
			}
		} else if !got && want {
			t.Errorf("%q: no duplicate", text)
		}
	})
}
