package quota

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
)

// restless is mail of which something comes whenever it is counted, for a while.
type restless struct {
	usage  Usage
	stamp  uint64
	rests  int // counts until nothing comes any more
	counts int
}

func (r *restless) Stamp(context.Context) (uint64, error) { return r.stamp, nil }

func (r *restless) Count(context.Context) (Usage, error) {
	if r.counts++; r.counts <= r.rests {
		r.stamp++
	}
	return r.usage, nil
}

func TestAudit(t *testing.T) {
	for _, c := range []struct {
		name         string
		file         string
		mail         restless
		wrong, known bool
	}{
		{"right", "100S\n10 1\n", restless{usage: Usage{10, 1}}, false, true},
		{"wrong", "100S\n10 1\n", restless{usage: Usage{11, 1}}, true, true},
		{"none", "", restless{usage: Usage{11, 1}}, false, false},
		{"spoilt", "100S\n-10 1\n", restless{usage: Usage{11, 1}}, false, false},
		{"mail comes all the time", "100S\n10 1\n", restless{usage: Usage{11, 1}, rests: 9}, false, false},
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.file != "" {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			f := Open(dir, Limits{}, Options{Mail: &c.mail})
			a, err := f.Audit(t.Context())
			if err != nil || a.Wrong() != c.wrong || a.Known != c.known {
				t.Errorf("%s: %+v, %v", c.name, a, err)
			}
			if !c.wrong {
				return
			}
			if c.mail.counts != auditTries {
				t.Errorf("%s: believed after %d counts", c.name, c.mail.counts)
			}
			if u, err := f.Recount(t.Context()); err != nil || u != c.mail.usage {
				t.Errorf("%s: recounted %+v, %v", c.name, u, err)
			}
			if a, err := f.Audit(t.Context()); err != nil || a.Wrong() || !a.Known {
				t.Errorf("%s: again %+v, %v", c.name, a, err)
			}
		})
	}
}
