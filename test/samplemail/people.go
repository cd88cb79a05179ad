package samplemail

import (
	"strings"
	"time"
)

// person is somebody with an address.
type person struct{ name, address string }

// owner is whose mailbox this is.
var owner = person{"Robin Demo", "demo@example.org"}

var people = []person{
	{"Amara Okafor", "amara.okafor@example.net"},
	{"Jürgen Weiß", "juergen.weiss@example.org"},
	{"Renée Lefèvre", "renee.lefevre@example.com"},
	{"Søren Nygård", "soren@example.net"},
	{"Zoë van den Berg", "zoe.vandenberg@example.com"},
	{"Łukasz Wiśniewski", "lukasz@example.net"},
	{"Priya Raghunathan", "priya@example.com"},
	{"Mehmet Yılmaz", "mehmet.yilmaz@example.org"},
	{"Carlos Ibáñez", "carlos.ibanez@example.net"},
	{"João Ferreira", "joao.ferreira@example.com"},
	{"Siobhán Ní Bhriain", "siobhan@example.org"},
	{"Kalani Kealoha", "kalani@example.com"},
	{"Thomas Brandt", "t.brandt@example.org"},
	{"Grace Mbeki", "grace.mbeki@example.net"},
	{"O'Connor, Patrick (Logistics)", "patrick.oconnor@example.com"},
	{"", "facilities@example.org"},
}

// zones is how many minutes people live east of Greenwich; most live in
// central Europe.
var zones = map[string]int{
	"amara.okafor@example.net":       60,
	"priya@example.com":              330,
	"mehmet.yilmaz@example.org":      180,
	"carlos.ibanez@example.net":      -300,
	"joao.ferreira@example.com":      0,
	"siobhan@example.org":            0,
	"kalani@example.com":             -600,
	"grace.mbeki@example.net":        120,
	"patrick.oconnor@example.com":    -210, // Newfoundland
	"d.sokolova@example.net":         240,
	"misaki.sato@example.com":        540,
	"li.wenjing@example.net":         480,
	"noa.levi@example.org":           120,
	"layla.haddad@example.com":       180,
	"eleni@example.net":              120,
	"hanh.nguyen@example.com":        420,
	"MAILER-DAEMON@mail.example.org": 0,
}

func (p person) zone() *time.Location {
	minutes, ok := zones[p.address]
	if !ok {
		minutes = 60
	}
	return time.FixedZone("", minutes*60)
}

// host is the domain of an address.
func (p person) host() string { return p.address[strings.IndexByte(p.address, '@')+1:] }

// signature is what somebody writes below a letter.
func (p person) signature() string {
	if p.name == "" {
		return p.address
	}
	return p.given()
}

// given is what friends call somebody.
func (p person) given() string {
	if p.name == "" {
		return "all"
	}
	if _, after, ok := strings.Cut(p.name, ", "); ok {
		return strings.Fields(after)[0]
	}
	return strings.Fields(p.name)[0]
}
