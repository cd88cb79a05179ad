package webmail

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestInterrupted ends the program between any two steps of sending, and looks what the
// next one shows: either the message waits to be sent, or there is a draft that can be
// sent again; a message is never neither.
func TestInterrupted(t *testing.T) {
	for steps := 0; ; steps++ {
		h, _ := writerHouse(t)
		form := url.Values{"op": {"send"}, "to": {"bob@example.org"}, "subject": {"Once"}, "text": {"Hello"}}
		left, at := steps, ""
		h.site.box.SetSteps(func(name string) {
			if left--; left < 0 {
				at = name
				panic(name)
			}
		})
		func() {
			defer func() { _ = recover() }() // the program ends
			h.post("/compose", form)
		}()
		h.site.box.SetSteps(func(string) {})
		jobs := h.jobs()
		list := h.get("/f/Drafts")
		link := draftLink(list)
		if link == "" {
			t.Fatalf("at %q: no draft:\n%s", at, list)
		}
		form.Set("op", "save")
		w := h.post(link, form)
		switch {
		case len(jobs) == 0 && w.Code != 303:
			t.Errorf("at %q: nothing waits to be sent, and the draft cannot be changed: %d", at, w.Code)
		case len(jobs) == 1 && w.Code != 409:
			t.Errorf("at %q: the message waits to be sent, and its draft can be changed: %d", at, w.Code)
		case len(jobs) > 1:
			t.Errorf("at %q: %d jobs", at, len(jobs))
		}
		if at == "" {
			if steps < 4 {
				t.Errorf("there are only %d steps", steps)
			}
			return
		}
	}
}

// draftLink is the address at which the first draft of a list is gone on with.
func draftLink(page string) string {
	_, rest, ok := strings.Cut(page, `href="/m/`)
	if !ok {
		_, rest, ok = strings.Cut(page, `href="/compose/`)
	}
	link, _, _ := strings.Cut(rest, `"`)
	if !ok {
		return ""
	}
	return "/compose/" + strings.ReplaceAll(link, "&amp;", "&")
}

// TestResumed: who logs in has finished what nobody works on any more, whatever state it
// is in.
func TestResumed(t *testing.T) {
	for _, sending := range []bool{false, true} {
		h, told := writerHouse(t)
		h.post("/compose", url.Values{"op": {"send"}, "to": {"bob@example.org"}, "subject": {"Once"}, "text": {"Hello"}})
		held, _, err := h.site.box.Claim(now.Add(time.Hour)) // and then webmail-submit dies
		if err != nil || held == nil {
			t.Fatal(held, err)
		}
		if sending {
			if err := held.Sending(); err != nil {
				t.Fatal(err)
			}
		}
		*told = 0
		New(Options{Account: h.acct, Name: "demo", Log: slog.New(slog.DiscardHandler), Due: func() error { *told++; return nil }})
		if *told != 1 {
			t.Errorf("sending %v: told %d times", sending, *told)
		}
	}
}
