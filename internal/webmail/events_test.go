package webmail

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// listen opens a stream and returns what it tells: "name data".
func (h *house) listen() <-chan string {
	h.t.Helper()
	srv := httptest.NewServer(h.site)
	h.t.Cleanup(srv.Close)
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/events", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { cancel(); resp.Body.Close() })
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		h.t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	told := make(chan string, 100)
	go func() {
		defer close(told)
		name := ""
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			if x, ok := strings.CutPrefix(in.Text(), "event: "); ok {
				name = x
			}
			if x, ok := strings.CutPrefix(in.Text(), "data: "); ok {
				told <- name + " " + x
			}
		}
	}()
	return told
}

// hears waits for an event about a mailbox of which ok holds.
func (h *house) hears(told <-chan string, what string, ok func(changed) bool) {
	h.t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case text, open := <-told:
			if !open {
				h.t.Fatalf("%s: the stream ended", what)
			}
			data, is := strings.CutPrefix(text, "mailbox ")
			var c changed
			if is {
				if err := json.Unmarshal([]byte(data), &c); err != nil {
					h.t.Fatal(err)
				}
			}
			if is && ok(c) {
				return
			}
		case <-late:
			h.t.Fatalf("%s: nothing was told", what)
		}
	}
}

func TestEvents(t *testing.T) {
	h := setup(t)
	ctx := context.Background()
	h.add("INBOX", text("old"), mail.Seen, now)
	if err := h.acct.Create(ctx, "Work"); err != nil {
		t.Fatal(err)
	}
	told := h.listen()
	// Another program: an account of its own on the same directories.
	other, err := store.OpenAccount(h.acct.Path(), store.Options{Host: "other"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	them := &house{t: t, acct: other}
	them.add("INBOX", text("new"), 0, now)
	h.hears(told, "new message", func(c changed) bool { return c == changed{Mailbox: "INBOX", Unread: 1, Total: 2, New: 1} })
	them.add("Work", text("there"), 0, now)
	h.hears(told, "another mailbox", func(c changed) bool { return c.Mailbox == "Work" && c.New == 1 && c.Total == 1 })
	mb, err := other.Open(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer mb.Close()
	if _, err := mb.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := mb.SetFlags(ctx, []mail.UID{2}, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Seen}}); err != nil {
		t.Fatal(err)
	}
	h.hears(told, "flags", func(c changed) bool { return c == changed{Mailbox: "INBOX", Total: 2} })
	if err := mb.Expunge(ctx, []mail.UID{1}); err != nil {
		t.Fatal(err)
	}
	h.hears(told, "expunge", func(c changed) bool { return c == changed{Mailbox: "INBOX", Total: 1} })
	if err := other.Create(ctx, "Play"); err != nil {
		t.Fatal(err)
	}
	late := time.After(time.Minute)
	for got := ""; got != "folders {}"; {
		select {
		case got = <-told:
		case <-late:
			t.Fatal("a new folder was not told")
		}
	}
	them.add("Play", text("in it"), 0, now)
	h.hears(told, "in a new folder", func(c changed) bool { return c.Mailbox == "Play" && c.Total == 1 })
	if h.log.Len() > 0 {
		t.Error(h.log.String())
	}
}

// Streams are bounded, and after the last one nothing is watched.
func TestStreams(t *testing.T) {
	h := setup(t)
	w := &h.site.watch
	for range 2 {
		var all []chan event
		for range maxStreams {
			c, _, err := w.join()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		if _, _, err := w.join(); err == nil {
			t.Error("there is no limit")
		}
		for range backlog + 1 {
			w.tell(event{"folders", struct{}{}})
		}
		n := 0
		for range all[0] { // it was closed: its window was not listening
			n++
		}
		if n != backlog {
			t.Errorf("%d events were kept", n)
		}
		for _, c := range all {
			w.leave(c)
		}
		if w.stop != nil || len(w.streams) != 0 {
			t.Error("something is still watched")
		}
	}
}

func TestFragments(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", plainMail, 0, now)
	ask := func(path, part string) string {
		t.Helper()
		w := h.do("GET", path, nil, map[string]string{headerFragment: part, headerToken: "secret-token"})
		if want := map[bool]int{true: 204, false: 200}[part == "none"]; w.Code != want {
			t.Fatalf("%s %s: %d", path, part, w.Code)
		}
		return w.Body.String()
	}
	page := ask("/f/INBOX", "main")
	wants(t, page, "<title>Inbox (1) – Fantail</title>", `<main class="list">`, `<ul class="messages" data-first="1" data-total="1"`)
	lacks(t, page, "<nav id=", "stylesheet", "<script")
	page = ask("/f/INBOX", "rows")
	wants(t, page, `<ul class="messages" data-first="1" data-total="1"`, "<li")
	lacks(t, page, "<form", "<title", "<main")
	page = ask("/f/INBOX", "folders")
	wants(t, page, `<nav id="folders"`, `data-mailbox="INBOX"`)
	lacks(t, page, "<main", "<li class=\"unread")
	if page := ask("/f/INBOX", "none"); page != "" {
		t.Errorf("none: %s", page)
	}
	for _, part := range []string{"main", "rows", "x"} { // a message has no rows
		page = ask("/m/"+id, part)
		wants(t, page, `<main class="reader">`, "<article")
		lacks(t, page, "stylesheet", "<nav id=")
	}
	if w := h.do("GET", "/m/aaaaaaaaaaaaaaaaaaaa", nil, map[string]string{headerFragment: "none"}); w.Code != 410 {
		t.Errorf("a visit to no message: %d", w.Code)
	}
	w := h.do("POST", "/act", nil, map[string]string{"Accept": "application/json"})
	if w.Code != 403 || w.Header().Get("Content-Type") != "application/json" || !strings.Contains(w.Body.String(), `{"error":"This form`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// TestEventsBesideDovecot: where there are no modseqs, since another server has others, a
// window hears all the same of what changes neither the number of messages nor that of
// unread ones; and what it loads then is not heard of again.
func TestEventsBesideDovecot(t *testing.T) {
	h := setup(t)
	h.add("INBOX", text("old"), mail.Seen, now)
	both := store.Options{Host: "test", Coexist: true}
	own, err := store.OpenAccount(h.acct.Path(), both)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	h.site = New(Options{Account: own, Name: "demo", Log: h.site.log, Clock: h.site.clock, Zone: time.UTC})
	h.get("/f/INBOX")
	told := h.listen()
	other, err := store.OpenAccount(h.acct.Path(), both)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	mb, err := other.Open(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	star := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Flagged}}
	if _, err := mb.SetFlags(t.Context(), []mail.UID{snap.UID(0)}, star); err != nil {
		t.Fatal(err)
	}
	h.hears(told, "a star", func(c changed) bool { return c == changed{Mailbox: "INBOX", Total: 1} })
	for settled := false; !settled; {
		select { // the end of what was begun
		case <-told:
		case <-time.After(3 * calm):
			settled = true
		}
	}
	wants(t, h.get("/f/INBOX"), "starred")
	select {
	case e := <-told:
		t.Errorf("after the list was loaded: %s", e)
	case <-time.After(3 * calm):
	}
}
