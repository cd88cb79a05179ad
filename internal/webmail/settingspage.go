package webmail

import (
	"errors"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fantail/internal/locale"
	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/settings"
)

// The pages of settings. Each choice is a row of choicesOf, which says on which page it
// stands; what may be chosen says package settings. Security and the settings of mail
// programs are pages of the front (package webfront), which has the passwords' side of
// things.

// settingsSections are the pages in the order of their menu. The front has the same.
var settingsSections = []struct{ Name, Icon string }{
	{"general", "settings"}, {"appearance", "eye"}, {"identities", "contact"}, {"templates", "file"},
	{"pictures", "image"}, {"security", "key"}, {"devices", "help"},
}

// setting is one of the settings with few values.
type setting struct {
	page  string
	name  string // of package settings
	value func(*settings.Settings) string
	set   func(*settings.Settings, string)
	// off says that a switch is on by default.
	off bool
}

// choicesOf are all of them, in the order of their pages.
var choicesOf = []setting{
	{page: "general", name: "notify", value: func(s *settings.Settings) string { return string(s.Notify) }, set: func(s *settings.Settings, v string) { s.Notify = settings.Switch(v) }},
	{page: "general", name: "keys", value: func(s *settings.Settings) string { return string(s.Keys) }, set: func(s *settings.Settings, v string) { s.Keys = settings.Keys(v) }},
	{page: "general", name: "scope", value: func(s *settings.Settings) string { return string(s.Scope) }, set: func(s *settings.Settings, v string) { s.Scope = settings.Scope(v) }},
	{page: "general", name: "compose", value: func(s *settings.Settings) string { return string(s.Compose) }, set: func(s *settings.Settings, v string) { s.Compose = settings.Compose(v) }},
	{page: "general", name: "quote", value: func(s *settings.Settings) string { return string(s.Quote) }, set: func(s *settings.Settings, v string) { s.Quote = settings.Quote(v) }},
	{page: "general", name: "saveSent", off: true, value: func(s *settings.Settings) string { return string(s.SaveSent) }, set: func(s *settings.Settings, v string) { s.SaveSent = settings.Switch(v) }},
	{page: "general", name: "reminders", off: true, value: func(s *settings.Settings) string { return string(s.Reminders) }, set: func(s *settings.Settings, v string) { s.Reminders = settings.Switch(v) }},
	{page: "appearance", name: "theme", value: func(s *settings.Settings) string { return string(s.Theme) }, set: func(s *settings.Settings, v string) { s.Theme = settings.Theme(v) }},
	{page: "appearance", name: "density", value: func(s *settings.Settings) string { return string(s.Density) }, set: func(s *settings.Settings, v string) { s.Density = settings.Density(v) }},
	{page: "appearance", name: "layout", value: func(s *settings.Settings) string { return string(s.Layout) }, set: func(s *settings.Settings, v string) { s.Layout = settings.Layout(v) }},
	{page: "appearance", name: "grouping", value: func(s *settings.Settings) string { return string(s.Grouping) }, set: func(s *settings.Settings, v string) { s.Grouping = settings.Grouping(v) }},
	{page: "appearance", name: "order", value: func(s *settings.Settings) string { return string(s.Order) }, set: func(s *settings.Settings, v string) { s.Order = settings.Order(v) }},
	{page: "appearance", name: "preview", off: true, value: func(s *settings.Settings) string { return string(s.Preview) }, set: func(s *settings.Settings, v string) { s.Preview = settings.Switch(v) }},
	{page: "pictures", name: "pictures", value: func(s *settings.Settings) string { return string(s.Pictures) }, set: func(s *settings.Settings, v string) { s.Pictures = settings.Pictures(v) }},
	{page: "pictures", name: "plain", value: func(s *settings.Settings) string { return string(s.Plain) }, set: func(s *settings.Settings, v string) { s.Plain = settings.Switch(v) }},
}

// option is a value of a choice on a page.
type option struct {
	Value, Text string
	Chosen      bool
}

// shownChoice is a choice on a page.
type shownChoice struct {
	Name, Title, Hint string
	Options           []option
}

// values are what a choice may be, without the value that says the default once more.
func (c setting) values() []string {
	list := settings.Values(c.name)
	if !slices.Contains(list, "on") {
		return list
	}
	if c.off {
		return []string{"", "off"}
	}
	return []string{"", "on"}
}

// key is that of a value's words.
func (c setting) key(value string) string {
	if slices.Contains(settings.Values(c.name), "on") {
		if (value == "") == c.off {
			return "settings.on"
		}
		return "settings.off"
	}
	if value == "" {
		value = "default"
	}
	return "settings." + c.name + "." + value
}

func (c setting) show(r *request) shownChoice {
	now := c.value(&r.prefs)
	if !slices.Contains(c.values(), now) {
		now = ""
	}
	out := shownChoice{Name: c.name, Title: r.lang.Text("settings." + c.name), Hint: r.lang.Text("settings." + c.name + "Hint")}
	for _, v := range c.values() {
		out.Options = append(out.Options, option{v, r.lang.Text(c.key(v)), v == now})
	}
	return out
}

// swipes are the settings of the two directions, by their names in forms.
var swipes = []string{"swipeEnd", "swipeStart"}

// settingsView is what the template shows.
type settingsView struct {
	layout
	Page     string
	Sections []settingsLink
	Choices  []shownChoice

	Languages, Zones, Undo []option
	Swipes                 []shownChoice

	Identities []settings.Identity
	Made       string // the identity of an account without any
	Templates  []settings.Template
	Trusted    []string
	MaxLine    int
}

// settingsLink is a line of the menu.
type settingsLink struct {
	Path, Icon, Text string
	Current          bool
}

// settingsPage shows one of the pages.
func (s *Site) settingsPage(w http.ResponseWriter, r *request) error {
	page := r.PathValue("page")
	if page == "" {
		redirect(w, "/settings/general")
		return nil
	}
	if !slices.Contains([]string{"general", "appearance", "identities", "templates", "pictures"}, page) {
		return notFound("error.noPage")
	}
	view := settingsView{layout: s.layout(r, r.lang.Text("settings."+page+".title")), Page: page, MaxLine: settings.MaxLine}
	for _, l := range settingsSections {
		view.Sections = append(view.Sections, settingsLink{"/settings/" + l.Name, l.Icon, r.lang.Text("settings." + l.Name + ".title"), l.Name == page})
	}
	for _, c := range choicesOf {
		if c.page == page {
			view.Choices = append(view.Choices, c.show(r))
		}
	}
	if page == "general" {
		view.Languages, view.Zones, view.Undo, view.Swipes = languages(r), zones(r, s.clock()), undoTimes(r), shownSwipes(r)
	}
	view.Identities, view.Made, view.Templates, view.Trusted = r.prefs.Identities, view.Account, r.prefs.Templates, r.prefs.Trusted
	return s.render(w, r, http.StatusOK, "settings.html", view)
}

// languages are those that webmail speaks, by their own names.
func languages(r *request) []option {
	list := []option{{"", r.lang.Text("settings.browser"), r.prefs.Language == ""}}
	for _, l := range locale.All() {
		list = append(list, option{l.Tag, l.Name, l.Tag == r.prefs.Language})
	}
	return list
}

// zones are the time zones, with how far they are from Greenwich now.
func zones(r *request, at time.Time) []option {
	list := []option{{"", r.lang.Text("settings.serverZone"), r.prefs.Zone == ""}}
	names := zoneNames
	if z := r.prefs.Zone; z != "" && !slices.Contains(names, z) {
		names = append([]string{z}, names...)
	}
	for _, name := range names {
		z, err := time.LoadLocation(name)
		if err != nil {
			continue // a system without it
		}
		list = append(list, option{name, strings.ReplaceAll(name, "_", " ") + " (" + at.In(z).Format("-07:00") + ")", name == r.prefs.Zone})
	}
	return list
}

// undoTimes are for how long a message can be called back.
func undoTimes(r *request) []option {
	list := []int{0, 5, 10, 20, 30, 60}
	if now := r.prefs.Undo(); !slices.Contains(list, now) {
		list = append(list, now)
		slices.Sort(list)
	}
	var out []option
	for _, n := range list {
		text := r.lang.Text("settings.seconds", "n", n)
		if n == 0 {
			text = r.lang.Text("settings.undoNone")
		}
		out = append(out, option{strconv.Itoa(n), text, n == r.prefs.Undo()})
	}
	return out
}

func shownSwipes(r *request) []shownChoice {
	var list []shownChoice
	for i, name := range swipes {
		c := shownChoice{Name: name, Title: r.lang.Text("settings." + name)}
		for _, v := range settings.Values("swipe") {
			key := "settings.swipe." + v
			if v == "" {
				key = "settings." + name + "Default"
			}
			c.Options = append(c.Options, option{v, r.lang.Text(key), v == string(r.prefs.Swipe[i])})
		}
		list = append(list, c)
	}
	return list
}

// errForm is wrapped by what changes say of a form that no page of ours sends.
var errForm = &problem{http.StatusBadRequest, "error.badForm"}

// changeSettings does what a form of a page of settings says.
func (s *Site) changeSettings(w http.ResponseWriter, r *request) error {
	if err := r.ParseForm(); err != nil {
		return errForm
	}
	page := r.PathValue("page")
	change, ok := map[string]func(*settings.Settings, url.Values) error{
		"general": changeGeneral, "appearance": changeChoices("appearance"), "pictures": changePictures,
		"identities": changeIdentities, "templates": changeTemplates,
	}[page]
	if !ok {
		return notFound("error.noPage")
	}
	var added []string
	err := s.settings.Change(func(now *settings.Settings) error {
		before := append(addressesOf(now), s.ownAddresses(r)...)
		err := change(now, r.PostForm)
		added = newAddresses(before, addressesOf(now))
		return err
	})
	if errors.Is(err, settings.ErrInvalid) {
		return &problem{http.StatusBadRequest, "settings.bad"}
	}
	if err != nil {
		return err
	}
	for _, address := range added {
		if err := s.deliverNotice(r, "identity", address, whence{}); err != nil {
			s.log.Error("tell of an identity", "err", err)
		}
	}
	// What was saved is said in the language that may have been chosen just now.
	again := s.understand(r.Request)
	said := s.undo.keep(again.lang.Text("settings.saved"), nil)
	redirect(w, "/settings/"+page+"?done="+said)
	return nil
}

// addressesOf are the addresses that an account writes as, and to which answers and copies
// go.
func addressesOf(s *settings.Settings) (list []string) {
	for _, i := range s.Identities {
		for _, a := range []string{i.Address, i.ReplyTo, i.Bcc} {
			if a != "" {
				list = append(list, strings.ToLower(a))
			}
		}
	}
	return list
}

// changeChoices takes the choices of a page.
func changeChoices(page string) func(*settings.Settings, url.Values) error {
	return func(s *settings.Settings, form url.Values) error {
		for _, c := range choicesOf {
			if c.page != page || !form.Has(c.name) {
				continue
			}
			v := form.Get(c.name)
			if !slices.Contains(c.values(), v) {
				return errForm
			}
			c.set(s, v)
		}
		return nil
	}
}

func changeGeneral(s *settings.Settings, form url.Values) error {
	if form.Has("language") {
		l := form.Get("language")
		if l != "" && !slices.ContainsFunc(locale.All(), func(known *locale.Language) bool { return known.Tag == l }) {
			return errForm
		}
		s.Language = l
	}
	if form.Has("zone") {
		z := form.Get("zone")
		if _, err := time.LoadLocation(z); err != nil || z == "Local" {
			return errForm
		}
		s.Zone = z
	}
	if form.Has("undoSend") {
		n, err := strconv.Atoi(form.Get("undoSend"))
		if err != nil {
			return errForm
		}
		s.UndoSend = &n
	}
	for i, name := range swipes {
		if form.Has(name) {
			if !slices.Contains(settings.Values("swipe"), form.Get(name)) {
				return errForm
			}
			s.Swipe[i] = settings.Swipe(form.Get(name))
		}
	}
	return changeChoices("general")(s, form)
}

// changePictures takes the choices, or changes the list of who is trusted.
func changePictures(s *settings.Settings, form url.Values) error {
	switch form.Get("op") {
	case "":
		return changeChoices("pictures")(s, form)
	case "remove":
		s.Trusted = slices.DeleteFunc(s.Trusted, func(who string) bool { return slices.Contains(form["who"], who) })
	case "add":
		who := strings.ToLower(strings.TrimSpace(form.Get("who")))
		test := who
		if strings.HasPrefix(who, "@") {
			test = "x" + who
		}
		if !isAddress(test) {
			return &problem{http.StatusBadRequest, "settings.badAddress"}
		}
		if !slices.Contains(s.Trusted, who) {
			s.Trusted = append(s.Trusted, who)
			slices.Sort(s.Trusted)
		}
	default:
		return errForm
	}
	return nil
}

// isAddress reports whether text is one mail address and nothing else.
func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Name == "" && a.Address == text && compose.OneLine(text) == text
}

// formPlace finds what a form is about: the i-th, if that is still called what it was called
// when the form was made, so that two windows never change what somebody does not see.
func formPlace(form url.Values, n int, name func(int) string) (i int, err error) {
	i, err = strconv.Atoi(form.Get("i"))
	if err != nil || i < 0 || i > n {
		return 0, errForm
	}
	if i < n && name(i) != form.Get("was") {
		return 0, &problem{http.StatusConflict, "settings.elsewhere"}
	}
	return i, nil
}

// arrange changes a list as a form says: it saves one at i, which may be new, removes it,
// or makes it the first.
func arrange[T any](list []T, i int, op string, one T) ([]T, error) {
	switch {
	case op == "save" && i == len(list):
		return append(list, one), nil
	case op == "save":
		list[i] = one
		return list, nil
	case i == len(list):
		return nil, errForm
	case op == "remove":
		return slices.Delete(list, i, i+1), nil
	case op == "first":
		one = list[i]
		return slices.Insert(slices.Delete(list, i, i+1), 0, one), nil
	}
	return nil, errForm
}

func changeIdentities(s *settings.Settings, form url.Values) error {
	i, err := formPlace(form, len(s.Identities), func(i int) string { return s.Identities[i].Address })
	if err != nil {
		return err
	}
	line := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	one := settings.Identity{
		Name: line("name"), Address: line("address"), ReplyTo: line("replyTo"), Bcc: line("bcc"),
		Signature: unwrap(form.Get("signature")), NoCopy: form.Get("copy") == "off",
	}
	if form.Get("op") == "save" {
		for _, a := range []string{one.ReplyTo, one.Bcc} {
			if a != "" && !isAddress(a) {
				return &problem{http.StatusBadRequest, "settings.badAddress"}
			}
		}
		if !isAddress(one.Address) {
			return &problem{http.StatusBadRequest, "settings.badAddress"}
		}
	}
	s.Identities, err = arrange(s.Identities, i, form.Get("op"), one)
	return err
}

func changeTemplates(s *settings.Settings, form url.Values) error {
	i, err := formPlace(form, len(s.Templates), func(i int) string { return s.Templates[i].Name })
	if err != nil {
		return err
	}
	one := settings.Template{Name: strings.TrimSpace(form.Get("name")), Subject: strings.TrimSpace(form.Get("subject")), Text: unwrap(form.Get("text"))}
	if form.Get("op") == "save" && one.Name == "" {
		return errForm
	}
	s.Templates, err = arrange(s.Templates, i, form.Get("op"), one)
	return err
}

// unwrap returns the lines of a field, as browsers send them, without blank ones behind.
func unwrap(text string) string {
	return strings.TrimRight(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), " \t\n")
}
