package roster

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestSessions: who is there, with what, and since when.
func TestSessions(t *testing.T) {
	h := open(t, Options{Most: 10})
	began := time.Now()
	ann := wanted("ann", "well")
	ann.Remote = netip.MustParseAddr("2001:db8::7")
	a, b := h.connect(ann), h.given(ann)
	bob := h.connect(wanted("bob", "well"))
	ended := h.connect(ann)
	ended.say("logout")
	ended.over("")
	ended.Close()

	all := func(account string, want int) []Session {
		t.Helper()
		var list []Session
		for range 1000 {
			if list = h.Sessions(account); len(list) == want {
				return list
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%d sessions, want %d: %+v", len(list), want, list)
		return nil
	}
	list := all("", 3)
	slices.SortFunc(list, func(a, b Session) int { return (a.PID-b.PID)*10 + int(a.Conn) - int(b.Conn) })
	for _, s := range list {
		want := Session{Service: "imap", Account: "ann", Remote: ann.Remote, PID: a.pid, Conn: s.Conn, Since: s.Since}
		if s.PID == bob.pid {
			want.Account, want.Remote, want.PID = "bob", netip.Addr{}, bob.pid
		}
		if s != want || s.Since.Before(began) || s.Since.After(time.Now()) {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
	if got := all("ann", 2); got[0].Account != "ann" || got[1].Account != "ann" {
		t.Errorf("%+v", got)
	}
	all("nobody", 0)
	b.alive()
}

// TestStopFor: the connections of an owner end, and not those that others wanted to the
// same program.
func TestStopFor(t *testing.T) {
	h := open(t, Options{Most: 10, Stop: time.Hour})
	mine, theirs := wanted("ann", "well"), wanted("ann", "well")
	mine.Owner, theirs.Owner = new(int), new(int)
	one, two, other, nobodys := h.given(mine), h.connect(mine), h.given(theirs), h.given(wanted("ann", "well"))
	if n := h.StopFor(mine.Owner); n != 2 {
		t.Errorf("%d connections", n)
	}
	one.over("bye")
	two.over("bye")
	other.alive()
	nobodys.alive()
	if other.pid != one.pid {
		t.Error("they had two programs")
	}
	if n := h.StopFor(new(int)); n != 0 {
		t.Errorf("%d connections of nobody", n)
	}
	// A program that gets no more still hears of those that it has.
	theirs.Edition = "new"
	another := h.given(theirs)
	if n := h.StopFor(theirs.Owner); n != 2 {
		t.Errorf("%d connections, want those of both programs", n)
	}
	another.over("bye")
	other.over("bye")
	nobodys.alive()
}

// TestStop: the connections of an account end in order, wherever our end of them is, and
// nobody else's. Who comes afterwards is served.
func TestStop(t *testing.T) {
	h := open(t, Options{Most: 10, Stop: time.Hour})
	ann := wanted("ann", "well")
	ours, given := h.connect(ann), h.given(ann)
	bob := h.connect(wanted("bob", "well"))
	old := wanted("cyn", "well")
	cyn := h.connect(old)
	old.Edition = "new"
	cyn2 := h.connect(old) // cyn's program gets no more

	if n := h.Stop("nobody"); n != 0 {
		t.Errorf("%d connections of nobody", n)
	}
	if n := h.Stop("ann"); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	ours.over("bye")
	given.over("bye")
	if n := h.Stop("cyn"); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	cyn.over("bye")
	cyn2.over("bye")
	ended(t, cyn.pid)
	bob.alive()
	// What it knew goes with it: her mail may be another one, from a backup.
	ended(t, ours.pid)
	again := h.connect(ann)
	again.alive()

	// So does a program that waits for her.
	again.say("logout")
	again.over("")
	again.Close()
	for range 1000 {
		if len(h.Sessions("ann")) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := h.Stop("ann"); n != 0 {
		t.Errorf("%d connections, want none", n)
	}
	ended(t, again.pid)
	bob.alive()
}

// TestStopStuck: a program that does not obey is killed.
func TestStopStuck(t *testing.T) {
	h := open(t, Options{Most: 10, Stop: 100 * time.Millisecond})
	c := h.given(wanted("ann", "deaf"))
	if n := h.Stop("ann"); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	c.over("")
	ended(t, c.pid)
	h.logged("does not end a connection")
}
