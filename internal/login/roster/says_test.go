package roster

import "testing"

// TestSays: a program says nothing of accounts that are not its own, and nothing of what
// the one who has started it knows.
func TestSays(t *testing.T) {
	tests := []struct {
		key  key
		name string // of an account that it was given
		may  map[[2]string]bool
	}{
		{key{"imap", "ann", "", ""}, "ann", map[[2]string]bool{
			{"user", "ann"}: false, {"user", "bob"}: false, // it is in the log
			{"proto", "pop3"}: false, {"remote", "192.0.2.1"}: false, {"mailbox", "INBOX"}: true,
		}},
		{key{"lmtp", "ann", "", "bob\n"}, "ann", map[[2]string]bool{
			{"user", "ann"}: true, {"user", "bob"}: true, {"user", "eve"}: false, {"user", ""}: false, {"proto", "imap"}: false,
		}},
		{key{"imap", "", "as 1000", ""}, "ann", map[[2]string]bool{
			{"user", "ann"}: true, {"user", "bob"}: false, {"user", ""}: false,
		}},
	}
	for _, tt := range tests {
		r := New(Options{})
		p := &process{roster: r, key: tt.key, conns: make(map[uint32]*connection), names: make(map[string]struct{})}
		p.register(Wanted{Account: tt.name, Shared: tt.key.shared})
		for pair, want := range tt.may {
			if got := p.says(pair[0], pair[1]); got != want {
				t.Errorf("%v says %s=%s: %t", tt.key, pair[0], pair[1], got)
			}
		}
	}
}
