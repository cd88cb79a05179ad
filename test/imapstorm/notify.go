package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"fantail/test/imapstorm/client"
)

// planNotify is NOTIFY with events that come to mind (RFC 5465), and a LIST of all
// names, from where on the client is told what changes.
func planNotify(a *actor, _ bool) []*command {
	n := &client.Notify{Own: a.made}
	if a.rand.IntN(10) > 0 {
		a.chooseSelected(n)
		a.chooseOthers(n)
	}
	return a.notifying(n)
}

func (a *actor) notifying(n *client.Notify) []*command {
	m := &command{name: "NOTIFY", text: n.String()}
	m.hear = func(r *client.Response) {
		// Without STATUS what comes now is because of an earlier NOTIFY.
		if r.Name == "STATUS" && n.Status {
			n.HearStatus(r, true, "", a.blame)
		}
	}
	m.done = func(*client.Response) {
		if slices.Contains(n.Fetch, "MODSEQ") {
			a.mode.CondStore = true // RFC 7162 section 3.1
		}
		n.Begun()
		a.mode.Notify = n
		if a.view != nil {
			n.Selected(a.view.Box)
			a.view.NotifyChanged()
		}
	}
	if !n.Tells() {
		return []*command{m}
	}
	list := append([]*command{m}, listing(nil)...)
	list[len(list)-1].done = func(*client.Response) { n.Listed() }
	return list
}

// listing lists all names: those of mailboxes, and those that are only subscribed to.
func listing(hear func(r *client.Response)) []*command {
	return []*command{
		{name: "LIST", text: `LIST "" * RETURN (SUBSCRIBED)`, hear: hear},
		{name: "LIST", text: `LIST (SUBSCRIBED) "" *`, hear: hear},
	}
}

// chooseSelected chooses what is to be told of the selected mailbox.
func (a *actor) chooseSelected(n *client.Notify) {
	if a.rand.IntN(6) == 0 {
		return
	}
	n.New, n.Flags, n.Delayed = true, a.rand.IntN(4) > 0, a.rand.IntN(2) == 0
	if a.rand.IntN(2) == 0 {
		return
	}
	items := []string{"UID", "FLAGS", "ENVELOPE", "RFC822.SIZE", "INTERNALDATE", "BODYSTRUCTURE", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"}
	if a.modSeqs() && a.has("CONDSTORE") {
		items = append(items, "MODSEQ")
	}
	a.rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	n.Fetch = items[:1+a.rand.IntN(4)]
}

// chooseOthers chooses what is to be told of other mailboxes.
func (a *actor) chooseOthers(n *client.Notify) {
	n.Status = a.rand.IntN(4) > 0
	for range (1 + a.rand.IntN(7)) / 2 {
		g := client.NotifyGroup{Filter: []string{"PERSONAL", "INBOXES", "SUBSCRIBED", "SUBTREE", "MAILBOXES"}[a.rand.IntN(5)]}
		g.New = a.rand.IntN(4) > 0
		g.Flags = g.New && a.rand.IntN(2) == 0
		g.Names, g.Subs = a.rand.IntN(2) == 0, a.rand.IntN(3) == 0
		boxes := []string{inbox, second, tree, a.sharedName(), a.ownTop()}
		a.rand.Shuffle(len(boxes), func(i, j int) { boxes[i], boxes[j] = boxes[j], boxes[i] })
		switch g.Filter {
		case "SUBTREE":
			g.Boxes = boxes[:1+a.rand.IntN(2)]
		case "MAILBOXES":
			g.Boxes = boxes[:1+a.rand.IntN(4)]
		}
		n.Groups = append(n.Groups, g)
	}
	if !n.Tells() {
		n.Status = false
	}
}

// own are messages that a connection has made.
func (c *conn) made(box string, uid uint32) bool { return c.own[owned{box, uid}] }

// delivered enters messages that the connection has made.
func (c *conn) delivered(box string, uids []uint32) {
	for _, uid := range uids {
		c.own[owned{box, uid}] = true
	}
	if c.view == nil || c.view.Box != box {
		c.mode.Notify.Delivered(box, uids)
	}
}

// selected is the mailbox that is selected, or "".
func (c *conn) selected() string {
	if c.view == nil || !c.view.Open() {
		return ""
	}
	return c.view.Box
}

// notified hears what NOTIFY tells of other mailboxes, and what the client has asked for
// by other commands, which it knows as well. It reports whether the response is one of
// these that nobody else expects.
func (c *conn) notified(r *client.Response, during *command) bool {
	n := c.mode.Notify
	if r.Name == "OK" {
		_, over := r.HasCode("NOTIFICATIONOVERFLOW")
		if over {
			c.blame(client.Refused, "%s", r.Raw)
		}
		return over
	}
	if r.Name != "STATUS" && r.Name != "LIST" {
		return false
	}
	name := ""
	if during != nil {
		name = during.name
	}
	switch {
	case name == "NOTIFY":
		return n.Tells() || r.Name == "STATUS"
	case n == nil:
	case r.Name == "STATUS" && n.Tells():
		box, _, _ := client.ReadStatus(r)
		asked := name == "STATUS" && strings.HasPrefix(during.text, "STATUS "+box+" ")
		if !asked || box != c.selected() {
			n.HearStatus(r, asked, c.selected(), c.blame)
		}
		return true
	case r.Name == "LIST" && n.Tells():
		if box, _, _, _ := client.ReadList(r); during != nil && strings.HasPrefix(during.text+" ", name+" "+box+" ") {
			return true // SELECT and EXAMINE under IMAP4rev2, without subscriptions
		}
		n.HearList(r, name == "LIST", c.blame)
		return true
	}
	return false
}

// listen hears what comes until a time, while nothing is asked.
func (a *actor) listen(end time.Time) error {
	for time.Now().Before(end) {
		if err := a.nc.SetReadDeadline(end); err != nil {
			return err
		}
		_, err := a.r.Peek(1)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.hear(time.Now().Add(patience)); err != nil {
			return err
		}
	}
	return nil
}

// rest is the time between pipelines. A client with NOTIFY listens.
func (a *actor) rest() error {
	if a.nc == nil || a.mode.Notify == nil {
		time.Sleep(a.storm.pause())
		return nil
	}
	return a.listen(time.Now().Add(a.storm.pause()))
}

// slowest is how long NOTIFY may take to tell of the last change.
const slowest = 10 * time.Second

// settleNotify waits until the client was told what there is, and compares.
func (a *actor) settleNotify(w client.World) error {
	n := a.mode.Notify
	if n == nil {
		return nil
	}
	differs := func() []string {
		return n.Differs(w, a.selected(), a.mode.CondStore && a.modSeqs())
	}
	end := time.Now().Add(slowest)
	for len(differs()) > 0 && time.Now().Before(end) {
		if err := a.listen(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
	}
	for _, d := range differs() {
		a.blame(client.Unnotified, "%s, after %s", d, n)
	}
	if n.All() {
		return nil
	}
	// All that it did not want to hear is to be told now.
	return a.do(a.notifying(&client.Notify{Own: a.made, New: true, Flags: true})...)
}

// world asks what there is when all is quiet.
func (a *actor) world() (w client.World, err error) {
	w = client.World{Boxes: make(map[string]client.Status), Names: make(map[string]client.Name), Stable: []string{inbox, second, tree}}
	err = a.do(listing(func(r *client.Response) {
		if name, _, is, ok := client.ReadList(r); ok && r.Name == "LIST" {
			w.Names[name] = is
		}
	})...)
	if err != nil {
		return w, err
	}
	items := "MESSAGES UIDNEXT UNSEEN"
	if a.has("CONDSTORE") {
		items += " HIGHESTMODSEQ"
	}
	for name, is := range w.Names {
		if !is.Exists {
			continue
		}
		err := a.do(&command{name: "STATUS", text: fmt.Sprintf("STATUS %s (%s)", name, items), hear: func(r *client.Response) {
			if box, s, ok := client.ReadStatus(r); ok && r.Name == "STATUS" && box == name {
				w.Boxes[box] = s
			}
		}})
		if err != nil {
			return w, err
		}
	}
	return w, nil
}
