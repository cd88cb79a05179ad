package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tree makes the files of a package in a directory: what "make install" installs, pages
// compressed, and the configuration. What families of systems differ in is their own.
func (j *job) tree(dir string) error {
	bin, err := os.MkdirTemp("", "fantail-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin) // bin/packages stays
	if _, err := command(j.root, []string{"MAKEFLAGS=", "GOFLAGS=-buildvcs=false"}, "make", "--silent", "install", "PREFIX=/usr",
		"DESTDIR="+dir, "BIN="+bin, "VERSION="+j.version); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "usr/libexec/fantail/pam-helper")); err != nil {
		return fmt.Errorf("pam-helper is not built, and a package is not whole without: install gcc and libpam0g-dev: %w", err)
	}
	generated := filepath.Join(bin, "generated")
	for from, to := range map[string]string{"fantail.toml": "etc/fantail/fantail.toml", "copyright": "usr/share/doc/fantail/copyright"} {
		if err := copyFile(filepath.Join(generated, from), filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "etc/fantail/conf.d"), 0o755); err != nil {
		return err
	}
	pages, err := filepath.Glob(filepath.Join(dir, "usr/share/man/man*/*.[1578]"))
	if err != nil || len(pages) == 0 {
		return fmt.Errorf("there are no pages: %w", err)
	}
	for _, page := range pages {
		if err := compress(page); err != nil {
			return err
		}
	}
	return nil
}

// compress replaces a file by what gzip -9n makes of it.
func compress(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return errors.Join(writeCompressed(path+".gz", text), os.Remove(path))
}

func writeCompressed(path string, text []byte) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return write(path, b.Bytes(), 0o644)
}

// write writes a file, with the directories above it.
func write(path string, text []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, text, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode) // whatever the umask is
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return write(to, text, 0o644)
}

// settle gives everything in a tree the time of the release, and modes that do not come
// from an umask.
func (j *job) settle(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if err := os.Chmod(path, 0o755); err != nil {
				return err
			}
		}
		return os.Chtimes(path, j.time, j.time)
	})
}

// files are the paths of the files in a tree, from "/" on, in order.
func files(dir string) ([]string, error) {
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, strings.TrimPrefix(path, dir))
		}
		return err
	})
	return list, err
}

// fill replaces each "@NAME@" of a script.
func fill(text string, values map[string]string) (string, error) {
	for name, value := range values {
		text = strings.ReplaceAll(text, "@"+name+"@", value)
	}
	if _, rest, ok := strings.Cut(text, "@"); ok {
		name, _, _ := strings.Cut(rest, "@")
		if name != "" && strings.ToUpper(name) == name && !strings.ContainsAny(name, " \n\"'$") {
			return "", fmt.Errorf("nothing is known of @%s@", name)
		}
	}
	return text, nil
}
