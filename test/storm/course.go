package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/test/storm/fault"
)

// course is one operation, to be interrupted again and again.
type course struct {
	op            operation
	dir           string // of its own
	template      string // the account that it begins with
	before, after *state
	disk          map[string]int
	calls         []fault.Call // of the operation undisturbed
	count         int
}

// mode is a way to interrupt an operation at one of its writes.
type mode struct {
	name string
	at   fault.Verdict // at the write
	then fault.Verdict // at those that follow
	kill bool
	data bool // for calls alone that write data
	// lenient: it is not expected that what was done can be taken back.
	lenient bool
}

var modes = []mode{
	{name: "killed", at: fault.Killed, kill: true},
	{name: "torn", at: fault.Torn, kill: true, data: true},
	{name: "disk full", at: fault.Failed(unix.ENOSPC), then: fault.Failed(unix.ENOSPC)},
	{name: "disk full once", at: fault.Failed(unix.ENOSPC), then: fault.Allowed},
	{name: "I/O error once", at: fault.Failed(unix.EIO), then: fault.Allowed},
	{name: "disk broken", at: fault.Failed(unix.EIO), then: fault.Failed(unix.EIO), lenient: true},
	{name: "short write", at: fault.Short, then: fault.Allowed, data: true},
}

// roomless are the calls that fail on a full disk: those that need room.
var roomless = []string{"openat", "mkdirat", "linkat", "symlinkat", "write", "pwrite64", "writev", "pwritev", "copy_file_range", "sendfile", "fallocate", "fsync", "fdatasync"}

// newCourse makes the account and finds out what the operation writes when it is
// left alone.
func newCourse(dir string, op operation) (*course, error) {
	c := &course{op: op, dir: dir, template: filepath.Join(dir, "template")}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := furnish(c.template); err != nil {
		return nil, fmt.Errorf("make the account: %w", err)
	}
	if op.prepare != nil {
		if err := op.prepare(c.template); err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
	}
	return c, c.learn()
}

// learn runs the operation undisturbed.
func (c *course) learn() error {
	look := filepath.Join(c.dir, "before")
	err := c.lay(look)
	if err == nil {
		c.before, err = observe(look)
	}
	if err != nil {
		return err
	}
	if c.op.blank {
		c.before.boxes[mail.Inbox] = &boxState{}
	}
	dir := filepath.Join(c.dir, "after")
	if err := c.begin(dir); err != nil {
		return err
	}
	if c.disk, err = tokens(dir); err != nil {
		return err
	}
	t := c.trial(dir, false)
	if t.calls, err = fault.Run(t.cmd, dir, func(int, fault.Call) fault.Verdict { return fault.Allowed }); err != nil {
		return fmt.Errorf("undisturbed: %w: %s", err, &t.log)
	}
	c.calls = t.calls
	if err := t.parse(); err != nil || t.failed != nil {
		return fmt.Errorf("undisturbed: %w, %v", err, t.failed)
	}
	if !slices.ContainsFunc(c.calls, func(k fault.Call) bool { return strings.Contains(k.String(), c.op.writes) }) {
		return fmt.Errorf("it never did %s, but: %v", c.op.writes, c.calls)
	}
	c.after, err = observe(dir)
	if err == nil {
		v := c.verdict(t.acks)
		if v.judge(c.after); len(v.broken) > 0 {
			err = fmt.Errorf("undisturbed: %s", strings.Join(v.broken, "; "))
		}
	}
	return errors.Join(err, os.RemoveAll(look), os.RemoveAll(dir))
}

func (c *course) verdict(acks []ack) *verdict {
	return &verdict{before: c.before, after: c.after, disk: c.disk, acks: acks}
}

// lay copies the template. What is in the index of a copied mailbox is true of
// other directories, so it is synced once, as it would be that was used last.
func (c *course) lay(dir string) error {
	if err := os.CopyFS(dir, os.DirFS(c.template)); err != nil {
		return err
	}
	if c.op.blank || c.op.cold {
		return nil
	}
	_, err := observe(dir)
	return err
}

// begin lays an account out for a trial.
func (c *course) begin(dir string) error {
	if err := c.lay(dir); err != nil || c.op.behind == nil {
		return err
	}
	return c.op.behind(dir)
}

// trial is one run of an actor.
type trial struct {
	cmd    *exec.Cmd
	in     io.WriteCloser // nil unless it goes on afterwards
	out    bytes.Buffer
	log    bytes.Buffer
	calls  []fault.Call
	acks   []ack
	failed *ack // what the operation said of its failure
	lifted atomic.Bool
}

func (c *course) trial(dir string, then bool) *trial {
	self, err := os.Executable()
	if err != nil {
		panic(err) // this program is running
	}
	t := &trial{}
	t.cmd = exec.Command(self, "role", "act", "-dir", dir, "-op", c.op.name, fmt.Sprintf("-then=%t", then))
	t.cmd.Stdout, t.cmd.Stderr = t, &t.log
	if then {
		if t.in, err = t.cmd.StdinPipe(); err != nil {
			t.log.WriteString(err.Error())
		}
	}
	return t
}

// Write takes what the actor prints. When it says that the operation is over the
// disk works again, and it is told so.
func (t *trial) Write(p []byte) (int, error) {
	t.out.Write(p)
	if t.in != nil && !t.lifted.Load() && bytes.Contains(t.out.Bytes(), []byte(`"done"`)) {
		t.lifted.Store(true)
		if _, err := t.in.Write([]byte("\n")); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// parse reads the acknowledgements.
func (t *trial) parse() error {
	sc := bufio.NewScanner(&t.out)
	for sc.Scan() {
		var k ack
		if err := json.Unmarshal(sc.Bytes(), &k); err != nil {
			return fmt.Errorf("acknowledgement %q: %w", sc.Text(), err)
		}
		if k.Did == "error" {
			t.failed = &k
		}
		t.acks = append(t.acks, k)
	}
	return sc.Err()
}

// interrupt runs the operation with call n interrupted. It returns what was
// broken, and whether there was such a call.
func (c *course) interrupt(n int, m mode) (broken []string, hit bool, err error) {
	c.count++
	dir := filepath.Join(c.dir, fmt.Sprintf("trial-%s-%d", strings.ReplaceAll(m.name, "/", ""), n))
	if err := c.begin(dir); err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(dir)
	t := c.trial(dir, !m.kill)
	late := time.AfterFunc(patience, func() { t.cmd.Process.Kill() })
	t.calls, err = fault.Run(t.cmd, dir, func(i int, k fault.Call) fault.Verdict {
		switch {
		case t.lifted.Load() || i < n:
			return fault.Allowed
		case i == n:
			hit = true
			return m.at
		case m.then == fault.Failed(unix.ENOSPC) && !slices.Contains(roomless, k.Name):
			return fault.Allowed
		}
		return m.then
	})
	if !late.Stop() {
		return []string{"it hangs"}, hit, nil
	}
	if perr := t.parse(); err != nil || perr != nil {
		return []string{fmt.Sprintf("the process ended badly: %v: %s", errors.Join(err, perr), &t.log)}, hit, nil
	}
	return c.check(dir, t, m), hit, nil
}

// check looks at what an interruption has left.
func (c *course) check(dir string, t *trial, m mode) []string {
	v := c.verdict(t.acks)
	v.failed = t.failed != nil
	v.lenient = m.lenient || v.failed && t.failed.Shown || c.op.behind != nil || c.op.blank
	if v.failed && m.at == fault.Failed(unix.ENOSPC) && t.failed.Kind != store.OverQuota.String() {
		v.blame("a full disk was told as %s: %s", t.failed.Kind, t.failed.Error)
	}
	if v.failed && m.at == fault.Short {
		v.blame("a short write was told as an error: %s", t.failed.Error)
	}
	if err := checkLists(dir, true); err != nil {
		v.blame("%v", err)
	}
	now, err := observe(dir)
	if err != nil {
		v.blame("it does not open: %v (after %v)", err, t.acks)
		return v.broken
	}
	v.judge(now)
	v.goesOn(dir, now)
	if v.failed && len(v.broken) > 0 {
		v.blame("(the operation had said %s: %s)", t.failed.Kind, t.failed.Error)
	}
	return v.broken
}

// goesOn checks that the account can be used: that no UID is given again, and
// that it is the same for the next process, and for one that has lost everything
// that was derived.
func (v *verdict) goesOn(dir string, now *state) {
	err := inAccount(dir, func(a *actor) error {
		var errs []error
		for name := range now.boxes {
			errs = append(errs, a.with(name, func(m *store.Mailbox) error {
				b, err := m.NewAppend()
				if err != nil {
					return err
				}
				got, err := a.batch(b, store.FlagSet{Flags: mail.Seen}, "later")
				if err == nil && got.UIDs[0] < highest(name, []*state{v.before, now}, v.acks) {
					v.blame("%s: UID %d is given again", name, got.UIDs[0])
				}
				return err
			}))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		v.blame("append afterwards: %v", err)
		return
	}
	if err := checkLists(dir, false); err != nil {
		v.blame("%v", err)
	}
	for _, how := range []struct {
		name string
		do   func(string) error
	}{{"next process", func(string) error { return nil }}, {"index deleted", removeDerived}} {
		then, err := observe(dir)
		if err == nil {
			err = how.do(dir)
		}
		var again *state
		if err == nil {
			again, err = observe(dir)
		}
		if err != nil {
			v.blame("%s: %v", how.name, err)
			return
		}
		for _, d := range then.differences(again) {
			v.blame("%s: %s", how.name, d)
		}
		for name, b := range now.boxes {
			for uid, m := range b.messages {
				if again.boxes[name] == nil || again.boxes[name].messages[uid] != m {
					v.blame("%s: %s: UID %d was %v", how.name, name, uid, m)
				}
			}
		}
	}
}

// choose samples the calls of an operation: of those that do the same in the same
// place the first two and the last, or all of them, or only the first.
func choose(calls []fault.Call, all, few bool) []int {
	kinds := make(map[string][]int)
	for i, k := range calls {
		kind := k.Name + " " + place(k.Path)
		kinds[kind] = append(kinds[kind], i)
	}
	var chosen []int
	for _, at := range kinds {
		if few {
			at = at[:1]
		}
		if !all && len(at) > 3 {
			at = []int{at[0], at[1], at[len(at)-1]}
		}
		chosen = append(chosen, at...)
	}
	slices.Sort(chosen)
	return chosen
}

// place is the directory of a message, and of all others the file.
func place(path string) string {
	switch dir := filepath.Dir(path); filepath.Base(dir) {
	case "new", "cur", "tmp":
		return dir
	}
	return path
}
