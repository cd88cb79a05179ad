package lmtpfront

import (
	"path/filepath"
	"strings"
	"testing"
)

// What package deliver decides is decided for each recipient, and told to the client.
func TestDecisions(t *testing.T) {
	h := newHouse(t, "ann", "bob")
	_, connect := h.serve(nil)
	p := connect().greet()
	a, err := h.account("ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Create(t.Context(), "Lists"); err != nil {
		t.Fatal(err)
	}
	in := func(name, folder string) int {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(h.maildir(name), folder, "new", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	for _, step := range []struct {
		what, message string
		to            []string
		want          []string
		ann, lists    int // messages there, then
	}{
		{"a detail", "Subject: x\r\n\r\n", []string{"ann+lists@example.org"}, []string{"250 2.1.5"}, 0, 1},
		{"a loop of one", "Received: a\r\nDelivered-To: ann@example.org\r\n\r\n", []string{"ann@example.org", "bob@example.org"},
			[]string{"554 5.4.6", "250 2.1.5"}, 0, 1},
		{"the first", "Message-ID: <1@x>\r\n\r\n", []string{"ann@example.org"}, []string{"250 2.1.5"}, 1, 1},
		{"a duplicate", "Message-ID: <1@x>\r\n\r\n", []string{"ann@example.org"}, []string{"250 2.1.5"}, 1, 1},
	} {
		for i, reply := range p.send(step.message, step.to...) {
			if !strings.HasPrefix(reply, step.want[i]+" ") {
				t.Errorf("%s: %q, want %s", step.what, reply, step.want[i])
			}
		}
		if ann, lists := in("ann", ""), in("ann", ".Lists"); ann != step.ann || lists != step.lists {
			t.Errorf("%s: %d in INBOX and %d in Lists", step.what, ann, lists)
		}
	}
	if n := in("bob", ""); n != 1 {
		t.Errorf("bob has %d", n)
	}
}
