package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
	"fantail/internal/login/userdb/self"
	"fantail/internal/store/fsck"
)

// fsckVerb is the verb fsck. It looks into no mail: for each account it starts
// imap-session, as the account's user, which does, and listens to what that finds. What is
// found is named by users, who may name it as they like.
type fsckVerb struct {
	dry, full, rebuild, json bool
}

func (f *fsckVerb) flags(fs *flag.FlagSet) {
	fs.BoolVar(&f.full, "f", false, "read every message and every cache, too")
	fs.BoolVar(&f.json, "j", false, "for scripts: a line of JSON for each finding and account")
	fs.BoolVar(&f.dry, "n", false, "say what is wrong, and change nothing")
	fs.BoolVar(&f.rebuild, "r", false, "make indexes and caches anew, whether they are damaged or not")
}

// Exit statuses of fsck(8), which are added up.
const (
	fsckMended = 1 // something was wrong, and is not any more
	fsckLeft   = 4 // something is wrong
	fsckFailed = 8
	fsckUsage  = 16
)

// status translates the tool's statuses.
func (*fsckVerb) status(tool int, err error) int {
	var verdict *verdict
	switch {
	case tool == exitOK:
		return exitOK
	case errors.As(err, &verdict):
		return verdict.status
	case tool == exitUsage:
		return fsckUsage
	}
	return fsckFailed
}

// verdict is what was found, as an error. It has been told.
type verdict struct{ status int }

func (*verdict) Error() string   { return errFound.Error() }
func (*verdict) Is(e error) bool { return e == errFound }

func (f *fsckVerb) run(ctx context.Context, t *tool, args []string) error {
	if f.dry && f.rebuild {
		return &failure{exitUsage, errors.New("-n changes nothing, and -r does"), ""}
	}
	cfg, err := t.load()
	if err != nil {
		return err
	}
	names, find := args, account
	switch {
	case len(args) > 0:
	case os.Geteuid() != 0: // his own, for which nobody needs to be asked
		own, err := ownMail(cfg)
		if err != nil {
			return err
		}
		names, find = []string{own.Name}, func(context.Context, *conf.Config, string) (authd.Answer, error) { return own, nil }
	default:
		users, err := listable(ctx, t, cfg)
		if err != nil {
			return err
		}
		for _, u := range users {
			names = append(names, u.Name)
		}
	}
	programs, err := launch.Programs(cfg.Programs.Directory, "imap-session")
	if err != nil {
		return err
	}
	r := &fsckRun{fsckVerb: f, find: find, alone: len(names) == 1, t: t, cfg: cfg, launch: sessionOptions(cfg, programs)}
	shown := t.progress("accounts", len(names))
	defer shown.end()
	for i, name := range names {
		r.at = func(mailbox string) { shown.at(i, name+mailbox) }
		r.at("")
		if err := r.account(ctx, name); err != nil {
			t.warn("%s: %v", printable(name), err)
			r.total.status |= fsckFailed
		}
	}
	shown.end()
	if len(names) > 1 && !f.json {
		r.total.say(t, plural(len(names), "account"))
	}
	if r.total.status != 0 {
		return &verdict{r.total.status}
	}
	return nil
}

// ownMail is the account of who runs the program, as the system knows it.
func ownMail(cfg *conf.Config) (a authd.Answer, err error) {
	if err := self.Complete(cfg, &a.Name, &a.Mail); err != nil {
		return a, err
	}
	a.UID, a.GID = uint32(os.Geteuid()), uint32(os.Getegid())
	if a.Home, err = os.UserHomeDir(); err != nil {
		return a, fmt.Errorf("find out whose mail to examine: %w", err)
	}
	return a, nil
}

// fsckRun is one call of the verb.
type fsckRun struct {
	*fsckVerb
	find   func(ctx context.Context, cfg *conf.Config, name string) (authd.Answer, error)
	t      *tool
	cfg    *conf.Config
	launch *launch.Options
	at     func(mailbox string)
	alone  bool // it is one account
	total  tally
}

// tally is how much was found.
type tally struct {
	Mailboxes int `json:"mailboxes"`
	Messages  int `json:"messages"`
	Mended    int `json:"mended"`
	Found     int `json:"found"` // with -n
	Left      int `json:"left"`
	Notes     int `json:"notes"`

	status int
}

func (a *tally) count(s fsck.State) {
	switch s {
	case fsck.Mended:
		a.Mended++
		a.status |= fsckMended
	case fsck.Note:
		a.Notes++
	case fsck.Found:
		a.Found++
		a.status |= fsckLeft
	default:
		a.Left++
		a.status |= fsckLeft
	}
}

func (a *tally) add(b tally) {
	a.Mailboxes += b.Mailboxes
	a.Messages += b.Messages
	a.Mended += b.Mended
	a.Found += b.Found
	a.Left += b.Left
	a.Notes += b.Notes
	a.status |= b.status
}

// say is the summary for people.
func (a *tally) say(t *tool, who string) {
	verdict := "clean"
	if parts := a.parts(); parts != "" {
		verdict = parts
	}
	t.say("%s: %s, %s: %s", who, plural(a.Mailboxes, "mailbox"), plural(a.Messages, "message"), verdict)
}

func (a *tally) parts() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{a.Mended, "mended"}, {a.Found, "to be mended"}, {a.Left, "left"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

// plural is a number of things of which more than one end in s or es.
func plural(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "x"):
		one += "e"
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// account examines one account's mail.
func (r *fsckRun) account(ctx context.Context, name string) error {
	a, err := r.find(ctx, r.cfg, name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(a.Mail); errors.Is(err, fs.ErrNotExist) {
		// Who has no mail has no damage, and gets no Maildir by this.
		if r.alone && !r.json {
			r.t.say("%s: no mail yet in %s", printable(a.Name), printable(a.Mail))
		}
		return nil
	}
	w := accountOf(&a)
	cmd, err := r.launch.Once(wire.IMAP, &w, "-fsck", r.what())
	if err != nil {
		return err
	}
	var says bytes.Buffer
	cmd.Stderr = &capped{to: &says, left: mostSaid}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start imap-session: %w", err)
	}
	var sum tally
	whole, err := r.listen(a.Name, bufio.NewReaderSize(out, mostLine), &sum)
	if err != nil {
		_ = cmd.Process.Kill() // it may wait for us to read on
	}
	if waited := cmd.Wait(); err == nil && waited != nil {
		err = fmt.Errorf("%w: %s", waited, strings.TrimSpace(says.String()))
	}
	if err == nil && !whole {
		err = errors.New("imap-session has not said that it came to the end")
	}
	r.total.add(sum)
	if err != nil {
		return err
	}
	return r.done(a.Name, &sum)
}

// what is asked of imap-session.
func (f *fsckVerb) what() string {
	what := "mend"
	if f.dry {
		what = "check"
	}
	if f.full {
		what += ",full"
	}
	if f.rebuild {
		what += ",rebuild"
	}
	return what
}

const (
	// mostLine is the longest line that is understood, in octets, and mostSaid how much
	// of standard error is kept.
	mostLine = 64 << 10
	mostSaid = 8 << 10
)

// listen tells what imap-session finds. It reports whether that came to its end.
func (r *fsckRun) listen(name string, in *bufio.Reader, sum *tally) (whole bool, err error) {
	for {
		line, err := in.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return whole, nil // what ended it is told by its status
		}
		var told struct {
			Finding *fsck.Finding
			At      *struct{ Mailbox string }
			Summary *fsck.Summary
		}
		if err == nil {
			err = json.Unmarshal(line, &told)
		}
		if err != nil {
			return false, fmt.Errorf("understand imap-session: %w", err)
		}
		switch {
		case told.Finding != nil:
			sum.count(told.Finding.State)
			if err := r.tell(name, told.Finding); err != nil {
				return false, err
			}
		case told.At != nil:
			r.at(", " + told.At.Mailbox)
		case told.Summary != nil:
			sum.Mailboxes, sum.Messages, whole = told.Summary.Mailboxes, told.Summary.Messages, true
		}
	}
}

// tell tells one finding.
func (r *fsckRun) tell(name string, f *fsck.Finding) error {
	if r.json {
		return r.t.object(struct {
			Name string `json:"name"`
			*fsck.Finding
		}{name, f})
	}
	line := printable(name) + ": " + printable(f.Path) + ": " + printable(f.Problem)
	switch {
	case f.State == fsck.Mended && f.Done != "":
		line += "; " + printable(f.Done)
	case f.State == fsck.Left && f.Done != "":
		line += "; not mended: " + printable(f.Done)
	case f.State == fsck.Left:
		line += "; not mended"
	}
	r.t.say("%s", line)
	if f.Next != "" && f.State == fsck.Left {
		r.t.say("    %s", printable(f.Next))
	}
	return nil
}

// done tells the sum of one account.
func (r *fsckRun) done(name string, sum *tally) error {
	if r.json {
		return r.t.object(struct {
			Name string `json:"name"`
			*tally
		}{name, sum})
	}
	sum.say(r.t, printable(name))
	return nil
}

// capped keeps the beginning of what is written.
type capped struct {
	to   *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	c.to.Write(p[:n])
	return len(p), nil
}
