package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

func TestServe(t *testing.T) {
	get := func(path, accept string) *http.Response {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		Serve(w, r)
		return w.Result()
	}
	for _, name := range Files() {
		plain, err := dist.ReadFile("dist/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for accept, open := range map[string]func(io.Reader) io.Reader{
			"": same, "identity": same, "br;q=0, gzip;q=0.0": same, "zstd": same,
			"gzip, deflate": unzip, "gzip, deflate, br, zstd": func(r io.Reader) io.Reader { return brotli.NewReader(r) },
		} {
			resp := get(Path(name), accept)
			if resp.Header.Get("Content-Encoding") == "" {
				open = same // it is too small
			}
			body, err := io.ReadAll(open(resp.Body))
			if err != nil || resp.StatusCode != 200 || !bytes.Equal(body, plain) {
				t.Errorf("%s, %q: %d, %v, %d octets of %d", name, accept, resp.StatusCode, err, len(body), len(plain))
			}
			if h := resp.Header; !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Type") == "" {
				t.Errorf("%s: %v", name, h)
			}
		}
	}
	for _, path := range []string{Prefix, Prefix + "no.js", Prefix + "app.css.gz", "/assets/another/app.css", Prefix + "../web.go", Prefix + "app.css/", "/"} {
		if resp := get(path, "br"); resp.StatusCode != 404 || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func same(r io.Reader) io.Reader { return r }

func unzip(r io.Reader) io.Reader {
	z, err := gzip.NewReader(r)
	if err != nil {
		return strings.NewReader(err.Error())
	}
	return z
}
