package main

import (
	"fmt"
	"slices"
	"strings"

	"fantail/test/imapstorm/client"
)

// tree is above all mailboxes that clients make and remove. What is below it with the
// name of a client is that client's; some names are everybody's.
const tree = "Tree"

// sharedNames is how many names are everybody's.
const sharedNames = 3

func (a *actor) sharedName() string {
	return fmt.Sprintf("%s.shared%d", tree, 1+a.rand.IntN(sharedNames))
}

// ownTop is the first name of the client's own.
func (a *actor) ownTop() string { return tree + "." + a.name }

// free returns a name of the client's own that no mailbox has.
func (a *actor) free() string {
	for {
		top := fmt.Sprintf("%s-%d", a.ownTop(), a.rand.IntN(3)) // of filter1 and 2 not filter12, which is another's
		if len(a.trees) > 0 && a.rand.IntN(2) == 0 {
			top = a.trees[a.rand.IntN(len(a.trees))] + ".b"
		}
		if top = strings.Replace(top, a.name+"-0", a.name, 1); !slices.Contains(a.trees, top) {
			return top
		}
	}
}

// planTree makes, renames or removes a mailbox, or subscribes to it, or puts a message
// into it.
func planTree(a *actor, _ bool) []*command {
	if a.rand.IntN(4) == 0 {
		return a.planShared()
	}
	if len(a.trees) == 0 {
		return []*command{a.create(a.free())}
	}
	name := a.trees[a.rand.IntN(len(a.trees))]
	leaf := !slices.ContainsFunc(a.trees, func(t string) bool { return strings.HasPrefix(t, name+".") })
	switch n := a.rand.IntN(10); {
	case n < 2 && len(a.trees) < 5:
		return []*command{a.create(a.free())}
	case n < 4 && leaf:
		list := []*command{a.remove(name)}
		if a.rand.IntN(3) == 0 {
			list = append(list, a.create(name))
		}
		return list
	case n < 6:
		to := a.free()
		if strings.HasPrefix(to, name+".") || len(to) > 60 {
			break
		}
		list := []*command{a.rename(name, to)}
		if a.rand.IntN(2) == 0 {
			list = append(list, a.create(name))
		}
		return list
	case n < 7:
		return []*command{a.subscribe(name)}
	}
	body := message(a.name, a.rand.IntN(1000))
	return []*command{{name: "APPEND", text: fmt.Sprintf("APPEND %s {%d+}\r\n%s", name, len(body), body), done: func(r *client.Response) {
		if args, ok := r.HasCode("APPENDUID"); ok && len(args) == 2 {
			a.delivered(name, []uint32{uidOf(args[1])})
		}
	}}}
}

// create makes a mailbox of the client's own.
func (a *actor) create(name string) *command {
	a.trees = append(a.trees, name)
	return &command{name: "CREATE", text: "CREATE " + name, done: func(*client.Response) { a.mode.Notify.Made(name, exist) }}
}

func exist(n *client.Name)    { n.Exists = true }
func notExist(n *client.Name) { n.Exists = false }

func (a *actor) remove(name string) *command {
	a.trees = slices.DeleteFunc(a.trees, func(t string) bool { return t == name })
	return &command{name: "DELETE", text: "DELETE " + name, done: func(*client.Response) { a.mode.Notify.Made(name, notExist) }}
}

func (a *actor) rename(name, to string) *command {
	for i, t := range a.trees {
		if t == name || strings.HasPrefix(t, name+".") {
			a.trees[i] = to + t[len(name):]
		}
	}
	return &command{name: "RENAME", text: "RENAME " + name + " " + to, done: func(*client.Response) { a.mode.Notify.Renamed(name, to) }}
}

func (a *actor) subscribe(name string) *command {
	verb, on := "SUBSCRIBE", a.rand.IntN(2) == 0
	if !on {
		verb = "UNSUBSCRIBE"
	}
	return &command{name: verb, text: verb + " " + name, done: func(*client.Response) {
		a.mode.Notify.Made(name, func(n *client.Name) { n.Subscribed = on })
	}}
}

// planShared does it with a name that is everybody's: somebody else may be faster.
func (a *actor) planShared() []*command {
	name := a.sharedName()
	switch a.rand.IntN(5) {
	case 0, 1:
		return []*command{{name: "CREATE", text: "CREATE " + name,
			done: func(*client.Response) { a.mode.Notify.Made(name, exist) }, failed: a.late("ALREADYEXISTS", "NONEXISTENT")}}
	case 2, 3:
		return []*command{{name: "DELETE", text: "DELETE " + name,
			done: func(*client.Response) { a.mode.Notify.Made(name, notExist) }, failed: a.late("NONEXISTENT")}}
	}
	return []*command{a.subscribe(name)}
}

// late says that a command may fail with one of some response codes. What CREATE has made
// may be gone before its MAILBOXID is known.
func (a *actor) late(codes ...string) func(r *client.Response) {
	return func(r *client.Response) {
		if !slices.ContainsFunc(codes, func(c string) bool { _, ok := r.HasCode(c); return ok }) {
			a.blame(client.Refused, "%s", r.Raw)
		}
	}
}
