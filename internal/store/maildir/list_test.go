package maildir

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var raceDuration = flag.Duration("race.duration", time.Second, "how long each race test runs")

// onScan makes a hook that calls do before the scan of a folder.
func onScan(folder string, do func()) func(step, file string) error {
	return func(step, file string) error {
		if step == "scan" && file == folder {
			do()
		}
		return nil
	}
}

// move renames as another program would.
func move(t testing.TB, d *Dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(d.Path(), from), filepath.Join(d.Path(), to)); err != nil {
		t.Fatal(err)
	}
}

func TestListIgnores(t *testing.T) {
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	for _, name := range []string{"cur/.nfs001", "cur/:2,S", "cur/a\nb", "new/.x", "cur/dovecot\r:2,"} {
		put(t, filepath.Join(d.Path(), name), "x")
	}
	if err := os.Mkdir(filepath.Join(d.Path(), "cur", "dir:2,"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(d.Path(), "cur", "link:2,")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(d.Path(), "cur", "odd:1,x"), "x")
	put(t, filepath.Join(d.Path(), "new", "old:2,S"), "x")
	l := list(t, d, nil)
	odd, old := l.Entries["odd"], l.Entries["old"]
	if len(l.Entries) != 2 || odd.File != "odd:1,x" || odd.New || old.File != "old:2,S" || !old.New {
		t.Errorf("listed %+v", l.Entries)
	}
	if got := content(t, d, odd); got != "x" {
		t.Errorf("content %q", got)
	}
}

// TestListMoves moves a message while it is looked for, there and back.
func TestListMoves(t *testing.T) {
	for _, tt := range []struct {
		name     string
		at       string // before the scan of this folder
		from, to string
	}{
		{"claimed before the scan of cur", "cur", "new/1.a", "cur/1.a:2,"},
		{"claimed before the scan of new", "new", "new/1.a", "cur/1.a:2,"},
		{"put back behind our back", "cur", "cur/1.a:2,", "new/1.a"},
		{"put back before the scan of new", "new", "cur/1.a:2,", "new/1.a"},
		{"renamed", "cur", "cur/1.a:2,", "cur/1.a:2,S"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachFS(t, func(t *testing.T, dir string) {
				d := create(t, filepath.Join(dir, "Maildir"))
				put(t, filepath.Join(d.Path(), tt.from), "x")
				known := list(t, d, nil).Entries
				var once sync.Once
				d.sys.hook = onScan(tt.at, func() { once.Do(func() { move(t, d, tt.from, tt.to) }) })
				l, err := d.List(context.Background(), known)
				if err != nil {
					t.Fatal(err)
				}
				e := l.Entries["1.a"]
				if got := d.folder(e).name + "/" + e.File; len(l.Gone) != 0 || len(l.Unconfirmed) != 0 || got != tt.to {
					t.Errorf("listed %s: %+v", got, l)
				}
			})
		})
	}
}

// TestListUnconfirmed keeps changing the Maildir while a message is missing:
// then nothing proves that it is gone.
func TestListUnconfirmed(t *testing.T) {
	for _, folder := range []string{"new", "cur"} {
		t.Run(folder, func(t *testing.T) {
			eachFS(t, func(t *testing.T, dir string) {
				d := create(t, filepath.Join(dir, "Maildir"))
				put(t, filepath.Join(d.Path(), "cur", "1.a:2,"), "x")
				put(t, filepath.Join(d.Path(), "cur", "2.b:2,"), "x")
				known := list(t, d, nil).Entries
				if err := os.Remove(filepath.Join(d.Path(), "cur", "1.a:2,")); err != nil {
					t.Fatal(err)
				}
				n := 0
				d.sys.hook = onScan("cur", func() {
					n++
					put(t, filepath.Join(d.Path(), folder, fmt.Sprint("9.x", n)), "x")
				})
				l, err := d.List(context.Background(), known)
				if err != nil {
					t.Fatal(err)
				}
				if len(l.Gone) != 0 || !slices.Equal(l.Unconfirmed, []string{"1.a"}) || l.Complete {
					t.Errorf("in the storm: gone %v, unconfirmed %v", l.Gone, l.Unconfirmed)
				}
				if _, err := d.Find("1.a"); !errors.Is(err, ErrBusy) {
					t.Errorf("found in the storm: %v", err)
				}
				d.sys.hook = nil
				if l = list(t, d, known); !slices.Equal(l.Gone, []string{"1.a"}) || len(l.Unconfirmed) != 0 {
					t.Errorf("after it: gone %v, unconfirmed %v", l.Gone, l.Unconfirmed)
				}
			})
		})
	}
}

// TestListStamps removes a message between two sweeps of one List. Whatever List
// says about the message, its stamps must not say that this is settled: the
// next look has to find out.
func TestListStamps(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		d := create(t, filepath.Join(dir, "Maildir"))
		for _, name := range []string{"1.a:2,", "2.b:2,", "3.c:2,"} {
			put(t, filepath.Join(d.Path(), "cur", name), "x")
		}
		known := list(t, d, nil).Entries
		scans := 0
		d.sys.hook = onScan("cur", func() {
			scans++
			switch scans {
			case 1: // 3.c seems to be missing
				move(t, d, "cur/3.c:2,", "3.c:2,")
			case 2: // now it is 2.b, which has been seen
				move(t, d, "3.c:2,", "cur/3.c:2,")
				move(t, d, "cur/2.b:2,", "2.b:2,")
			}
		})
		l, err := d.List(context.Background(), known)
		if err != nil {
			t.Fatal(err)
		}
		d.sys.hook = nil
		cur, _, err := d.Stamp()
		if err != nil {
			t.Fatal(err)
		}
		if _, ghost := l.Entries["2.b"]; ghost && (l.Complete || l.Cur.Equal(cur)) {
			t.Errorf("2.b is listed for good: complete %t, %d scans", l.Complete, scans)
		}
		if slices.Contains(l.Gone, "3.c") {
			t.Error("3.c is gone")
		}
	})
}

// TestListProof has a message seen by the first sweep and proven gone by the
// second.
func TestListProof(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		d := create(t, filepath.Join(dir, "Maildir"))
		for _, name := range []string{"1.a:2,", "2.b:2,", "3.c:2,"} {
			put(t, filepath.Join(d.Path(), "cur", name), "x")
		}
		known := list(t, d, nil).Entries
		scans := map[string]int{}
		d.sys.hook = func(step, folder string) error {
			if step != "scan" {
				return nil
			}
			scans[folder]++
			switch {
			case folder == "cur" && scans[folder] == 1:
				return os.Remove(filepath.Join(d.Path(), "cur", "3.c:2,"))
			case folder == "new" && scans[folder] == 2:
				return os.Remove(filepath.Join(d.Path(), "cur", "2.b:2,"))
			}
			return nil
		}
		l, err := d.List(context.Background(), known)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(l.Gone)
		if len(l.Entries) != 1 || !slices.Equal(l.Gone, []string{"2.b", "3.c"}) || !l.Complete {
			t.Errorf("listed %+v", l)
		}
	})
}

// TestListUnsettled removes a message at this moment: an equal stamp is no proof
// until the clock of the file system has moved on.
func TestListUnsettled(t *testing.T) {
	setUp := func(slack time.Duration) (d *Dir, known map[string]Entry, scans *int) {
		d = create(t, filepath.Join(t.TempDir(), "Maildir"))
		put(t, filepath.Join(d.Path(), "cur", "1.a:2,"), "x")
		known = list(t, d, nil).Entries
		d.slack = slack
		scans = new(int)
		d.sys.hook = onScan("cur", func() { *scans++ })
		if err := os.Remove(filepath.Join(d.Path(), "cur", "1.a:2,")); err != nil {
			t.Fatal(err)
		}
		return d, known, scans
	}
	d, known, scans := setUp(localSlack)
	removed := time.Now()
	l, err := d.List(context.Background(), known)
	if err != nil || len(l.Gone) != 1 || !l.Complete || *scans < 2 || time.Since(removed) < localSlack {
		t.Errorf("a tick to wait: %+v, %v, %d scans, %v", l, err, *scans, time.Since(removed))
	}
	d, known, scans = setUp(coarseSlack)
	l, err = d.List(context.Background(), known)
	if err != nil || len(l.Unconfirmed) != 1 || len(l.Gone) != 0 || l.Complete || *scans != 1 {
		t.Errorf("seconds to wait: %+v, %v, %d scans", l, err, *scans)
	}
	if l, err = d.List(context.Background(), nil); err != nil || l.Complete {
		t.Errorf("first listing: %+v, %v", l, err)
	}
	start := time.Now()
	if _, err := d.Find("1.a"); !errors.Is(err, fs.ErrNotExist) || time.Since(start) < coarseSlack/2 {
		t.Errorf("found after %v: %v", time.Since(start), err)
	}
}

func TestListGoneMaildir(t *testing.T) {
	dir := t.TempDir()
	d := create(t, filepath.Join(dir, "Maildir"))
	e := deliver(t, d, "x", Target{}, 0)
	if err := os.Rename(d.Path(), d.Path()+".away"); err != nil {
		t.Fatal(err)
	}
	known := map[string]Entry{e.Name.Base: e}
	if l, err := d.List(context.Background(), known); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("listed %+v, %v", l, err)
	}
	if _, err := d.Find("other"); errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrVanished) {
		t.Errorf("a missing Maildir proves that a message is gone: %v", err)
	}
	if _, _, err := d.Stamp(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stamp: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.List(ctx, known); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestReplaced removes the Maildir and makes another one in its place.
func TestReplaced(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		d := create(t, filepath.Join(dir, "Maildir"))
		old := deliver(t, d, "old", Target{}, 0)
		if err := os.RemoveAll(d.Path()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.NewDelivery(); !errors.Is(err, ErrVanished) {
			t.Errorf("delivery to nowhere: %v", err)
		}
		create(t, d.Path())
		e := deliver(t, d, "new", Target{New: true}, 0)
		if e, err := d.TakeNew(context.Background(), e); err != nil || content(t, d, e) != "new" {
			t.Errorf("taken %+v, %v", e, err)
		}
		l := list(t, d, map[string]Entry{old.Name.Base: old})
		if !slices.Equal(l.Gone, []string{old.Name.Base}) || len(l.Entries) != 1 {
			t.Errorf("listed %+v", l)
		}
	})
}

// TestMovedAway renames the Maildir and makes another one in its place.
func TestMovedAway(t *testing.T) {
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	old := deliver(t, d, "old", Target{}, 0)
	if err := os.Rename(d.Path(), d.Path()+".away"); err != nil {
		t.Fatal(err)
	}
	create(t, d.Path())
	put(t, filepath.Join(d.Path(), "cur", "1.a:2,S"), "a")
	l := list(t, d, map[string]Entry{old.Name.Base: old})
	if !slices.Equal(l.Gone, []string{old.Name.Base}) || content(t, d, l.Entries["1.a"]) != "a" {
		t.Errorf("listed %+v", l)
	}
	e, err := d.ChangeFlags(context.Background(), l.Entries["1.a"], func(n Name) Name { return n.With(0, 0) })
	if err != nil || !slices.Equal(files(t, d), []string{"cur/1.a:2,"}) {
		t.Errorf("changed to %+v, %v", e, err)
	}
}

// storm renames files between two names as fast as it can until stop is set.
func storm(d *Dir, names [][2]string, seed uint64, stop *atomic.Bool) (renames int, err error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	state := make([]int, len(names))
	for ; !stop.Load(); renames++ {
		i := rng.IntN(len(names))
		from, to := names[i][state[i]], names[i][1-state[i]]
		if err := os.Rename(filepath.Join(d.Path(), from), filepath.Join(d.Path(), to)); err != nil {
			return renames, err
		}
		state[i] = 1 - state[i]
	}
	return renames, nil
}

// TestListRace renames messages at full speed, in cur and between new and cur,
// and lists all the time: a live message must never be reported gone, and is
// seen or unconfirmed. With the small buffer that C libraries use, most scans
// are bad, and only the rule of the stamps stands between them and false news.
func TestListRace(t *testing.T) {
	t.Run("whole", func(t *testing.T) { testListRace(t, maxBuffer) })
	t.Run("chunks", func(t *testing.T) { testListRace(t, 32<<10) })
}

func testListRace(t *testing.T, limit int) {
	const count = 3000
	eachFS(t, func(t *testing.T, dir string) {
		d := create(t, filepath.Join(dir, "Maildir"))
		d.limit = limit
		var names [2][][2]string
		for i := range count {
			base := fmt.Sprintf("17%08d.M%06dP1Q1R%08x.h.example,S=1234,W=1250", i, i, rand.Uint32())
			first, second := "cur/"+base+":2,", "cur/"+base+":2,FS"
			if i%10 == 0 {
				first, second = "new/"+base, "cur/"+base+":2,S"
			}
			put(t, filepath.Join(d.Path(), first), "")
			names[i%2] = append(names[i%2], [2]string{first, second})
		}
		known := list(t, d, nil).Entries
		if len(known) != count {
			t.Fatalf("%d messages", len(known))
		}
		var stop atomic.Bool
		var wg sync.WaitGroup
		var renames atomic.Int64
		for i := range names {
			wg.Go(func() {
				n, err := storm(d, names[i], uint64(i), &stop)
				renames.Add(int64(n))
				if err != nil {
					t.Error("storm:", err)
				}
			})
		}
		lists, unconfirmed := 0, 0
		for start := time.Now(); time.Since(start) < *raceDuration; lists++ {
			l, err := d.List(context.Background(), known)
			if err != nil {
				t.Error(err)
				break
			}
			if len(l.Gone) > 0 || len(l.Entries)+len(l.Unconfirmed) != count {
				t.Errorf("%d listed, %d unconfirmed, gone: %v", len(l.Entries), len(l.Unconfirmed), l.Gone)
				break
			}
			unconfirmed += len(l.Unconfirmed)
		}
		// Finding single messages is the same race.
		for base := range known {
			if _, err := d.Find(base); err != nil && !errors.Is(err, ErrBusy) {
				t.Errorf("find a live message: %v", err)
			}
			if lists++; lists%50 == 0 {
				break
			}
		}
		stop.Store(true)
		wg.Wait()
		t.Logf("%d lists, %d unconfirmed, %d renames", lists, unconfirmed, renames.Load())
		if l := list(t, d, known); len(l.Entries) != count || len(l.Gone) != 0 {
			t.Errorf("after the storm: %d listed, gone %v", len(l.Entries), l.Gone)
		}
	})
}
