package admin

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is a server of DNS on loopback, with records by "name TYPE".
type zone struct {
	*testing.T
	address string
	records map[string][]dnsmessage.ResourceBody
	refuse  bool
}

func startZone(t *testing.T) *zone {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{T: t, address: conn.LocalAddr().String(), records: make(map[string][]dnsmessage.ResourceBody)}
	done := make(chan struct{})
	go z.serve(conn, done)
	t.Cleanup(func() { conn.Close(); <-done })
	return z
}

func (z *zone) serve(conn net.PacketConn, done chan<- struct{}) {
	defer close(done)
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			z.Error(err)
			return
		}
		answer, err := z.answer(buffer[:n])
		if err == nil {
			_, err = conn.WriteTo(answer, from)
		}
		if err != nil {
			z.Error(err)
		}
	}
}

// answer answers one question. A CNAME answers every question for its name, with what
// there is of its target.
func (z *zone) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	m.Header.Response, m.Additionals = true, nil
	if z.refuse {
		m.Header.RCode = dnsmessage.RCodeRefused
		return m.Pack()
	}
	name, kind := m.Questions[0].Name.String(), m.Questions[0].Type
	if list := z.records[name+" CNAME"]; list != nil {
		z.add(&m, name, dnsmessage.TypeCNAME)
		name = list[0].(*dnsmessage.CNAMEResource).CNAME.String()
	}
	z.add(&m, name, kind)
	if len(m.Answers) == 0 {
		m.Header.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}

func (z *zone) add(m *dnsmessage.Message, name string, kind dnsmessage.Type) {
	for _, body := range z.records[name+" "+strings.TrimPrefix(kind.String(), "Type")] {
		h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET, TTL: 60}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: body})
	}
}

// read takes the records of a zone, as the verb prints them.
func (z *zone) read(text string) {
	z.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' {
			continue
		}
		name, data, ok := strings.Cut(line, " IN ")
		kind, data, ok2 := strings.Cut(data, " ")
		if !ok || !ok2 {
			z.Fatalf("%q is no record", line)
		}
		key := name + " " + kind
		var body dnsmessage.ResourceBody
		switch kind {
		case "SRV":
			var r dnsmessage.SRVResource
			var target string
			if _, err := fmt.Sscan(data, &r.Priority, &r.Weight, &r.Port, &target); err != nil {
				z.Fatalf("%q: %v", line, err)
			}
			r.Target = dnsmessage.MustNewName(target)
			body = &r
		case "CNAME":
			body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(data)}
		case "TXT":
			body = &dnsmessage.TXTResource{TXT: []string{strings.Trim(data, `"`)}}
		default:
			z.Fatalf("%q", line)
		}
		z.records[key] = append(z.records[key], body)
	}
}

func (z *zone) host(name string, last byte) {
	z.records[name+". A"] = []dnsmessage.ResourceBody{&dnsmessage.AResource{A: [4]byte{192, 0, 2, last}}}
}

// TestDNS: what is printed is what is wanted, record by record.
func TestDNS(t *testing.T) {
	s := open(t, "", `autoconfig.host = "mail.example.org"`, `autoconfig.domains = ["example.org", "bücher.example"]`, `autoconfig.submission = "smtp.example.org:465"`)
	text, _ := s.runs(exitOK, "", "dns")
	for _, want := range []string{"_imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.\n", "\n\n; xn--bcher-kva.example:", "\nautoconfig.xn--bcher-kva.example. IN CNAME mail.example.org.\n", "; smtp.example.org has to have an address"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if one, _ := s.runs(exitOK, "", "dns", "Example.net."); !strings.Contains(one, "\n_imaps._tcp.example.net. IN SRV") || strings.Contains(one, "example.org. IN SRV") {
		t.Errorf("%s", one)
	}

	z := startZone(t)
	z.read(text)
	z.host("mail.example.org", 1)
	z.host("smtp.example.org", 2)
	all, _ := s.runs(exitOK, "", "dns", "-check", "-server", z.address)
	if n := strings.Count(all, "\n"); n != strings.Count(text, " IN SRV ")+strings.Count(text, " IN CNAME ")+strings.Count(text, "config.example.org. IN TXT")+strings.Count(text, "config.xn--bcher-kva.example. IN TXT")+2 || strings.Count(all, "ok       ") != n {
		t.Errorf("%s", all)
	}

	delete(z.records, "_imaps._tcp.example.org. SRV")    // missing
	delete(z.records, "_imap._tcp.example.org. SRV")     // says nothing
	delete(z.records, "autodiscover.example.org. CNAME") // missing
	delete(z.records, "smtp.example.org. A")
	z.records["_ua-auto-config.example.org. TXT"] = []dnsmessage.ResourceBody{&dnsmessage.TXTResource{TXT: []string{"v=UAAC1; a=sha256; d=old"}}}
	z.records["_pop3._tcp.example.org. SRV"] = []dnsmessage.ResourceBody{&dnsmessage.SRVResource{Port: 110, Target: dnsmessage.MustNewName("old.example.org.")}}
	delete(z.records, "autoconfig.example.org. CNAME")
	z.host("autoconfig.example.org", 1) // the same
	delete(z.records, "ua-auto-config.example.org. CNAME")
	z.host("ua-auto-config.example.org", 9) // another
	some, _ := s.runs(exitFound, "", "dns", "-check", "-server", z.address, "example.org")
	for _, want := range []string{
		"missing  smtp.example.org. IN A or AAAA\n", "missing  _imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.\n", "ok       _imap._tcp.example.org. IN SRV 0 0 0 .\n",
		"missing  autodiscover.example.org. IN CNAME mail.example.org.\n", "ok       autoconfig.example.org. IN CNAME mail.example.org.\n",
		"other    ua-auto-config.example.org. IN CNAME mail.example.org. ; it is 192.0.2.9\n", " ; it is v=UAAC1; a=sha256; d=old\n",
		"other    _pop3._tcp.example.org. IN SRV 0 0 0 . ; it is 0 0 110 old.example.org.\n",
	} {
		if !strings.Contains(some, want) {
			t.Errorf("no %q in\n%s", want, some)
		}
	}
}

// TestDNSImpossible: what cannot be known is said.
func TestDNSImpossible(t *testing.T) {
	s := open(t, "", `autoconfig.host = "mail"`)
	if _, says := s.runs(exitConfig, "", "dns"); !strings.Contains(says, `"mail"`) || !strings.Contains(says, "set autoconfig.host") {
		t.Errorf("it says %s", says)
	}
	s = open(t, "", `autoconfig.host = "mail.example.org"`, `webmail.listen_tls = ["192.0.2.1:8443"]`)
	if text, _ := s.runs(exitOK, "", "dns"); strings.Contains(text, "CNAME") || !strings.Contains(text, "port 443 alone") {
		t.Errorf("%s", text)
	}
	for _, name := range []string{"a b", "", "a_b.example"} {
		s.runs(exitUsage, "", "dns", name)
	}
	z := startZone(t)
	z.refuse = true
	if _, says := s.runs(exitUnavailable, "", "dns", "-check", "-server", z.address); !strings.Contains(says, "-server address") {
		t.Errorf("it says %s", says)
	}
}
