package penalty

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var (
	home   = netip.MustParseAddr("192.0.2.1")
	office = netip.MustParseAddr("198.51.100.9")
)

// clock is a Table's time.
type clock struct{ t time.Time }

func table(most int) (*Table, *clock) {
	c := &clock{time.Unix(1e9, 0)}
	return New(Options{Clock: func() time.Time { return c.t }, Most: most}), c
}

// guess fails n times with another password each time.
func guess(t *Table, from netip.Addr, account string, n int) {
	for i := range n {
		t.Failed(from, account, Proof{1, byte(i), byte(i >> 8)})
	}
}

func TestWait(t *testing.T) {
	for _, c := range []struct {
		name     string
		failures int
		from     netip.Addr
		account  string
		want     time.Duration
	}{
		{"nothing happened", 0, home, "ann", 0},
		{"typing errors", 2, home, "ann", 0},
		{"first that waits", 3, home, "ann", time.Second},
		{"each doubles", 6, home, "ann", 8 * time.Second},
		{"limit", 1000, home, "ann", MaxSource},
		{"another account from there", 1000, home, "bob", MaxSource},
		{"the account from elsewhere", 10, office, "ann", time.Second},
		{"the account from elsewhere, limit", 1000, office, "ann", MaxAccount},
		{"neither", 1000, office, "bob", 0},
	} {
		tab, _ := table(0)
		guess(tab, home, "ann", c.failures)
		if got := tab.Wait(c.from, c.account); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDecay(t *testing.T) {
	tab, clock := table(0)
	guess(tab, home, "ann", 6)
	clock.t = clock.t.Add(HalfLife)
	if got := tab.Wait(home, "ann"); got != time.Second {
		t.Errorf("after one half-life: %v", got)
	}
	clock.t = clock.t.Add(HalfLife)
	if got := tab.Wait(home, "ann"); got != 0 {
		t.Errorf("after two: %v", got)
	}
	clock.t = clock.t.Add(-10 * HalfLife)
	if got := tab.Wait(home, "ann"); got > MaxSource {
		t.Errorf("after the clock was set back: %v", got)
	}
}

func TestSamePassword(t *testing.T) {
	tab, _ := table(0)
	for range 100 { // a phone
		tab.Failed(home, "ann", Proof{7})
	}
	if got := tab.Wait(home, "ann"); got != 0 {
		t.Errorf("the same wrong password makes wait %v", got)
	}
	for range 100 { // not a password: cannot be told from another
		tab.Failed(home, "ann", Proof{})
	}
	if got := tab.Wait(home, "ann"); got != MaxSource {
		t.Errorf("failures without a proof make wait %v", got)
	}
}

func TestKnown(t *testing.T) {
	tab, clock := table(0)
	tab.Succeeded(home, "ann")
	guess(tab, home, "bob", 100) // somebody else behind the same address
	guess(tab, office, "ann", 100)
	if got := tab.Wait(home, "ann"); got != 0 {
		t.Errorf("who is known waits %v for others' failures", got)
	}
	guess(tab, home, "ann", 100)
	if got := tab.Wait(home, "ann"); got != MaxSource {
		t.Errorf("for his own he waits %v", got)
	}
	tab.Succeeded(home, "ann")
	if got := tab.Wait(home, "ann"); got != 0 {
		t.Errorf("after a success: %v", got)
	}
	if got := tab.Wait(home, "bob"); got != MaxSource {
		t.Errorf("a success with one account makes others wait %v", got)
	}
	clock.t = clock.t.Add(known)
	guess(tab, home, "bob", 100)
	if got := tab.Wait(home, "ann"); got != MaxSource {
		t.Errorf("after a month: %v", got)
	}
}

func TestNetworks(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8:1:2::3", "2001:db8:1:ff::4", true},
		{"2001:db8:1:2::3", "2001:db8:1:100::3", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		if got := Source(netip.MustParseAddr(c.a)) == Source(netip.MustParseAddr(c.b)); got != c.same {
			t.Errorf("%s and %s are one source: %v", c.a, c.b, got)
		}
	}
	tab, _ := table(0)
	guess(tab, netip.Addr{}, "ann", 100) // this machine, over a unix socket
	if got := tab.Wait(netip.Addr{}, "bob"); got != MaxSource {
		t.Errorf("without an address: %v", got)
	}
}

func TestBounded(t *testing.T) {
	const most = 300
	tab, _ := table(most)
	guess(tab, home, "ann", 100)
	for i := range 10_000 {
		tab.Failed(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), fmt.Sprint("user", i), Proof{9})
		if i%50 == 0 {
			tab.Failed(home, "ann", Proof{2, byte(i >> 8), byte(i)})
		}
	}
	if n := len(tab.entries); n != most || tab.touched.Len() != n {
		t.Errorf("%d entries, %d in the list", n, tab.touched.Len())
	}
	if got := tab.Wait(home, "ann"); got != MaxSource {
		t.Errorf("a flood made the table forget who is still at it: %v", got)
	}
}
