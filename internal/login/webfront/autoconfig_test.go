package webfront

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"fantail/internal/autoconfig"
	"fantail/internal/locale"
)

func provider() *autoconfig.Provider {
	const h = "mail.example.org"
	return &autoconfig.Provider{
		Name: "Ex & Co", Host: h, Domains: []string{"example.org"}, Webmail: "https://" + h,
		IMAP: autoconfig.Service{Host: h, Port: 993}, POP3: autoconfig.Service{Host: h, Port: 110, STARTTLS: true}, Submission: autoconfig.Service{Host: h, Port: 465},
	}
}

// telling starts a front that tells mail programs what they ask.
func telling(t *testing.T, p *autoconfig.Provider, l Limits) *browser {
	t.Helper()
	s := New(Options{Entrance: &house{program: http.HandlerFunc(echo)}, Log: quiet(), Limits: l, Provider: p})
	ts := httptest.NewUnstartedServer(s)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	t.Cleanup(ts.Close)
	return newBrowser(t, ts)
}

// post sends a body as it is.
func (b *browser) post(path, body string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequest("POST", b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	if err := resp.Write(&text); err != nil {
		b.t.Fatal(err)
	}
	return resp, text.String()
}

const outlook = `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">` +
	`<Request><EMailAddress>ann@example.org</EMailAddress><AcceptableResponseSchema>` + autoconfig.SchemaOutlook + `</AcceptableResponseSchema></Request></Autodiscover>`

func TestDiscovery(t *testing.T) {
	b := telling(t, provider(), Limits{})
	for _, c := range []struct{ path, kind, says string }{
		{"/mail/config-v1.1.xml?emailaddress=ann@example.org", kindXML, "<hostname>mail.example.org</hostname>"},
		{"/.well-known/autoconfig/mail/config-v1.1.xml", kindXML, "<emailProvider id=\"example.org\">"},
		{"/.well-known/mail-v1.xml", kindXML, "<socketType>STARTTLS</socketType>"},
		{"/autodiscover/autodiscover.xml", kindXML, "<ErrorCode>600</ErrorCode>"},
		{"/Autodiscover/Autodiscover.json?Email=ann@example.org&Protocol=AutodiscoverV1", kindJSON, `"Url":"https://mail.example.org/autodiscover/autodiscover.xml"`},
		{"/autodiscover/autodiscover.json/v1.0/Ann%40example.org?protocol=autodiscoverv1", kindJSON, `"Protocol":"AutodiscoverV1"`},
		{"/.well-known/user-agent-configuration.json", kindJSON, `"imap":{"host":"mail.example.org"}`},
		{"/help/setup/mail.mobileconfig", "application/x-apple-aspen-config", "<string>EmailTypeIMAP</string>"},
		{"/help/setup/mail.mobileconfig?address=ann%40example.org", "application/x-apple-aspen-config", "<string>ann@example.org</string>"},
		{"/help/setup/qr.svg?address=ann%40example.org", "image/svg+xml", `<svg xmlns`},
	} {
		for _, headers := range []map[string]string{nil, {"Host": "autoconfig.example.org"}} {
			resp, body := b.do("GET", c.path, nil, headers)
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != c.kind || !strings.Contains(body, c.says) || len(resp.Cookies()) > 0 {
				t.Errorf("%s: %s %v %s", c.path, resp.Status, resp.Header, body)
			}
			if c.kind == kindJSON && !json.Valid([]byte(body)) || c.kind != kindJSON && xml.Unmarshal([]byte(body), new(struct{})) != nil {
				t.Errorf("%s: %s", c.path, body)
			}
			if public := strings.HasSuffix(c.path, autoconfig.PathPACC); (resp.Header.Get("Access-Control-Allow-Origin") == "*") != public {
				t.Errorf("%s: %v", c.path, resp.Header)
			}
		}
	}
	if resp, body := b.do("GET", "/autodiscover/autodiscover.json?Protocol=ActiveSync", nil, nil); resp.StatusCode != 400 || !strings.Contains(body, "InvalidProtocol") {
		t.Errorf("%s %s", resp.Status, body)
	}
	for _, path := range []string{"/help/setup/mail.mobileconfig?address=x", "/help/setup/qr.svg?address=x"} {
		if resp, _ := b.do("GET", path, nil, nil); resp.StatusCode != 400 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestAutodiscoverPost(t *testing.T) {
	b := telling(t, provider(), Limits{})
	for _, path := range []string{"/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/autodiscover.XML"} {
		if resp, body := b.post(path, outlook); resp.StatusCode != 200 || !strings.Contains(body, "<LoginName>ann@example.org</LoginName>") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if resp, body := b.post("/autodiscover/autodiscover.xml", "<x>"); resp.StatusCode != 200 || !strings.Contains(body, "<ErrorCode>600</ErrorCode>") {
		t.Error(body)
	}
	if resp, body := b.post("/autodiscover/autodiscover.xml", strings.Repeat(" ", autoconfig.MaxRequest+1)); resp.StatusCode != 413 {
		t.Error(body)
	}
	if resp, _ := b.do("POST", "/autodiscover/autodiscover.xml", url.Values{}, map[string]string{"Sec-Fetch-Site": "cross-site"}); resp.StatusCode != 403 {
		t.Errorf("from a page of another site: %s", resp.Status)
	}
}

// TestNothingTold: without a Provider all of it is as if it did not exist.
func TestNothingTold(t *testing.T) {
	b := telling(t, nil, Limits{})
	for path, want := range map[string]int{"/mail/config-v1.1.xml": 303, autoconfig.PathHelp: 303, autoconfig.PathPACC: 404} {
		if resp, _ := b.do("GET", path, nil, visit); resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if _, page := b.do("GET", "/login", nil, visit); strings.Contains(page, autoconfig.PathHelp) {
		t.Error("a link to nothing")
	}
	p := provider()
	p.Submission, p.IMAP.Port = autoconfig.Service{}, 1993
	b = telling(t, p, Limits{})
	for _, path := range []string{autoconfig.PathProfile, autoconfig.PathPACC} {
		if resp, _ := b.do("GET", path, nil, nil); resp.StatusCode != 404 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if resp, page := b.do("GET", autoconfig.PathHelp, nil, visit); resp.StatusCode != 200 || strings.Contains(page, "mobileconfig") || !strings.Contains(page, "1993") {
		t.Errorf("%s: %s", resp.Status, page)
	}
}

// TestSetupPage: it has every setting, in every language, and nothing that was typed
// becomes markup.
func TestSetupPage(t *testing.T) {
	b := telling(t, provider(), Limits{})
	if _, page := b.do("GET", "/login", nil, visit); !strings.Contains(page, `href="/help/setup"`) {
		t.Error("the login page does not lead there")
	}
	for _, l := range locale.All() {
		resp, page := b.do("GET", "/help/setup", nil, map[string]string{"Accept-Language": l.Tag})
		if resp.StatusCode != 200 || resp.Header.Get("Vary") != "Accept-Language" || resp.Header.Get("Content-Security-Policy") != ownPolicy {
			t.Errorf("%s: %s %v", l.Tag, resp.Status, resp.Header)
		}
		for _, want := range []string{
			`lang="` + l.Tag + `" dir="` + l.Direction + `"`, "Ex &amp; Co", ">993<", ">110<", ">465<", ">SSL/TLS<", ">STARTTLS<", ">mail.example.org<", l.Text("setup.whole"),
			`href="/help/setup/mail.mobileconfig"`, `src="/help/setup/qr.svg"`, `placeholder="ann@example.org"`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %s in %s", l.Tag, want, page)
			}
		}
		if strings.Contains(page, "setup.i") || strings.Contains(page, "{address}") || strings.Contains(page, "role=\"alert\"") {
			t.Errorf("%s: %s", l.Tag, page)
		}
	}
	_, page := b.do("GET", "/help/setup?address=Ann%2Bx%40example.org", nil, visit)
	for _, want := range []string{`<code dir="ltr">Ann&#43;x@example.org</code>`, `href="/help/setup/mail.mobileconfig?address=Ann%2Bx%40example.org"`, `src="/help/setup/qr.svg?address=Ann%2Bx%40example.org"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, page)
		}
	}
	resp, page := b.do("GET", "/help/setup?address=%22%3E%3Cscript%3E", nil, visit)
	if resp.StatusCode != 400 || strings.Contains(page, "<script") || !strings.Contains(page, `role="alert"`) || !strings.Contains(page, "ann@example.org") {
		t.Errorf("%s: %s", resp.Status, page)
	}
	p := provider()
	p.LocalLogin = true
	b = telling(t, p, Limits{})
	if _, page := b.do("GET", "/help/setup?address=ann%40example.org", nil, visit); !strings.Contains(page, `<code dir="ltr">ann</code>`) {
		t.Errorf("%s", page)
	}
}

// TestAskedTooOften: it is one address that has to wait, and only for what needs no login.
func TestAskedTooOften(t *testing.T) {
	b := telling(t, provider(), Limits{Asked: 2})
	var refused int
	for range 5 { // a minute may begin
		resp, _ := b.do("GET", "/mail/config-v1.1.xml", nil, nil)
		if resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "" {
			refused++
		}
	}
	if refused == 0 || refused > 3 {
		t.Errorf("%d of 5 are refused", refused)
	}
	if resp, _ := b.do("GET", "/login", nil, visit); resp.StatusCode != 200 {
		t.Errorf("%s", resp.Status)
	}

	r := rate{most: 1}
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := time.Unix(600, 0)
	for i, c := range []struct {
		source netip.Addr
		after  time.Duration
		want   bool
	}{{one, 0, true}, {one, 59 * time.Second, false}, {other, 59 * time.Second, true}, {one, time.Minute, true}, {one, time.Minute, false}} {
		if got := r.enter(c.source, now.Add(c.after)); got != c.want {
			t.Errorf("%d: %t", i, got)
		}
	}
	for n := range mostSources + 10 {
		r.enter(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), now)
	}
	if len(r.sources) > mostSources+1 {
		t.Errorf("%d sources", len(r.sources))
	}
}

// bar is a row of black modules in the picture of a QR code.
var bar = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// TestQR reads the picture again, module by module.
func TestQR(t *testing.T) {
	const where = "https://mail.example.org/help/setup/mail.mobileconfig?address=ann%40example.org"
	body, err := drawQR(where)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(where, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	black := make(map[[2]int]bool)
	for _, m := range bar.FindAllSubmatch(body, -1) {
		var n [4]int
		for i := range n {
			if n[i], err = strconv.Atoi(string(m[i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if n[2] != n[3] {
			t.Errorf("%s", m[0])
		}
		for i := range n[2] {
			black[[2]int{n[0] + i - 4, n[1] - 4}] = true
		}
	}
	for y := -1; y <= code.Size; y++ {
		for x := -1; x <= code.Size; x++ {
			inside := x >= 0 && y >= 0 && x < code.Size && y < code.Size
			if want := inside && code.Black(x, y); black[[2]int{x, y}] != want {
				t.Fatalf("module %d, %d is not %t", x, y, want)
			}
		}
	}
	if side := `viewBox="0 0 ` + strconv.Itoa(code.Size+8); !strings.Contains(string(body), side) {
		t.Errorf("no %s in %.200s", side, body)
	}
	if _, err := drawQR(strings.Repeat("x", 5000)); err == nil {
		t.Error("a text that is too long is drawn")
	}
}
