package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/session"
	"fantail/internal/mail"
	"fantail/internal/pop3"
	"fantail/internal/store/fsck"
	"fantail/internal/store/uidlist"
	"fantail/internal/webmail/settings"
)

// examination is what is asked for with -fsck: words with commas between them.
//
//	check or mend   whether anything is changed
//	full            every message is read
//	rebuild         caches are made anew
type examination struct {
	what string
	fsck.Options
}

func (e *examination) flags(fs *flag.FlagSet) {
	fs.Func("fsck", "examine the mail: `what` is check or mend, and perhaps full and rebuild, with commas between", func(what string) error {
		words := strings.Split(what, ",")
		switch words[0] {
		case "check":
			e.DryRun = true
		case "mend":
		default:
			return errors.New("it begins with check or mend")
		}
		for _, w := range words[1:] {
			switch {
			case w == "full":
				e.Full = true
			case w == "rebuild" && !e.DryRun:
				e.Rebuild = true
			default:
				return fmt.Errorf("what is %q?", w)
			}
		}
		e.what = what
		return nil
	})
}

// told is a line of what is said, JSON: a finding, how far it is, or at the end how much
// was looked at.
type told struct {
	Finding *fsck.Finding `json:"finding,omitempty"`
	At      *at           `json:"at,omitempty"`
	Summary *fsck.Summary `json:"summary,omitempty"`
}

type at struct {
	Mailbox  string `json:"mailbox"`
	Messages int    `json:"messages"` // looked at before
}

func (e *examination) instead() func(context.Context, *session.Session, io.Writer) error {
	if e.what == "" {
		return nil
	}
	return func(ctx context.Context, s *session.Session, out io.Writer) error {
		w := &teller{to: bufio.NewWriter(out)}
		e.Report = func(f fsck.Finding) { w.tell(told{Finding: &f}) }
		e.Progress = func(mailbox string, messages int) { w.tell(told{At: &at{mailbox, messages}}) }
		if filename, guid := s.POP3.UIDLFormat.Names(); filename || guid {
			e.UIDL = uidl(s.POP3.UIDLFormat)
		}
		e.Private = []string{settings.Directory}
		sum, err := e.run(ctx, s)
		if err == nil {
			w.tell(told{Summary: &sum})
		}
		return errors.Join(err, w.err)
	}
}

// uidl returns what pop3-session tells clients of a message.
func uidl(format conf.UIDLFormat) func(mail.UIDValidity, uidlist.Record) string {
	return func(v mail.UIDValidity, r uidlist.Record) string {
		guid, _ := r.Field('G')
		from := conf.UIDLSource{UID: uint32(r.UID), UIDValidity: uint32(v), Filename: r.Base, GUID: cmp.Or(guid, r.Base)}
		return string(pop3.LegalUIDL(format.Append(nil, &from), 0))
	}
}

func (e *examination) run(ctx context.Context, s *session.Session) (fsck.Summary, error) {
	if ok, err := fsck.Prepare(s.Maildir(), e.Options); !ok || err != nil {
		return fsck.Summary{}, err
	}
	s.Examine()
	account, err := s.OpenAccount()
	if err != nil {
		return fsck.Summary{}, err
	}
	return fsck.Account(ctx, account, e.Options)
}

// teller writes lines: at once what has been found, now and then how far it is.
type teller struct {
	to   *bufio.Writer
	last time.Time
	err  error // the first
}

func (t *teller) tell(line told) {
	const often = 50 * time.Millisecond
	if line.At != nil && time.Since(t.last) < often || t.err != nil {
		return
	}
	t.last = time.Now()
	e := json.NewEncoder(t.to)
	e.SetEscapeHTML(false)
	t.err = errors.Join(e.Encode(line), t.to.Flush())
}
