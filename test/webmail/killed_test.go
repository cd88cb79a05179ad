package webmail

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/webmail/outbox"
	"fantail/test/visitor"
)

var rounds = flag.Int("rounds", 30, "how many messages are sent while somebody kills")

// victims are who is killed, some of them more often. What leaves by sendmail, once it has been started, is the
// mail server's: that is not killed here.
var victims = []string{"webmail-session", "webmail-session", "webmail-submit", "webmail-submit", "submitd", "webmaild", "sessiond", "authd"}

// TestKilled sends messages while every process that has to do with that is killed at any
// time, and looks at the end what has become of each message. It has left once; or it has
// not left, and its owner was not told that it would; or nobody can know that, since
// webmail-submit was killed between the moment from which the mail server may have it and
// its answer, and then its owner was told so and has it among the drafts.
func TestKilled(t *testing.T) {
	t.Run("together", func(t *testing.T) { killed(buildAs(t, false)) })
	t.Run("separate", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("becoming other users needs root")
		}
		killed(buildAs(t, true))
	})
}

func killed(h *house) {
	h.Helper()
	ann := h.visit("ann")
	answered := make(map[string]bool)
	killed := make(map[string]int)
	for n := range *rounds {
		subject := fmt.Sprintf("Round %d.", n)
		victim, when := victims[rand.IntN(len(victims))], time.Duration(rand.IntN(60))*time.Millisecond
		done := make(chan int)
		go func() {
			time.Sleep(when)
			done <- h.kill(victim)
		}()
		err := ann.Send(h.Context(), visitor.Letter{To: "bob@example.org", Subject: subject, Text: "What is sent once.\n"})
		answered[subject] = err == nil
		killed[victim] += <-done
		if err != nil {
			h.until("ann can log in again", func() error { return ann.Login(h.Context(), "ann", password) })
		}
	}
	h.settle()
	h.account(answered)
	h.Logf("killed: %v", killed)
}

// settle waits until nothing is on its way. Somebody logs in: that is what an outbox can
// rely on after the loss of what was told to a daemon.
func (h *house) settle() {
	h.Helper()
	h.settleOf(h.visit("ann"))
}

func (h *house) settleOf(ann *visitor.Visitor) {
	h.Helper()
	box := outbox.Open(h.maildir("ann"))
	h.until("the outbox is empty", func() error {
		if _, err := ann.Open(h.Context(), "/outbox"); err != nil {
			return errors.Join(err, ann.Login(h.Context(), "ann", password))
		}
		list, err := box.List()
		if err == nil && len(list) > 0 {
			err = fmt.Errorf("%d jobs, the first one %+v", len(list), list[0])
		}
		return err
	})
}

// fate is what has become of a message.
type fate struct{ left, copies, drafts, pending, unknown int }

// account looks whether each message is where it has to be.
func (h *house) account(answered map[string]bool) {
	h.Helper()
	fates := h.fates()
	count := make(map[string]int)
	for subject, ok := range answered {
		f := fates[subject]
		var is string
		switch {
		case f == fate{left: 1, copies: 1}:
			is = "sent"
		case f == fate{drafts: 1, unknown: 1} || f == fate{left: 1, drafts: 1, unknown: 1}:
			is = "unknown, and told so"
		case !ok && (f == fate{} || f == fate{drafts: 1}):
			is = "not sent, nor answered that it would be"
		default:
			h.Errorf("%s: %+v, answered: %v", subject, f, ok)
			continue
		}
		count[is]++
	}
	h.Logf("%d messages: %v", len(answered), count)
}

var subjectLine = regexp.MustCompile(`(?m)^Subject: (.*?)\r?$`)

// fates finds every message.
func (h *house) fates() map[string]fate {
	h.Helper()
	out := make(map[string]fate)
	note := func(subject string, change func(*fate)) {
		f := out[subject]
		change(&f)
		out[subject] = f
	}
	for _, text := range h.taken() {
		note(subjectOf(text), func(f *fate) { f.left++ })
	}
	ids := make(map[string]string)
	for _, folder := range []string{".Sent", ".Drafts"} {
		for name, text := range h.messages("ann", folder) {
			subject := subjectOf(text)
			if at, twice := ids[name]; twice {
				h.Errorf("%s is in %s and %s", name, at, folder)
			}
			ids[name] = folder
			note(subject, func(f *fate) {
				if folder == ".Sent" {
					f.copies++
				} else {
					f.drafts++
				}
			})
		}
	}
	notices, err := outbox.Open(h.maildir("ann")).Notices()
	if err != nil {
		h.Fatal(err)
	}
	for _, n := range notices {
		if n.Reason != outbox.Unknown {
			h.Errorf("a notice %+v", n)
		}
		note(n.Subject, func(f *fate) { f.unknown++ })
	}
	// A draft that says it waits, and for which nothing waits, could never be sent.
	for _, subject := range h.stuck("ann") {
		note(subject, func(f *fate) { f.pending++ })
	}
	return out
}

func subjectOf(text string) string {
	if m := subjectLine.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// messages returns the files of a mailbox by their names.
func (h *house) messages(account, folder string) map[string]string {
	h.Helper()
	out := make(map[string]string)
	for _, sub := range []string{"cur", "new"} {
		dir := filepath.Join(h.maildir(account), folder, sub)
		list, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.Fatal(err)
		}
		for _, e := range list {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				h.Fatal(err)
			}
			name, _, _ := strings.Cut(e.Name(), ":")
			out[name] = string(text)
		}
	}
	return out
}

// stuck returns the subjects of drafts that cannot be sent.
func (h *house) stuck(account string) (out []string) {
	h.Helper()
	v := h.visit(account)
	rows, err := v.List(h.Context(), "Drafts")
	if err != nil {
		return nil // there is no such folder
	}
	for _, r := range rows {
		p, err := v.Open(h.Context(), strings.Replace(r.Link, "/m/", "/compose/", 1))
		if err != nil {
			h.Error(err)
			continue
		}
		f, err := p.Form("/compose")
		if err == nil {
			p, err = v.Submit(h.Context(), f, "save")
		}
		if err != nil || p.Status != 200 {
			h.Logf("the draft %q cannot be saved: %v, %d", r.Subject, err, p.Status)
			out = append(out, r.Subject)
		}
	}
	return out
}
