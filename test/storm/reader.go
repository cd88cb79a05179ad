package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/test/storm/witness"
)

// quiet is how long a reader goes on after the storm, so that times of
// directories settle.
const quiet = time.Second

// looker is a process that syncs as often as it can.
type looker struct {
	box    *store.Mailbox
	log    *witness.Log
	rand   *rand.Rand
	snap   *store.Snapshot
	before witness.Snapshot
}

// reader is the role of a looker.
func reader(ctx context.Context, args []string) error {
	var (
		fl     = flag.NewFlagSet("reader", flag.ContinueOnError)
		log    = fl.String("log", "", "log")
		dir    = fl.String("dir", "", "Maildir")
		bad    = fl.Bool("bad", false, "believe one scan of the directory")
		watch  = fl.Bool("watch", false, "have a watch on the mailbox")
		claim  = fl.Bool("claim", false, "claim recent messages")
		pause  = fl.Duration("pause", 0, "time between syncs")
		seed   = fl.Uint64("seed", 0, "of its choices")
		beside = fl.Bool("coexist", false, "a Dovecot works on the mailbox too")
	)
	if err := fl.Parse(args); err != nil {
		return err
	}
	return withLog(*log, func(l *witness.Log) error {
		if *bad {
			return believer(ctx, *dir, l)
		}
		return withMailbox(*dir, *beside, func(m *store.Mailbox) error {
			r := &looker{box: m, log: l, rand: rand.New(rand.NewPCG(*seed, 2))}
			if *watch {
				w, err := m.Watch()
				if err != nil {
					return err
				}
				defer w.Close()
			}
			return r.run(ctx, *claim, *pause)
		})
	})
}

// withMailbox opens INBOX of the account at dir, perhaps beside a Dovecot.
func withMailbox(dir string, coexist bool, f func(*store.Mailbox) error) error {
	a, err := store.OpenAccount(dir, store.Options{Host: "storm", Coexist: coexist})
	if err != nil {
		return err
	}
	m, err := a.Open(context.Background(), mail.Inbox)
	if err != nil {
		return errors.Join(err, a.Close())
	}
	return errors.Join(f(m), m.Close(), a.Close())
}

func (r *looker) run(ctx context.Context, claim bool, pause time.Duration) error {
	for n := 1; ctx.Err() == nil; n++ {
		if err := r.sync(); err != nil {
			return err
		}
		if n%4 == 0 {
			r.open()
		}
		if claim && n%8 == 0 {
			r.claim()
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
	for end := time.Now().Add(quiet); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err := r.sync(); err != nil {
			return err
		}
	}
	r.log.End(r.before)
	return nil
}

// sync takes a snapshot and writes it down. A mailbox that cannot be read at all
// ends the storm.
func (r *looker) sync() error {
	from := witness.Now()
	s, err := r.box.Sync(context.Background())
	to := witness.Now()
	if err != nil {
		r.log.Trouble(from, "sync", err)
		return err
	}
	now := r.before
	if s != r.snap {
		now = rows(s)
	}
	r.log.Sync(from, to, r.before, now)
	r.snap, r.before = s, now
	return nil
}

// rows writes a snapshot out.
func rows(s *store.Snapshot) witness.Snapshot {
	w := witness.Snapshot{Validity: s.UIDValidity(), Next: s.UIDNext(), Rows: make([]witness.Row, s.Len())}
	for i := range w.Rows {
		w.Rows[i] = witness.Row{UID: s.UID(i), Base: s.Base(i), Flags: witness.Spell(s.Flags(i), s.Keywords(i))}
	}
	return w
}

// open looks whether some message is what it always was.
func (r *looker) open() {
	if r.snap.Len() == 0 {
		return
	}
	uid := r.snap.UID(r.rand.IntN(r.snap.Len()))
	from := witness.Now()
	token, err := tokenOf(r.box, uid)
	switch {
	case err == nil:
		r.log.Note("content", from, uid, token)
	default:
		note(r.log, from, "open", err, uid)
	}
}

// tokenOf reads the content of a message.
func tokenOf(m *store.Mailbox, uid mail.UID) (string, error) {
	f, err := m.OpenMessage(context.Background(), uid)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readToken(f)
}

func readToken(f *os.File) (string, error) {
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read message: %w", err)
	}
	token, ok := strings.CutPrefix(strings.TrimSpace(line), "Subject: ")
	if !ok {
		return "", fmt.Errorf("no message of this storm: %q", line)
	}
	return token, nil
}

// note writes down how an operation on one message failed.
func note(l *witness.Log, from int64, op string, err error, uid mail.UID) {
	switch store.KindOf(err) {
	case store.Gone:
		l.Note("missing", from, uid)
	case store.Unavailable:
		l.Note("busy", from, op)
	default:
		l.Trouble(from, op, err)
	}
}

func (r *looker) claim() {
	from := witness.Now()
	uids, err := r.box.ClaimRecent(context.Background())
	for _, uid := range uids {
		r.log.Note("claim", from, uid)
	}
	if err != nil {
		note(r.log, from, "claim", err, 0)
	}
}
