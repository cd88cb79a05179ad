package autoconfig

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Record is a record of DNS. Names have no dot at the end.
type Record struct {
	Name string
	Type RecordType

	Target           string // of SRV and CNAME; "." of a service that there is not
	Priority, Weight int    // of SRV
	Port             int    // of SRV
	Text             string // of TXT
}

// RecordType is SRV, CNAME or TXT.
type RecordType string

// The types of records.
const (
	SRV   RecordType = "SRV"
	CNAME RecordType = "CNAME"
	TXT   RecordType = "TXT"
)

// NoTarget is the target of a service that there is not (RFC 6186 section 3.4).
const NoTarget = "."

// String returns the record as a zone has it.
func (r Record) String() string {
	return fmt.Sprintf("%s. IN %s %s", r.Name, r.Type, r.Data())
}

// Data returns it without its name.
func (r Record) Data() string {
	switch r.Type {
	case SRV:
		return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, absolute(r.Target))
	case CNAME:
		return absolute(r.Target)
	}
	return `"` + r.Text + `"` // of letters and digits
}

func absolute(name string) string { return strings.TrimSuffix(name, ".") + "." }

// Labels of the hosts that programs look for in a domain of addresses.
const (
	labelMozilla      = "autoconfig"
	labelAutodiscover = "autodiscover"
	labelPACC         = "ua-auto-config"
)

// Records returns the records for a domain by which mail programs set themselves up.
func (p Provider) Records(domain string) ([]Record, error) {
	list := p.services(domain)
	u, err := url.Parse(p.Webmail)
	if err != nil {
		return nil, err
	}
	list = append(list, Record{Name: "_autodiscover._tcp." + domain, Type: SRV, Target: u.Hostname(), Port: webPort(u)})
	labels := []string{labelMozilla, labelAutodiscover}
	body, err := p.PACC()
	if err != nil {
		return nil, err
	}
	if body != nil {
		labels = append(labels, labelPACC)
		list = append(list, Record{Name: "_" + labelPACC + "." + domain, Type: TXT, Text: PACCRecord(body)})
	}
	if webPort(u) != 443 { // nobody would find it there
		return list, nil
	}
	for _, label := range labels {
		if name := label + "." + domain; name != u.Hostname() {
			list = append(list, Record{Name: name, Type: CNAME, Target: u.Hostname()})
		}
	}
	return list, nil
}

func webPort(u *url.URL) int {
	if n, err := strconv.Atoi(u.Port()); err == nil {
		return n
	}
	return 443
}

// services are the records of RFC 6186 section 3 and RFC 8314 section 5.1, of which each
// service has two: for TLS from the first byte, and for STARTTLS. Those of IMAP come
// before those of POP3 (RFC 6186 section 3.4).
func (p Provider) services(domain string) []Record {
	var list []Record
	for _, s := range []struct {
		tls, starttls string
		Service
		priority int
	}{
		{"_imaps", "_imap", p.IMAP, 0},
		{"_pop3s", "_pop3", p.POP3, 10},
		{"_submissions", "_submission", p.Submission, 0},
	} {
		for _, kind := range []struct {
			label    string
			starttls bool
		}{{s.tls, false}, {s.starttls, true}} {
			r := Record{Name: kind.label + "._tcp." + domain, Type: SRV, Target: NoTarget}
			if s.Exists() && s.STARTTLS == kind.starttls {
				r.Priority, r.Weight, r.Port, r.Target = s.priority, 1, s.Port, s.Host
			}
			list = append(list, r)
		}
	}
	return list
}
