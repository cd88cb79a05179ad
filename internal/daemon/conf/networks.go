package conf

import (
	"fmt"
	"net/netip"
)

// networks is a list of addresses and networks, such as 192.0.2.1 and 2001:db8::/32.
func networks(field func(*Config) *[]netip.Prefix) kind {
	return list("list of addresses and networks", field, parseNetwork, showNetwork)
}

// parseNetwork reads an address, or a network whose further bits are 0.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is no address or network such as 192.0.2.1 or 2001:db8::/32", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q is within a network: that is %s", text, p.Masked())
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q: write a network of IPv4 as such", text)
	}
	return p, nil
}

// showNetwork writes what parseNetwork reads.
func showNetwork(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
