package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

// ledger is what somebody was told: these UIDs are these bases for ever.
type ledger struct {
	t    *testing.T
	told map[mail.UID]string
	gone map[string]bool // compacted away: the UID stays spent
}

func newLedger(t *testing.T) *ledger {
	return &ledger{t, map[mail.UID]string{}, map[string]bool{}}
}

func (l *ledger) tell(recs []Record) {
	l.t.Helper()
	for _, r := range recs {
		if b, ok := l.told[r.UID]; ok && b != r.Base {
			l.t.Errorf("UID %d was %s and is now %s", r.UID, b, r.Base)
		}
		l.told[r.UID] = r.Base
	}
}

// holds checks that the list has everything that was told.
func (l *ledger) holds(list *List) {
	l.t.Helper()
	for uid, base := range l.told {
		if r, ok := list.Find(uid); (!ok || r.Base != base) && !l.gone[base] {
			l.t.Errorf("UID %d of %s is lost", uid, base)
		}
		if list.Next <= uid {
			l.t.Errorf("next UID %d, but %d was given", list.Next, uid)
		}
	}
}

func memFile(m *memFS) *File {
	f := openFile(m, "mem")
	f.now = func() time.Time { return time.Unix(0, m.clock) }
	return f
}

// work is a life of a list with every way of writing it. It stops at the first
// error, as a process does that dies.
func work(f *File, l *ledger) error {
	list, err := f.Create(7, []string{"a", "b"})
	if err != nil {
		return err
	}
	l.tell(list.Records)
	for _, bases := range [][]string{{"c", "d", "e"}, {"f"}} {
		recs, err := f.Append(bases)
		if err != nil {
			return err
		}
		l.tell(recs)
	}
	l.gone["b"], l.gone["f"] = true, true
	if err := f.Compact(func(base string) bool { return !l.gone[base] }); err != nil {
		return err
	}
	recs, err := f.Append([]string{"g", "h"})
	if err != nil {
		return err
	}
	l.tell(recs)
	if err := f.RaiseNext(40); err != nil {
		return err
	}
	if recs, err = f.Append([]string{"i"}); err == nil {
		l.tell(recs)
	}
	return err
}

// stopAt returns a hook that ends the world at a step, after so many octets if
// the step writes.
func stopAt(step, octets int) func(string, int) (int, error) {
	return func(_ string, n int) (int, error) {
		step--
		if step > 0 {
			return 0, nil
		}
		if step == 0 {
			return min(octets, n), errDead
		}
		return 0, errDead
	}
}

// writes returns the steps of work, and for each that writes how much.
func writes(t *testing.T) (octets []int) {
	m := newMemFS()
	m.before = func(_ string, n int) (int, error) {
		octets = append(octets, n)
		return n, nil
	}
	if err := work(memFile(m), newLedger(t)); err != nil {
		t.Fatal(err)
	}
	return octets
}

// TestCrash ends the process or the power at every step of the work, and in
// every write after each octet.
func TestCrash(t *testing.T) {
	for step, size := range writes(t) {
		for n := range size + 1 {
			for _, end := range []struct {
				name                  string
				power, names, content bool
			}{
				{"kill", false, false, false},
				{"power cut", true, false, false},
				{"power cut, names survive", true, true, false},
				{"power cut, content survives", true, false, true},
			} {
				name := fmt.Sprintf("step %d, %d of %d octets, %s", step+1, n, size, end.name)
				m := newMemFS()
				l := newLedger(t)
				m.before = stopAt(step+1, n)
				if err := work(memFile(m), l); !errors.Is(err, errDead) {
					t.Fatalf("%s: %v", name, err)
				}
				m.before = nil
				if end.power {
					m.powerCut(end.names, end.content)
				}
				goOn(t, name, m, l)
				if t.Failed() {
					t.Fatalf("%s\n%s", name, strings.Join(m.trace, "\n"))
				}
			}
		}
	}
}

// goOn is the next process: it reads, and goes on writing.
func goOn(t *testing.T, name string, m *memFS, l *ledger) {
	t.Helper()
	f := memFile(m)
	list, err := f.Load()
	if errors.Is(err, fs.ErrNotExist) && len(l.told) == 0 {
		list, err = f.Create(7, nil)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	l.tell(list.Records)
	l.holds(list)
	recs, err := f.Append([]string{"new1", "new2"})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	l.tell(recs)
	m.powerCut(false, false)
	list, err = memFile(m).Load()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	l.holds(list)
}

// TestCrashWithReader is the same with a reader that looks before every step:
// what it was shown must stay true too, though the writer told nobody yet.
func TestCrashWithReader(t *testing.T) {
	for step, size := range writes(t) {
		for n := range size + 1 {
			m := newMemFS()
			l := newLedger(t)
			reader := memFile(m)
			look := func() {
				hook := m.before
				m.before = nil
				list, err := reader.Load()
				if err == nil {
					l.tell(list.Records)
				} else if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("step %d, %d octets: %v", step+1, n, err)
				}
				m.before = hook
			}
			stop := stopAt(step+1, n)
			m.before = func(name string, size int) (int, error) {
				look()
				return stop(name, size)
			}
			if err := work(memFile(m), l); !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			look()
			m.powerCut(false, false)
			goOn(t, fmt.Sprintf("step %d, %d octets", step+1, n), m, l)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}

// TestErrors lets each step fail once and the process live on.
func TestErrors(t *testing.T) {
	for step, size := range writes(t) {
		for n := range size + 1 {
			for _, fault := range []error{unix.ENOSPC, unix.EIO} {
				name := fmt.Sprintf("step %d, %d octets, %v", step+1, n, fault)
				m := newMemFS()
				l := newLedger(t)
				left := step + 1
				m.before = func(_ string, size int) (int, error) {
					if left--; left == 0 {
						return min(n, size), fault
					}
					return 0, nil
				}
				f := memFile(m)
				if err := work(f, l); err != nil && !errors.Is(err, fault) {
					t.Fatalf("%s: %v", name, err)
				}
				list, err := f.Load()
				if errors.Is(err, fs.ErrNotExist) && len(l.told) == 0 {
					list, err = f.Create(7, nil)
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				l.tell(list.Records)
				recs, err := f.Append([]string{"x", "y"})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				l.tell(recs)
				m.powerCut(false, false)
				goOn(t, name, m, l)
				if t.Failed() {
					t.Fatal(name)
				}
			}
		}
	}
}

// TestRepairCrash ends the world in a repair: the damaged file or the repaired
// one is there, and so is the old one, in one name or the other.
func TestRepairCrash(t *testing.T) {
	const text = header3 + "1 :a\ngarbage\n3 :c\n"
	for step := 1; ; step++ {
		m := newMemFS()
		m.names["mem/dovecot-uidlist"] = &memInode{ino: 99, data: text, durable: text, mode: 0o600}
		m.powerCut(true, true)
		m.before = stopAt(step, 10)
		_, err := memFile(m).Repair(RepairOptions{Now: time.Unix(5, 0)})
		if err == nil {
			if step < 6 {
				t.Fatalf("only %d steps", step)
			}
			return
		}
		m.powerCut(step%2 == 0, false)
		list, err := memFile(m).Repair(RepairOptions{Now: time.Unix(5, 0)})
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if got := lines(list.Records); got != "1 :a\n3 :c\n" {
			t.Errorf("step %d: %q", step, got)
		}
		if i := m.names["mem/dovecot-uidlist.broken-5"]; i == nil || i.data != text {
			t.Errorf("step %d: the damaged file is lost", step)
		}
	}
}

// TestOrder spells the steps out: durability is their order.
func TestOrder(t *testing.T) {
	m := newMemFS()
	f := memFile(m)
	check := func(what string, want ...string) {
		t.Helper()
		if got := strings.Join(m.trace, ", "); got != strings.Join(want, ", ") {
			t.Errorf("%s: %s", what, got)
		}
		m.trace = nil
	}
	replaced := []string{"create dovecot-uidlist.tmp", "write dovecot-uidlist.tmp", "datasync dovecot-uidlist.tmp",
		"rename dovecot-uidlist.tmp dovecot-uidlist", "sync directory"}
	if _, err := f.Create(7, []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	check("create", replaced...)
	if _, err := f.Append([]string{"c", "d"}); err != nil {
		t.Fatal(err)
	}
	check("append", "write dovecot-uidlist", "datasync dovecot-uidlist")
	if err := f.Compact(func(base string) bool { return base != "c" }); err != nil {
		t.Fatal(err)
	}
	check("compact", replaced...)
	if _, err := f.Load(); err != nil {
		t.Fatal(err)
	}
	check("load of our own writing")
	g := memFile(m)
	if _, err := g.Load(); err != nil {
		t.Fatal(err)
	}
	check("load of another's young file", "datasync dovecot-uidlist", "sync directory")
	h := memFile(m)
	h.now = func() time.Time { return time.Unix(0, m.clock).Add(2 * youth) }
	if _, err := h.Load(); err != nil {
		t.Fatal(err)
	}
	check("load of an old file")
}

// A fdatasync that failed is not believed the second time: the lines go to a new
// file.
func TestLostPage(t *testing.T) {
	m := newMemFS()
	f := memFile(m)
	if _, err := f.Create(7, nil); err != nil {
		t.Fatal(err)
	}
	before := m.names["mem/dovecot-uidlist"]
	m.before = func(step string, n int) (int, error) {
		if step == "datasync dovecot-uidlist" {
			before.durable = before.data // the kernel believes it is written, and it is not
			return 0, unix.EIO
		}
		return 0, nil
	}
	recs, err := f.Append([]string{"a"})
	if err != nil || recs[0].UID != 1 {
		t.Fatalf("%v, %v", recs, err)
	}
	if m.names["mem/dovecot-uidlist"] == before {
		t.Error("the file with the lost page is still in use")
	}
}

// A program that writes without the lock is noticed, not overwritten.
func TestRaced(t *testing.T) {
	m := newMemFS()
	f := memFile(m)
	if _, err := f.Create(7, nil); err != nil {
		t.Fatal(err)
	}
	m.before = func(step string, n int) (int, error) {
		if step == "write dovecot-uidlist" {
			m.names["mem/dovecot-uidlist"].data += "1 :foreign\n"
			m.before = nil
		}
		return n, nil
	}
	if _, err := f.Append([]string{"a"}); !errors.Is(err, ErrRaced) {
		t.Fatal(err)
	}
	// Two messages have UID 1 now; neither keeps it.
	var d *DamagedError
	if _, err := f.Load(); !errors.As(err, &d) || d.Problems[0].Kind != Descending {
		t.Fatal(err)
	}
	l, err := f.Repair(RepairOptions{})
	if err != nil || len(l.Records) != 0 || l.Next != 2 {
		t.Errorf("%v, %v", l, err)
	}
}
