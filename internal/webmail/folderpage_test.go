package webmail

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fantail/internal/mail"
)

// names lists the mailboxes, those that are not subscribed in parentheses.
func (h *house) names() string {
	h.t.Helper()
	all, err := h.acct.List(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	var list []string
	for _, i := range all {
		name := i.Name
		if !i.Subscribed {
			name = "(" + name + ")"
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

// done follows a form's answer, and takes it back if it is asked to.
func (h *house) done(w *httptest.ResponseRecorder, says string, back bool) {
	h.t.Helper()
	u, err := url.Parse(w.Header().Get("Location"))
	if w.Code != 303 || err != nil {
		h.t.Fatalf("%d\n%s\n%s", w.Code, w.Body, h.log.String())
	}
	wants(h.t, h.get(u.String()), says)
	if back {
		if w := h.post("/undo/"+u.Query().Get("done"), url.Values{}); w.Code != 303 {
			h.t.Fatalf("undo: %d\n%s", w.Code, w.Body)
		}
	}
}

func TestChangeFolders(t *testing.T) {
	h := setup(t)
	do := func(op string, kv ...string) *httptest.ResponseRecorder {
		t.Helper()
		form := url.Values{"op": {op}}
		for i := 0; i < len(kv); i += 2 {
			form.Set(kv[i], kv[i+1])
		}
		return h.post("/folders", form)
	}
	are := func(want string) {
		t.Helper()
		if got := h.names(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	wants(t, h.get("/folders"), "New folder", `<option value="\Trash">`)
	h.done(do("create", "name", "  Garden  plans "), "Folder Garden plans created.", false)
	are("(INBOX) Garden plans")
	h.done(do("create", "name", "2026", "under", "Garden plans"), "created.", false)
	are("(INBOX) Garden plans Garden plans.2026")
	h.done(do("create", "name", "Temp"), "created.", true)
	are("(INBOX) Garden plans Garden plans.2026")
	h.done(do("rename", "f", "Garden plans", "name", "Park"), "called Park", true)
	are("(INBOX) Garden plans Garden plans.2026")
	h.done(do("rename", "f", "Garden plans.2026", "name", "2027"), "called Garden plans.2027", false)
	are("(INBOX) Garden plans Garden plans.2027")
	h.done(do("unsubscribe", "f", "Garden plans"), "hide Garden plans", true)
	h.done(do("unsubscribe", "f", "Garden plans.2027"), "hide", false)
	are("(INBOX) Garden plans (Garden plans.2027)")

	for _, c := range []struct {
		kv   []string
		says string
	}{
		{[]string{"create", "name", " "}, "Write a name"},
		{[]string{"create", "name", "a.b"}, "cannot contain “.”"},
		{[]string{"create", "name", "Garden plans"}, "There is a folder of this name already."},
		{[]string{"create", "name", "inbox"}, "There is a folder of this name already."},
		{[]string{"create", "name", strings.Repeat("ü", 150)}, "No folder can have this name"},
		{[]string{"rename", "f", "INBOX", "name", "x"}, "This folder is needed"},
		{[]string{"delete", "f", "INBOX"}, "This folder is needed"},
		{[]string{"empty", "f", "Garden plans", "before", "9"}, "Only the trash and junk"},
	} {
		if w := do(c.kv[0], c.kv[1:]...); w.Code != 422 || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%q: %d\n%s", c.kv, w.Code, w.Body)
		}
	}
	if w := do("delete", "f", "Nowhere"); w.Code != 404 {
		t.Errorf("delete nothing: %d", w.Code)
	}
	if w := do("explode", "f", "INBOX"); w.Code != 400 {
		t.Errorf("no such operation: %d", w.Code)
	}
	if w := h.do("POST", "/folders", url.Values{"op": {"delete"}, "f": {"Garden plans"}}, visit); w.Code != 403 {
		t.Errorf("without the token: %d", w.Code)
	}
}

func TestDeleteFolder(t *testing.T) {
	h := setup(t)
	if err := h.acct.Create(context.Background(), "Old"); err != nil {
		t.Fatal(err)
	}
	h.add("Old", "Subject: a\n\nx\n", mail.Seen, now)
	h.add("Old", "Subject: b\n\nx\n", 0, now)
	wants(t, h.get("/folders?ask=delete&f=Old"), "Delete the folder Old?", "2 messages in it will be moved to the trash.")
	form := url.Values{"op": {"delete"}, "f": {"Old"}}
	h.done(h.post("/folders", form), "Folder Old deleted.", true)
	h.holds("Old", "a S", "b")
	h.holds("Trash")
	h.done(h.post("/folders", form), "Folder Old deleted.", false)
	h.holds("Trash", "a S", "b")
	if strings.Contains(h.names(), "Old") {
		t.Error(h.names())
	}
	if w := h.post("/folders", url.Values{"op": {"delete"}, "f": {"Trash"}}); w.Code != 422 {
		t.Errorf("delete Trash: %d", w.Code)
	}

	page := h.get("/folders?ask=empty&f=Trash")
	wants(t, page, "Empty Trash?", "2 messages will be deleted for good.", `name="before" value="`)
	before := page[strings.Index(page, `name="before" value="`)+21:]
	before = before[:strings.Index(before, `"`)]
	h.add("Trash", "Subject: c\n\nx\n", 0, now) // arrives while somebody thinks
	h.done(h.post("/folders", url.Values{"op": {"empty"}, "f": {"Trash"}, "before": {before}}), "Trash: emptied.", false)
	h.holds("Trash", "c")
	h.done(h.post("/folders", url.Values{"op": {"read"}, "f": {"Trash"}}), "marked as read", false)
	h.holds("Trash", "c S")
	if w := h.do("GET", "/folders?ask=explode&f=Trash", nil, visit); w.Code != 404 {
		t.Errorf("no such question: %d", w.Code)
	}
}

func TestQuota(t *testing.T) {
	h := setup(t)
	lacks(t, h.get("/f/INBOX"), "<progress")
	h.add("INBOX", "Subject: a\n\n"+strings.Repeat("x\n", 500), 0, now)
	for limit, want := range map[string]string{"4000S": `value="25"`, "1050S": "Nearly full", "2C": "1 of 2 messages"} {
		if err := os.WriteFile(filepath.Join(h.acct.Path(), "maildirsize"), []byte(limit+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if page := h.get("/f/INBOX"); !strings.Contains(page, "<progress") || !strings.Contains(page, want) {
			t.Errorf("%s: %s", limit, fmt.Sprint(slices.Collect(strings.Lines(page))))
		}
	}
}
