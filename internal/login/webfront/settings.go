package webfront

import (
	"html/template"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fantail/internal/autoconfig"
	"fantail/internal/locale"
	"fantail/web"
)

// Pages of settings that the front has: they stand among those of the session program and
// look as they do, in the language and the colours that it has shown last.

const (
	pathSecurity = "/settings/security"
	pathDevices  = "/settings/devices"
)

// sections are the pages of settings in the order of their menu. Package webmail has the
// same.
var sections = []struct{ Name, Icon string }{
	{"general", "settings"}, {"appearance", "eye"}, {"identities", "contact"}, {"templates", "file"},
	{"pictures", "image"}, {"security", "key"}, {"devices", "help"},
}

// frame is what every such page shows around its content.
type frame struct {
	Language *locale.Language
	Theme    string
	Account  string
	Token    string
	Page     string // of sections
	Script   string // path of a module; "": none
}

// Sheet is the style sheet of webmail.
func (frame) Sheet() string { return web.Path("app.css") }

// Mark is the picture beside the name.
func (frame) Mark() string { return icon.path }

// Sections are the menu.
func (f frame) Sections() []link {
	list := make([]link, len(sections))
	for i, s := range sections {
		list[i] = link{"/settings/" + s.Name, s.Icon, f.Language.Text("settings." + s.Name + ".title"), s.Name == f.Page}
	}
	return list
}

// link is a line of the menu.
type link struct {
	Path, Icon, Text string
	Current          bool
}

// Pic is a picture of the sprite.
func (frame) Pic(name string) template.HTML {
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + web.Path("icons.svg") + `#` + name + `"/></svg>`)
}

// frameOf fills the frame of a page for a session.
func (s *Server) frameOf(r *http.Request, v *session, page string) frame {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	return frame{
		Language: locale.Match(v.language, r.Header.Get("Accept-Language")), Theme: themeOf(v.theme),
		Account: v.account, Token: v.token, Page: page,
	}
}

// themeOf is what a session program has said, if that is a theme.
func themeOf(name string) string {
	if name == "light" || name == "dark" {
		return name
	}
	return ""
}

// inside has a page answered for somebody with a session, and a login page for who has none.
func (s *Server) inside(w http.ResponseWriter, r *http.Request, answer func(v *session)) {
	w.Header().Set("Cache-Control", "no-store")
	v := s.sessions.find(r)
	if v == nil {
		s.askToLogIn(w, r)
		return
	}
	defer s.sessions.release(v, r)
	if !expected(r) {
		http.Error(w, "other sites may link to pages here, but not load anything from here", http.StatusForbidden)
		return
	}
	if s.sessions.crowded(v) || !s.sessions.spend(v, time.Now()) {
		w.Header().Set("Retry-After", strconv.Itoa(int(calm/time.Second)))
		http.Error(w, "too many requests", http.StatusTooManyRequests)
		return
	}
	answer(v)
}

var devicesTemplate = settingsTemplate("devices.html")

// settingsTemplate returns a page of settings for each language, by its tag.
func settingsTemplate(name string) map[string]*template.Template {
	all := make(map[string]*template.Template)
	for _, l := range locale.All() {
		all[l.Tag] = template.Must(template.New("frame.html").Funcs(template.FuncMap{"t": l.Text, "int": func(n uint8) int { return int(n) }}).ParseFS(templates, "templates/frame.html", "templates/unlock.html", "templates/"+name))
	}
	return all
}

// devices is what the template shows.
type devices struct {
	frame
	Servers     []setupServer
	Profile, QR string // paths; "" if there can be none
	Known       bool   // there are settings to tell
}

// devicesPage shows what to type into a mail program, for this account.
func (s *Server) devicesPage(w http.ResponseWriter, r *http.Request) {
	s.inside(w, r, func(v *session) {
		d := devices{frame: s.frameOf(r, v, "devices")}
		if s.provider != nil {
			a, ok := autoconfig.ParseAddress(v.account)
			if !ok {
				a, _ = autoconfig.ParseAddress(v.account + "@" + s.provider.Domain())
			}
			d.Servers, d.Known = setupServers(s.provider, a), true
			if _, err := s.provider.Profile(a); err == nil {
				d.Profile, d.QR = autoconfig.PathProfile+queryOf(a), pathQR+queryOf(a)
			}
		}
		s.show(w, http.StatusOK, devicesTemplate[d.Language.Tag], d)
	})
}

// agentOf is a browser and its system, in a few words, by what it says of itself. It is
// for people to know their devices again, and no more.
func agentOf(says string) string {
	if len(says) > 1000 {
		says = says[:1000]
	}
	var words []string
	for _, list := range [][][2]string{browsers, systems} {
		for _, k := range list {
			if strings.Contains(says, k[0]) {
				words = append(words, k[1])
				break
			}
		}
	}
	return strings.Join(words, ", ")
}

// browsers and systems are known by a word; the first that is there decides, since all
// say to be others as well.
var (
	browsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Vivaldi", "Vivaldi"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chromium", "Chromium"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"Lynx", "Lynx"}, {"w3m", "w3m"}, {"Links", "Links"}, {"curl", "curl"},
	}
	systems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "ChromeOS"},
		{"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}, {"Linux", "Linux"},
	}
)

// hostOf is an address without its port.
func hostOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// moment is a time on a page.
type moment struct{ Text, ISO string }

func when(l *locale.Language, t time.Time) moment {
	t = t.UTC()
	return moment{l.Date(t, locale.DayYear) + ", " + t.Format("15:04") + " UTC", t.Format(time.RFC3339)}
}
