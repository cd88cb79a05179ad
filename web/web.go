// Package web is what browsers load of webmail beside its pages: scripts, styles,
// pictures. It is the same for everybody and says nothing about anybody, so it is served
// without a session, and browsers keep it.
//
// The sources are in src; web/build makes dist of them, which is committed, so that Go
// alone builds the programs. Each file is there three times: as it is, and compressed
// with gzip and Brotli.
//
//	src/app      scripts: modules, without a framework; app.js is the entry
//	src/rich     writing formatted text, loaded when somebody does
//	src/style    styles; app.css is the entry
//	src/icons    the pictures, one file each, which become one sprite
//	vendor       Squire, the editor of rich text: the one part that others wrote
//	dist         what browsers get
//
// All files are in one directory, whose name is a hash of all that is in it: a page asks
// for the files that it was made with, or for none.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:generate go run ./build

//go:embed dist
var dist embed.FS

// version is the name of the directory.
var version = hash()

// Prefix is where the files are, with a slash at both ends.
var Prefix = "/assets/" + version + "/"

// Path returns the address of a file of dist. One that does not exist is our bug.
func Path(name string) string {
	if _, err := fs.Stat(dist, "dist/"+name); err != nil {
		panic("web: " + err.Error())
	}
	return Prefix + name
}

// Files returns the names of all files, in the order of names.
func Files() []string {
	var names []string
	list, err := dist.ReadDir("dist")
	if err != nil {
		panic("web: " + err.Error()) // it is part of the program
	}
	for _, f := range list {
		if ext := path.Ext(f.Name()); ext != ".gz" && ext != ".br" {
			names = append(names, f.Name())
		}
	}
	return names
}

func hash() string {
	sum := sha256.New()
	for _, name := range Files() {
		b, err := dist.ReadFile("dist/" + name)
		if err != nil {
			panic("web: " + err.Error())
		}
		sum.Write([]byte(name + " " + strconv.Itoa(len(b)) + "\n"))
		sum.Write(b)
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9])
}

// Serve answers a request for a file below Prefix; a request for another one gets 404.
func Serve(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, Prefix)
	body, err := dist.ReadFile("dist/" + name)
	ext := path.Ext(name)
	if !ok || err != nil || ext == ".gz" || ext == ".br" {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "there is no such file in this version", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeOf(ext))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	for _, c := range [...]struct{ coding, ext string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if Accepts(r, c.coding) {
			if small, err := dist.ReadFile("dist/" + name + c.ext); err == nil {
				h.Set("Content-Encoding", c.coding)
				body = small
				break
			}
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // an error says that nobody listens any more
	}
}

// Accepts reports whether a browser takes a coding. Only what browsers send is
// understood (RFC 9110 section 12.5.3): a coding with q=0 is refused, and * is not used.
func Accepts(r *http.Request, coding string) bool {
	for _, item := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(item, ";")
		if strings.TrimSpace(name) == coding {
			q = strings.TrimSpace(q)
			return q != "q=0" && !strings.HasPrefix(q, "q=0.0")
		}
	}
	return false
}

func typeOf(ext string) string {
	switch ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return mime.TypeByExtension(ext)
}
