package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
)

// samples has each message at least once, and each field with a value.
var samples = []Message{
	&Begin{
		Service: IMAP, TLS: true, Clear: true, Remote: netip.MustParseAddr("2001:db8::7"), SID: "00ff", Mechanism: "SCRAM-SHA-256-PLUS",
		HasInitial: true, Initial: []byte("p=tls-exporter,,n=ann,r=abc"), Exporter: bytes.Repeat([]byte{7}, 32),
		Endpoint: bytes.Repeat([]byte{8}, 64), Certificate: "ann@example.org",
	},
	&Begin{Service: SMTP, Remote: netip.MustParseAddr("192.0.2.1"), Mechanism: "LOGIN", HasInitial: true},
	&Begin{Service: POP3, Mechanism: "PLAIN"},
	&Continue{Response: bytes.Repeat([]byte("t"), MaxResponse)},
	&Continue{},
	&Cancel{},
	&Offer{Mechanisms: []string{"SCRAM-SHA-256-PLUS", "PLAIN"}},
	&Offer{},
	&Challenge{Data: []byte("r=abc")},
	&FactorWanted{App: true},
	&FactorWanted{Again: true, Options: []byte("[]")},
	&Manage{Permit: Ticket{5}, Account: "ann", Verb: AddPassword, ID: "0a", Label: "phone", Code: "123456", Services: []Service{IMAP, SMTP}},
	&Manage{Verb: Unlock},
	&Managed{Permit: Ticket{6}, Codes: true, Recovery: 10, Secrets: []string{"a", "b"}, Passwords: []AppPassword{{ID: "0a", Label: "phone", Services: []Service{IMAP}, Created: 1, Used: 2}, {}}},
	&Managed{Pending: true},
	&Success{Ticket: Ticket{1, 2}, Account: "ann", Without: "NOTIFY,MOVE", Expire: "30"},
	&Failure{Reason: Expired, Name: "ann"},
	&Start{Service: Webmail, Account: "ann", Ticket: Ticket{3}, Passage: handover.Passage{Record: "fantail\n"}},
	&Start{Service: IMAP, Account: "ann", Remote: netip.MustParseAddr("192.0.2.1")},
	&Started{},
	&Refused{Reason: NoTicket},
	&Leave{},
	&Redeem{Service: IMAP, Account: "ann", Ticket: Ticket{15: 9}, PID: 1 << 22, UID: 4294967294},
	&Account{Name: "ann", UID: 1000, GID: 100, Groups: []uint32{8, 27}, Home: "/home/ann", Mail: "/home/ann/Maildir"},
	&Denied{},
	&Who{},
	&Who{Account: "ann", PID: 1 << 22, Conn: 7},
	&Sessions{},
	&Sessions{More: true, List: []Session{
		{Service: IMAP, Account: "ann", Remote: netip.MustParseAddr("2001:db8::7"), Since: 1 << 31, PID: 1 << 22, Conn: 7},
		{Service: Webmail, Account: "bob"},
	}},
	&Locate{Name: "ann@example.org", Ticket: true},
	&Located{Account: "ann", UID: 1000, Ticket: Ticket{1, 15: 2}},
	&Together{Service: LMTP, Accounts: []Holder{{"ann", Ticket{1}}, {Account: "bob"}}},
	&Together{Service: LMTP, Accounts: []Holder{{"ann", Ticket{1}}}, Passage: handover.Passage{Record: strings.Repeat("r", handover.MaxHello)}},
	&Kick{Account: "ann"},
	&Kicked{Connections: 3},
	&Sign{Key: [32]byte{7}, Scheme: 0x0804, Data: bytes.Repeat([]byte{9}, MaxSigned)},
	&Signed{Signature: bytes.Repeat([]byte{3}, MaxSignature)},
}

func TestRoundTrip(t *testing.T) {
	seen := make(map[Kind]bool)
	for n, m := range samples {
		seen[m.Kind()] = true
		b, err := Append([]byte("before"), uint32(n), m)
		if err != nil {
			t.Fatal(err)
		}
		id, got, err := Parse(b[len("before"):])
		if err != nil {
			t.Fatalf("%#v: %v", m, err)
		}
		if diff := cmp.Diff(m, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" || id != uint32(n) {
			t.Errorf("number %d, want %d; %s", id, n, diff)
		}
		for cut := range b[len("before"):] {
			if _, m, err := Parse(b[len("before"):][:cut]); err == nil {
				t.Errorf("%T cut off after %d octets was read as %#v", got, cut, m)
			}
		}
		if _, _, err := Parse(append(b[len("before"):], 0)); !errors.Is(err, ErrMessage) {
			t.Errorf("%T with an octet behind it: %v", got, err)
		}
	}
	for kind := range types {
		if !seen[kind] {
			t.Errorf("no sample of kind %q", kind)
		}
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("x", maxPath+1)
	full := make([]Session, MaxSessions+1)
	for i := range full {
		full[i] = Session{Service: IMAP, Account: long[:maxName], Remote: netip.IPv6Unspecified()}
	}
	for _, m := range []Message{
		&Begin{Mechanism: "PLAIN"},
		&Begin{Service: lastService + 1},
		&Begin{Service: IMAP, Mechanism: long},
		&Begin{Service: IMAP, Initial: []byte("x")},
		&Continue{Response: make([]byte, MaxResponse+1)},
		&Challenge{Data: make([]byte, MaxChallenge+1)},
		&Offer{Mechanisms: make([]string, maxOffered+1)},
		&Success{Account: long},
		&Failure{},
		&Refused{Reason: lastReason + 1},
		&Start{Service: IMAP, Account: long},
		&Account{Groups: make([]uint32, maxGroups+1)},
		&Account{Mail: long},
		&Who{Account: long},
		&Sessions{List: make([]Session, 1)},
		&Sessions{List: full[:MaxSessions+1]},
		&Kick{Account: long},
		&Manage{},
		&Manage{Verb: lastVerb + 1},
		&Manage{Verb: Look, Label: long},
		&Managed{Secrets: make([]string, maxSecrets+1)},
		&Managed{Passwords: make([]AppPassword, maxProgram+1)},
		&Locate{Name: long},
		&Located{Account: long},
		&Together{Service: LMTP},
		&Start{Service: IMAP, Passage: handover.Passage{Record: long[:handover.MaxHello+1]}},
		&Together{Service: LMTP, Accounts: make([]Holder, MostTogether+1)},
	} {
		if b, err := Append(nil, 1, m); !errors.Is(err, ErrMessage) || b != nil {
			t.Errorf("%T: %v", m, err)
		}
	}
	// The longest of each fits.
	path := long[:maxPath]
	if _, err := Append(nil, 1, &Account{Name: long[:maxName], Groups: make([]uint32, maxGroups), Home: path, Mail: path}); err != nil {
		t.Error(err)
	}
	managed := &Managed{Secrets: []string{long[:32], long[:maxSecret]}, Passwords: make([]AppPassword, maxProgram)}
	for i := range managed.Passwords {
		managed.Passwords[i] = AppPassword{ID: long[:8], Label: long[:maxLabel], Services: []Service{IMAP, POP3, SMTP, Webmail}}
	}
	if _, err := Append(nil, 1, managed); err != nil {
		t.Error(err)
	}
	if _, err := Append(nil, 1, &Sessions{List: full[:MaxSessions]}); err != nil {
		t.Error(err)
	}
	together := &Together{Service: LMTP, Accounts: make([]Holder, MostTogether), Passage: handover.Passage{Record: long[:handover.MaxHello]}}
	for i := range together.Accounts {
		together.Accounts[i].Account = long[:maxName]
	}
	if _, err := Append(nil, 1, together); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             "",
		"kind":                "?\x00\x00\x00\x01",
		"flag":                "B\x00\x00\x00\x01\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"address of 5 octets": "B\x00\x00\x00\x01\x01\x00\x00\x00\x05aaaaa\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"mapped address":      "B\x00\x00\x00\x01\x01\x00\x00\x00\x10" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"too long":            strings.Repeat("C", MaxMessage+1),
		"reason 0":            "f\x00\x00\x00\x01\x00\x00\x00",
	} {
		if _, m, err := Parse([]byte(text)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %#v, %v", name, m, err)
		}
	}
}

// TestParseWith: what came with a message belongs to it, or is closed.
func TestParseWith(t *testing.T) {
	start := &Start{Service: IMAP, Account: "ann", Passage: handover.Passage{Record: "r"}}
	for _, c := range []struct {
		m     Message
		files int
		ok    bool
	}{
		{start, 1, true}, {start, 2, true}, {start, 0, false}, {start, 3, false},
		{&Start{Service: IMAP, Account: "ann"}, 1, false},
		{&Together{Service: LMTP, Accounts: make([]Holder, 1), Passage: start.Passage}, 1, true},
		{&Together{Service: LMTP, Accounts: make([]Holder, 1)}, 1, false},
		{&Leave{}, 0, true}, {&Leave{}, 1, false}, {&Started{}, 1, false},
	} {
		b, err := Append(nil, 7, c.m)
		if err != nil {
			t.Fatal(err)
		}
		var fds fdpass.Descriptors
		for range c.files {
			fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			fds = append(fds, fd)
		}
		id, m, err := ParseWith(b, fds)
		switch {
		case c.ok != (err == nil) || c.ok && (id != 7 || len(Attached(m)) != c.files):
			t.Errorf("%T with %d: %v, %v", c.m, c.files, m, err)
		case !c.ok && !errors.Is(err, ErrMessage) && !errors.Is(err, handover.ErrMessage):
			t.Error(err)
		}
		if closed := fds.Close() != nil; c.files > 0 && closed == c.ok {
			t.Errorf("%T with %d: closed %t", c.m, c.files, closed)
		}
	}
}

func FuzzParse(f *testing.F) {
	for n, m := range samples {
		b, err := Append(nil, uint32(n), m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		id, m, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMessage) || m != nil {
				t.Fatalf("%v, %#v", err, m)
			}
			return
		}
		again, err := Append(nil, id, m)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q was read as %#v, which is written as %q, %v", b, m, again, err)
		}
	})
}
