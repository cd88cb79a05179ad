package webmail

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fantail/test/visitor"
)

// TestApart: of two who have logged in neither gets at what is the other's, by its
// addresses, its tokens or headers that only the front may set.
func TestApart(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	ann, bob := h.visit("ann"), h.visit("bob")
	const secret = "the-words-of-ann"
	// What ann has: a draft with a file, a message that waits, a contact, something to undo.
	p := open(t, ann, "/compose")
	f, err := visitor.Fill(p, visitor.Letter{To: "carol@example.org", Subject: secret, Text: secret, Files: []visitor.File{{Name: "a.html", Type: "text/html", Data: []byte("<p>" + secret)}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Submit(ctx, f, "save"); err != nil {
		t.Fatal(err)
	}
	f, err = visitor.Fill(open(t, ann, "/compose"), visitor.Letter{To: "carol@example.org", Subject: secret, Text: secret})
	if err != nil {
		t.Fatal(err)
	}
	f.Set("at", "2027-06-01T10:00")
	done, err := ann.Submit(ctx, f, "later")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ann.List(ctx, "Drafts")
	if err != nil || len(rows) != 2 {
		t.Fatalf("%+v, %v", rows, err)
	}
	id := regexp.MustCompile(`/(?:m|compose)/([a-z2-7]+)\?`)
	outbox := open(t, ann, "/outbox").Body
	waiting := regexp.MustCompile(`action="(/outbox/[a-z2-7]+)"`).FindStringSubmatch(outbox)
	undo := regexp.MustCompile(`action="(/undo/[^"]+)"`).FindStringSubmatch(done.Body)
	if waiting == nil || undo == nil {
		t.Fatalf("nothing waits, or nothing can be undone:\n%s", done.Text())
	}
	before := h.everything("ann")

	get := []string{"/f/..%2f..%2f..%2fann%2fMaildir", "/f/%2f..%2fann", "/settings/identities", "/outbox", "/contacts/export", "/search?q=" + secret + "&in=all", "/f/Drafts"}
	post := []string{waiting[1], undo[1]}
	for _, r := range rows {
		m := id.FindStringSubmatch(r.Link)
		if m == nil {
			t.Fatal(r.Link)
		}
		_, query, _ := strings.Cut(r.Link, "?")
		for _, page := range []string{"", "/body", "/raw", "/eml", "/headers", "/all.zip", "/part/1/x", "/part/2/a.html", "/view/2/a.html", "/image/2/a.html", "/pdf/2/a.html"} {
			get = append(get, "/m/"+m[1]+page+"?"+query, "/m/"+m[1]+page)
		}
		get = append(get, "/compose/"+m[1]+"?"+query, "/compose?reply="+m[1], "/compose?forward="+m[1], "/compose?attach="+m[1])
		post = append(post, "/compose/"+m[1]+"?"+query, "/m/"+m[1]+"/pictures?"+query, "/m/"+m[1]+"/unsubscribe?"+query, "/m/"+m[1]+"/invitation?"+query)
	}
	for _, path := range get {
		p, err := bob.Get(ctx, path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		// The search box repeats what was asked.
		if text := strings.ReplaceAll(p.Body, `value="`+secret+`"`, ""); strings.Contains(strings.ReplaceAll(text, "q="+secret, ""), secret) && !strings.HasPrefix(path, "/search") {
			t.Errorf("bob sees at %s:\n%.500s", path, p.Text())
		}
		if strings.HasPrefix(path, "/m/") && p.Status == 200 {
			t.Errorf("%s: %d", path, p.Status)
		}
		if rows, err := p.Rows(); err == nil && len(rows) > 0 && strings.HasPrefix(path, "/search") {
			t.Errorf("bob finds %+v", rows)
		}
	}
	tokens := map[string]string{"bob": tokenOf(t, bob), "ann": tokenOf(t, ann)}
	if tokens["bob"] == tokens["ann"] {
		t.Error("two sessions have one token")
	}
	for _, path := range post {
		for whose, token := range tokens {
			for _, op := range []string{"cancel", "now", "edit", "discard", "send", "save"} {
				form := url.Values{"token": {token}, "op": {op}, "to": {"bob@example.org"}, "subject": {"x"}, "text": {"x"}, "m": {rows[0].Value}, "allow": {"once"}, "answer": {"accept"}}
				if strings.HasPrefix(path, "/compose/") && whose == "bob" && op != "discard" {
					continue // what is gone is written anew, as bob's own
				}
				p, err := bob.Post(ctx, path, form)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				if whose == "ann" && p.Status != 403 || strings.Contains(p.Body, secret) {
					t.Errorf("%s with the token of %s: %d %.300s", path, whose, p.Status, p.Text())
				}
			}
		}
	}
	// The UIDs of ann's drafts are bob's too, if he has drafts; his are what is changed.
	if p, err := bob.Post(ctx, "/act", url.Values{"token": {tokens["bob"]}, "op": {"delete"}, "m": {rows[0].Value, rows[1].Value}}); err != nil || strings.Contains(p.Body, secret) {
		t.Errorf("%v", err)
	}
	after := h.everything("ann")
	for path, text := range before {
		if after[path] != text {
			t.Errorf("bob has changed %s of ann", path)
		}
	}
	if len(after) != len(before) {
		t.Errorf("ann had %d files, and has %d", len(before), len(after))
	}
}

func open(t *testing.T, v *visitor.Visitor, path string) *visitor.Page {
	t.Helper()
	p, err := v.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tokenOf(t *testing.T, v *visitor.Visitor) string {
	t.Helper()
	f, err := open(t, v, "/folders").Form("/folders")
	if err != nil {
		t.Fatal(err)
	}
	return f.Value("token")
}

// everything is every message and what webmail keeps of an account.
func (h *house) everything(account string) map[string]string {
	h.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(h.maildir(account), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), "fantail.") { // caches
			return err
		}
		text, err := os.ReadFile(path)
		out[path] = string(text)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return out
}
