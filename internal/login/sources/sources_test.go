package sources

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/shadow"
)

func load(t *testing.T, text string) *conf.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fantail.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestPresent(t *testing.T) {
	cfg := load(t, "")
	cfg.Auth.PasswdFile = filepath.Join(t.TempDir(), "none")
	for range 2 {
		names := present(cfg)
		_, err := os.Stat(cfg.Auth.PasswdFile)
		system := readable(shadow.Path)
		if want := err == nil || !system; slices.Contains(names, "passwd-file") != want {
			t.Errorf("%q, passwd-file: %v", names, err)
		}
		if slices.Contains(names, "shadow") != system || slices.Contains(names, "pam") {
			t.Errorf("%q", names)
		}
		if err := os.WriteFile(cfg.Auth.PasswdFile, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A file that is named is meant.
	if names := present(load(t, `auth.passwd_file = "none"`)); names[0] != "passwd-file" {
		t.Errorf("%q", names)
	}
}

// Where pam-helper is, and has PAM, it is asked and the shadow file is not.
func TestPresentPAM(t *testing.T) {
	cfg := load(t, "")
	cfg.Programs.Directory = t.TempDir()
	helper := filepath.Join(cfg.Programs.Directory, "pam-helper")
	for status, want := range map[string]bool{"0": true, "69": false} {
		if err := os.WriteFile(helper, []byte("#!/bin/sh\n[ \"$*\" = -n ] && exit "+status+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		names := present(cfg)
		if slices.Contains(names, "pam") != want || want && slices.Contains(names, "shadow") {
			t.Errorf("status %s: %q", status, names)
		}
	}
}

func TestNew(t *testing.T) {
	means := func(text string) authd.Means {
		return authd.Means{Config: load(t, text), Log: slog.New(slog.DiscardHandler), Hashing: passdb.NewHashing(1, passdb.HashingMemory)}
	}
	_, err := New(means(`auth.sources = ["shadow", "passwd"]`))
	if err == nil || !strings.Contains(err.Error(), `"passwd" is none of`) {
		t.Error(err)
	}
	accounts, err := New(means(`auth = { sources = ["passwd-file", "shadow"], passwd_file = "none" }`))
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "passwd-file: ") {
		t.Error(err)
	}
}
