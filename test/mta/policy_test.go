package mta

import (
	"fmt"
	"strings"
)

// smtp sends commands to the mail server, from an address that nobody trusts, and returns
// the last lines of the replies, the greeting's first.
func (h house) smtp(commands ...string) []string {
	h.Helper()
	out := h.sh(`perl -e '
		use IO::Socket::INET;
		$s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:25", LocalAddr => "127.0.0.2", Timeout => 30) or die "connect: $!";
		$/ = "\r\n";
		sub hear { while (<$s>) { chomp; if (/^\d{3} /) { print "$_\n"; last } } }
		hear();
		for (@ARGV) { print $s "$_\r\n"; hear() }' -- "$@"`, commands...)
	return strings.Split(out, "\n")
}

// refused is the reply to a recipient of a message that says how large it is.
func (h house) refused(recipient string, size int) string {
	h.Helper()
	replies := h.smtp("EHLO client.example.com", fmt.Sprintf("MAIL FROM:<somebody@example.com> SIZE=%d", size), "RCPT TO:<"+recipient+">", "QUIT")
	if len(replies) != 5 || !strings.HasPrefix(replies[2], "250 ") {
		h.Fatalf("%s, %d octets: %q", recipient, size, replies)
	}
	return replies[3]
}

// policy: the mail server asks before it takes a message. A recipient without room is
// refused at RCPT, and gets the message after he has made some.
func (h house) policy(accounts []account) {
	for _, a := range accounts {
		if len(h.mail(a.name, fill)) == 0 {
			if err := h.send(fill, 80_000, a.address); err != nil {
				h.Fatal(err)
			}
			h.arrives(a, fill)
		}
		const full = "552 5.2.2 "
		got := ""
		h.until("a message without room is refused at RCPT", func() bool {
			got = h.refused(a.address, 300_000)
			return !strings.HasPrefix(got, "250 ")
		})
		if !strings.HasPrefix(got, full) || !strings.Contains(got, "The mailbox is full.") {
			h.Errorf("%s is refused by %q", a.address, got)
		}
		if got := h.refused(a.address, 1000); !strings.HasPrefix(got, "250 ") {
			h.Errorf("%s has room for a small message: %q", a.address, got)
		}
		h.remove(a.name, fill)
		h.until("there is room", func() bool { return strings.HasPrefix(h.refused(a.address, 300_000), "250 ") })
		subject := "policy-" + a.name
		replies := h.smtp("EHLO client.example.com", "MAIL FROM:<somebody@example.com> SIZE=300000", "RCPT TO:<"+a.address+">", "DATA",
			"Subject: "+subject+"\r\n\r\n"+strings.Repeat("A line of text.\r\n", 5_000)+".", "QUIT")
		if len(replies) != 7 || !strings.HasPrefix(replies[5], "250 ") {
			h.Fatalf("a message after room was made: %q", replies)
		}
		h.arrives(a, subject)
	}
	if got := h.refused("bob@mail.example.org", 300_000); !strings.HasPrefix(got, "250 ") {
		h.Errorf("somebody with room is refused: %q", got)
	}
	// Without the daemons nobody is refused.
	h.sh(stops + "; systemctl stop --quiet fantail-lmtpd.service fantail-lmtp.socket fantail-policy.socket")
	if got := h.refused(accounts[0].address, 900_000); !strings.HasPrefix(got, "250 ") {
		h.Errorf("without lmtpd: %q", got)
	}
	h.sh("systemctl start fantail-lmtp.socket fantail-policy.socket; " + starts)
}
