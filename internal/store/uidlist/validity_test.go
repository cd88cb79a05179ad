package uidlist

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

func TestNextValidity(t *testing.T) {
	now := time.Unix(0x6b000000, 0)
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  mail.UIDValidity
	}{
		{"first", nil, 0x6b000000},
		{"next", map[string]string{"": "60000000", ".60000000": ""}, 0x60000001},
		{"hint is behind", map[string]string{"": "60000000", ".60000005": ""}, 0x60000006},
		{"hint is ahead", map[string]string{"": "60000009", ".60000005": ""}, 0x60000006},
		{"hint is garbage", map[string]string{"": "zzz", ".60000005": ""}, 0x60000006},
		{"hint is empty", map[string]string{"": "", ".60000005": ""}, 0x60000006},
		{"no hint", map[string]string{".60000005": ""}, 0x60000006},
		{"only a hint", map[string]string{"": "60000000"}, 0x6b000000},
		{"several", map[string]string{"": "60000000", ".60000000": "", ".60000001": "", ".60000007": ""}, 0x60000008},
		{"the number after the hint is taken", map[string]string{"": "60000000", ".60000000": "", ".60000001": ""}, 0x60000002},
		{"other names", map[string]string{".6000": "", ".600000000": "", ".xxxxxxxx": "", ".00000000": "", ".5f000000": ""}, 0x5f000001},
		{"ahead of the clock", map[string]string{".7f000000": ""}, 0x7f000001},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "dovecot-uidvalidity")
			for suffix, text := range tt.files {
				if err := os.WriteFile(path+suffix, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for i := range mail.UIDValidity(3) {
				v, err := NextValidity(dir, now)
				if err != nil || v != tt.want+i {
					t.Fatalf("%x, %v; want %x", v, err, tt.want+i)
				}
				if got, want := get(t, path), fmt.Sprintf("%08x", v); got[:8] != want {
					t.Errorf("hint %q, want %q", got, want)
				}
				if _, err := os.Stat(path + fmt.Sprintf(".%08x", v)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestNoValidityLeft(t *testing.T) {
	dir := t.TempDir()
	if _, err := NextValidity(dir, time.Unix(math.MaxUint32+1, 0)); !errors.Is(err, errNoValidity) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dovecot-uidvalidity.fffffffe"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if v, err := NextValidity(dir, time.Now()); err != nil || v != math.MaxUint32 {
		t.Errorf("%d, %v", v, err)
	}
	if _, err := NextValidity(dir, time.Now()); !errors.Is(err, errNoValidity) {
		t.Error(err)
	}
	if _, err := NextValidity(filepath.Join(dir, "none"), time.Now()); err == nil {
		t.Error("made a number for a directory that does not exist")
	}
}

func TestValiditiesConcurrently(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	got := map[mail.UIDValidity]int{}
	want := map[mail.UIDValidity]int{}
	var all sync.WaitGroup
	now := time.Unix(1e9, 0)
	for i := range mail.UIDValidity(20) {
		want[1e9+i] = 1
		all.Go(func() {
			v, err := NextValidity(dir, now)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			got[v]++
			mu.Unlock()
		})
	}
	all.Wait()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// oldFS is a file system without RENAME_NOREPLACE.
type oldFS struct{ *memFS }

func (oldFS) renameNoReplace(from, to string) error { return unix.EINVAL }

func TestValidityWithoutNoReplace(t *testing.T) {
	m := newMemFS()
	for _, n := range []string{"5", "6"} {
		m.names["mem/dovecot-uidvalidity.0000000"+n] = &memInode{}
	}
	m.names["mem/dovecot-uidvalidity"] = &memInode{data: "00000005"}
	for want := mail.UIDValidity(7); want < 9; want++ {
		if v, err := nextValidity(oldFS{m}, "mem", time.Unix(1, 0)); err != nil || v != want {
			t.Errorf("%d, %v; want %d", v, err, want)
		}
	}
}

// After a power cut at any step no number is given twice.
func TestValidityCrash(t *testing.T) {
	for first := range 2 {
		for step := 1; ; step++ {
			m := newMemFS()
			now := time.Unix(1000, 0)
			for range first {
				if _, err := nextValidity(m, "mem", now); err != nil {
					t.Fatal(err)
				}
			}
			m.before = stopAt(step, 4)
			v, err := nextValidity(m, "mem", now)
			m.powerCut(step%2 == 0, step%3 == 0)
			w, err2 := nextValidity(m, "mem", now)
			if err2 != nil {
				t.Fatal(err2)
			}
			if w <= v || int64(w) < 1000 {
				t.Errorf("step %d: %d after %d", step, w, v)
			}
			if err == nil {
				break
			}
		}
	}
}
