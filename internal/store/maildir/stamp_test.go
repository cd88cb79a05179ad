package maildir

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSettled(t *testing.T) {
	const ctime = int64(1e18) + 123456789
	for _, tt := range []struct {
		slack time.Duration
		ctime int64
		age   time.Duration
		want  bool
	}{
		{0, ctime, 0, true},
		{0, 1e18, 0, false}, // whole seconds
		{0, 1e18, 3 * time.Second, true},
		{localSlack, ctime, 0, false},
		{localSlack, ctime, localSlack, false},
		{localSlack, ctime, localSlack + 1, true},
		{localSlack, ctime, -localSlack, false},
		{localSlack, ctime, -time.Hour, true}, // the clock was set back
		{localSlack, 1e18, time.Second, false},
		{coarseSlack, ctime, time.Second, false},
		{coarseSlack, ctime, 3 * time.Second, true},
	} {
		s := Stamp{Ctime: tt.ctime, slack: tt.slack}
		if got := s.Settled(time.Unix(0, tt.ctime).Add(tt.age)); got != tt.want {
			t.Errorf("slack %v, ctime %d, age %v: settled %t", tt.slack, tt.ctime, tt.age, got)
		}
	}
}

func TestStampEqual(t *testing.T) {
	a := Stamp{Dev: 1, Ino: 2, Mtime: 3, Ctime: 4}
	for _, b := range []Stamp{{9, 2, 3, 4, 0}, {1, 9, 3, 4, 0}, {1, 2, 9, 4, 0}, {1, 2, 3, 9, 0}} {
		if a.Equal(b) {
			t.Errorf("%+v equals %+v", a, b)
		}
	}
	if b := a; !a.Equal(b) {
		t.Error("not equal to itself")
	}
}

// TestStampSees checks the promise that List builds on: once a stamp is settled,
// every change alters it.
func TestStampSees(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		d := create(t, filepath.Join(dir, "Maildir"))
		path := filepath.Join(d.cur.path, "1.a:2,")
		put(t, path, "")
		renamed := path + "S"
		for i := range 20 {
			now := time.Now()
			before, _, err := d.Stamp()
			if err != nil {
				t.Fatal(err)
			}
			if !before.Settled(now) {
				time.Sleep(localSlack + time.Millisecond)
				continue
			}
			if err := os.Rename(path, renamed); err != nil {
				t.Fatal(err)
			}
			path, renamed = renamed, path
			after, _, err := d.Stamp()
			if err != nil {
				t.Fatal(err)
			}
			if before.Equal(after) {
				t.Fatalf("change %d left the stamp as it was: %+v", i, after)
			}
		}
	})
}

// TestServerTime takes the time from the file system, as on a file server.
func TestServerTime(t *testing.T) {
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	d.slack = coarseSlack
	now, err := d.now()
	if err != nil || time.Since(now).Abs() > time.Minute {
		t.Errorf("now %v, %v", now, err)
	}
	if left := files(t, d); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
