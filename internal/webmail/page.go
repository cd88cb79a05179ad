package webmail

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/webmail.css
var css []byte

// styleSheet is served under a name that changes with its content.
var styleSheet = struct {
	path string
	body []byte
}{"/assets/" + fingerprint(css) + "/webmail.css", css}

func fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// functions are those that templates call.
var functions = template.FuncMap{
	"icon":  icon,
	"style": func() string { return styleSheet.path },
}

// templates holds one set for each page: the layout and the page's own file.
var templates = parseTemplates("mailbox.html", "message.html", "error.html", "body.html")

func parseTemplates(names ...string) map[string]*template.Template {
	base := template.Must(template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/layout.html"))
	m := make(map[string]*template.Template)
	for _, name := range names {
		m[name] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, "templates/"+name))
	}
	return m
}

// layout is what every page shows around its content.
type layout struct {
	Title   string // of the window
	Account string
	Token   string
	Folders []folder
}

// layout fills the frame of a page. Folders that cannot be listed are missing
// there, and the log says why: the page itself may still be of use.
func (s *Site) layout(r *http.Request, title string) layout {
	l := layout{Title: title, Account: r.Header.Get(headerAccount), Token: r.Header.Get(headerToken)}
	if l.Account == "" {
		l.Account = s.name
	}
	folders, err := s.boxes.folders(r.Context(), r.PathValue("mailbox"))
	if err != nil {
		s.log.Error("list folders", "err", err)
	}
	l.Folders = folders
	return l
}

// render writes a page: first into memory, so that a template that fails leaves
// no half of it.
func (s *Site) render(w http.ResponseWriter, status int, name string, view any) error {
	var out bytes.Buffer
	entry := "layout.html"
	if name == "body.html" { // a document of its own
		entry = name
	}
	if err := templates[name].ExecuteTemplate(&out, entry, view); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	// An error here means that nobody listens any more.
	_, _ = w.Write(out.Bytes())
	return nil
}

// style serves the style sheet, the only thing that a browser may keep: it is
// the same for everybody.
func (s *Site) style(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(styleSheet.body))
	return nil
}

func redirect(w http.ResponseWriter, where string) {
	w.Header().Set("Location", where)
	w.WriteHeader(http.StatusSeeOther)
}

// mailboxPath is the address of a page of a mailbox, counted from 1.
func mailboxPath(name string, page int) string {
	p := "/f/" + url.PathEscape(name)
	if page > 1 {
		p += "?p=" + strconv.Itoa(page)
	}
	return p
}

// messagePath is the address of a message, or of what follows it such as
// "/body". The place is a hint where to look first.
func messagePath(id, what string, p place) string {
	return "/m/" + id + what + "?f=" + url.QueryEscape(p.mailbox) + "&u=" + strconv.FormatUint(uint64(p.uid), 10)
}
