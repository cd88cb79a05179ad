package maildir

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOrigin(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	day := time.Unix(1e9, 0)
	of := func(base string, date time.Time) string { return Name{Base: base}.Origin(date) }
	for _, base := range []string{"1.a", "1.a,S=5", "1.a,S=5,W=6", "1.b", "2.a"} {
		if got := of(base, day); len(got) != originLen || got != of(base, day.Add(999*time.Millisecond)) {
			t.Errorf("%s: %s", base, got)
		}
	}
	for _, c := range []struct {
		a, b string
		da   time.Time
		same bool
	}{
		{"1.a", "1.a", day.Add(time.Second), false},
		{"1.a,S=5", "1.a,S=5", day.Add(time.Second), true},
		{"1.a,S=5", "1.a,S=6", day, false},
		{"1.a", "1.b", day, false},
		{"1.a,S=5,G=" + id, "2.b,G=" + id + ",S=7", day.Add(time.Hour), true},
		{"1.a,S=5,G=" + strings.ToUpper(id), "1.b,S=5,G=" + strings.ToUpper(id), day, false},
		{"1.a,S=5,G=x,G=" + id, "1.b,G=" + id, day, true},
		{"1.a,S=5,G=" + id + "0", "1.b,S=5,G=" + id + "0", day, false},
	} {
		if got := of(c.a, c.da) == of(c.b, day); got != c.same {
			t.Errorf("%s and %s: the same is %v", c.a, c.b, got)
		}
	}
	if n := (Name{Base: "1.a,G=" + id}); n.OriginNeedsDate() || n.Origin(day) != id {
		t.Errorf("%+v: %s", n, n.Origin(day))
	}
}

// TestOriginTravels: copies, copies of copies and moves of a message have its
// origin, on one file system and between two.
func TestOriginTravels(t *testing.T) {
	ctx := context.Background()
	for _, file := range []string{"1.a", "1.a,S=5,W=6"} {
		for _, refused := range []string{"", "link", "rename"} {
			t.Run(file+" "+refused, func(t *testing.T) {
				eachFS(t, func(t *testing.T, dir string) {
					src, dst := create(t, filepath.Join(dir, "src")), create(t, filepath.Join(dir, "dst"))
					put(t, filepath.Join(src.Path(), "cur", file+":2,"), "body\n")
					first := Entry{Name: Name{Base: file}, File: file + ":2,"}
					origin := func(d *Dir, e Entry) string {
						info, err := d.Stat(e)
						if err != nil {
							t.Fatal(err)
						}
						return e.Name.Origin(info.Modified)
					}
					want := origin(src, first)
					for _, d := range []*Dir{src, dst} {
						d.sys.hook = func(step, at string) error {
							if step == refused && strings.HasPrefix(at, "cur/") {
								return unix.EXDEV
							}
							return nil
						}
					}
					e, err := src.LinkInto(ctx, first, dst, "", 0, 0)
					if err != nil || origin(dst, e) != want || e.Name.Base == file {
						t.Fatalf("copy %+v, %v", e, err)
					}
					if e, err = dst.LinkInto(ctx, e, src, "", 0, 0); err != nil || origin(src, e) != want {
						t.Fatalf("copy of the copy %+v, %v", e, err)
					}
					if e, err = src.MoveInto(ctx, e, dst, Target{}, "", 0, 0); err != nil || origin(dst, e) != want {
						t.Fatalf("moved %+v, %v", e, err)
					}
				})
			})
		}
	}
}
