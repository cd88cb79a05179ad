package webmail

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// post sends a form of this session.
func (h *house) post(path string, form url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	form.Set("token", visit[headerToken])
	return h.do("POST", path, form, visit)
}

// contents returns the subjects of a mailbox, with its flags and keywords behind each.
func (h *house) contents(mailbox string) []string {
	h.t.Helper()
	ctx := context.Background()
	mb, err := h.acct.Open(ctx, mailbox)
	if store.KindOf(err) == store.NotFound {
		return nil
	}
	if err != nil {
		h.t.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	var list []string
	for i := range snap.Len() {
		root, err := mb.Structure(ctx, snap.UID(i))
		if err != nil {
			h.t.Fatal(err)
		}
		text := subjectOf(root)
		for _, f := range []struct {
			flag mail.Flags
			name string
		}{{mail.Seen, "S"}, {mail.Flagged, "F"}} {
			if snap.Flags(i).Has(f.flag) {
				text += " " + f.name
			}
		}
		keywords := slices.Clone(snap.Keywords(i))
		slices.Sort(keywords)
		for _, k := range slices.Backward(keywords) {
			text += " " + string(k)
		}
		list = append(list, text)
	}
	return list
}

func (h *house) holds(mailbox string, want ...string) {
	h.t.Helper()
	if got := h.contents(mailbox); !slices.Equal(got, want) {
		h.t.Errorf("%s holds %q, want %q", mailbox, got, want)
	}
}

// boxes returns the values of the boxes of a list, the newest message first.
func (h *house) boxes(path string) []string {
	h.t.Helper()
	var list []string
	for _, m := range regexp.MustCompile(`name="m" value="([^"]*)"`).FindAllStringSubmatch(h.get(path), -1) {
		list = append(list, m[1])
	}
	return list
}

// text is a message with only a subject.
func text(subject string) string { return "Subject: " + subject + "\n\nx\n" }

// TestActs does and undoes each operation.
func TestActs(t *testing.T) {
	for _, c := range []struct {
		op            string
		form          url.Values
		inbox, target []string
		mailbox, said string
	}{
		{"archive", nil, []string{"b S F"}, []string{"a", "c work"}, "Archive", "2 messages archived."},
		{"trash", nil, []string{"b S F"}, []string{"a", "c work"}, "Trash", "2 messages moved to the trash."},
		{"junk", nil, []string{"b S F"}, []string{"a $Junk", "c work $Junk"}, "Junk", "2 messages moved to junk."},
		{"move", url.Values{"to": {"Work"}}, []string{"b S F"}, []string{"a", "c work"}, "Work", "2 messages moved to Work."},
		{"read", nil, []string{"a S", "b S F", "c S work"}, nil, "Archive", "Marked as read."},
		{"unread", nil, []string{"a", "b S F", "c work"}, nil, "Archive", "Marked as unread."},
		{"star", nil, []string{"a F", "b S F", "c F work"}, nil, "Archive", "Starred."},
		{"label", url.Values{"label": {" next   week "}}, []string{"a next_week", "b S F", "c work next_week"}, nil, "Archive", "Labelled: next_week."},
		{"unlabel", url.Values{"label": {"work"}}, []string{"a", "b S F", "c"}, nil, "Archive", "Label removed: work."},
	} {
		t.Run(c.op, func(t *testing.T) {
			h := setup(t)
			if err := h.acct.Create(context.Background(), "Work"); err != nil {
				t.Fatal(err)
			}
			h.add("INBOX", text("a"), 0, now)
			h.add("INBOX", text("b"), mail.Seen|mail.Flagged, now)
			h.add("INBOX", text("c"), 0, now)
			h.label("INBOX", 3, "work")
			before := h.contents("INBOX")
			boxes := h.boxes("/f/INBOX")
			form := url.Values{"op": {c.op}, "m": {boxes[0], boxes[2]}, "next": {"/f/INBOX?filter=unread"}}
			for k, v := range c.form {
				form[k] = v
			}
			w := h.post("/act", form)
			where := w.Header().Get("Location")
			if w.Code != 303 || !strings.HasPrefix(where, "/f/INBOX?done=") || !strings.HasSuffix(where, "&filter=unread") {
				t.Fatalf("%d %q %s", w.Code, where, w.Body)
			}
			h.holds("INBOX", c.inbox...)
			h.holds(c.mailbox, c.target...)
			page := h.get(where)
			wants(t, page, c.said)
			undo := regexp.MustCompile(`action="(/undo/[^"]+)"`).FindStringSubmatch(page)
			if c.op == "unread" { // nothing was changed
				if undo != nil {
					t.Error("what was not done can be undone")
				}
				return
			}
			if undo == nil {
				t.Fatalf("cannot be undone:\n%s", page)
			}
			if w := h.post(undo[1], url.Values{"next": {"/f/INBOX"}}); w.Code != 303 {
				t.Fatalf("undo: %d %s", w.Code, w.Body)
			}
			after := h.contents("INBOX")
			slices.Sort(after)
			if !slices.Equal(after, before) {
				t.Errorf("undone, there is %q, was %q", after, before)
			}
			if w := h.post(undo[1], url.Values{}); w.Code != 410 {
				t.Errorf("undone twice: %d", w.Code)
			}
		})
	}
}

func (h *house) label(mailbox string, uid mail.UID, k mail.Keyword) {
	h.t.Helper()
	ctx := context.Background()
	mb, err := h.acct.Open(ctx, mailbox)
	if err != nil {
		h.t.Fatal(err)
	}
	defer mb.Close()
	if _, err := mb.Sync(ctx); err != nil {
		h.t.Fatal(err)
	}
	if _, err := mb.SetFlags(ctx, []mail.UID{uid}, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{k}}}); err != nil {
		h.t.Fatal(err)
	}
}

func TestDeleteForGood(t *testing.T) {
	h := setup(t)
	h.add("INBOX", text("a"), 0, now)
	h.post("/act", url.Values{"op": {"trash"}, "m": h.boxes("/f/INBOX")})
	page := h.get("/f/Trash")
	wants(t, page, `value="delete"`, `value="inbox"`)
	lacks(t, page, `value="archive"`)
	w := h.post("/act", url.Values{"op": {"delete"}, "m": h.boxes("/f/Trash"), "next": {"/f/Trash"}})
	page = h.get(w.Header().Get("Location"))
	wants(t, page, "Deleted for good.")
	lacks(t, page, "/undo/")
	h.holds("Trash")
}

// TestAll holds that all of a list is what the list had when somebody looked at it.
func TestAll(t *testing.T) {
	h := setup(t)
	for i := range perPage + 5 {
		f := mail.Flags(0)
		if i%2 == 0 {
			f = mail.Seen
		}
		h.add("INBOX", text(fmt.Sprint(i)), f, now)
	}
	page := h.get("/f/INBOX?filter=unread")
	before := regexp.MustCompile(`name="before" value="(\d+)"`).FindStringSubmatch(page)
	list := regexp.MustCompile(`name="list" value="([^"]*)"`).FindStringSubmatch(page)
	if before == nil || list == nil || list[1] != "filter=unread" {
		t.Fatalf("%v %v", before, list)
	}
	h.add("INBOX", text("late"), 0, now)
	form := url.Values{"op": {"archive"}, "all": {"1"}, "f": {"INBOX"}, "list": {list[1]}, "before": {before[1]}}
	if w := h.post("/act", form); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if n := len(h.contents("Archive")); n != (perPage+5)/2 {
		t.Errorf("%d were archived", n)
	}
	if inbox := h.contents("INBOX"); inbox[len(inbox)-1] != "late" {
		t.Error("what has come since was archived, too")
	}
}

// TestWrongForms holds that a form that nobody was given changes nothing.
func TestWrongForms(t *testing.T) {
	h := setup(t)
	h.add("INBOX", text("a"), 0, now)
	box := h.boxes("/f/INBOX")[0]
	for _, form := range []url.Values{
		{}, {"op": {"archive"}}, {"op": {"none"}, "m": {box}}, {"op": {"archive"}, "m": {"x"}}, {"op": {"archive"}, "m": {"1@INBOX"}},
		{"op": {"archive"}, "m": {"0@1@INBOX"}}, {"op": {"archive"}, "m": {"1@1@"}}, {"op": {"move"}, "m": {box}}, {"op": {"move"}, "m": {box}, "to": {"Nowhere"}},
		{"op": {"move"}, "m": {box}, "to": {"../x"}}, {"op": {"label"}, "m": {box}, "label": {"$Forwarded"}}, {"op": {"label"}, "m": {box}, "label": {"ü"}},
		{"op": {"archive"}, "all": {"1"}}, {"op": {"archive"}, "all": {"1"}, "f": {"INBOX"}, "list": {"sort=x"}, "before": {"9"}},
		{"op": {"archive"}, "m": slices.Repeat([]string{box}, maxChosen+1)}, {"op": {"archive"}, "m": {strings.Repeat("1.", 40000) + "1@1@INBOX"}},
	} {
		if w := h.post("/act", form); w.Code < 400 || w.Code >= 500 {
			t.Errorf("%.80v: %d", form, w.Code)
		}
	}
	another := selection{"INBOX", 12345, []mail.UID{1}}.String()
	if w := h.post("/act", url.Values{"op": {"trash"}, "m": {another}}); w.Code != 303 {
		t.Errorf("of another mailbox of that name: %d", w.Code)
	}
	for _, token := range []string{"", "x"} {
		if w := h.do("POST", "/act", url.Values{"op": {"trash"}, "m": {box}, "token": {token}}, visit); w.Code != 403 {
			t.Errorf("token %q: %d", token, w.Code)
		}
	}
	h.holds("INBOX", "a")
	for _, next := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/\r\nX: y", "javascript:alert(1)"} {
		w := h.post("/act", url.Values{"op": {"read"}, "m": {box}, "next": {next}})
		if where := w.Header().Get("Location"); !strings.HasPrefix(where, "/f/INBOX?done=") {
			t.Errorf("next %q leads to %q", next, where)
		}
	}
}

func TestActForScripts(t *testing.T) {
	h := setup(t)
	h.add("INBOX", text("a"), 0, now)
	headers := map[string]string{headerToken: "t", "Accept": "application/json"}
	w := h.do("POST", "/act", url.Values{"op": {"star"}, "m": h.boxes("/f/INBOX"), "token": {"t"}}, headers)
	var got struct{ Text, Undo string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Text != "Starred." || got.Undo == "" {
		t.Errorf("%v %+v %s", err, got, w.Body)
	}
}

func TestConversations(t *testing.T) {
	h := setup(t)
	mail := func(from, id, to string) string {
		return "From: " + from + " <x@example.org>\nMessage-ID: <" + id + "@x>\nReferences: <" + to + "@x>\nSubject: s " + id + "\n\nx\n"
	}
	h.add("INBOX", mail("Ann", "1", "0"), 0, now)
	h.add("INBOX", mail("Bob", "2", "9"), 0, now)
	h.add("INBOX", mail("Cy", "3", "1"), 0, now)
	page := h.get("/f/INBOX")
	wants(t, page, `Ann, Cy</bdi> <span class="number">2</span>`, "1–2 of 2", `value="1.3@`)
	if strings.Index(page, "Ann, Cy") > strings.Index(page, "Bob") {
		t.Error("the conversation with the newest message is not first")
	}
	h.add("INBOX", mail("Dee", "4", "2"), 0, now) // and they are found anew
	wants(t, h.get("/f/INBOX"), "Bob, Dee", "1–2 of 2")
	wants(t, h.get("/f/INBOX?sort=from"), "1–4 of 4")
	wants(t, h.get("/f/INBOX?filter=starred"), "No message fits.")
	wants(t, h.get("/f/INBOX?back=1"), "1–2 of 2")
	for _, q := range []string{"sort=x", "filter=x", "p=-1"} {
		if w := h.do("GET", "/f/INBOX?"+q, nil, visit); w.Code != 404 {
			t.Errorf("%s: %d", q, w.Code)
		}
	}
}

func FuzzSelection(f *testing.F) {
	f.Add("1.2@3@INBOX")
	f.Add("1@@")
	f.Fuzz(func(t *testing.T, in string) {
		s, ok := parseSelection(in)
		if !ok {
			return
		}
		again, ok := parseSelection(s.String())
		if !ok || again.mailbox != s.mailbox || again.validity != s.validity || !slices.Equal(again.uids, s.uids) {
			t.Errorf("%q: %+v, then %+v", in, s, again)
		}
	})
}
