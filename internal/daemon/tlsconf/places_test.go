package tlsconf

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Links lead to a place of their own, as those that certbot makes.
func TestPlaces(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	live, archive, keys := filepath.Join(dir, "live"), filepath.Join(dir, "archive"), filepath.Join(dir, "keys")
	if err := errors.Join(os.Mkdir(live, 0o700), os.Mkdir(archive, 0o700), os.Mkdir(keys, 0o700),
		os.WriteFile(filepath.Join(archive, "c1.pem"), nil, 0o600), os.Symlink("../archive/c1.pem", filepath.Join(live, "c.pem"))); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"le/live/x.example", "le/archive/x.example"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"fullchain.pem", "privkey.pem"} {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "le/archive/x.example", name), nil, 0o600),
			os.Symlink("../../archive/x.example/"+name, filepath.Join(dir, "le/live/x.example", name))); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Certificate: filepath.Join(live, "c.pem"), Key: filepath.Join(keys, "missing.pem")}
	further := Options{Certificate: o.Certificate, Key: o.Key, Directory: filepath.Join(dir, "le/live")}
	want := []string{archive, keys, filepath.Join(dir, "le/archive"), filepath.Join(dir, "le/live"), filepath.Join(dir, "le/live/x.example"), live}
	if got := further.Places(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := o.Places(), []string{archive, keys, live}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	o.ClientCA = filepath.Join(dir, "ca.pem")
	if got, want := o.Places(), []string{dir, archive, keys, live}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
