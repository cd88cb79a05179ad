package devices

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVisit(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_800_000_000, 0)
	home, phone := Place("Firefox, Linux", "192.0.2.7"), Place("Safari, iPhone", "2001:db8:1::1")
	own, ok := Device(strings.Repeat("0a", 16))
	if !ok {
		t.Fatal("no mark")
	}
	for i, c := range []struct {
		marks []Mark
		later time.Duration
		want  bool
	}{
		{[]Mark{home}, 0, true}, // the first one of all
		{[]Mark{home}, 0, true},
		{[]Mark{phone}, 0, false},
		{[]Mark{phone}, 0, true},
		{[]Mark{own, Place("Firefox, Linux", "198.51.100.1")}, 0, false},
		{[]Mark{own, Place("Firefox, Linux", "203.0.113.1")}, 0, true},
		{[]Mark{Place("Firefox, Linux", "203.0.113.200")}, 0, true}, // the same network
		{[]Mark{Place("Firefox, Windows", "203.0.113.1")}, 0, false},
		{[]Mark{own}, longest - time.Hour, true},
		{[]Mark{phone}, longest + 25*time.Hour, false}, // long ago
	} {
		if known, err := Open(dir).Visit(now.Add(c.later), c.marks...); known != c.want || err != nil {
			t.Errorf("%d: %t, %v", i, known, err)
		}
	}
	for i := range 3 * most {
		if _, err := Open(dir).Visit(now, Place("x", string(rune('a'+i)))); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "fantail-webmail", "devices")
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != most {
		t.Errorf("%d marks, %v", strings.Count(string(text), "\n"), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
	// What makes no sense is forgotten.
	if err := os.WriteFile(path, []byte(strings.Repeat("x", maxFile+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if known, err := Open(dir).Visit(now, home); !known || err != nil {
		t.Errorf("%t, %v", known, err)
	}
}

func TestDevice(t *testing.T) {
	for _, bad := range []string{"", "0a", strings.Repeat("0g", 16), strings.Repeat("0a", 17)} {
		if _, ok := Device(bad); ok {
			t.Errorf("%q", bad)
		}
	}
	if Place("x", "192.0.2.1") != Place("x", "::ffff:192.0.2.99") || Place("x", "2001:db8::1") == Place("x", "2001:db8:1::1") {
		t.Error("networks")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("20000 " + strings.Repeat("0a", 16) + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list := parse(text)
		if again := parse(format(list)); !slices.Equal(again, list) {
			t.Errorf("%v is read as %v", list, again)
		}
	})
}
