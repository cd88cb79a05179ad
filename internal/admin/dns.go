package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"fantail/internal/autoconfig"
)

// dns is the verb dns: the records by which mail programs find this server, as a zone has
// them, or whether they are there.
type dns struct {
	check  bool
	server string
}

func (d *dns) flags(fs *flag.FlagSet) {
	fs.BoolVar(&d.check, "check", false, "ask whether the records are there")
	fs.StringVar(&d.server, "server", "", "ask the server at this `address`, not the system's resolver")
}

func (d *dns) run(ctx context.Context, t *tool, names []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	p, err := autoconfig.Derive(cfg, autoconfig.ThisMachine(cfg))
	if err == nil && !strings.Contains(p.Host, ".") {
		err = fmt.Errorf("this machine is called %q, which is no name in DNS", p.Host)
	}
	if err != nil {
		return &failure{exitConfig, err, "set autoconfig.host. What is set: fantail config autoconfig"}
	}
	domains := p.Domains
	if len(names) > 0 {
		domains = nil
	}
	for _, name := range names {
		ascii, err := autoconfig.ASCII(name)
		if err != nil || ascii == "" {
			return &failure{exitUsage, fmt.Errorf("%q is no domain", name), ""}
		}
		domains = append(domains, ascii)
	}
	if d.check {
		return d.examine(ctx, t, p, domains)
	}
	for i, domain := range domains {
		if i > 0 {
			t.say("")
		}
		if err := t.zone(p, domain); err != nil {
			return err
		}
	}
	return nil
}

// zone writes what belongs into the zone of a domain.
func (t *tool) zone(p autoconfig.Provider, domain string) error {
	list, err := p.Records(domain)
	if err != nil {
		return err
	}
	t.say("; %s: mail programs that set themselves up", domain)
	var names []string
	for _, r := range list {
		t.say("%s", r)
		if r.Type == autoconfig.CNAME {
			names = append(names, r.Name)
		}
	}
	for _, host := range hosts(p) {
		t.say("; %s has to have an address (A, AAAA).", host)
	}
	if names != nil {
		t.say("; Programs ask by HTTPS, so there has to be a certificate for each of these names, in")
		t.say("; tls.certificate or tls.directory: %s", strings.Join(names, " "))
	} else {
		t.say("; Webmail is at %s, and programs ask on port 443 alone: it needs that for the names", p.Webmail)
		t.say("; autoconfig.%s and autodiscover.%s.", domain, domain)
	}
	t.say("; Not needed, and good to have. Who may issue certificates:")
	t.say(`; %s. IN CAA 0 issue "letsencrypt.org"`, domain)
	t.say("; and for mail servers that bring mail, with a policy on a web server (RFC 8461):")
	t.say(`; _mta-sts.%s. IN TXT "v=STSv1; id=1"`, domain)
	return nil
}

// hosts are those of a provider, each once.
func hosts(p autoconfig.Provider) []string {
	list := []string{p.IMAP.Host, p.POP3.Host, p.Submission.Host}
	if u, err := url.Parse(p.Webmail); err == nil {
		list = append(list, u.Hostname())
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(name string) bool { return name == "" })
}

// Further levels of findings, beside levelOK.
const (
	levelMissing = "missing"
	levelOther   = "other" // there is something else in its place
)

// examine says of each record whether it is there.
func (d *dns) examine(ctx context.Context, t *tool, p autoconfig.Provider, domains []string) error {
	ctx, cancel := context.WithTimeout(ctx, 6*answerTime)
	defer cancel()
	q := &resolver{d.resolver()}
	found := false
	tell := func(what, is string, err error) error {
		level := levelOK
		switch {
		case err != nil:
			return &failure{exitUnavailable, err, "Another server: fantail dns -check -server address"}
		case is == "":
			level, found = levelMissing, true
		case is != levelOK:
			level, found = levelOther, true
			what += " ; it is " + printable(is)
		}
		t.say("%-8s %s", level, what)
		return nil
	}
	for _, host := range hosts(p) {
		is, err := q.host(ctx, host)
		if err := tell(host+". IN A or AAAA", is, err); err != nil {
			return err
		}
	}
	for _, domain := range domains {
		list, err := p.Records(domain)
		if err != nil {
			return err
		}
		for _, r := range list {
			is, err := q.ask(ctx, r)
			if err := tell(r.String(), is, err); err != nil {
				return err
			}
		}
	}
	if found {
		return errFound
	}
	return nil
}

// resolver asks for records.
type resolver struct{ *net.Resolver }

// resolver returns what is asked.
func (d *dns) resolver() *net.Resolver {
	if d.server == "" {
		return &net.Resolver{PreferGo: true}
	}
	server := d.server
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}

// ask returns levelOK if a record is there, "" if it is missing, and otherwise what there
// is in its place.
func (q *resolver) ask(ctx context.Context, r autoconfig.Record) (is string, err error) {
	switch r.Type {
	case autoconfig.SRV:
		return q.srv(ctx, r)
	case autoconfig.TXT:
		return q.txt(ctx, r)
	}
	return q.alias(ctx, r)
}

// absent reports whether an error says that there is no such record.
func absent(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

func (q *resolver) srv(ctx context.Context, r autoconfig.Record) (is string, err error) {
	_, list, err := q.LookupSRV(ctx, "", "", r.Name+".")
	if err != nil && !absent(err) {
		return "", err
	}
	var others []string
	for _, s := range list {
		other := autoconfig.Record{Type: autoconfig.SRV, Target: s.Target, Priority: int(s.Priority), Weight: int(s.Weight), Port: int(s.Port)}
		if strings.EqualFold(strings.TrimSuffix(s.Target, "."), strings.TrimSuffix(r.Target, ".")) && other.Port == r.Port {
			return levelOK, nil
		}
		others = append(others, other.Data())
	}
	if others == nil && r.Target == autoconfig.NoTarget {
		return levelOK, nil // the record only says what programs find as well
	}
	return strings.Join(others, ", "), nil
}

func (q *resolver) txt(ctx context.Context, r autoconfig.Record) (is string, err error) {
	list, err := q.LookupTXT(ctx, r.Name+".")
	if err != nil && !absent(err) {
		return "", err
	}
	if slices.Contains(list, r.Text) {
		return levelOK, nil
	}
	return strings.Join(list, ", "), nil
}

// host asks whether a host has an address.
func (q *resolver) host(ctx context.Context, name string) (is string, err error) {
	list, err := q.addresses(ctx, name)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return levelOK, nil
}

// alias asks for a name that leads to the same host, be it by a CNAME or by addresses of
// its own. A machine may know itself by an address of loopback, which says nothing.
func (q *resolver) alias(ctx context.Context, r autoconfig.Record) (is string, err error) {
	list, err := q.addresses(ctx, r.Name)
	if err != nil || len(list) == 0 {
		return "", err
	}
	target, err := q.addresses(ctx, r.Target)
	if err != nil {
		return "", err
	}
	target = slices.DeleteFunc(target, netip.Addr.IsLoopback)
	if len(target) == 0 || slices.ContainsFunc(list, func(a netip.Addr) bool { return slices.Contains(target, a) }) {
		return levelOK, nil
	}
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", "), nil
}

// addresses are those of a host; none if there is no such host.
func (q *resolver) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	list, err := q.LookupNetIP(ctx, "ip", name+".")
	if absent(err) {
		return nil, nil
	}
	for i := range list {
		list[i] = list[i].Unmap()
	}
	return list, err
}
