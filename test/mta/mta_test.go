package mta

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// server is a mail server.
type server struct {
	ways  []way
	queue string // a script: which mail waits, with its recipients
	run   string // a script: try again now
	// refuses: who sends mail to no user of the system is told so at once, and gets no report.
	refuses bool
	// keeps: by LMTP it takes what is refused for good as refused for now.
	keeps bool
}

// way is one by which a mail server delivers.
type way struct {
	name     string
	apply    func(h house) // configures the mail server as the man page says
	accounts []account
	// What makes each delivery fail for the time being, and what mends that: scripts.
	breaks, mends string
}

// account is one that mail can be sent to.
type account struct{ address, name, nobody string }

var (
	ann  = account{"ann@mail.example.org", "ann", "nobody-here@mail.example.org"}
	vera = account{"vera@example.net", "vera@example.net", "nobody-here@example.net"}
)

// byLMTP is the way by LMTP.
const byLMTP = "lmtp"

const (
	sender = "bob@mail.example.org"
	// fill is the subject of a message that leaves little room in an account. What there is
	// no room for comes back as a whole, so the sender must have room for that.
	fill = "most-of-the-room"
)

// What fails for the time being: without authd and sessiond nobody can be found, unless a
// session of his is left, and a Maildir of somebody else's cannot be written.
const (
	stops  = `systemctl stop --quiet 'fantail-authd*' 'fantail-sessiond*'; pkill -x deliver-session || true`
	starts = `systemctl start fantail-imapd fantail-lmtpd fantail-authd fantail-sessiond`
	takes  = `for d in /home/ann/Maildir /home/vmail/vera/Maildir; do [ ! -d $d ] || chown root $d; done`
	gives  = `for d in /home/ann/Maildir /home/vmail/vera/Maildir; do [ ! -d $d ] || chown --reference=$d/.. $d; done`
)

// deliver tries all that a delivery can come to, in all ways.
func (s server) deliver(h house) {
	for _, w := range s.ways {
		h.T.Run(w.name, func(t *testing.T) {
			h := h.with(t)
			w.apply(h)
			for _, a := range w.accounts {
				s.now(h, w, a)
				s.later(h, w, a)
				s.never(h, w, a)
			}
		})
	}
}

// send gives a message to the mail server.
func (h house) send(subject string, lines int, recipients ...string) error {
	h.Helper()
	_, err := h.Shell(`subject=$1 lines=$2 from=$3
		shift 3
		{ printf 'From: %s\nTo: %s\nSubject: %s\n\n.\nFrom here on it is text.\n' "$from" "$1" "$subject"; seq --format='line %.0f' "$lines"; } |
			/usr/sbin/sendmail -i -f "$from" "$@"`, append([]string{subject, fmt.Sprint(lines), sender}, recipients...)...)
	return err
}

// arrives waits for the one message with a subject.
func (h house) arrives(a account, subject string) string {
	h.Helper()
	var got []string
	h.until("the message "+subject+" is there for "+a.name, func() bool { got = h.mail(a.name, subject); return len(got) > 0 })
	if len(got) != 1 {
		h.Errorf("%s is there %d times: %q", subject, len(got), got)
	}
	return got[0]
}

// forgets waits until the mail server has no mail for an address.
func (s server) forgets(h house, address string) {
	h.Helper()
	h.until("no mail waits for "+address, func() bool { return !strings.Contains(h.sh(s.queue), address) })
}

// now: a message arrives, as it was sent, with the fields that a delivery adds.
func (s server) now(h house, w way, a account) {
	h.Helper()
	subject := w.name + "-now"
	if err := h.send(subject, 3, a.address); err != nil {
		h.Fatal(err)
	}
	got := h.arrives(a, subject)
	for _, want := range []string{
		"\nReturn-Path: <" + sender + ">\n", "\nDelivered-To: " + a.address + "\n", "\nSubject: " + subject + "\n",
		"\n\n.\nFrom here on it is text.\nline 1\nline 2\nline 3\n",
	} {
		if strings.Count(got, want) != 1 {
			h.Errorf("%q is there %d times in\n%s", want, strings.Count(got, want), got)
		}
	}
	s.forgets(h, a.address)
}

// later: while it cannot be delivered the message waits, and then it arrives.
func (s server) later(h house, w way, a account) {
	h.Helper()
	subject := w.name + "-later"
	before := h.deferred(a.address)
	h.sh(w.breaks)
	if err := h.send(subject, 3, a.address); err != nil {
		h.Fatal(err)
	}
	h.until("the mail server has tried", func() bool { return h.deferred(a.address) > before })
	if queue := h.sh(s.queue); !strings.Contains(queue, a.address) {
		h.Errorf("what could not be delivered does not wait:\n%s", queue)
	}
	h.sh(w.mends)
	if got := h.mail(a.name, subject); len(got) != 0 {
		h.Errorf("what could not be delivered is there: %q", got)
	}
	h.sh(s.run)
	h.arrives(a, subject)
	s.forgets(h, a.address)
}

// deferred returns how often the log says that mail for an address could not be delivered
// now.
func (h house) deferred(address string) (n int) {
	h.Helper()
	log := h.sh("journalctl --no-pager --output=cat; cat /var/log/exim4/mainlog 2>/dev/null || true")
	for line := range strings.Lines(log) {
		for _, word := range []string{"status=deferred", " == ", "result=TempFail"} {
			if strings.Contains(line, address) && strings.Contains(line, word) {
				n++
			}
		}
	}
	return n
}

// never: the sender gets back what is for nobody and what there is no room for, and it
// waits no more.
func (s server) never(h house, w way, a account) {
	h.Helper()
	unknown, large := w.name+"-unknown-"+a.name, w.name+"-large-"+a.name
	err := h.send(unknown, 3, a.nobody)
	if refused := s.refuses && a == ann; (err != nil) != refused {
		h.Errorf("mail for nobody is sent: %v", err)
	} else if !refused {
		s.returned(h, w, a.nobody, unknown)
	}
	if len(h.mail(a.name, fill)) == 0 {
		if err := h.send(fill, 80_000, a.address); err != nil {
			h.Fatal(err)
		}
		h.arrives(a, fill)
	}
	if err := h.send(large, 20_000, a.address); err != nil {
		h.Fatal(err)
	}
	s.returned(h, w, a.address, large)
	if got := h.mail(a.name, large); len(got) != 0 {
		h.Errorf("what there is no room for is there: %d octets", len(got[0]))
	}
}

// returned waits for the report of a message that cannot be delivered, which has no sender.
func (s server) returned(h house, w way, address, subject string) {
	h.Helper()
	if s.keeps && w.name == byLMTP {
		refused := regexp.MustCompile(regexp.QuoteMeta(address) + ".*LMTP server error: 55[0-9] 5")
		h.until("mail for "+address+" waits", func() bool { return refused.MatchString(h.sh(s.queue)) })
		return
	}
	report := h.arrives(account{address: sender, name: "bob"}, subject)
	if !strings.Contains(report, "\nReturn-Path: <>\n") || !strings.Contains(report, address) {
		h.Errorf("the report of %s:\n%s", address, report)
	}
	s.forgets(h, address)
}
