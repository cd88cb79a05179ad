package webmail

import (
	"context"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"

	"fantail/internal/locale"
	fmail "fantail/internal/mail"
)

// inbox is the subjects and texts of the notices in the inbox.
func (h *house) inbox() (list []string) {
	h.t.Helper()
	ctx := context.Background()
	mb, err := h.acct.Open(ctx, fmail.Inbox)
	if err != nil {
		h.t.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range snap.Len() {
		f, err := mb.OpenMessage(ctx, snap.UID(i))
		if err != nil {
			h.t.Fatal(err)
		}
		m, err := mail.ReadMessage(f)
		if err != nil {
			h.t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		text, bad := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil || bad != nil {
			h.t.Fatal(err, bad)
		}
		f.Close()
		if m.Header.Get("Auto-Submitted") != "" {
			list = append(list, subject+"\n"+string(text))
		}
	}
	return list
}

// TestNotice: what the front says comes into the inbox, in the language of the account.
func TestNotice(t *testing.T) {
	h := setup(t)
	h.saves("general", url.Values{"language": {"de"}})
	says := func(kind string, form url.Values) int {
		t.Helper()
		return h.do("POST", "/notice", with(form, "token", "secret"), map[string]string{headerNotice: kind, headerToken: "secret", headerAccount: "ann@example.org"}).Code
	}
	de := locale.Match("de", "")
	for _, kind := range slices.Sorted(maps.Keys(noticed)) {
		if kind == "login" || kind == "identity" {
			continue
		}
		before := len(h.inbox())
		if code := says(kind, url.Values{"about": {"Blue\r\nBcc: x@example.org"}, "agent": {"Firefox, Linux"}, "host": {"192.0.2.7"}}); code != 204 {
			t.Fatalf("%s: %d %s", kind, code, h.log.String())
		}
		list := h.inbox()
		if len(list) != before+1 {
			t.Fatalf("%s: %d messages", kind, len(list)-before)
		}
		got := list[len(list)-1]
		wants(t, got, de.Text(noticed[kind].subject)+"\n", "Browser: Firefox, Linux\nNetzadresse: 192.0.2.7\nZeit: ", de.Text("notice.footer"))
		if strings.Contains(got, "\nBcc") || strings.Contains(de.Text(noticed[kind].text, "name", "{}"), "{}") != strings.Contains(got, "Blue Bcc: x@example.org") {
			t.Errorf("%s: %s", kind, got)
		}
	}
	// Nobody but the front says anything.
	before := len(h.inbox())
	for _, kind := range []string{"", "identity", "nonsense"} {
		if code := says(kind, url.Values{}); code != 404 {
			t.Errorf("%q: %d", kind, code)
		}
	}
	if code := h.do("POST", "/notice", url.Values{}, map[string]string{headerNotice: "appOn", headerToken: "secret"}).Code; code != 403 {
		t.Errorf("without a token: %d", code)
	}
	if n := len(h.inbox()) - before; n != 0 {
		t.Errorf("%d messages", n)
	}
}

// TestNoticeOfLogins: only those in a new place are told of, and not the first one of all.
func TestNoticeOfLogins(t *testing.T) {
	h := setup(t)
	device := strings.Repeat("0a", 16)
	for i, c := range []struct {
		agent, host, device string
		want                int
	}{
		{"Firefox, Linux", "192.0.2.7", "", 0},
		{"Firefox, Linux", "192.0.2.8", "", 0},
		{"Firefox, Linux", "198.51.100.1", device, 1},
		{"Firefox, Linux", "203.0.113.1", device, 1},
		{"Chrome, Windows", "192.0.2.7", "no mark", 2},
		{"", "", "", 3},
	} {
		form := url.Values{"token": {"secret"}, "agent": {c.agent}, "host": {c.host}, "device": {c.device}}
		if code := h.do("POST", "/notice", form, map[string]string{headerNotice: "login", headerToken: "secret"}).Code; code != 204 {
			t.Errorf("%d: %d", i, code)
		}
		if got := len(h.inbox()); got != c.want {
			t.Errorf("%d: %d notices", i, got)
		}
	}
	wants(t, h.inbox()[0], "New login to webmail\n", "Browser: Firefox, Linux\nNetwork address: 198.51.100.1\n")
}

// TestNoticeOfIdentities: a new address is told of, an old one and one's own are not.
func TestNoticeOfIdentities(t *testing.T) {
	h := setup(t)
	save := func(i int, was string, form url.Values) {
		t.Helper()
		h.saves("identities", with(with(with(form, "op", "save"), "i", fmt.Sprint(i)), "was", was))
	}
	save(0, "", url.Values{"address": {"ann@example.org"}, "bcc": {"copies@elsewhere.example"}})
	if list := h.inbox(); len(list) != 2 || !strings.Contains(list[1], "copies@elsewhere.example") {
		t.Errorf("%q", list)
	}
	save(0, "ann@example.org", url.Values{"address": {"ANN@example.org"}, "bcc": {"copies@elsewhere.example"}, "name": {"Ann"}})
	if list := h.inbox(); len(list) != 2 {
		t.Errorf("%q", list)
	}
}

func with(form url.Values, name, value string) url.Values {
	form.Set(name, value)
	return form
}
