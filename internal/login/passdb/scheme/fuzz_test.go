package scheme

import (
	"strings"
	"testing"
	"time"
)

func seed(f *testing.F) {
	for _, field := range hashes {
		f.Add(field)
	}
	for field := range unreadable {
		if len(field) < 1000 {
			f.Add(field)
		}
	}
}

// What can be read has bounds; what cannot is not quoted.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, field string) {
		h, err := Parse(field)
		if err != nil {
			if _, rest, ok := strings.Cut(field, "}"); ok && len(rest) > 30 && strings.Contains(err.Error(), rest) {
				t.Fatalf("%q is quoted: %v", field, err)
			}
			if h.match != nil {
				t.Fatalf("%q: a Hash beside the error %v", field, err)
			}
			return
		}
		if c := h.Cost(); c.Memory < 0 || c.Memory > MaxMemory || c.Time < 0 || c.Time > MaxTime {
			t.Fatalf("%q costs %+v", field, c)
		}
		if _, ok := schemes[h.Scheme()]; !ok {
			t.Fatalf("%q is of scheme %q", field, h.Scheme())
		}
	})
}

// No hash that can be read panics or is matched by a password that nobody has
// hashed, and the estimate holds.
func FuzzVerify(f *testing.F) {
	seed(f)
	const password = "never hashed"
	f.Fuzz(func(t *testing.T, field string) {
		h, err := Parse(field)
		if err != nil || h.Cost().Time > 5*time.Millisecond || h.Cost().Memory > 1<<20 {
			return
		}
		start := time.Now()
		ok := h.Verify(password)
		if took := time.Since(start); took > time.Second {
			t.Errorf("%q took %v of %v", field, took, h.Cost())
		}
		if ok && h.keys == nil { // which is neither PLAIN nor SCRAM
			t.Errorf("%q matches %q", field, password)
		}
	})
}
