package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"

	"fantail/test/imapstorm/client"
)

// The mailboxes of a storm. Most connections have the first one selected.
const (
	inbox  = "INBOX"
	second = "Second"
)

// actor is a client that connects, does what comes to its mind, and connects again.
type actor struct {
	*conn
	storm *storm
	dial  func() (peer, error)
	rand  *rand.Rand
	owner *owner
	kept  map[string]*client.Cache // by mailbox
	count int                      // of messages that it made
	trees []string                 // mailboxes that it made
	// notifies says that the connection uses NOTIFY.
	notifies bool

	conditions []condition
}

// condition is a message that UNCHANGEDSINCE excepted: it must have a higher
// mod-sequence than that.
type condition struct {
	box   string
	uid   uint32
	above uint64
}

// live is the life of an actor until ctx ends.
func (a *actor) live(ctx context.Context) error {
	for ctx.Err() == nil {
		if a.conn.nc == nil {
			if err := a.connect(); err != nil {
				return err
			}
		}
		err := a.act()
		if a.loose && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
			err = a.broken(err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", a.name, err, strings.Join(a.lines, "\n"))
		}
		if err := a.rest(); err != nil {
			return fmt.Errorf("%s: %w\n%s", a.name, err, strings.Join(a.lines, "\n"))
		}
	}
	return nil
}

// connect logs in, finds out what there is, and chooses a mode.
func (a *actor) connect() error {
	p, err := a.dial()
	if err != nil {
		return fmt.Errorf("%s: connect: %w", a.name, err)
	}
	a.nc, a.r = p, bufio.NewReaderSize(p, 64<<10)
	a.lines, a.running, a.view, a.next, a.mode = nil, nil, nil, nil, client.Mode{}
	a.caps, a.own = make(map[string]bool), make(map[owned]bool)
	if err := a.greeted(p); err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	ask := &command{name: "CAPABILITY", hear: func(r *client.Response) {
		for _, v := range r.Args {
			a.caps[strings.ToUpper(v.Text)] = true
		}
	}}
	if err := a.do(ask); err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	if err := a.compress(); err != nil {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	if err := a.enable(); err != nil {
		return err
	}
	// Beside Dovecot no other promises are held against it than before.
	a.notifies = !a.loose && a.has("NOTIFY") && a.rand.IntN(2) == 0
	if a.notifies && a.rand.IntN(3) > 0 {
		return a.do(planNotify(a, false)...)
	}
	return nil
}

// compress begins to compress, or not (RFC 4978).
func (a *actor) compress() error {
	if !a.has("COMPRESS=DEFLATE") || a.rand.IntN(2) == 0 {
		return nil
	}
	a.storm.report.Count("compressed")
	if err := a.do(&command{name: "COMPRESS", text: "COMPRESS DEFLATE"}); err != nil {
		return err
	}
	nc, err := client.Compress(a.nc, a.r, a.rand.IntN(10), func(n int) int {
		if a.rand.IntN(3) > 0 {
			return n
		}
		return 1 + a.rand.IntN(n)
	})
	if err != nil {
		return err
	}
	a.nc, a.r = nc, bufio.NewReaderSize(nc, 64<<10)
	again := &command{name: "COMPRESS", text: "COMPRESS DEFLATE"}
	again.failed = func(r *client.Response) {
		if _, ok := r.HasCode("COMPRESSIONACTIVE"); !ok {
			a.blame(client.Compression, "%s", r.Raw)
		}
	}
	again.done = func(r *client.Response) { a.blame(client.Compression, "%s: it is active already", r.Raw) }
	return a.do(again)
}

// enable chooses among the modes that the server has.
func (a *actor) enable() error {
	var names []string
	if a.has("QRESYNC") && a.rand.IntN(2) == 0 {
		names = append(names, "QRESYNC")
		a.mode.QResync, a.mode.CondStore = true, true
	} else if a.has("CONDSTORE") && a.rand.IntN(2) == 0 {
		names = append(names, "CONDSTORE")
		a.mode.CondStore = true
	}
	if a.has("IMAP4REV2") && a.rand.IntN(3) == 0 {
		names = append(names, "IMAP4rev2")
		a.mode.Rev2 = true
	}
	if len(names) == 0 || !a.has("ENABLE") {
		return nil
	}
	a.storm.report.Count("as " + strings.Join(names, "+"))
	var enabled []string
	return a.do(&command{name: "ENABLE", text: "ENABLE " + strings.Join(names, " "),
		hear: func(r *client.Response) {
			for _, v := range r.Args {
				enabled = append(enabled, strings.ToUpper(v.Text))
			}
		},
		done: func(r *client.Response) {
			for _, n := range names {
				if !slices.Contains(enabled, strings.ToUpper(n)) {
					a.blame(client.Refused, "ENABLE %s has enabled %q", n, enabled)
				}
			}
		}})
}

// act does something: a pipeline of one to six commands, or one that has to be
// alone.
func (a *actor) act() error {
	if a.view == nil {
		return a.open(a.somewhere())
	}
	if n := a.rand.IntN(100); n < 3 {
		return a.leave()
	} else if n < 7 {
		return a.reopen()
	} else if n < 17 && a.has("IDLE") {
		return a.idle()
	}
	return a.do(a.pipeline(!a.mode.Notify.Anytime())...)
}

// pipeline makes commands to be sent in one packet. Message numbers are used only
// where nothing before can change them (RFC 9051 section 5.5): numbers says whether
// the first may.
func (a *actor) pipeline(numbers bool) []*command {
	var list []*command
	for range 1 + a.rand.IntN(6) {
		d := a.choose()
		commands := d.plan(a, numbers)
		for _, m := range commands {
			numbers = numbers && slices.Contains([]string{"FETCH", "STORE", "SEARCH"}, m.name)
		}
		list = append(list, commands...)
		if d.last || list[len(list)-1].name == "CLOSE" {
			break
		}
	}
	return list
}

// choose picks a deed by its weight.
func (a *actor) choose() deed {
	total := 0
	for _, d := range deeds {
		total += a.weight(d)
	}
	n := a.rand.IntN(total)
	for _, d := range deeds {
		if n -= a.weight(d); n < 0 {
			return d
		}
	}
	panic("unreachable")
}

func (a *actor) weight(d deed) int {
	if d.needs != "" && !a.has(d.needs) || d.writes && a.view.ReadOnly || d.notifies && !a.notifies || d.ours && a.loose {
		return 0
	}
	return d.weight
}

// leave ends the connection: mostly without a word, and with commands in progress.
func (a *actor) leave() error {
	if err := a.keep(); err != nil {
		return err
	}
	switch a.rand.IntN(3) {
	case 0:
		if err := a.do(&command{name: "LOGOUT"}); err != nil {
			return err
		}
	case 1:
		// Only what may be half done.
		if err := a.send("", append(planFetch(a, false), planStore(a, false)...)...); err != nil {
			return err
		}
	}
	return a.hangUp()
}

// broken goes on after the server has broken off the connection, which only one
// that is not ours may do. What it says of that is in its log.
func (a *actor) broken(err error) error {
	a.blame(client.Complaint, "%v", err)
	a.truth.Doubt()
	return a.hangUp()
}

// keep saves what the client knows of its mailbox, if that is all, and it may come
// back with QRESYNC: only who has enabled that is told how far its knowledge goes (RFC
// 7162 section 3.2). Mostly it asks before for what it does not know.
func (a *actor) keep() error {
	delete(a.kept, a.view.Box)
	if !a.mode.QResync || !a.modSeqs() {
		return nil
	}
	c := a.view.Save()
	if c == nil && a.rand.IntN(4) > 0 {
		if err := a.do(a.fetchAll("1:*", "(FLAGS MODSEQ)", nil)); err != nil {
			return err
		}
		c = a.view.Save()
	}
	a.kept[a.view.Box] = c
	return nil
}

func (a *actor) hangUp() error {
	a.owner.forget()
	err := a.nc.Close()
	a.nc, a.view, a.next = nil, nil, nil
	return err
}

// somewhere is the mailbox to select next.
func (a *actor) somewhere() string {
	if a.rand.IntN(8) == 0 {
		return second
	}
	return inbox
}

// other is the mailbox to copy and move to.
func (a *actor) other() string {
	if a.view.Box == inbox {
		return second
	}
	return inbox
}

// token makes the name of a message of its own.
func (a *actor) token() string {
	a.count++
	return fmt.Sprintf("%s-%d", a.name, a.count)
}

// pick returns up to n different UIDs that the client knows and that suit.
func (a *actor) pick(n int, suits func(uid uint32) bool) []uint32 {
	uids := a.view.UIDs()
	var list []uint32
	for range 4 * n {
		if len(uids) == 0 || len(list) == n {
			break
		}
		if uid := uids[a.rand.IntN(len(uids))]; !slices.Contains(list, uid) && suits(uid) {
			list = append(list, uid)
		}
	}
	slices.Sort(list)
	return list
}

func anyUID(uint32) bool { return true }

// numbered returns the numbers of messages.
func (a *actor) numbered(uids []uint32) []uint32 {
	var list []uint32
	for _, uid := range uids {
		if _, n := a.view.ByUID(uid); n != 0 {
			list = append(list, n)
		}
	}
	return list
}
