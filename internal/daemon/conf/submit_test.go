package conf

import (
	"slices"
	"testing"
)

func TestSenderAddresses(t *testing.T) {
	c := &Config{Autoconfig: AutoconfigSettings{Domains: []string{"example.org", "example.net"}}}
	c.Webmail.Addresses = []AccountAddresses{{"Ann", []string{"info@example.org", "@lists.example.org"}}, {"bob", []string{"x@example.org"}}}
	c.Deliver.RecipientDelimiter = "+-"
	list := c.SenderAddresses("ann")
	if want := []string{"ann@example.org", "ann@example.net", "info@example.org", "@lists.example.org"}; !slices.Equal(list, want) {
		t.Errorf("%q", list)
	}
	for address, want := range map[string]bool{
		"ann@example.org": true, "ANN@Example.ORG": true, "ann+shop@example.org": true, "ann-shop@example.net": true, "any@lists.example.org": true,
		"bob@example.org": false, "+ann@example.org": false, "x@example.org": false, "@example.org": false, "@lists.example.org": false, "ann": false, "": false,
		"ann@example.org.evil.example": false, "a@b@lists.example.org": true,
	} {
		if got := c.MaySend(list, address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
	if list := c.SenderAddresses("Bob@Example.com"); !slices.Equal(list, []string{"bob@example.com"}) {
		t.Errorf("%q", list)
	}
	c.Autoconfig.Domains, c.LMTP.Domains = nil, []string{"*", "lmtp.example"}
	if list := c.SenderAddresses("carl"); !slices.Equal(list, []string{"carl@lmtp.example"}) {
		t.Errorf("%q", list)
	}
	c.LMTP.Domains = nil
	if list := c.SenderAddresses("carl"); len(list) != 1 {
		t.Errorf("%q", list)
	}
	for _, wrong := range []string{"", "ann", "ann:", "ann: x", "ann: x@", ": x@example.org", "ann: a@b c", "ann: x@*"} {
		if a, err := parseAccountAddresses(wrong); err == nil {
			t.Errorf("%q: %+v", wrong, a)
		}
	}
}
