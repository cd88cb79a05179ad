package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/test/storm/witness"
)

// client is a process that changes the mailbox through the store.
type client struct {
	box     *store.Mailbox
	log     *witness.Log
	rand    *rand.Rand
	keyword mail.Keyword // the flag that is its own
	name    string
	want    int
	count   int
	on      map[mail.UID]bool // of its keyword
	snap    *store.Snapshot
}

// user is the role of a client.
func user(ctx context.Context, args []string) error {
	var (
		fl      = flag.NewFlagSet("user", flag.ContinueOnError)
		log     = fl.String("log", "", "log")
		dir     = fl.String("dir", "", "Maildir")
		keyword = fl.String("keyword", "", "the keyword that it changes")
		rate    = fl.Int("rate", 0, "operations a second")
		want    = fl.Int("messages", 0, "messages to keep in the mailbox")
		seed    = fl.Uint64("seed", 0, "of its choices")
		beside  = fl.Bool("coexist", false, "a Dovecot works on the mailbox too")
	)
	if err := fl.Parse(args); err != nil {
		return err
	}
	return withLog(*log, func(l *witness.Log) error {
		return withMailbox(*dir, *beside, func(m *store.Mailbox) error {
			c := &client{
				box: m, log: l, rand: rand.New(rand.NewPCG(*seed, 3)), keyword: mail.Keyword(*keyword),
				name: fmt.Sprintf("u%d", *seed), want: *want, on: make(map[mail.UID]bool),
			}
			return pace(ctx, *rate, c.act)
		})
	})
}

// act does one operation.
func (c *client) act() error {
	from := witness.Now()
	s, err := c.box.Sync(context.Background())
	if err != nil {
		c.log.Trouble(from, "sync", err)
		return err
	}
	c.snap = s
	// Others keep the mailbox near its size too, so this is no sharp line.
	room, enough := s.Len() < c.want*6/5, s.Len() > c.want/2
	switch n := c.rand.IntN(10); {
	case n < 7:
		c.toggle()
	case n == 7 && room:
		return c.append()
	case n == 8 && room:
		c.copy()
	case n == 9 && enough:
		c.expunge()
	}
	return nil
}

// pick returns up to n different UIDs of the last snapshot.
func (c *client) pick(n int) []mail.UID {
	var uids []mail.UID
	for range n {
		if c.snap.Len() > 0 {
			uids = append(uids, c.snap.UID(c.rand.IntN(c.snap.Len())))
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids)
}

// toggle sets or clears the client's keyword on some messages.
func (c *client) toggle() {
	uids := c.pick(1 + c.rand.IntN(5))
	if len(uids) == 0 {
		return
	}
	on := !c.on[uids[0]]
	change := store.FlagChange{Op: mail.Remove, FlagSet: store.FlagSet{Keywords: []mail.Keyword{c.keyword}}}
	if on {
		change.Op = mail.Add
	}
	from := witness.Now()
	missing, err := c.box.SetFlags(context.Background(), uids, change)
	if err != nil {
		note(c.log, from, "flags", err, 0)
	}
	for _, uid := range missing {
		c.log.Note("missing", from, uid)
	}
	for _, uid := range uids {
		if err != nil {
			c.log.Note("unsure", from, uid, c.keyword)
		} else if !slices.Contains(missing, uid) {
			c.log.Note("store", from, uid, c.keyword, bit(on))
			c.on[uid] = on
		}
	}
}

// append adds one to three messages at once.
func (c *client) append() error {
	b, err := c.box.NewAppend()
	if err != nil {
		return err
	}
	from := witness.Now()
	var tokens []string
	for range 1 + c.rand.IntN(3) {
		c.count++
		tokens = append(tokens, fmt.Sprintf("%s-%d", c.name, c.count))
		w, err := b.Add(store.FlagSet{}, time.Time{})
		if err == nil {
			_, err = io.WriteString(w, text(tokens[len(tokens)-1]))
		}
		if err != nil {
			c.log.Trouble(from, "append", err)
			return b.Abort()
		}
	}
	a, err := b.Commit(context.Background())
	if err != nil {
		c.log.Note("failed", from, "append")
		note(c.log, from, "append", err, 0)
		return nil
	}
	for i, uid := range a.UIDs {
		c.log.Note("append", from, uid, tokens[i])
	}
	return nil
}

// copy copies some messages within the mailbox.
func (c *client) copy() {
	from := witness.Now()
	tokens := make(map[mail.UID]string)
	var uids []mail.UID
	for _, uid := range c.pick(1 + c.rand.IntN(3)) {
		token, err := tokenOf(c.box, uid)
		if err != nil {
			note(c.log, from, "open", err, uid)
			continue
		}
		tokens[uid] = token
		uids = append(uids, uid)
	}
	from = witness.Now()
	got, err := c.box.Copy(context.Background(), uids, c.box)
	if err != nil {
		c.log.Note("failed", from, "copy")
		note(c.log, from, "copy", err, 0)
		return
	}
	for i, uid := range got.Dst {
		c.log.Note("copy", from, uid, tokens[got.Src[i]])
	}
	for _, uid := range uids {
		if !slices.Contains(got.Src, uid) {
			c.log.Note("missing", from, uid)
		}
	}
}

// expunge removes some messages.
func (c *client) expunge() {
	uids := c.pick(2)
	from := witness.Now()
	err := c.box.Expunge(context.Background(), uids)
	for _, uid := range uids {
		kind := "expunge"
		if err != nil {
			kind = "attempt"
		}
		// Perhaps no reader will ever see the message and tell its base.
		i, _ := c.snap.Find(uid)
		c.log.Note(kind, from, uid, c.snap.Base(i))
	}
	if err != nil {
		note(c.log, from, "expunge", err, 0)
	}
}
