package webmail

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"strings"

	"fantail/internal/message"
	"fantail/internal/webmail/htmlsafe"
)

// bodyView is the document in the frame.
type bodyView struct {
	HTML   template.HTML // from htmlsafe
	Scheme template.CSS  // the document's color-scheme
	Note   string        // instead of HTML

	// What stands above it if it is to be printed: the page around the frame is not.
	Subject string
	Head    *letter
}

// maxHTML is more than htmlsafe accepts, so that it is what refuses.
const maxHTML = 3 << 20

// body shows the HTML of a message: sanitised, and under a policy that would
// make it harmless if it were not.
func (s *Site) body(w http.ResponseWriter, r *request) error {
	if r.Header.Get("Sec-Fetch-Dest") == "iframe" {
		w.Header().Set("Content-Security-Policy", framePolicy)
	}
	f, err := s.boxes.find(r.Context(), r.PathValue("id"), placeOf(r))
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := f.Structure(r.Context(), f.uid())
	if err != nil {
		return err
	}
	part, err := partOf(root, r.URL.Query().Get("section"))
	if err != nil {
		return err
	}
	if !part.Is("text", "html") {
		return notFound("error.noPart")
	}
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	a := authenticate(root, s.authority)
	remote, _ := s.showPictures(r, r.PathValue("id"), &a)
	if remote {
		w.Header().Set("Content-Security-Policy", strings.Replace(w.Header().Get("Content-Security-Policy"), "img-src data:", "img-src data: https:", 1))
	}
	res, err := r.sanitize(part, raw, root, remote)
	if errors.Is(err, htmlsafe.ErrTooComplex) {
		return s.render(w, r, http.StatusOK, "body.html", bodyView{Scheme: r.scheme(), Note: r.lang.Text("message.tooComplexBody")})
	}
	if err != nil {
		return err
	}
	v := bodyView{Scheme: r.scheme()}
	if r.URL.Query().Get("print") != "" {
		l, err := s.newLetter(r, f)
		if err != nil {
			return err
		}
		v.Head, v.Subject = &l, subjectOf(root)
	}
	// The one place where a string becomes markup without html/template's doing.
	v.HTML = template.HTML(res.HTML)
	return s.render(w, r, http.StatusOK, "body.html", v)
}

// lightScheme is that of a document that is white as its author saw it.
const lightScheme = "only light"

// scheme is the color-scheme of a message's document: the page's, unless somebody wants the
// message's own colours, or prints it.
func (r *request) scheme() template.CSS {
	q := r.URL.Query()
	switch {
	case r.prefs.Theme == "light" || q.Get("colours") != "" || q.Get("print") != "":
		return lightScheme
	case r.prefs.Theme == "dark":
		return "dark"
	}
	return "light dark"
}

// partOf returns a leaf of a message by its section number.
func partOf(root *message.Part, section string) (*message.Part, error) {
	at, ok := parseSection(section)
	if ok {
		if p := root.Find(at); p != nil && len(p.Parts) == 0 {
			return p, nil
		}
	}
	return nil, notFound("error.noPart")
}

// sanitize reads and rebuilds an HTML part. root gives the inline images; nil:
// none are wanted. remote lets pictures on other servers stay.
func (r *request) sanitize(p *message.Part, raw *os.File, root *message.Part, remote bool) (htmlsafe.Result, error) {
	html, err := io.ReadAll(p.Text(raw, maxHTML))
	if err != nil {
		return htmlsafe.Result{}, fmt.Errorf("read HTML part: %w", err)
	}
	o := htmlsafe.Options{Remote: remote, Words: r.deception, Dark: true, Scheme: htmlsafe.Scheme(r.prefs.Theme)}
	if root != nil && isAnswer(root) && r.URL.Query().Get("print") == "" {
		o.Fold = r.lang.Text("reader.quotedText")
	}
	if r.scheme() == lightScheme {
		o.Dark, o.Scheme = false, htmlsafe.Light
	}
	var readErr error
	if root != nil {
		images := inlineImages(root)
		o.Image = func(id string) ([]byte, bool) {
			part := images[strings.TrimSpace(id)]
			if part == nil {
				return nil, false
			}
			data, err := io.ReadAll(io.LimitReader(part.Decoded(raw), maxImage+1))
			if err != nil {
				readErr = fmt.Errorf("read inline image: %w", err)
			}
			return data, err == nil
		}
	}
	res, err := htmlsafe.Sanitize(string(html), o)
	return res, errors.Join(err, readErr)
}

// deception says what is wrong with a link.
func (r *request) deception(s htmlsafe.Suspicion) string {
	key := map[htmlsafe.Deception]string{htmlsafe.UserInfo: "reader.linkName", htmlsafe.Letters: "reader.linkLetters", htmlsafe.OtherHost: "reader.linkOther"}[s.Kind]
	return r.lang.Text(key, "host", s.Host, "shown", oneLine(s.Shown))
}

// maxImage is the largest inline image that is read; htmlsafe refuses larger
// ones.
const maxImage = 1 << 20

// inlineImages returns the images of a message by their Content-ID (RFC 2392).
func inlineImages(root *message.Part) map[string]*message.Part {
	m := make(map[string]*message.Part)
	root.Walk(func(p *message.Part) bool {
		if id := strings.Trim(strings.TrimSpace(p.ID), "<>"); id != "" && m[id] == nil && (p.Type == "image" || p.Is("application", "octet-stream")) {
			m[id] = p
		}
		return true
	})
	return m
}
