package systemd

import (
	"strings"
)

// bring is a mail server: it says its standard input to the socket, and writes the
// replies.
const bring = `perl -MSocket -e '
	socket(S, PF_UNIX, SOCK_STREAM, 0) and connect(S, sockaddr_un("/run/fantail/lmtp")) or die "connect: $!";
	alarm 60;
	print scalar <S>;
	while (<STDIN>) { chomp; syswrite S, "$_\r\n"; }
	shutdown S, 1;
	print while <S>;'`

// lmtp: mail comes in by the socket that systemd makes, as its recipient's user, and
// nobody but lmtpd can ask whose an address is.
func lmtp(h house) {
	h.sh("systemctl enable --quiet --now fantail-lmtp.socket")
	out := h.sh(`printf "%s\n" "LHLO test" "MAIL FROM:<far@example.org>" "RCPT TO:<ann>" "RCPT TO:<nobody-here>" "RCPT TO:<carol@localhost>" DATA "Subject: by LMTP" "" text . QUIT | ` + bring)
	for _, want := range []string{"220 ", "250 XCLIENT", "250 2.1.0", "250 2.1.5 R", "550 5.1.1", "250 2.1.5 R", "354 ", "250 2.1.5 D", "250 2.1.5 D", "221 "} {
		if want == "250 XCLIENT" { // is for proxies
			if strings.Contains(out, want) || strings.Contains(out, "STARTTLS") {
				h.Errorf("it offers more than it can:\n%s", out)
			}
			continue
		}
		_, rest, ok := strings.Cut(out, want)
		if !ok {
			h.Fatalf("no %q in:\n%s", want, out)
		}
		out = rest
	}
	for _, user := range []string{"ann", "carol"} {
		if got := h.sh(`stat -c "%U %a" /home/"$1"/Maildir/new/*`, user); got != user+" 600" {
			h.Errorf("the mail of %s is %q", user, got)
		}
		if got := h.sh(`grep -h "^Subject" /home/"$1"/Maildir/new/*; rm /home/"$1"/Maildir/new/*`, user); got != "Subject: by LMTP" {
			h.Errorf("%s has %q", user, got)
		}
	}
	for user, may := range map[string]string{"_fantail": "no", "_fantail-lmtp": "yes", "ann": "no"} {
		got := h.sh(`setpriv --reuid "$1" --regid "$1" --init-groups sh -c "test -w /run/fantail/deliver && echo yes || echo no"`, user)
		if got != may {
			h.Errorf("can %s ask for accounts: %s", user, got)
		}
	}
}
