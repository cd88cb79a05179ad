package webmail

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"sync"

	"fantail/internal/locale"
	"fantail/internal/webmail/settings"
	"fantail/web"
)

//go:embed templates/*.html
var templateFiles embed.FS

// functions are those that templates call, in a language.
func functions(l *locale.Language) template.FuncMap {
	return template.FuncMap{
		"asset": web.Path,
		"icon":  icon,
		"t":     l.Text,
		"num":   l.Number,
		"pair":  func(page, letter any) pair { return pair{page, letter} },

		"tools":   func(group int) []string { return editorTools[group] },
		"colours": func() []colour { return editorColours },

		"keyMap": func() []keyGroup { return keyMap },
	}
}

// pair is what a template within a page needs: the page, and one thing on it.
type pair struct{ Page, Letter any }

// icon returns a picture that says nothing by itself: the words beside it do.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + web.Path("icons.svg") + `#` + name + `"/></svg>`)
}

// documentsOwn are the templates of whole documents; all others stand in the layout.
var documentsOwn = map[string]bool{"body.html": true, "editor.html": true}

// sets holds the templates of a language: one set for each page, of the layout and the
// page's own file. They are made when somebody speaks that language.
var sets struct {
	mu sync.Mutex
	by map[string]map[string]*template.Template
}

// templatesFor returns the templates of a language by the names of their files.
func templatesFor(l *locale.Language) map[string]*template.Template {
	sets.mu.Lock()
	defer sets.mu.Unlock()
	if sets.by == nil {
		sets.by = make(map[string]map[string]*template.Template)
	}
	if sets.by[l.Tag] == nil {
		sets.by[l.Tag] = parseTemplates(l)
	}
	return sets.by[l.Tag]
}

func parseTemplates(l *locale.Language) map[string]*template.Template {
	base := template.Must(template.New("layout.html").Funcs(functions(l)).ParseFS(templateFiles, "templates/layout.html"))
	list, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	m := make(map[string]*template.Template)
	for _, file := range list {
		m[path.Base(file)] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
	}
	return m
}

// layout is what every page shows around its content.
type layout struct {
	Title     string // of the window
	Account   string
	Token     string
	Folders   []folder
	Language  string
	Direction string
	Prefs     settings.Settings
	Here      string  // this page's address, for forms that lead back to it
	Done      *notice // what was just done
	Find      searchBox
	Labels    []label
	Quota     *quotaBar // nil: no limit
	Writes    bool      // messages can be sent
	Outbox    int       // what waits to be sent, and what was not
}

// notice says what was done, and what takes it back.
type notice struct {
	Text, Undo string
	Left       int // seconds until it cannot be taken back any more; 0: nobody is in a hurry
}

// layout fills the frame of a page. Folders that cannot be listed are missing
// there, and the log says why: the page itself may still be of use.
func (s *Site) layout(r *request, title string) layout {
	l := layout{
		Title: title, Account: r.Header.Get(headerAccount), Token: r.Header.Get(headerToken),
		Writes: s.outbox != nil, Language: r.lang.Tag, Direction: r.lang.Direction, Prefs: r.prefs,
	}
	if l.Account == "" {
		l.Account = s.name
	}
	l.Here = r.URL.Path
	if q := r.URL.Query(); len(q) > 0 {
		if x, ok := s.undo.look(q.Get("done")); ok {
			l.Done = &notice{Text: x.text}
			if len(x.steps) > 0 {
				l.Done.Undo, l.Done.Left = "/undo/"+q.Get("done"), x.left(s.clock())
			}
		}
		q.Del("done")
		if len(q) > 0 {
			l.Here += "?" + q.Encode()
		}
	}
	folders, err := s.boxes.folders(r.Context(), r.PathValue("mailbox"), r.lang)
	if err != nil && r.Context().Err() == nil { // or the front has lost its client
		s.log.Error("list folders", "err", err)
	}
	l.Folders = folders
	if l.Outbox, err = s.box.Count(); err != nil {
		s.log.Error("outbox", "err", err)
	}
	l.Find, l.Labels, l.Quota = l.searchBox(r), s.boxes.labels(r.Context(), folders), s.quota(r)
	return l
}

// headerFragment is by which a script asks for a part of a page:
//
//	main     the content, in a document with no more than its title and what was just done
//	rows     the lines of a list alone
//	folders  the sidebar alone
//	none     nothing: it is only the visit that counts
//
// A page that has no such part answers with its content.
const headerFragment = "X-Wm-Fragment"

// fragments are the templates of the parts.
var fragments = map[string]string{"main": "fragment", "rows": "rows", "folders": "folders"}

// entryOf is the template with which a page begins.
func entryOf(r *request, name string, t *template.Template) string {
	want := r.Header.Get(headerFragment)
	switch {
	case documentsOwn[name] || t.Lookup("layout.html") == nil:
		return name
	case want == "":
		return "layout.html"
	case fragments[want] == "" || t.Lookup(fragments[want]) == nil:
		return "fragment"
	}
	return fragments[want]
}

// render writes a page: first into memory, so that a template that fails leaves
// no half of it.
func (s *Site) render(w http.ResponseWriter, r *request, status int, name string, view any) error {
	if r.Header.Get(headerFragment) == "none" && status == http.StatusOK {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	var out bytes.Buffer
	t := templatesFor(r.lang)[name]
	if err := t.ExecuteTemplate(&out, entryOf(r, name, t), view); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	body := out.Bytes()
	small, err := squeeze(r, body)
	if err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	if small != nil {
		w.Header().Set("Content-Encoding", "gzip")
		body = small
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// An error here means that nobody listens any more.
	_, _ = w.Write(body)
	return nil
}

func redirect(w http.ResponseWriter, where string) {
	w.Header().Set("Location", where)
	w.WriteHeader(http.StatusSeeOther)
}

// mailboxPath is the address of a mailbox.
func mailboxPath(name string) string { return wish{Mailbox: name}.path() }

// messagePath is the address of a message, or of what follows it such as
// "/body". The place is a hint where to look first.
func messagePath(id, what string, p place) string {
	return "/m/" + id + what + "?f=" + url.QueryEscape(p.mailbox) + "&u=" + strconv.FormatUint(uint64(p.uid), 10)
}
