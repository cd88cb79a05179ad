package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/test/storm/fault"
)

// ack is a line by which an actor tells what is done: from then on it must be so,
// whatever happens. What it Did is one of
//
//	uid           the message of this UID is this one, with these flags
//	deliver       the message is there
//	expunge       the UID is not
//	box, nobox    the mailbox is there, or is not
//	subscribed, unsubscribed
//	error         the operation has failed: how
//	done          it is over, one way or the other
type ack struct {
	Did   string
	Box   string
	UID   mail.UID
	Token string
	Flags string
	Fresh bool
	Error string
	Kind  string
	Shown bool // the operation was done: it was a look at the mailbox afterwards that failed
}

// actor does one operation on an account, under the guard of package fault.
type actor struct {
	a   *store.Account
	out *json.Encoder // nil: nobody is told anything
}

// tell writes an acknowledgement.
func (a *actor) tell(k ack) error {
	if a.out == nil {
		return nil
	}
	return a.out.Encode(k)
}

// act is the role of an actor. When the operation is done or has failed it says
// so; with -then it waits for a line, by which the disk works again, and appends a
// message more.
func act(args []string) error {
	var (
		fl   = flag.NewFlagSet("act", flag.ContinueOnError)
		dir  = fl.String("dir", "", "account")
		name = fl.String("op", "", "operation")
		then = fl.Bool("then", false, "go on when told to")
	)
	if err := fl.Parse(args); err != nil {
		return err
	}
	op, ok := operationNamed(*name)
	if !ok {
		return fmt.Errorf("no operation %q", *name)
	}
	if err := fault.Guard(); err != nil {
		return err
	}
	a := &actor{out: json.NewEncoder(os.Stdout)}
	if err := a.operate(*dir, op); err != nil {
		if err := a.tell(ack{Did: "error", Error: err.Error(), Kind: store.KindOf(err).String(), Shown: errors.Is(err, errShow)}); err != nil {
			return err
		}
	}
	err := a.tell(ack{Did: "done"})
	if *then && err == nil {
		err = a.goOn(*dir)
	}
	if a.a != nil {
		err = errors.Join(err, a.a.Close())
	}
	return err
}

// operate opens the account and does the operation.
func (a *actor) operate(dir string, op operation) (err error) {
	if a.a, err = store.OpenAccount(dir, store.Options{Host: "storm"}); err != nil {
		return err
	}
	return op.run(a)
}

// goOn does what must work when the disk works again, in the same process.
func (a *actor) goOn(dir string) (err error) {
	var line [1]byte
	if _, err := os.Stdin.Read(line[:]); err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	if a.a == nil {
		if a.a, err = store.OpenAccount(dir, store.Options{Host: "storm"}); err != nil {
			return err
		}
	}
	return a.with(mail.Inbox, func(m *store.Mailbox) error {
		return a.append(m, store.FlagSet{Flags: mail.Seen}, "then")
	})
}

// with opens a mailbox and syncs it.
func (a *actor) with(name string, f func(*store.Mailbox) error) error {
	m, err := a.a.Open(context.Background(), name)
	if err != nil {
		return err
	}
	if _, err := m.Sync(context.Background()); err != nil {
		return errors.Join(err, m.Close())
	}
	return errors.Join(f(m), m.Close())
}

// append appends messages and tells their UIDs.
func (a *actor) append(m *store.Mailbox, f store.FlagSet, tokens ...string) error {
	b, err := m.NewAppend()
	if err != nil {
		return err
	}
	got, err := a.batch(b, f, tokens...)
	if err != nil {
		return err
	}
	for i, uid := range got.UIDs {
		if err := a.tell(ack{Did: "uid", Box: m.Name(), UID: uid, Token: tokens[i], Flags: spelled(f)}); err != nil {
			return err
		}
	}
	return nil
}

// batch adds messages to an append and commits it.
func (a *actor) batch(b *store.Append, f store.FlagSet, tokens ...string) (store.Appended, error) {
	for _, t := range tokens {
		w, err := b.Add(f, time.Unix(1e9, 0))
		if err == nil {
			_, err = io.WriteString(w, text(t))
		}
		if err != nil {
			return store.Appended{}, errors.Join(err, b.Abort())
		}
	}
	return b.Commit(context.Background())
}

// errShow is in the errors of show.
var errShow = errors.New("look at the mailbox")

// show syncs and tells everything that a client sees.
func (a *actor) show(m *store.Mailbox) error {
	b, err := lookInto(m)
	if err != nil {
		return fmt.Errorf("%w: %w", errShow, err)
	}
	for uid, x := range b.messages {
		if err := a.tell(ack{Did: "uid", Box: m.Name(), UID: uid, Token: x.token, Flags: x.flags, Fresh: x.fresh}); err != nil {
			return err
		}
	}
	return nil
}
