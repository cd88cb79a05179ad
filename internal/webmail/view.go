package webmail

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"

	"fantail/internal/message"
	"fantail/internal/webmail/htmlsafe"
)

// Files that can be looked at before they are saved:
//
//	pictures   view page, with the picture from /image
//	text       view page
//	messages   view page: as a message, with parts of its own
//	PDF        /pdf, in a window of its own, by the browser's reader
//
// What a file is its content says, not its name or type. Nothing else is ever shown under
// our address (part).

// fileViewPage is the page of a picture or text.
type fileViewPage struct {
	layout
	Name, KindName, SizeName string
	Back, Save               string
	Picture                  string // its address
	Blocks                   []block
	Cut                      bool
}

// viewPath is where a file can be looked at; "" if it cannot. tab says that it is not a
// page of ours.
func viewPath(f *found, x file) (path string, tab bool) {
	name := "/" + x.section + "/" + url.PathEscape(x.Name)
	switch {
	case x.part.Is("application", "pdf"):
		return f.path("/pdf" + name), true
	case x.part.Message != nil, x.part.Type == "image" && viewable(x.part.Subtype), readable(x.part):
		return f.path("/view" + name), false
	}
	return "", false
}

// viewable are the subtypes of pictures that browsers show; which one it is in truth
// htmlsafe.ImageType says.
func viewable(subtype string) bool {
	return slices.Contains([]string{"png", "jpeg", "jpg", "pjpeg", "gif", "webp"}, subtype)
}

// readable reports whether a part is text that says something by itself.
func readable(p *message.Part) bool {
	switch p.Type + "/" + p.Subtype {
	case "text/plain", "text/csv", "text/markdown", "text/x-patch", "text/x-diff", "text/x-log", "message/delivery-status", "message/disposition-notification", "text/rfc822-headers", "application/json":
		return true
	}
	return false
}

// view shows a file.
func (s *Site) view(w http.ResponseWriter, r *request) error {
	f, root, err := s.findMessage(r)
	if err != nil {
		return err
	}
	defer f.Close()
	at, ok := parseSection(r.PathValue("section"))
	p := root.Find(at)
	if !ok || p == nil || len(at) == 0 {
		return notFound("error.noPart")
	}
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	r.SetPathValue("mailbox", f.Name()) // for the sidebar
	if p.Message != nil {
		return s.viewMessage(w, r, f, p.Message, at, raw)
	}
	if len(p.Parts) > 0 {
		return notFound("error.noPart")
	}
	x := file{section: section(at), part: p, Name: fileName(p), Kind: kindOf(p), Size: decodedSize(p)}
	v := fileViewPage{
		layout: s.layout(r, x.Name), Name: x.Name, KindName: r.lang.Text("message.kind." + x.Kind), SizeName: r.lang.Size(x.Size),
		Back: f.path(""), Save: partPath(f, x),
	}
	switch {
	case p.Type == "image" && viewable(p.Subtype):
		v.Picture = f.path("/image/" + x.section + "/" + url.PathEscape(x.Name))
	case readable(p):
		if v.Blocks, v.Cut, err = readVerbatim(p, raw); err != nil {
			return err
		}
	default:
		return notFound("error.noPart")
	}
	return s.render(w, r, http.StatusOK, "view.html", v)
}

// readVerbatim reads text line by line as it is.
func readVerbatim(p *message.Part, raw *os.File) (blocks []block, cut bool, err error) {
	text, err := io.ReadAll(p.Text(raw, maxText+1))
	if err != nil {
		return nil, false, err
	}
	if cut = len(text) > maxText; cut {
		text = text[:maxText]
	}
	return []block{{Text: htmlsafe.Linkify(visibleText(string(text)))}}, cut, nil
}

// visibleText is text without what changes the direction of other text or has no shape.
func visibleText(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// viewMessage shows a message that is part of another one.
func (s *Site) viewMessage(w http.ResponseWriter, r *request, f *found, inner *message.Part, at []int, raw *os.File) error {
	l := letter{f: f, root: inner, Anchor: "m", Open: true, Whole: true, Path: r.URL.Path + "?f=" + url.QueryEscape(f.Name())}
	l.address(inner)
	if date, ok := inner.Date(); ok {
		l.When = r.when(date)
	}
	if _, err := s.parts(r, &l, inner, at, raw); err != nil {
		return err
	}
	l.All = "" // that is of all files of the stored message
	subject := subjectOf(inner)
	if subject == "" {
		subject = r.lang.Text("list.noSubject")
	}
	v := messageView{layout: s.layout(r, subject), Subject: subject, Inside: true, Letters: []letter{l}, Back: f.path("")}
	outer, err := f.Structure(r.Context(), f.uid())
	if err != nil {
		return err
	}
	if v.Mailbox = subjectOf(outer); v.Mailbox == "" {
		v.Mailbox = r.lang.Text("list.noSubject")
	}
	return s.render(w, r, http.StatusOK, "message.html", v)
}

// maxPicture is the largest picture that is shown.
const maxPicture = 30 << 20

// image sends a picture to be shown: one of the formats that are nothing but pictures.
func (s *Site) image(w http.ResponseWriter, r *request) error {
	return s.show(w, r, func(head []byte) string { return htmlsafe.ImageType(head) })
}

// pdf sends a PDF to the browser's reader.
func (s *Site) pdf(w http.ResponseWriter, r *request) error {
	return s.show(w, r, func(head []byte) string {
		if bytes.HasPrefix(head, []byte("%PDF-")) {
			return "application/pdf"
		}
		return ""
	})
}

// show sends a part to be looked at, if its first octets are of a type that may be.
func (s *Site) show(w http.ResponseWriter, r *request, typeOf func(head []byte) string) error {
	f, root, err := s.findMessage(r)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := partOf(root, r.PathValue("section"))
	if err != nil {
		return err
	}
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	in := io.LimitReader(p.Decoded(raw), maxPicture)
	head := make([]byte, 64)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	kind := typeOf(head[:n])
	if kind == "" {
		return notFound("error.noPart")
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", strings.Replace(disposition(fileName(p)), "attachment", "inline", 1))
	w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(w, io.MultiReader(bytes.NewReader(head[:n]), in)); err != nil && r.Context().Err() == nil {
		s.log.Error("send part", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
