package autoconfig

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// example is a provider with everything.
func example() Provider {
	return Provider{
		Name: "Ex & Co <Mail>", Host: "mail.example.org", Domains: []string{"example.org", "xn--bcher-kva.example"},
		IMAP: Service{"mail.example.org", 993, false}, POP3: Service{"mail.example.org", 995, false}, Submission: Service{"smtp.example.org", 465, false},
		Webmail: "https://mail.example.org",
	}
}

// plain has STARTTLS and unusual ports, no POP3, and local names.
func plain() Provider {
	return Provider{
		Name: "example.org", Host: "mail.example.org", Domains: []string{"example.org"}, LocalLogin: true,
		IMAP: Service{"mail.example.org", 143, true}, Submission: Service{"mail.example.org", 587, true},
		Webmail: "https://mail.example.org:8443",
	}
}

func address(t *testing.T, text string) Address {
	t.Helper()
	a, ok := ParseAddress(text)
	if !ok {
		t.Fatalf("%q is no address", text)
	}
	return a
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"ann@example.org": "ann@example.org", " Ann+x@EXAMPLE.org\n": "Ann+x@example.org", "ann@bücher.example": "ann@xn--bcher-kva.example",
		"ann'o@example.org": "ann'o@example.org", "jürgen@example.org": "jürgen@example.org", "ann@localhost": "ann@localhost",
	} {
		if a, ok := ParseAddress(text); !ok || a.String() != want {
			t.Errorf("%q: %q, %t", text, a, ok)
		}
	}
	for _, text := range []string{
		"", "ann", "@example.org", "ann@", "Ann <ann@example.org>", "<ann@example.org>", "ann@example.org, ben@example.org", `"a b"@example.org`,
		"ann@exa mple.org", "ann@example.org\r\nX: y", "a\x00n@example.org", "ann@[192.0.2.1]", "ann@ex_ample.org", "a@b@example.org", "ann@example.org (x)", "\xff@example.org",
		strings.Repeat("a", 250) + "@example.org",
	} {
		if a, ok := ParseAddress(text); ok {
			t.Errorf("%q is %q", text, a)
		}
	}
}

// element is any element of XML.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

// find returns the text of elements at a path, such as "a/b"; "a/@b" is an attribute.
func (e element) find(path string) (found []string) {
	name, rest, more := strings.Cut(path, "/")
	if attr, ok := strings.CutPrefix(name, "@"); ok {
		for _, a := range e.Attrs {
			if a.Name.Local == attr {
				found = append(found, a.Value)
			}
		}
		return found
	}
	for _, c := range e.Children {
		switch {
		case c.XMLName.Local != name:
		case more:
			found = append(found, c.find(rest)...)
		default:
			found = append(found, c.Text)
		}
	}
	return found
}

func parse(t *testing.T, body []byte, err error) element {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var e element
	if err := xml.Unmarshal(body, &e); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	if lint, err := exec.LookPath("xmllint"); err == nil {
		cmd := exec.Command(lint, "--nonet", "--noout", "-")
		cmd.Stdin = bytes.NewReader(body)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("xmllint: %s\n%s", out, body)
		}
	}
	return e
}

// wants compares what stands at paths of a document.
func wants(t *testing.T, e element, want map[string]string) {
	t.Helper()
	for path, text := range want {
		if got := strings.Join(e.find(path), " | "); got != text {
			t.Errorf("%s is %q, want %q", path, got, text)
		}
	}
}

func TestMozilla(t *testing.T) {
	body, err := example().Mozilla()
	wants(t, parse(t, body, err), map[string]string{
		"@version": "1.1", "emailProvider/@id": "example.org", "emailProvider/domain": "example.org | xn--bcher-kva.example",
		"emailProvider/displayName": "Ex & Co <Mail>", "emailProvider/displayShortName": "Ex & Co <Mail>",
		"emailProvider/incomingServer/@type": "imap | pop3", "emailProvider/incomingServer/hostname": "mail.example.org | mail.example.org",
		"emailProvider/incomingServer/port": "993 | 995", "emailProvider/incomingServer/socketType": "SSL | SSL",
		"emailProvider/incomingServer/username":                   "%EMAILADDRESS% | %EMAILADDRESS%",
		"emailProvider/incomingServer/authentication":             "password-cleartext | password-cleartext",
		"emailProvider/incomingServer/pop3/leaveMessagesOnServer": "true",
		"emailProvider/outgoingServer/@type":                      "smtp", "emailProvider/outgoingServer/hostname": "smtp.example.org",
		"emailProvider/outgoingServer/port": "465", "emailProvider/outgoingServer/socketType": "SSL",
		"emailProvider/documentation/@url": "https://mail.example.org/help/setup", "webMail/loginPage/@url": "https://mail.example.org/",
	})
	body, err = plain().Mozilla()
	wants(t, parse(t, body, err), map[string]string{
		"emailProvider/incomingServer/@type": "imap", "emailProvider/incomingServer/port": "143", "emailProvider/incomingServer/socketType": "STARTTLS",
		"emailProvider/incomingServer/username": "%EMAILLOCALPART%", "emailProvider/outgoingServer/port": "587",
		"emailProvider/outgoingServer/socketType": "STARTTLS", "emailProvider/outgoingServer/username": "%EMAILLOCALPART%",
	})
}

// asked is a request as Outlook makes one.
func asked(address, schema string) string {
	return `<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
		`<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>` +
		"<EMailAddress>" + address + "</EMailAddress><AcceptableResponseSchema>" + schema + "</AcceptableResponseSchema></Request></Autodiscover>"
}

func TestAutodiscover(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.UTC)
	r, err := ScanRequest([]byte(asked("ann@example.org", SchemaOutlook)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := example().Autodiscover(r, now)
	e := parse(t, body, err)
	if e.XMLName.Space != "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006" || e.Children[0].XMLName.Space != SchemaOutlook {
		t.Errorf("namespaces %q and %q", e.XMLName.Space, e.Children[0].XMLName.Space)
	}
	wants(t, e, map[string]string{
		"Response/Account/AccountType": "email", "Response/Account/Action": "settings",
		"Response/Account/Protocol/Type": "IMAP | POP3 | SMTP", "Response/Account/Protocol/Server": "mail.example.org | mail.example.org | smtp.example.org",
		"Response/Account/Protocol/Port": "993 | 995 | 465", "Response/Account/Protocol/LoginName": "ann@example.org | ann@example.org | ann@example.org",
		"Response/Account/Protocol/SSL": "on | on | on", "Response/Account/Protocol/Encryption": "SSL | SSL | SSL", "Response/Account/Protocol/SPA": "off | off | off",
	})
	body, err = plain().Autodiscover(r, now)
	wants(t, parse(t, body, err), map[string]string{
		"Response/Account/Protocol/Type": "IMAP | SMTP", "Response/Account/Protocol/LoginName": "ann | ann", "Response/Account/Protocol/Encryption": "TLS | TLS",
	})
	r.Schema = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"
	body, err = example().Autodiscover(r, now)
	wants(t, parse(t, body, err), map[string]string{"Response/Error/ErrorCode": "601", "Response/Error/@Time": "03:04:05.6000000"})
	body, err = AutodiscoverInvalid(now)
	wants(t, parse(t, body, err), map[string]string{"Response/Error/ErrorCode": "600", "Response/Error/Message": "Invalid Request"})
}

// TestAutodiscoverSays: an answer says nothing of who there is, only what was asked.
func TestAutodiscoverSays(t *testing.T) {
	var bodies []string
	for _, text := range []string{"ann@example.org", "nobody@example.org"} {
		body, err := example().Autodiscover(Request{Address: address(t, text)}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, strings.ReplaceAll(string(body), text, "X"))
	}
	if bodies[0] != bodies[1] {
		t.Errorf("%s\n%s", bodies[0], bodies[1])
	}
}

func TestScanRequest(t *testing.T) {
	r, err := ScanRequest([]byte(asked(" ann&#64;Example.org\r\n", "")))
	if err != nil || r.Address.String() != "ann@example.org" || r.Schema != "" {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := ScanRequest([]byte("\uFEFF" + asked("ann@example.org", SchemaOutlook))); err != nil || r.Schema != SchemaOutlook {
		t.Errorf("with a byte order mark: %+v, %v", r, err)
	}
	deep := strings.Repeat("<a>", 50) + strings.Repeat("</a>", 50)
	for name, body := range map[string]string{
		"nothing": "", "no XML": "ann@example.org", "no address": asked("", SchemaOutlook), "no end": strings.TrimSuffix(asked("ann@example.org", ""), "</Autodiscover>"),
		"entity":          `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + asked("&e;@example.org", ""),
		"unknown entity":  asked("&e;@example.org", ""),
		"many levels":     strings.Replace(asked("ann@example.org", ""), "<Request>", "<Request>"+deep, 1),
		"many tokens":     strings.Replace(asked("ann@example.org", ""), "<Request>", "<Request>"+strings.Repeat("<a/>", 1000), 1),
		"other place":     `<Autodiscover><EMailAddress>ann@example.org</EMailAddress></Autodiscover>`,
		"other character": `<?xml version="1.0" encoding="utf-16"?>` + asked("ann@example.org", ""),
		"large":           asked("ann@example.org", strings.Repeat(" ", MaxRequest)),
	} {
		if r, err := ScanRequest([]byte(body)); !errors.Is(err, errRequest) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestAutodiscoverJSON(t *testing.T) {
	var got map[string]string
	status, body, err := example().AutodiscoverJSON("autodiscoverv1")
	if err != nil || status != 200 || json.Unmarshal(body, &got) != nil || got["Protocol"] != "AutodiscoverV1" || got["Url"] != "https://mail.example.org/autodiscover/autodiscover.xml" {
		t.Errorf("%d %s %v", status, body, err)
	}
	for _, protocol := range []string{"", "ActiveSync", "<script>'\"", strings.Repeat("é", 500)} {
		status, body, err := example().AutodiscoverJSON(protocol)
		if err != nil || status != 400 || json.Unmarshal(body, &got) != nil || got["ErrorCode"] != "InvalidProtocol" || len(body) > 1000 || bytes.Contains(body, []byte("<")) {
			t.Errorf("%d %s %v", status, body, err)
		}
	}
}

// value reads a value of a property list.
func value(t *testing.T, e element) any {
	t.Helper()
	switch e.XMLName.Local {
	case "dict":
		m := make(map[string]any)
		for pair := range slices.Chunk(e.Children, 2) {
			if _, twice := m[pair[0].Text]; twice || pair[0].XMLName.Local != "key" {
				t.Errorf("key %q", pair[0].Text)
			}
			m[pair[0].Text] = value(t, pair[1])
		}
		return m
	case "array":
		var list []any
		for _, c := range e.Children {
			list = append(list, value(t, c))
		}
		return list
	case "string":
		return e.Text
	case "integer":
		n, err := strconv.Atoi(e.Text)
		if err != nil {
			t.Error(err)
		}
		return n
	case "true":
		return true
	}
	t.Errorf("<%s> in a property list", e.XMLName.Local)
	return nil
}

func profile(t *testing.T, p Provider, a Address) (outer, account map[string]any) {
	t.Helper()
	body, err := p.Profile(a)
	e := parse(t, body, err)
	if len(e.Children) != 1 {
		t.Fatalf("%d values", len(e.Children))
	}
	outer = value(t, e.Children[0]).(map[string]any)
	return outer, outer["PayloadContent"].([]any)[0].(map[string]any)
}

func TestProfile(t *testing.T) {
	outer, account := profile(t, example(), address(t, "ann@example.org"))
	for key, want := range map[string]any{
		"PayloadType": "com.apple.mail.managed", "PayloadVersion": 1, "EmailAccountType": "EmailTypeIMAP", "EmailAddress": "ann@example.org",
		"EmailAccountDescription": "Ex & Co <Mail>", "IncomingMailServerHostName": "mail.example.org", "IncomingMailServerPortNumber": 993, "IncomingMailServerUseSSL": true,
		"IncomingMailServerUsername": "ann@example.org", "IncomingMailServerAuthentication": "EmailAuthPassword",
		"OutgoingMailServerHostName": "smtp.example.org", "OutgoingMailServerPortNumber": 465, "OutgoingMailServerUseSSL": true,
		"OutgoingMailServerUsername": "ann@example.org", "OutgoingMailServerAuthentication": "EmailAuthPassword", "OutgoingPasswordSameAsIncomingPassword": true,
	} {
		if account[key] != want {
			t.Errorf("%s is %v, want %v", key, account[key], want)
		}
	}
	if outer["PayloadType"] != "Configuration" || outer["PayloadUUID"] == account["PayloadUUID"] || outer["PayloadDisplayName"] != "Ex & Co <Mail>: ann@example.org" {
		t.Errorf("%v", outer)
	}
	for key := range account {
		if strings.HasSuffix(key, "Password") && key != "OutgoingPasswordSameAsIncomingPassword" {
			t.Errorf("there is a password: %s", key)
		}
	}
	again, _ := profile(t, example(), address(t, "ann@example.org"))
	other, _ := profile(t, example(), address(t, "ben@example.org"))
	if again["PayloadUUID"] != outer["PayloadUUID"] || other["PayloadUUID"] == outer["PayloadUUID"] || other["PayloadIdentifier"] == outer["PayloadIdentifier"] {
		t.Errorf("UUIDs %v, %v, %v", outer["PayloadUUID"], again["PayloadUUID"], other["PayloadUUID"])
	}
	if id := outer["PayloadUUID"].(string); len(id) != 36 || id[14] != '8' || !strings.ContainsRune("89AB", rune(id[19])) {
		t.Errorf("UUID %s", id)
	}
	_, account = profile(t, plain(), Address{})
	if _, ok := account["EmailAddress"]; ok || account["IncomingMailServerPortNumber"] != 143 {
		t.Errorf("%v", account)
	}
	p := example()
	p.IMAP = Service{}
	if _, account := profile(t, p, Address{}); account["EmailAccountType"] != "EmailTypePOP" {
		t.Errorf("%v", account)
	}
	p.Submission = Service{}
	if _, err := p.Profile(Address{}); !errors.Is(err, ErrNoProfile) {
		t.Error(err)
	}
}

func TestPACC(t *testing.T) {
	body, err := example().PACC()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Protocols      map[string]struct{ Host string }
		Authentication map[string]bool
		Info           struct {
			Provider struct{ Name, ShortName string }
			Help     struct {
				Documentation string
				Contact       []string
			}
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	for name, host := range map[string]string{"imap": "mail.example.org", "pop3": "mail.example.org", "smtp": "smtp.example.org", "submit": "smtp.example.org"} {
		if got.Protocols[name].Host != host {
			t.Errorf("%s: %+v", name, got.Protocols)
		}
	}
	if !got.Authentication["password"] || got.Info.Provider.Name != "Ex & Co <Mail>" || got.Info.Help.Documentation != "https://mail.example.org/help/setup" || got.Info.Help.Contact[0] != "mailto:postmaster@example.org" {
		t.Errorf("%s", body)
	}
	for range 20 {
		if again, err := example().PACC(); err != nil || !bytes.Equal(body, again) {
			t.Fatalf("%s and %s", body, again)
		}
	}
	if body, err := plain().PACC(); err != nil || body != nil {
		t.Errorf("ports that nobody would look at: %s", body)
	}
	if got, want := PACCRecord([]byte("abc")), "v=UAAC1; a=sha256; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestRecords(t *testing.T) {
	body, err := example().PACC()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p    Provider
		want []string
	}{
		{example(), []string{
			"_imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.", "_imap._tcp.example.org. IN SRV 0 0 0 .",
			"_pop3s._tcp.example.org. IN SRV 10 1 995 mail.example.org.", "_pop3._tcp.example.org. IN SRV 0 0 0 .",
			"_submissions._tcp.example.org. IN SRV 0 1 465 smtp.example.org.", "_submission._tcp.example.org. IN SRV 0 0 0 .",
			"_autodiscover._tcp.example.org. IN SRV 0 0 443 mail.example.org.",
			`_ua-auto-config.example.org. IN TXT "` + PACCRecord(body) + `"`,
			"autoconfig.example.org. IN CNAME mail.example.org.", "autodiscover.example.org. IN CNAME mail.example.org.",
			"ua-auto-config.example.org. IN CNAME mail.example.org.",
		}},
		{plain(), []string{
			"_imaps._tcp.example.org. IN SRV 0 0 0 .", "_imap._tcp.example.org. IN SRV 0 1 143 mail.example.org.",
			"_pop3s._tcp.example.org. IN SRV 0 0 0 .", "_pop3._tcp.example.org. IN SRV 0 0 0 .",
			"_submissions._tcp.example.org. IN SRV 0 0 0 .", "_submission._tcp.example.org. IN SRV 0 1 587 mail.example.org.",
			"_autodiscover._tcp.example.org. IN SRV 0 0 8443 mail.example.org.",
		}},
	} {
		list, err := c.p.Records("example.org")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range list {
			got = append(got, r.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func FuzzScanRequest(f *testing.F) {
	f.Add([]byte(asked("ann@example.org", SchemaOutlook)))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY e "e">]>` + asked("&e;@example.org", "")))
	f.Add([]byte("<a><!--x--><![CDATA[y]]></a>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ScanRequest(body)
		if err != nil {
			if !errors.Is(err, errRequest) {
				t.Errorf("%v", err)
			}
			return
		}
		said(t, r.Address)
		answer, err := example().Autodiscover(r, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, answer)
	})
}

func FuzzParseAddress(f *testing.F) {
	f.Add("ann@example.org")
	f.Add("a\"<&>'@bücher.example")
	f.Fuzz(func(t *testing.T, text string) {
		a, ok := ParseAddress(text)
		if !ok {
			return
		}
		said(t, a)
		body, err := example().Profile(a)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, body)
		if _, body, err := example().AutodiscoverJSON(text); err != nil || !json.Valid(body) {
			t.Errorf("%s, %v", body, err)
		}
	})
}

// said wants an address to be itself when it is read again.
func said(t *testing.T, a Address) {
	t.Helper()
	if again, ok := ParseAddress(a.String()); !ok || again != a {
		t.Errorf("%q is read again as %q, %t", a, again, ok)
	}
}

func wellFormed(t *testing.T, body []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		switch _, err := d.Token(); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			t.Fatalf("%v\n%s", err, body)
		}
	}
}
