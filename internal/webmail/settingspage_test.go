package webmail

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/internal/locale"
	"fantail/internal/webmail/settings"
)

// prefs are what is on disk.
func (h *house) prefs() settings.Settings {
	h.t.Helper()
	s, err := settings.Open(h.acct.Path()).Load()
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// saves posts a form that must be accepted, and returns the page that follows.
func (h *house) saves(page string, form url.Values) string {
	h.t.Helper()
	w := h.post("/settings/"+page, form)
	where := w.Header().Get("Location")
	if w.Code != 303 || !strings.HasPrefix(where, "/settings/"+page+"?done=") {
		h.t.Fatalf("%v: %d %s\n%s", form, w.Code, where, w.Body)
	}
	return h.get(where)
}

// TestChoices sets every choice to every value, and wants the page to show it.
func TestChoices(t *testing.T) {
	h := setup(t)
	for _, c := range choicesOf {
		for _, v := range slices.Backward(c.values()) {
			page := h.saves(c.page, url.Values{c.name: {v}})
			wants(t, page, `name="`+c.name+`" value="`+v+`" checked`, `<p>Saved.</p>`)
			s := h.prefs()
			if got := c.value(&s); got != v {
				t.Errorf("%s: %q, not %q", c.name, got, v)
			}
		}
		if w := h.post("/settings/"+c.page, url.Values{c.name: {"nonsense"}}); w.Code != 400 {
			t.Errorf("%s: nonsense: %d", c.name, w.Code)
		}
	}
	h.saves("appearance", url.Values{"theme": {"dark"}, "density": {"compact"}, "layout": {"single"}})
	w := h.do("GET", "/settings/appearance", nil, visit)
	wants(t, w.Body.String(), `data-theme="dark" data-density="compact" data-layout="single"`)
	if w.Header().Get(headerTheme) != "dark" || w.Header().Get("Content-Language") != "en" {
		t.Error(w.Header())
	}
}

// TestChoicesComplete wants all words of all choices in all languages.
func TestChoicesComplete(t *testing.T) {
	var keys []string
	for _, c := range choicesOf {
		keys = append(keys, "settings."+c.name, "settings."+c.name+"Hint")
		for _, v := range c.values() {
			keys = append(keys, c.key(v))
		}
	}
	for _, l := range settingsSections {
		keys = append(keys, "settings."+l.Name+".title")
	}
	for _, page := range []string{"general", "appearance", "identities", "templates", "pictures"} {
		keys = append(keys, "settings."+page+".lead")
	}
	for _, name := range swipes {
		keys = append(keys, "settings."+name, "settings."+name+"Default")
	}
	for _, v := range settings.Values("swipe")[1:] {
		keys = append(keys, "settings.swipe."+v)
	}
	for _, l := range locale.All() {
		for _, k := range keys {
			if !l.Has(k) {
				t.Errorf("%s: no %s", l.Tag, k)
			}
		}
	}
}

func TestGeneral(t *testing.T) {
	h := setup(t)
	page := h.get("/settings/general")
	for _, l := range locale.All() {
		wants(t, page, ">"+l.Name+"</option>")
	}
	page = h.saves("general", url.Values{"language": {"de"}, "zone": {"Europe/Berlin"}, "undoSend": {"30"}, "swipeEnd": {"star"}, "swipeStart": {"none"}})
	wants(t, page, "<p>Gespeichert.</p>", `<html lang="de"`, `value="Europe/Berlin" selected`, "Europe/Berlin (&#43;01:00)")
	s := h.prefs()
	if s.Language != "de" || s.Zone != "Europe/Berlin" || s.Undo() != 30 || s.Swipe != [2]settings.Swipe{"star", "none"} {
		t.Errorf("%+v", s)
	}
	for name, values := range map[string][]string{
		"language": {"xx", "de\n"}, "zone": {"Mars/Olympus", "../../etc/passwd", "Local", "/etc/localtime"}, "undoSend": {"-1", "61", "", "9999999999999999999"}, "swipeEnd": {"delete"},
	} {
		for _, v := range values {
			if w := h.post("/settings/general", url.Values{name: {v}}); w.Code != 400 {
				t.Errorf("%s = %q: %d", name, v, w.Code)
			}
		}
	}
	if s := h.prefs(); s.Undo() != 30 {
		t.Error("what was refused was saved")
	}
	if w := h.do("GET", "/settings", nil, visit); w.Code != 303 || w.Header().Get("Location") != "/settings/general" {
		t.Error(w.Code)
	}
	for _, path := range []string{"/settings/nothing", "/settings/general/x"} {
		if w := h.do("GET", path, nil, visit); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestZones(t *testing.T) {
	for _, name := range zoneNames {
		if _, err := time.LoadLocation(name); err != nil {
			t.Error(err)
		}
	}
}

func TestIdentities(t *testing.T) {
	h := setup(t)
	wants(t, h.get("/settings/identities"), "demo@example.org")
	h.saves("identities", url.Values{"op": {"save"}, "i": {"0"}, "name": {" Ann Lee "}, "address": {"ann@example.org"}, "signature": {"-- <b>\r\nAnn\r\n\r\n"}})
	page := h.saves("identities", url.Values{"op": {"save"}, "i": {"1"}, "name": {""}, "address": {"work@example.org"}, "replyTo": {"a@example.org"}, "bcc": {"b@example.org"}, "copy": {"off"}})
	wants(t, page, "-- &lt;b&gt;\nAnn</textarea>", "work@example.org")
	want := []settings.Identity{
		{Name: "Ann Lee", Address: "ann@example.org", Signature: "-- <b>\nAnn"},
		{Address: "work@example.org", ReplyTo: "a@example.org", Bcc: "b@example.org", NoCopy: true},
	}
	if got := h.prefs().Identities; !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct {
		form url.Values
		want int
	}{
		{url.Values{"op": {"save"}, "i": {"0"}, "was": {"other@example.org"}, "address": {"x@example.org"}}, 409},
		{url.Values{"op": {"remove"}, "i": {"0"}, "was": {"work@example.org"}}, 409},
		{url.Values{"op": {"remove"}, "i": {"2"}}, 400},
		{url.Values{"op": {"save"}, "i": {"3"}, "address": {"x@example.org"}}, 400},
		{url.Values{"op": {"save"}, "i": {"-1"}, "address": {"x@example.org"}}, 400},
		{url.Values{"op": {"save"}, "i": {"2"}, "address": {"nobody"}}, 400},
		{url.Values{"op": {"save"}, "i": {"2"}, "address": {"a@example.org, b@example.org"}}, 400},
		{url.Values{"op": {"save"}, "i": {"2"}, "address": {"a@example.org\r\nBcc: b@example.org"}}, 400},
		{url.Values{"op": {"save"}, "i": {"2"}, "address": {"a@example.org"}, "name": {"a\r\nBcc: b@example.org"}}, 400},
		{url.Values{"op": {"save"}, "i": {"2"}, "address": {"a@example.org"}, "replyTo": {"x"}}, 400},
		{url.Values{"op": {"save"}, "i": {"2"}, "address": {"a@example.org"}, "signature": {strings.Repeat("x", 20_001)}}, 400},
		{url.Values{"op": {"nothing"}, "i": {"0"}, "was": {"ann@example.org"}}, 400},
	} {
		if w := h.post("/settings/identities", c.form); w.Code != c.want {
			t.Errorf("%.200v: %d, not %d", c.form, w.Code, c.want)
		}
	}
	if got := h.prefs().Identities; !slices.Equal(got, want) {
		t.Errorf("what was refused has changed something: %+v", got)
	}
	h.saves("identities", url.Values{"op": {"first"}, "i": {"1"}, "was": {"work@example.org"}})
	if got := h.prefs().Identities; got[0].Address != "work@example.org" || len(got) != 2 {
		t.Errorf("%+v", got)
	}
	h.saves("identities", url.Values{"op": {"remove"}, "i": {"0"}, "was": {"work@example.org"}})
	if got := h.prefs().Identities; !slices.Equal(got, want[:1]) {
		t.Errorf("%+v", got)
	}
}

func TestTemplates(t *testing.T) {
	h := setup(t)
	for i, name := range []string{"a", "b"} {
		h.saves("templates", url.Values{"op": {"save"}, "i": {strconv.Itoa(i)}, "name": {name}, "subject": {"s " + name}, "text": {"t\r\n\tx"}})
	}
	h.saves("templates", url.Values{"op": {"save"}, "i": {"0"}, "was": {"a"}, "name": {"c"}})
	h.saves("templates", url.Values{"op": {"remove"}, "i": {"1"}, "was": {"b"}})
	if got := h.prefs().Templates; !slices.Equal(got, []settings.Template{{Name: "c"}}) {
		t.Errorf("%+v", got)
	}
	if w := h.post("/settings/templates", url.Values{"op": {"save"}, "i": {"1"}, "text": {"x"}}); w.Code != 400 {
		t.Errorf("without a name: %d", w.Code)
	}
}

func TestTrusted(t *testing.T) {
	h := setup(t)
	wants(t, h.get("/settings/pictures"), "Nobody yet.")
	for _, who := range []string{"News@Example.org", "@b.example", "news@example.org"} {
		h.saves("pictures", url.Values{"op": {"add"}, "who": {who}})
	}
	if got := h.prefs().Trusted; !slices.Equal(got, []string{"@b.example", "news@example.org"}) {
		t.Errorf("%q", got)
	}
	for _, who := range []string{"", "@", "b.example", "a@b, c@d", "<script>"} {
		if w := h.post("/settings/pictures", url.Values{"op": {"add"}, "who": {who}}); w.Code != 400 {
			t.Errorf("%q: %d", who, w.Code)
		}
	}
	page := h.saves("pictures", url.Values{"op": {"remove"}, "who": {"@b.example", "nobody@example.org"}})
	wants(t, page, "news@example.org")
	if got := h.prefs().Trusted; !slices.Equal(got, []string{"news@example.org"}) {
		t.Errorf("%q", got)
	}
}
