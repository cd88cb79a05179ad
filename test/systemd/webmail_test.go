package systemd

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// webmail: a user of the system reads mail in a browser, and the front is started by its
// socket.
func webmail(h house) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.Fatal(err)
	}
	browser := http.Client{Jar: jar, Transport: &http.Transport{
		DialContext:     func(_ context.Context, _, address string) (net.Conn, error) { return h.Dial(address) },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // it is self-signed
	}}
	defer browser.CloseIdleConnections()
	page := func(resp *http.Response, err error) string {
		h.Helper()
		if err != nil {
			h.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			h.Fatalf("%s: %s, %v\n%s", resp.Request.URL, resp.Status, err, text)
		}
		return string(text)
	}
	const at = "https://127.0.0.1:443"
	form := page(browser.Get(at + "/login"))
	action := regexp.MustCompile(`<form[^>]* action="([^"]*)"`).FindStringSubmatch(form)
	token := regexp.MustCompile(`name="token" value="([^"]*)"`).FindStringSubmatch(form)
	if action == nil || token == nil {
		h.Fatalf("no form to log in:\n%s", form)
	}
	inbox := page(browser.PostForm(at+action[1], url.Values{"name": {"ann"}, "password": {password}, "token": token[1:], "next": {"/"}}))
	if !strings.Contains(inbox, "of ann") {
		h.Errorf("after the login:\n%s", inbox)
	}
	if pids := h.sessions("webmail-session", "ann"); len(pids) != 1 {
		h.Errorf("ann has the sessions %v", pids)
	} else if owner := h.sh(`stat -c %U /proc/"$1"`, pids[0]); owner != "root" && owner != "ann" { // what is not dumpable looks like root's
		h.Errorf("the session of ann is %s's", owner)
	}
}
