package accountdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// put writes an account's file.
func put(t *testing.T, d Dir, account, text string) {
	t.Helper()
	if err := d.Change(account, true, func([]byte) ([]byte, error) { return []byte(text), nil }); err != nil {
		t.Fatal(err)
	}
}

func TestChange(t *testing.T) {
	d := Dir{filepath.Join(t.TempDir(), "auth", "x"), 10}
	if _, err := d.Read("ann"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	put(t, d, "Ann", "one")
	stop := errors.New("stop")
	for _, c := range []struct {
		name string
		to   []byte
		err  error
		had  string
		has  string // "": no file
	}{
		{"more", []byte("two"), nil, "one", "two"},
		{"not at all", []byte("three"), stop, "two", "two"},
		{"nothing in it", []byte{}, nil, "two", ""},
		{"none", nil, nil, "", ""},
		{"none again", nil, nil, "", ""},
		{"the longest", []byte("0123456789"), nil, "", "0123456789"},
	} {
		err := d.Change("ann", true, func(text []byte) ([]byte, error) {
			if string(text) != c.had {
				t.Errorf("%s: there was %q", c.name, text)
			}
			return c.to, c.err
		})
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if text, err := d.Read("ANN"); string(text) != c.has || errors.Is(err, fs.ErrNotExist) != (c.to == nil) {
			t.Errorf("%s: %q, %v", c.name, text, err)
		}
	}
	put(t, d, "ann", "0123456789a")
	if text, err := d.Read("ann"); err == nil {
		t.Errorf("%q", text)
	}
	for _, bad := range []string{"", "a/b"} {
		if err := d.Change(bad, true, func([]byte) ([]byte, error) { return nil, nil }); err == nil {
			t.Errorf("%q", bad)
		}
		if _, err := d.Read(bad); err == nil {
			t.Errorf("%q", bad)
		}
	}
	link := d.File("bob")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read("bob"); err == nil {
		t.Error("a link is followed")
	}
}

// TestBusy wants one to change things at a time, and who must not wait to be told.
func TestBusy(t *testing.T) {
	d := Dir{filepath.Join(t.TempDir(), "x"), 100}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := d.Change("ann", true, func(text []byte) ([]byte, error) { return append(text, 'x'), nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	err := d.Change("bob", true, func([]byte) ([]byte, error) {
		if err := d.Change("ann", false, func([]byte) ([]byte, error) { return nil, nil }); !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		return nil, nil
	})
	if text, err2 := d.Read("ann"); string(text) != "xxxxxxxx" || err != nil || err2 != nil {
		t.Errorf("%q, %v, %v", text, err, err2)
	}
}

func TestModes(t *testing.T) {
	d := Dir{filepath.Join(t.TempDir(), "auth", "x"), 100}
	put(t, d, "Ann", "text")
	for path, want := range map[string]os.FileMode{d.Path: os.ModeDir | 0o700, filepath.Join(d.Path, "ann"): 0o600, filepath.Join(d.Path, lockName): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	entries, err := os.ReadDir(d.Path)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	if os.Geteuid() != 0 {
		return
	}
	// What root makes belongs to the owner of the directory above.
	if err := os.Chown(filepath.Dir(d.Path), 12345, 54321); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(d.Path); err != nil {
		t.Fatal(err)
	}
	put(t, d, "ann", "text")
	for _, path := range []string{d.Path, filepath.Join(d.Path, "ann"), filepath.Join(d.Path, lockName)} {
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil || st.Uid != 12345 || st.Gid != 54321 {
			t.Errorf("%s belongs to %d:%d, %v", path, st.Uid, st.Gid, err)
		}
	}
}

func TestFileName(t *testing.T) {
	seen := make(map[string]string)
	for _, c := range []struct{ account, want string }{
		{"ann", "ann"},
		{"ann.b@example.org", "ann.b@example.org"},
		{".", "%2E"},
		{"..", "%2E."},
		{".lock", "%2Elock"},
		{"a b%", "a%20b%25"},
		{"jürg", "j%C3%BCrg"},
		{strings.Repeat("a", 200), strings.Repeat("a", 200)},
		{strings.Repeat("a", 201), ""},
		{strings.Repeat("ü", 100), ""},
	} {
		got := fileName(c.account)
		if c.want != "" && got != c.want || c.want == "" && !strings.HasPrefix(got, "%sha256-") || len(got) > 255 || seen[got] != "" {
			t.Errorf("%q: %q", c.account, got)
		}
		seen[got] = c.account
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("ann", "..")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := fileName(a), fileName(b)
		if a != b && x == y || strings.Contains(x, "/") || strings.HasPrefix(x, ".") || len(x) > 255 {
			t.Errorf("%q, %q: %q, %q", a, b, x, y)
		}
	})
}
