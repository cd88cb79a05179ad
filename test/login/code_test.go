package login

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/userdb"
)

// visitor is a browser of webmail, without scripts or pictures.
type visitor struct {
	*testing.T
	client *http.Client
	base   string
	page   string // the one that is shown
}

func (h *house) visitor(address string) *visitor {
	h.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	h.Cleanup(c.CloseIdleConnections)
	return &visitor{T: h.T, client: c, base: "https://" + address}
}

// gets wants to get to a page, and says with which status.
func (v *visitor) gets(path, want string) int {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), http.MethodGet, v.base+path, nil)
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	return v.shows(want)(v.client.Do(r))
}

// sends fills the form that is shown in, and wants to get to a page.
func (v *visitor) sends(want string, fields ...string) int {
	v.Helper()
	form := make(url.Values)
	for _, m := range regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(v.page, -1) {
		form.Set(m[1], m[2])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	action := regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindStringSubmatch(v.page)
	if action == nil {
		v.Fatalf("no form: %s", v.page)
	}
	return v.shows(want)(v.client.PostForm(v.base+action[1], form))
}

func (v *visitor) shows(want string) func(*http.Response, error) int {
	v.Helper()
	return func(resp *http.Response, err error) int {
		v.Helper()
		if err != nil {
			v.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			v.Fatal(err)
		}
		v.page = string(body)
		if got := resp.Request.URL.RequestURI(); got != want {
			v.Fatalf("it is %s, %s, want %s:\n%s", got, resp.Status, want, v.page)
		}
		return resp.StatusCode
	}
}

// logs logs in as far as the page for the code.
func (v *visitor) logs(name string) {
	v.Helper()
	v.gets("/login", "/login")
	v.sends("/login/code", "name", name, "password", "secret")
}

// TestCode: webmail wants a code after the password, once each, and nothing else takes the
// password any more.
func TestCode(t *testing.T) {
	h := build(t, func(h *house, config string) string {
		h.make("fantail/cmd/webmaild", "fantail/cmd/webmail-session")
		return config + "[webmail]\nlisten_tls = [\"127.0.0.1:0\"]\n"
	})
	var address string
	for _, address = range h.front("webmaild", 1) {
	}
	store := factor.Open(h.path("auth", "totp")) // as root, and authd reads it as its own
	key, err := store.Begin("ann")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var recovery []userdb.Secret
	if recovery, err = store.Confirm("ann", string(key.Code(now))); err != nil {
		t.Fatal(err)
	}
	code := string(key.Code(now.Add(factor.Period))) // good for a minute and a half from now
	wrong := "000000"
	if code == wrong || string(key.Code(now.Add(-factor.Period))) == wrong || string(key.Code(now.Add(2*factor.Period))) == wrong {
		wrong = "000001"
	}

	h.dial(h.imap)("a LOGIN ann secret", "a NO ")
	h.dial(h.imap)("a LOGIN bob secret", "a OK")
	v := h.visitor(address)
	v.gets("/login", "/login")
	v.sends("/login", "name", "ann", "password", "wrong")
	v.logs("ANN") // another spelling is the same account
	inside := v.page
	if status := v.gets("/f/INBOX", "/login?next=%2Ff%2FINBOX"); status != 200 {
		t.Errorf("without a code: %d", status)
	}
	v.page = inside
	if status := v.sends("/login/code", "code", wrong); status != http.StatusForbidden || !strings.Contains(v.page, "not the code of this moment") {
		t.Errorf("a wrong code: %d, %s", status, v.page)
	}
	if v.sends("/f/INBOX", "code", code[:3]+" "+code[3:]); !strings.Contains(v.page, "of ann") {
		t.Errorf("no mail of hers: %s", v.page)
	}
	h.status("webmail-session", "-u\x00ann")

	other := h.visitor(address)
	other.logs("ann")
	if status := other.sends("/login/code", "code", code); status != http.StatusForbidden {
		t.Errorf("the same code again: %d, %s", status, other.page)
	}
	if status := other.gets("/login/code?recovery", "/login/code?recovery"); status != 200 {
		t.Errorf("the page for recovery codes: %d", status)
	}
	other.sends("/f/INBOX", "code", strings.ToUpper(string(recovery[0])))

	third := h.visitor(address)
	third.logs("ann")
	third.gets("/login/code?recovery", "/login/code?recovery")
	if status := third.sends("/login/code", "code", string(recovery[0])); status != http.StatusForbidden || !strings.Contains(third.page, "not one of your recovery codes") {
		t.Errorf("the same recovery code again: %d, %s", status, third.page)
	}
}
