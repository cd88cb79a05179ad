// Package submit sends what waits in the outbox of an account (package outbox): messages,
// by the system's sendmail or by SMTP, and unsubscriptions. It is the program
// webmail-submit, which submitd starts when the session of webmail has put something
// there, and when something is due that has waited.
//
// For each job that is due, in this order: the sender must be an address of the account;
// the transport takes the message; a copy with its Bcc goes into Sent; the message that it
// answers gets \Answered or $Forwarded; the draft that it was is removed. Why the order is
// safe wherever it stops, the package comment of outbox says. A transport that says "not
// now" is asked again after a minute, five, a quarter of an hour and so on; one that says
// "never" ends the job with a notice, and the draft stays.
//
// # What it may, and why
//
// It runs as the account's user, and unlike the session it is in no sandbox: sendmail
// programs are setgid (Postfix has postdrop) or make connections, and no_new_privs, which
// every sandbox needs, would take that from them; and SMTP and unsubscriptions need the
// network. Therefore it reads as little as possible of what strangers have written: it
// parses no message but the end of its header, opens no part, and takes recipients and
// sender from the job, not from the text. What it is told by servers is data, and kept
// as a line of text. The session, which does read hostile mail, can make it do one thing:
// to send a message from one of the account's addresses, which is what the account's owner
// may do as well.
package submit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"
	"unicode"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/webmail/outbox"
)

// Envelope is what a transport is told beside the message.
type Envelope struct {
	From     string
	To       []string
	SMTPUTF8 bool
	EightBit bool
	Notify   bool // delivery reports are wanted (RFC 3461)
}

// Transport takes messages.
type Transport interface {
	// Send sends a message. It calls commit once, right before the transport may have
	// all of the message, and sends nothing if that is an error. The error is a Refusal
	// if the transport has clearly not taken the message; any other after commit says
	// that nobody knows, and before it that it may be tried again.
	Send(ctx context.Context, e Envelope, message *os.File, commit func() error) error
}

// Refusal is the clear no of a transport.
type Refusal struct {
	Temporary bool
	Said      string // a line of its text
}

func (r *Refusal) Error() string { return "refused: " + r.Said }

// Unsubscriber takes an address from a list.
type Unsubscriber interface {
	Unsubscribe(ctx context.Context, url string) error
}

// Worker works on the jobs of one account.
type Worker struct {
	Box          *outbox.Box
	Transport    Transport
	Unsubscriber Unsubscriber
	// Open opens the account's mail. It is called when it is needed.
	Open func() (*store.Account, error)
	// MaySend reports whether the account may send as an address.
	MaySend func(address string) bool
	Log     *slog.Logger
	Clock   func() time.Time // nil: time.Now
	// Patience is how soon a job must be due to be waited for; nothing that is later is.
	Patience time.Duration

	account *store.Account
}

// pauses are how long it takes until a transport is asked again. After the last one there
// is no further attempt.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour}

// look is how often it is looked whether something became due earlier than it was.
const look = 500 * time.Millisecond

// Run does what is due, and what will be within the worker's patience. It returns when the
// next job is due, the zero Time if there is none.
func (w *Worker) Run(ctx context.Context) (next time.Time, err error) {
	release, err := w.Box.Lock()
	if err != nil {
		return next, err
	}
	defer func() { err = errors.Join(err, w.close(), release()) }()
	if err := w.recover(ctx); err != nil {
		return next, err
	}
	for ctx.Err() == nil {
		held, next, err := w.Box.Claim(w.now())
		switch {
		case err != nil:
			return next, err
		case held != nil:
			if err := w.work(ctx, held); err != nil {
				return next, fmt.Errorf("job %s: %w", held.ID, err)
			}
		case next.IsZero() || next.Sub(w.now()) > w.Patience:
			return next, nil
		default:
			wait(ctx, min(look, max(next.Sub(w.now()), time.Millisecond)))
		}
	}
	return w.now(), nil // somebody ends it: what is due is due at once
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (w *Worker) now() time.Time {
	if w.Clock != nil {
		return w.Clock()
	}
	return time.Now()
}

// recover ends what another process has begun.
func (w *Worker) recover(ctx context.Context) error {
	list, err := w.Box.Recover()
	if err != nil {
		return err
	}
	for _, h := range list {
		switch h.State {
		case outbox.Sending:
			w.Log.Warn("it is not known whether a message was sent", "job", h.ID)
			if err = h.Fail(outbox.Unknown, ""); err == nil {
				err = w.failed(ctx, h)
			}
		case outbox.Failed:
			err = w.failed(ctx, h)
		case outbox.Sent:
			err = w.sent(ctx, h)
		}
		if err != nil {
			return fmt.Errorf("job %s: %w", h.ID, err)
		}
	}
	return nil
}

// work does a job that was claimed.
func (w *Worker) work(ctx context.Context, h *outbox.Held) error {
	if h.Job.Kind == outbox.Unsubscribe {
		return w.unsubscribe(ctx, h)
	}
	if !w.MaySend(h.Job.From) {
		w.Log.Error("a message from an address that is not the account's", "from", h.Job.From)
		return w.fail(ctx, h, outbox.Sender, h.Job.From)
	}
	if err := checkEnvelope(h.Job); err != nil {
		return w.fail(ctx, h, outbox.Refused, err.Error())
	}
	message, err := h.Message()
	if err != nil {
		return err
	}
	defer message.Close() // it was only read
	e := Envelope{h.Job.From, h.Job.To, h.Job.SMTPUTF8, h.Job.EightBit, h.Job.Notify}
	return w.outcome(ctx, h, w.Transport.Send(ctx, e, message, h.Sending))
}

// outcome does what follows from what the transport says.
func (w *Worker) outcome(ctx context.Context, h *outbox.Held, err error) error {
	var no *Refusal
	switch {
	case err == nil:
		if err := h.Sent(); err != nil {
			return err
		}
		w.Log.Info("sent", "job", h.ID, "msgid", h.Job.MessageID, "recipients", len(h.Job.To))
		return w.sent(ctx, h)
	case errors.As(err, &no) && !no.Temporary:
		w.Log.Warn("a message was refused", "job", h.ID, "err", err)
		return w.fail(ctx, h, outbox.Refused, no.Said)
	case h.State == outbox.Sending && no == nil:
		w.Log.Warn("it is not known whether a message was sent", "job", h.ID, "err", err)
		return w.fail(ctx, h, outbox.Unknown, line(err.Error()))
	}
	said := err.Error()
	if no != nil {
		said = no.Said
	}
	if h.Job.Attempts >= len(pauses) {
		w.Log.Warn("a message could not be sent in time", "job", h.ID, "err", err)
		return w.fail(ctx, h, outbox.Expired, line(said))
	}
	w.Log.Info("a message will be sent later", "job", h.ID, "err", err)
	return h.Retry(w.now().Add(pauses[h.Job.Attempts]), line(said))
}

// checkEnvelope refuses what could be something else than an address to a transport.
func checkEnvelope(j outbox.Job) error {
	if len(j.To) == 0 {
		return errors.New("nobody to send it to")
	}
	for _, a := range append([]string{j.From}, j.To...) {
		if !strings.Contains(a, "@") || len(a) > 320 || strings.ContainsFunc(a, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) || r == '<' || r == '>' || r == unicode.ReplacementChar
		}) {
			return fmt.Errorf("not an address: %q", a)
		}
	}
	return nil
}

func (w *Worker) unsubscribe(ctx context.Context, h *outbox.Held) error {
	if err := h.Sending(); err != nil {
		return err
	}
	if err := w.Unsubscriber.Unsubscribe(ctx, h.Job.URL); err != nil {
		w.Log.Warn("a list has not taken an unsubscription", "job", h.ID, "err", err)
		if err := h.Fail(outbox.Refused, line(err.Error())); err != nil {
			return err
		}
	}
	return h.Done()
}

func (w *Worker) fail(ctx context.Context, h *outbox.Held, why outbox.Reason, said string) error {
	if err := h.Fail(why, said); err != nil {
		return err
	}
	return w.failed(ctx, h)
}

// maxLine is how much is kept of what somebody said, in octets.
const maxLine = 1000

// line makes one line of what somebody said.
func line(s string) string {
	s = s[:min(len(s), maxLine)]
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// mail returns the account, and opens it if it is not open.
func (w *Worker) mail() (*store.Account, error) {
	if w.account == nil {
		a, err := w.Open()
		if err != nil {
			return nil, err
		}
		w.account = a
	}
	return w.account, nil
}

func (w *Worker) close() error {
	if w.account == nil {
		return nil
	}
	a := w.account
	w.account = nil
	return a.Close()
}

// Pending is the keyword of a draft that waits to be sent (RFC 5550 section 6.6.1).
const Pending mail.Keyword = "$SubmitPending"

// failed gives the draft back to its owner: it is one like others again. If it is gone,
// the message becomes a new one.
func (w *Worker) failed(ctx context.Context, h *outbox.Held) error {
	if h.Job.Kind == outbox.Message {
		there, err := w.on(ctx, h.Job.Draft, func(m *store.Mailbox, uid mail.UID) error {
			_, err := m.SetFlags(ctx, []mail.UID{uid}, store.FlagChange{Op: mail.Remove, FlagSet: store.FlagSet{Keywords: []mail.Keyword{Pending}}})
			return err
		})
		if err == nil && !there {
			err = w.file(ctx, h, `\Drafts`, mail.Draft|mail.Seen)
		}
		if err != nil {
			return err
		}
	}
	return h.Done()
}

// sent does what is left when the transport has taken the message. What cannot be done is
// told to the owner, and no reason to do anything again.
func (w *Worker) sent(ctx context.Context, h *outbox.Held) error {
	if h.Job.Kind == outbox.Message {
		if err := w.keepCopy(ctx, h); err != nil {
			w.Log.Error("no copy of a message that was sent", "job", h.ID, "err", err)
			if err := h.Tell(outbox.NoCopy, line(err.Error())); err != nil {
				return err
			}
		}
		w.Box.Step("copied")
		err := w.mark(ctx, h)
		w.Box.Step("marked")
		if err := errors.Join(err, w.removeDraft(ctx, h)); err != nil {
			w.Log.Error("after a message was sent", "job", h.ID, "err", err)
		}
	}
	w.Box.Step("removed the draft")
	return h.Done()
}

func (w *Worker) keepCopy(ctx context.Context, h *outbox.Held) error {
	if !h.Job.Copy {
		return nil
	}
	return w.file(ctx, h, `\Sent`, mail.Seen)
}

// mark sets on the message that was answered or passed on that it was.
func (w *Worker) mark(ctx context.Context, h *outbox.Held) error {
	c := store.FlagChange{Op: mail.Add}
	switch h.Job.Mark {
	case outbox.Answered:
		c.Flags = mail.Answered
	case outbox.Forwarded:
		c.Keywords = []mail.Keyword{"$Forwarded"}
	default:
		return nil
	}
	_, err := w.on(ctx, h.Job.Source, func(m *store.Mailbox, uid mail.UID) error {
		_, err := m.SetFlags(ctx, []mail.UID{uid}, c)
		return err
	})
	return err
}

// removeDraft removes the draft, which was sent.
func (w *Worker) removeDraft(ctx context.Context, h *outbox.Held) error {
	_, err := w.on(ctx, h.Job.Draft, func(m *store.Mailbox, uid mail.UID) error { return m.Expunge(ctx, []mail.UID{uid}) })
	return err
}

// on does something with a message, if it is still where it was.
func (w *Worker) on(ctx context.Context, p outbox.Place, do func(*store.Mailbox, mail.UID) error) (there bool, err error) {
	if p.Mailbox == "" {
		return false, nil
	}
	account, err := w.mail()
	if err != nil {
		return false, err
	}
	m, err := account.Open(ctx, p.Mailbox)
	if k := store.KindOf(err); err != nil && (k == store.NotFound || k == store.Gone || k == store.Invalid) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	snap, err := m.Sync(ctx)
	if err != nil {
		return false, err
	}
	if _, ok := snap.Find(mail.UID(p.UID)); !ok || snap.UIDValidity() != mail.UIDValidity(p.Validity) {
		return false, nil
	}
	return true, do(m, mail.UID(p.UID))
}

// file puts the sender's copy into the mailbox with a special use, unless a process that
// died has done that.
func (w *Worker) file(ctx context.Context, h *outbox.Held, use string, f mail.Flags) (err error) {
	account, err := w.mail()
	if err != nil {
		return err
	}
	name, err := Special(ctx, account, use)
	if err != nil {
		return err
	}
	m, err := account.Open(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if h.Again {
		if there, err := holds(ctx, m, h.Job.MessageID); there || err != nil {
			return err
		}
	}
	b, err := m.NewAppend()
	if err != nil {
		return err
	}
	out, err := b.Add(store.FlagSet{Flags: f}, time.Time{})
	if err == nil {
		err = h.WriteCopy(out)
	}
	if err != nil {
		return errors.Join(err, b.Abort())
	}
	_, err = b.Commit(ctx)
	return err
}

// holds reports whether one of the last messages of a mailbox has an identifier.
func holds(ctx context.Context, m *store.Mailbox, id string) (bool, error) {
	const last = 100
	if id == "" {
		return false, nil
	}
	snap, err := m.Sync(ctx)
	if err != nil {
		return false, err
	}
	for i := snap.Len() - 1; i >= max(0, snap.Len()-last); i-- {
		f, err := m.OpenMessage(ctx, snap.UID(i))
		if store.KindOf(err) == store.Gone && err != nil {
			continue
		}
		if err != nil {
			return false, err
		}
		const head = 64 << 10
		text, err := io.ReadAll(io.LimitReader(f, head))
		if err = errors.Join(err, f.Close()); err != nil {
			return false, err
		}
		if bytes.Contains(text, []byte(id)) && hasID(text, id) {
			return true, nil
		}
	}
	return false, snap.Err()
}

// hasID reports whether a message of ours has an identifier, whose field is on one line,
// or on that and the next one.
func hasID(text []byte, id string) bool {
	for l := range strings.SplitSeq(strings.ReplaceAll(string(text), "\n ", " "), "\n") {
		if l = strings.TrimSuffix(l, "\r"); l == "" {
			return false
		}
		if name, value, ok := strings.Cut(l, ":"); ok && strings.EqualFold(name, "Message-ID") {
			return strings.TrimSpace(value) == id
		}
	}
	return false
}

// New returns the transport that the settings choose.
func New(s conf.SubmitSettings) (Transport, error) {
	if s.Transport != conf.TransportSMTP {
		return Sendmail{Path: s.Sendmail}, nil
	}
	t := SMTP{Server: s.Server, TLS: s.TLS}
	if host, err := os.Hostname(); err == nil && host != "" {
		t.Hello = host
	}
	if s.Credentials != "" {
		var err error
		if t.Name, t.Password, err = ReadCredentials(s.Credentials); err != nil {
			return nil, err
		}
	}
	return t, nil
}
