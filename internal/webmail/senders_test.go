package webmail

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"
)

// TestFirstMessage: whoever writes for the first time is mentioned, and nobody else.
func TestFirstMessage(t *testing.T) {
	h := setup(t)
	if err := h.acct.Create(context.Background(), "Work"); err != nil {
		t.Fatal(err)
	}
	const notice = "This is the first message that you have from "
	stranger := h.add("INBOX", "From: Eve <info@Stranger.example>\nMessage-ID: <s@x>\nSubject: x\n\nx\n", 0, now)
	lacks(t, h.get("/m/"+stranger), notice) // everybody is new in a new account
	for i := range fewMessages {
		h.add("Work", fmt.Sprintf("From: info@company%d.example\nSubject: %d\n\nx\n", i%7, i), 0, now.Add(time.Duration(i)*time.Minute))
	}
	old := h.add("INBOX", "From: \"The Company\" <Info@company3.example>\nSubject: x\n\nx\n", 0, now)
	list := h.add("INBOX", "From: new@stranger.example\nList-Id: <l.example>\nSubject: x\n\nx\n", 0, now)
	odd := h.add("INBOX", "From: a@stranger.example, b@stranger.example\nSubject: x\n\nx\n", 0, now)
	hostile := h.add("INBOX", "From: \"<script>\u202e\"@stranger.example\nSubject: x\n\nx\n", 0, now)
	h.get("/m/" + stranger) // more alike than one page compares
	wants(t, h.get("/m/"+stranger), notice+"info@stranger.example.")
	for _, id := range []string{old, list, odd} {
		lacks(t, h.get("/m/"+id), notice)
	}
	page := h.get("/m/" + hostile)
	lacks(t, page, "<script>", "\u202e")
	h.add("Work", "From: info@stranger.example\nMessage-ID: <s@x>\nSubject: a copy of the same\n\nx\n", 0, now)
	wants(t, h.get("/m/"+stranger), notice)
	again := h.add("INBOX", "From: Eve <info@stranger.example>\nSubject: once more\n\nx\n", 0, now)
	wants(t, h.get("/m/"+stranger), notice)
	lacks(t, h.get("/m/"+again), notice)

	friend := h.add("INBOX", "From: ann@friends.example\nSubject: x\n\nx\n", 0, now)
	wants(t, h.get("/m/"+friend), notice+"ann@friends.example.")
	h.post("/contacts", url.Values{"op": {"add"}, "name": {"Ann"}, "email": {"Ann@friends.example"}})
	lacks(t, h.get("/m/"+friend), notice)
}
