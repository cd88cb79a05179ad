package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/webmail/outbox"
)

const (
	original = "From: bob@example.org\nSubject: Question\nMessage-ID: <q@example.org>\n\nWell?\n"
	sentText = "From: ann@example.org\nTo: bob@example.org\nSubject: Re: Question\nMessage-ID: <a@example.org>\n\nYes.\n"
	headText = "From: ann@example.org\nTo: bob@example.org\nBcc: c@example.org\nSubject: Re: Question\nMessage-ID: <a@example.org>\n\n"
)

// fake is a transport that writes what it takes to a file.
type fake struct {
	path string
	err  error
	late error // after commit
}

func (f fake) Send(_ context.Context, e Envelope, message *os.File, commit func() error) error {
	if f.err != nil {
		return f.err
	}
	if err := commit(); err != nil {
		return err
	}
	text, err := io.ReadAll(message)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s > %s\n%s", e.From, e.To, text)
	return errors.Join(err, out.Close(), f.late)
}

// place is an account with an outbox.
type place struct {
	t    *testing.T
	dir  string
	box  *outbox.Box
	took string // the file of the transport
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	return &place{t, dir, outbox.Open(dir), filepath.Join(t.TempDir(), "took")}
}

func (p *place) open() (*store.Account, error) {
	return store.OpenAccount(p.dir, store.Options{Host: "test", Log: slog.New(slog.DiscardHandler)})
}

func (p *place) worker(t Transport) *Worker {
	return &Worker{
		Box: p.box, Transport: t, Open: p.open, Log: slog.New(slog.DiscardHandler),
		MaySend: func(a string) bool { return a == "ann@example.org" },
	}
}

// with calls f with the account open.
func (p *place) with(f func(a *store.Account)) {
	p.t.Helper()
	a, err := p.open()
	if err != nil {
		p.t.Fatal(err)
	}
	f(a)
	if err := a.Close(); err != nil {
		p.t.Error(err)
	}
}

// put puts a message into a mailbox.
func (p *place) put(a *store.Account, mailbox, text string, f store.FlagSet) outbox.Place {
	p.t.Helper()
	ctx := context.Background()
	m, err := a.Open(ctx, mailbox)
	if err != nil {
		p.t.Fatal(err)
	}
	defer m.Close()
	b, err := m.NewAppend()
	if err != nil {
		p.t.Fatal(err)
	}
	w, err := b.Add(f, time.Time{})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	got, err := b.Commit(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return outbox.Place{Mailbox: mailbox, Validity: uint32(got.UIDValidity), UID: uint32(got.UIDs[0])}
}

// contents are the messages of a mailbox, each with its flags in front.
func (p *place) contents(mailbox string) (out []string) {
	p.t.Helper()
	p.with(func(a *store.Account) {
		ctx := context.Background()
		m, err := a.Open(ctx, mailbox)
		if store.KindOf(err) == store.NotFound && err != nil {
			return
		}
		if err != nil {
			p.t.Fatal(err)
		}
		defer m.Close()
		snap, err := m.Sync(ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		for i := range snap.Len() {
			f, err := m.OpenMessage(ctx, snap.UID(i))
			if err != nil {
				p.t.Fatal(err)
			}
			text, err := io.ReadAll(f)
			if err = errors.Join(err, f.Close()); err != nil {
				p.t.Fatal(err)
			}
			flags := ""
			for _, x := range []struct {
				f mail.Flags
				n string
			}{{mail.Answered, "A"}, {mail.Seen, "S"}, {mail.Draft, "D"}} {
				if snap.Flags(i).Has(x.f) {
					flags += x.n
				}
			}
			out = append(out, fmt.Sprintf("%s %v %s", flags, snap.Keywords(i), text))
		}
	})
	return out
}

// write puts the answer to a message into Drafts and into the outbox.
func (p *place) write() outbox.Job {
	p.t.Helper()
	j := outbox.Job{
		Kind: outbox.Message, Created: time.Now(), NotBefore: time.Now(), From: "ann@example.org", To: []string{"bob@example.org", "c@example.org"},
		Subject: "Re: Question", MessageID: "<a@example.org>", Copy: true, Mark: outbox.Answered,
	}
	p.with(func(a *store.Account) {
		drafts, err := Special(context.Background(), a, `\Drafts`)
		if err != nil {
			p.t.Fatal(err)
		}
		j.Draft = p.put(a, drafts, headText+"Yes.\n", store.FlagSet{Flags: mail.Draft | mail.Seen, Keywords: []mail.Keyword{Pending}})
		j.Source = p.put(a, mail.Inbox, original, store.FlagSet{})
	})
	return j
}

func (p *place) add(j outbox.Job) {
	p.t.Helper()
	if _, err := p.box.Add(j, text(sentText), text(headText)); err != nil {
		p.t.Fatal(err)
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func (p *place) taken() string {
	p.t.Helper()
	b, err := os.ReadFile(p.took)
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	return string(b)
}

func (p *place) run(t Transport) time.Time {
	p.t.Helper()
	next, err := p.worker(t).Run(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return next
}

func (p *place) same(what string, got []string, want ...string) {
	p.t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		p.t.Errorf("%s: %q\nwant %q", what, got, want)
	}
}

const wasTaken = "ann@example.org > [bob@example.org c@example.org]\n" + sentText

func TestSent(t *testing.T) {
	p := newPlace(t)
	p.add(p.write())
	if next := p.run(fake{path: p.took}); !next.IsZero() {
		t.Errorf("something is due %v", next)
	}
	if got := p.taken(); got != wasTaken {
		t.Errorf("the transport got %q", got)
	}
	p.same("Sent", p.contents("Sent"), "S [] "+headText+"Yes.\n")
	p.same("INBOX", p.contents(mail.Inbox), "A [] "+original)
	p.same("Drafts", p.contents("Drafts"))
	if list, err := p.box.List(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestRefused: the draft is its owner's again, also if somebody has deleted it.
func TestRefused(t *testing.T) {
	p := newPlace(t)
	j := p.write()
	p.add(j)
	p.run(fake{err: &Refusal{Said: "550 no such user"}})
	p.same("Drafts", p.contents("Drafts"), "SD [] "+headText+"Yes.\n")
	p.same("Sent", p.contents("Sent"))
	notices, err := p.box.Notices()
	if err != nil || len(notices) != 1 || notices[0].Reason != outbox.Refused || notices[0].Said != "550 no such user" {
		t.Errorf("%+v, %v", notices, err)
	}
	j.Draft.UID += 100
	p.add(j)
	p.run(fake{err: &Refusal{Said: "550 no such user"}})
	p.same("Drafts", p.contents("Drafts"), "SD [] "+headText+"Yes.\n", "SD [] "+headText+"Yes.\n")
}

// TestLater: a transport that says "not now" is asked again, and not for ever.
func TestLater(t *testing.T) {
	p := newPlace(t)
	p.add(p.write())
	at := time.Now()
	for i := range pauses {
		w := p.worker(fake{err: &Refusal{Temporary: true, Said: "451 later"}})
		if i%2 == 1 {
			w.Transport = fake{err: errors.New("no route to host")}
		}
		w.Clock = func() time.Time { return at }
		next, err := w.Run(context.Background())
		if err != nil || !next.Equal(at.Add(pauses[i])) && next.Sub(at.Add(pauses[i])).Abs() > time.Second {
			t.Fatalf("%d: %v, %v", i, next, err)
		}
		at = next
	}
	w := p.worker(fake{err: &Refusal{Temporary: true, Said: "451 later"}})
	w.Clock = func() time.Time { return at }
	if next, err := w.Run(context.Background()); err != nil || !next.IsZero() {
		t.Fatal(next, err)
	}
	notices, err := p.box.Notices()
	if err != nil || len(notices) != 1 || notices[0].Reason != outbox.Expired || notices[0].Said != "451 later" {
		t.Errorf("%+v, %v", notices, err)
	}
	p.same("Drafts", p.contents("Drafts"), "SD [] "+headText+"Yes.\n")
}

// TestUnknown: where nobody knows whether it was sent, it is not sent again.
func TestUnknown(t *testing.T) {
	p := newPlace(t)
	p.add(p.write())
	p.run(fake{path: p.took, late: io.ErrUnexpectedEOF})
	p.run(fake{path: p.took})
	notices, err := p.box.Notices()
	if err != nil || len(notices) != 1 || notices[0].Reason != outbox.Unknown {
		t.Errorf("%+v, %v", notices, err)
	}
	if got := p.taken(); got != wasTaken {
		t.Errorf("the transport got %q", got)
	}
	p.same("Drafts", p.contents("Drafts"), "SD [] "+headText+"Yes.\n")
}

func TestForeign(t *testing.T) {
	p := newPlace(t)
	for from, want := range map[string]outbox.Reason{"bob@example.org": outbox.Sender, "ann@example.org": outbox.Refused} {
		j := p.write()
		j.From, j.To = from, []string{"x@example.org\nDATA"}
		p.add(j)
		p.run(fake{path: p.took})
		notices, err := p.box.Notices()
		if err != nil || notices[0].Reason != want && notices[len(notices)-1].Reason != want {
			t.Errorf("%+v, %v", notices, err)
		}
	}
	if got := p.taken(); got != "" {
		t.Errorf("the transport got %q", got)
	}
}

// TestPatience: what is due soon is waited for, what is due later is told; and what is
// cancelled meanwhile is not sent.
func TestPatience(t *testing.T) {
	p := newPlace(t)
	soon, later := p.write(), p.write()
	soon.NotBefore, later.NotBefore = time.Now().Add(300*time.Millisecond), time.Now().Add(time.Hour)
	p.add(soon)
	p.add(later)
	w := p.worker(fake{path: p.took})
	w.Patience = time.Minute
	next, err := w.Run(context.Background())
	if err != nil || next.Sub(later.NotBefore).Abs() > time.Second {
		t.Errorf("%v, %v", next, err)
	}
	if got := p.taken(); got != wasTaken {
		t.Errorf("the transport got %q", got)
	}
}

// TestKilled kills the process with SIGKILL between any two steps, starts it again, and
// looks what has become of the message: it was sent once, or it was not and its owner is
// told so; and it was never lost.
func TestKilled(t *testing.T) {
	if os.Getenv("FANTAIL_KILL") != "" {
		t.Skip("this is the one that is killed")
	}
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for step := 0; ; step++ {
		p := newPlace(t)
		p.add(p.write())
		cmd := exec.Command(os.Args[0], "-test.run", "^TestVictim$")
		cmd.Env = append(os.Environ(), "FANTAIL_KILL="+strconv.Itoa(step), "FANTAIL_MAIL="+p.dir, "FANTAIL_TOOK="+p.took)
		out, err := cmd.CombinedOutput()
		finished := err == nil
		if !finished && !strings.Contains(err.Error(), "killed") {
			t.Fatalf("step %d: %v\n%s", step, err, out)
		}
		p.run(fake{path: p.took})
		p.verify(step)
		if finished {
			if step < 8 {
				t.Errorf("there are only %d steps", step)
			}
			return
		}
	}
}

func (p *place) verify(step int) {
	p.t.Helper()
	notices, err := p.box.Notices()
	if err != nil {
		p.t.Fatal(err)
	}
	drafts, sent, taken := p.contents("Drafts"), p.contents("Sent"), strings.Count(p.taken(), "Message-ID: <a@")
	switch {
	case taken > 1:
		p.t.Errorf("step %d: sent %d times", step, taken)
	case len(notices) == 0 && (taken != 1 || len(sent) != 1 || len(drafts) != 0):
		p.t.Errorf("step %d: sent %d times, %d copies, %d drafts", step, taken, len(sent), len(drafts))
	case len(notices) == 1 && (notices[0].Reason != outbox.Unknown || len(sent) != 0 || len(drafts) != 1):
		p.t.Errorf("step %d: %+v, %d copies, %d drafts", step, notices, len(sent), len(drafts))
	}
	if list, err := p.box.List(); err != nil || len(list) != 0 {
		p.t.Errorf("step %d: left in the outbox: %+v, %v", step, list, err)
	}
}

// TestVictim is the process that TestKilled kills.
func TestVictim(t *testing.T) {
	at, err := strconv.Atoi(os.Getenv("FANTAIL_KILL"))
	if err != nil {
		t.Skip("for TestKilled")
	}
	p := &place{t, os.Getenv("FANTAIL_MAIL"), outbox.Open(os.Getenv("FANTAIL_MAIL")), os.Getenv("FANTAIL_TOOK")}
	p.box.SetSteps(func(string) {
		if at--; at < 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	p.run(fake{path: p.took})
}
