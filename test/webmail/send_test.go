package webmail

import (
	"fmt"
	"strings"
	"testing"

	"fantail/test/visitor"
)

// TestSend: what is written leaves, with the program that stands for sendmail as the
// account's user, and there is a copy.
func TestSend(t *testing.T) {
	h := build(t)
	ann := h.visit("ann")
	if err := ann.Send(t.Context(), visitor.Letter{To: "Bob <bob@example.org>", Subject: "Grüße", Text: "Hello.\n"}); err != nil {
		t.Fatal(err)
	}
	h.until("the message has left", func() error {
		if list := h.taken(); len(list) != 1 || !strings.HasPrefix(list[0], "-i -f ann@example.org -- bob@example.org\n") {
			return fmt.Errorf("%q", list)
		}
		return nil
	})
	h.until("there is a copy", func() error {
		if list, err := ann.Find(t.Context(), "Sent", "Grüße"); err != nil || len(list) != 1 || list[0].Unread {
			return fmt.Errorf("%+v, %v", list, err)
		}
		return nil
	})
}
