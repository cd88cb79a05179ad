package webmail

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
)

// found returns the subjects of a page of results, in their order.
func (h *house) found(path string) []string {
	h.t.Helper()
	var list []string
	for _, m := range regexp.MustCompile(`(?s)<span class="subject">(.*?)</span>`).FindAllStringSubmatch(h.get(path), -1) {
		list = append(list, regexp.MustCompile(`</?mark>`).ReplaceAllString(m[1], ""))
	}
	return list
}

func TestSearch(t *testing.T) {
	h := setup(t)
	for _, name := range []string{"Work.Bills", "Trash", "Junk"} {
		if err := h.acct.Create(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	day := func(n int) time.Time { return now.Add(-time.Duration(n) * 24 * time.Hour) }
	h.add("INBOX", "From: Ann <ann@example.org>\nSubject: old river\n\nx\n", mail.Seen, day(9))
	h.add("Work.Bills", "From: Ben <ben@example.org>\nSubject: bill\n\nthe river rises\n", 0, day(5))
	h.add("INBOX", "From: Ann <ann@example.org>\nSubject: new <b>River</b>\n\nx\n", mail.Flagged, day(1))
	h.add("Trash", "Subject: thrown river\n\nx\n", 0, day(2))
	h.add("Junk", "Subject: junk river\n\nx\n", 0, day(2))
	h.add("INBOX", mixedMail, 0, day(3))
	for query, want := range map[string]string{
		"q=river":                                     "new &lt;b&gt;River&lt;/b&gt;|bill|old river",
		"q=river&in=all":                              "new &lt;b&gt;River&lt;/b&gt;|junk river|thrown river|bill|old river",
		"q=river&in=/INBOX":                           "new &lt;b&gt;River&lt;/b&gt;|old river",
		"q=river&in=/Trash":                           "thrown river",
		"q=river+in:trash":                            "thrown river",
		"q=river+in:trash&in=/INBOX":                  "thrown river",
		"q=river+in:work":                             "bill",
		"q=in:work/bills":                             "bill",
		"q=from:ann+is:flagged":                       "new &lt;b&gt;River&lt;/b&gt;",
		"q=has:attachment":                            "files",
		"q=filename:PAGE.html":                        "files",
		"q=filename:nothing":                          "",
		"q=river+-has:attachment":                     "new &lt;b&gt;River&lt;/b&gt;|bill|old river",
		"q=has:attachment+OR+bill":                    "files|bill",
		"q=river+before:2026-11-08":                   "bill|old river",
		"q=river+newer_than:2d":                       "new &lt;b&gt;River&lt;/b&gt;",
		"q=nobody-has-this":                           "",
		"q=river+in:nowhere":                          "",
		"q=river&before=1762646400":                   "",
		"q=river&before=" + fmt.Sprint(day(5).Unix()): "old river",
	} {
		if got := strings.Join(h.found("/search?"+query), "|"); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	page := h.get("/search?q=river+is:unread+in:nowhere+color:red")
	wants(t, page, "There is no folder “nowhere”.", "“color:” is not an operator", "No message fits.", `<bdi>is: unread</bdi>`)
	page = h.get("/search?q=river+-from:ben")
	wants(t, page, `<bdi>− from: ben</bdi><a href="/search?q=river"`, `href="/search?q=-from%3Aben"`, "<mark>River</mark>", "1–2 of 2", `href="/search?in=all&amp;q=river`, `value="1@`)
	lacks(t, page, "<b>")
	wants(t, h.get("/search"), "filename:pdf", "with attachments")
	if w := h.do("GET", "/search?q=x&p=0", nil, visit); w.Code != 404 {
		t.Errorf("page 0: %d", w.Code)
	}
}

// TestSearchActs: lines of several folders can be chosen together, and the answer leads back.
func TestSearchActs(t *testing.T) {
	h := setup(t)
	if err := h.acct.Create(context.Background(), "A"); err != nil {
		t.Fatal(err)
	}
	h.add("INBOX", "Subject: one river\n\nx\n", 0, now)
	h.add("A", "Subject: two river\n\nx\n", 0, now)
	w := h.post("/act", url.Values{"op": {"trash"}, "m": h.boxes("/search?q=river"), "next": {"/search?q=river"}})
	if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/search?done=") {
		t.Fatalf("%d %s", w.Code, w.Header().Get("Location"))
	}
	wants(t, h.get(w.Header().Get("Location")), "2 messages moved to the trash.", "No message fits.")
	if n := len(h.contents("Trash")); n != 2 {
		t.Errorf("%d in Trash", n)
	}
	links := regexp.MustCompile(`href="(/m/[^"]*)"`).FindStringSubmatch(h.get("/search?q=river&in=all"))
	wants(t, h.get(strings.ReplaceAll(links[1], "&amp;", "&")), `href="/search?q=river&amp;in=all"`, "Search results")
}

// TestSearchPages: lines are conversations, the newest first, and each is on one page.
func TestSearchPages(t *testing.T) {
	h := setup(t)
	for i := range 70 {
		at := now.Add(time.Duration(i-500) * time.Hour)
		h.add("INBOX", fmt.Sprintf("Subject: river %02d\nMessage-ID: <%d@x>\n\nx\n", i, i), 0, at)
		if i%2 == 0 {
			h.add("INBOX", fmt.Sprintf("Subject: Re: river %02d\nMessage-ID: <r%d@x>\nIn-Reply-To: <%d@x>\n\nx\n", i, i, i), 0, at.Add(time.Minute))
		}
	}
	one, two := h.found("/search?q=river"), h.found("/search?q=river&p=2")
	if len(one) != 50 || len(two) != 20 || one[0] != "river 69" || one[1] != "Re: river 68" || two[19] != "Re: river 00" {
		t.Errorf("%d %q\n%d %q", len(one), one, len(two), two)
	}
	wants(t, h.get("/search?q=river"), "1–50 of 70", `rel="next" href="/search?p=2&amp;q=river"`)
	wants(t, h.get("/search?q=river&p=2"), "51–70 of 70", `rel="prev" href="/search?q=river"`)
}

// TestSearchBreaksOff: a page that has no time says how far it looked, and its link goes on
// from there.
func TestSearchBreaksOff(t *testing.T) {
	h := setup(t)
	for i := range firstOpened + 50 {
		body := "Subject: plain\n\nx\n"
		if i == 7 {
			body = mixedMail
		}
		h.add("INBOX", body, 0, now.Add(time.Duration(i-500)*time.Hour))
	}
	h.site.patience = searchPatience{}
	page := h.get("/search?q=has:attachment")
	wants(t, page, "Searched back to", "No message fits.")
	m := regexp.MustCompile(`href="(/search[^"]*)" data-further`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal(page)
	}
	page = h.get(strings.ReplaceAll(m[1], "&amp;", "&"))
	wants(t, page, `<span class="subject">files</span>`)
	lacks(t, page, "data-further")
}

func TestMark(t *testing.T) {
	for _, c := range []struct {
		text    string
		needles []string
		want    string
	}{
		{"The River", []string{"river"}, "The [River]"},
		{"aaa", []string{"aa"}, "[aaa]"},
		{"Straße ÄÖ", []string{"ä"}, "Straße [Ä]Ö"},
		{"x", []string{"", "xy"}, "x"},
		{"", []string{"x"}, ""},
	} {
		var got strings.Builder
		for _, m := range mark(c.text, c.needles) {
			if m.Hit {
				got.WriteString("[" + m.Text + "]")
			} else {
				got.WriteString(m.Text)
			}
		}
		if got.String() != c.want {
			t.Errorf("%q in %q: %s", c.needles, c.text, got.String())
		}
	}
}

// TestLabels: the labels in use stand in the sidebar, and lead to their messages.
func TestLabels(t *testing.T) {
	h := setup(t)
	h.add("INBOX", "Subject: one\n\nx\n", 0, now)
	h.add("INBOX", "Subject: two\n\nx\n", 0, now)
	lacks(t, h.get("/f/INBOX"), "<h2>Labels</h2>")
	boxes := h.boxes("/f/INBOX")
	h.post("/act", url.Values{"op": {"label"}, "label": {"For later"}, "m": boxes[:1]})
	page := h.get("/f/INBOX")
	wants(t, page, "<h2>Labels</h2>", `href="/search?q=label%3AFor_later"`, `<bdi class="name">For later</bdi>`, `value="unlabel:For_later"`)
	if got := h.found("/search?q=label:For_later"); len(got) != 1 || got[0] != "two" {
		t.Errorf("%q", got)
	}
	h.post("/act", url.Values{"op": {"unlabel:For_later"}, "m": boxes[:1]})
	lacks(t, h.get("/f/INBOX"), "<h2>Labels</h2>")
	h.post("/act", url.Values{"op": {"label:$Junk"}, "m": boxes[:1]})
	h.holds("INBOX", "one", "two")
}
