package mta

import (
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"time"
)

// extension is one of LMTP that a mail server uses in its last way.
type extension uint

const (
	utf8      extension = 1 << iota // SMTPUTF8
	encrypted                       // STARTTLS
	chunks                          // CHUNKING, as its log says
)

// say has a conversation with the mail server, of which each command but the greeting is
// an element, and wants no refusal.
func (h house) say(commands ...string) {
	h.Helper()
	var raw net.Conn
	h.until("the mail server listens", func() bool {
		var err error
		raw, err = h.Dial("127.0.0.1:25")
		return err == nil
	})
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(patience)); err != nil {
		h.Fatal(err)
	}
	conn := textproto.NewConn(raw)
	for _, command := range append([]string{""}, commands...) {
		if command != "" {
			if err := conn.PrintfLine("%s", command); err != nil {
				h.Fatal(err)
			}
		}
		code, text, err := conn.ReadResponse(0)
		if err != nil || code >= 400 {
			h.Fatalf("%q: %d %s, %v", command, code, text, err)
		}
	}
}

// relay gives the mail server a message by SMTP: its address, its parameters and those of
// its recipient.
func (h house) relay(to, mail, rcpt, message string) {
	h.Helper()
	h.say("EHLO client.example.com", "MAIL FROM:<"+sender+">"+mail, "RCPT TO:<"+to+">"+rcpt, "DATA",
		strings.ReplaceAll(message, "\n", "\r\n")+"\r\n.", "QUIT")
}

// afar has lmtpd listen for mail servers on other machines.
func (h house) afar() {
	h.Helper()
	h.file("/etc/systemd/system/fantail-lmtp.socket.d/tcp.conf", recipe(h.T, "lmtpd.8", "[Socket]"))
	h.file("/etc/fantail/fantail.toml", fantail+"[tls]\ncertificate = \"/etc/fantail/tls/certificate.pem\"\nkey = \"/etc/fantail/tls/key.pem\"\n")
	h.sh(`install -d /etc/fantail/tls
		cd /etc/fantail/tls
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.example.org -keyout key.pem -out certificate.pem 2>/dev/null
		chgrp _fantail key.pem
		chmod 640 key.pem
		systemctl daemon-reload
		systemctl stop fantail-lmtpd
		systemctl restart fantail-lmtp.socket`)
}

// extensions: what a mail server has taken goes to a mailbox as it came, octet by octet,
// by all the extensions that it knows.
func (s server) extensions(h house, apply func(house), has extension) {
	h.T.Run("extensions", func(t *testing.T) {
		h := h.with(t)
		h.afar()
		apply(h)
		to := account{one(7), one(7), ""}
		const eight = "extension-eight-bits"
		octets := "octets \xfc\xe4 \xf0\x9f\x93\xac\n" + strings.Repeat("\xe9", 900) + "\n..\n.x"
		h.relay(to.address, " BODY=8BITMIME", "", "Subject: "+eight+"\n\n"+strings.ReplaceAll(octets, "\n.", "\n.."))
		got := h.arrives(to, eight)
		if !strings.Contains(got, "\n\n"+octets+"\n") {
			t.Errorf("%q is not in\n%q", octets, got)
		}
		if secure := strings.Contains(got, "\twith LMTPS id ") || strings.Contains(got, " with LMTPS id "); secure != (has&encrypted != 0) {
			t.Errorf("encrypted: %t, in\n%s", secure, got)
		}
		if has&chunks != 0 {
			// K is for a message that went in chunks.
			h.until("the log tells of chunks", func() bool {
				return regexp.MustCompile(`=> ` + regexp.QuoteMeta(to.address) + ` .* K `).MatchString(h.sh("cat /var/log/exim4/mainlog"))
			})
		}
		if has&utf8 == 0 {
			return
		}
		const wide = "extension-addresses"
		h.relay("crowd7+grün@example.net", " BODY=8BITMIME SMTPUTF8", "", "Subject: "+wide+"\nTo: Grün <crowd7+grün@example.net>\n\nüber\n")
		got = h.arrives(to, wide)
		for _, want := range []string{"\nDelivered-To: crowd7+grün@example.net\n", "\nTo: Grün <crowd7+grün@example.net>\n", " with UTF8LMTP", "\n\nüber\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
	})
}

// reports: who asks for a report of success gets one that says "delivered", as the mail
// server takes the delivery for final; who wants none of a failure gets none.
func (s server) reports(h house) {
	h.T.Run("reports", func(t *testing.T) {
		h := h.with(t)
		to := account{one(8), one(8), ""}
		const wanted, never = "report-wanted", "report-unwanted"
		message := "Subject: %s\n\nbody\n"
		h.relay("nobody-to-tell-of@example.net", "", " NOTIFY=NEVER", fmt.Sprintf(message, never))
		h.relay(to.address, " RET=HDRS ENVID=case+2B7", " NOTIFY=SUCCESS ORCPT=rfc822;first@example.com", fmt.Sprintf(message, wanted))
		h.arrives(to, wanted)
		report := h.arrives(account{name: "bob"}, wanted)
		for _, want := range []string{
			"(?i)\nAction: delivered",
			"(?i)\nOriginal-Envelope-ID: case\\+(7|2B7)\n", // Exim 4.96 leaves it as it came
			"(?i)\nOriginal-Recipient: rfc822; ?first@example.com",
			"(?i)\nFinal-Recipient: rfc822; ?" + regexp.QuoteMeta(to.address),
		} {
			if !regexp.MustCompile(want).MatchString(report) {
				t.Errorf("%q is not in\n%s", want, report)
			}
		}
		s.forgets(h, "nobody-to-tell-of")
		if got := h.mail("bob", never); len(got) > 0 {
			t.Errorf("a report that nobody wanted:\n%s", got)
		}
	})
}

// believer is a server of LMTP that would believe XCLIENT and XFORWARD, and keeps what is
// said to it.
const believer = `$| = 1;
open my $log, '>>', '/tmp/believer' or die;
print "220 believer\r\n";
while (<STDIN>) {
	syswrite $log, $_;
	if (/^LHLO/) { print "250-believer\r\n250-XCLIENT NAME ADDR PROTO HELO\r\n250 XFORWARD NAME ADDR PROTO HELO IDENT\r\n" }
	elsif (/^DATA/) { print "354 go on\r\n"; while (<STDIN>) { last if /^\.\r?$/ } print "250 2.0.0 believed\r\n" }
	elsif (/^QUIT/) { print "221 2.0.0 bye\r\n"; last }
	else { print "250 2.0.0 yes\r\n" }
}
`

// passesOn: of what a server of LMTP can offer to learn of the client, Postfix takes up
// XFORWARD, and never XCLIENT, as lmtpd(8) says.
func passesOn(h house, configure func(main, master string) func(house)) {
	h.T.Run("passes on", func(t *testing.T) {
		h := h.with(t)
		h.file("/usr/local/lib/believer", believer)
		h.file("/etc/systemd/system/believer.socket", "[Socket]\nListenStream=127.0.0.1:2424\nAccept=yes\n")
		h.file("/etc/systemd/system/believer@.service", "[Service]\nExecStart=/usr/bin/perl /usr/local/lib/believer\nStandardInput=socket\n")
		h.sh("systemctl daemon-reload; systemctl start believer.socket")
		configure("virtual_mailbox_domains = example.net\nvirtual_transport = lmtp:inet:[127.0.0.1]:2424\nlmtp_send_xforward_command = yes\n", "")(h)
		h.relay(vera.address, "", "", "Subject: passed on\n\nbody\n")
		heard := ""
		h.until("Postfix has delivered", func() bool {
			heard = h.sh("cat /tmp/believer 2>/dev/null || true")
			return strings.Contains(heard, "DATA")
		})
		if !strings.Contains(heard, "\nXFORWARD ") || strings.Contains(heard, "XCLIENT") {
			t.Errorf("it said\n%s", heard)
		}
	})
}
