package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// TestCurrent holds that what is committed in dist is what the sources make.
func TestCurrent(t *testing.T) {
	files, err := build("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("../dist", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the sources make; run: go generate ./web", name)
		}
	}
	list, err := filepath.Glob("../dist/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		name := filepath.Base(path)
		plain, ok := files[strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".br")]
		if !ok {
			t.Errorf("%s comes from no source", name)
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader = f
		switch filepath.Ext(name) {
		case ".gz":
			if r, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		case ".br":
			r = brotli.NewReader(f)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s is another file than %.10q...", name, plain)
		}
		f.Close()
	}
}

// TestBudget holds the size of a first visit, as browsers get it.
func TestBudget(t *testing.T) {
	sum := func(pattern string) (n int64) {
		list, err := filepath.Glob("../dist/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range list {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			n += info.Size()
		}
		return n
	}
	for _, b := range []struct {
		pattern string
		most    int64
	}{{"app.js.br", 35_000}, {"app.css.br", 14_000}, {"icons.svg.br", 7_000}, {"rich-*.js.br", 30_000}} {
		if n := sum(b.pattern); n > b.most {
			t.Errorf("%s: %d octets, may have %d", b.pattern, n, b.most)
		}
	}
}
