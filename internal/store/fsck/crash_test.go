package fsck

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/store"
	"fantail/test/storm/fault"
)

// TestMain lets the test binary be a process that mends, for TestCrash: started with
// "mend MAILDIR".
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "mend" {
		if err := mendGuarded(os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func mendGuarded(root string) error {
	o := Options{Report: func(Finding) {}, Progress: func(string, int) {}}
	if err := fault.Guard(); err != nil {
		return err
	}
	if _, err := Prepare(root, o); err != nil {
		return err
	}
	a, err := store.OpenAccount(root, store.Options{Host: "test"})
	if err != nil {
		return err
	}
	if _, err := Account(context.Background(), a, o); err != nil {
		return err
	}
	return a.Close()
}

// wreck damages much.
func (p *place) wreck() {
	p.Helper()
	for n := range subjects {
		p.rename(n+1, `S=\d+,W=\d+`, "S=1,W=2")
	}
	p.rewrite("dovecot-uidlist", func(s string) string { return s + "3 garbage\n" })
	p.rewrite("dovecot-keywords", func(s string) string { return s + "what is this\n" })
	p.rewrite("fantail-keywords", func(s string) string { return s + "what is this\n" })
	p.ok(os.Symlink("/etc/passwd", p.path("cur/1000.x.y")), os.RemoveAll(p.path("tmp")), os.Chmod(p.path("new"), 0o777),
		os.WriteFile(p.path("cur/:2,S"), []byte("Subject: hidden\n"), 0o600),
		os.WriteFile(p.path("new", p.wrecked(1)), []byte("Subject: twice\n"), 0o600))
}

// wrecked is the base of the n-th message as the damaged list has it.
func (p *place) wrecked(n int) string {
	p.Helper()
	text, err := os.ReadFile(p.path("dovecot-uidlist"))
	p.ok(err)
	return regexp.MustCompile(fmt.Sprintf(`(?m)^%d.* :(.*)$`, n+1)).FindStringSubmatch(string(text))[1]
}

// copied is the same place elsewhere.
func (p *place) copied(t *testing.T) *place {
	t.Helper()
	q := &place{TB: t, root: filepath.Join(t.TempDir(), "Maildir"), half: p.half}
	if out, err := exec.Command("cp", "-a", p.root, q.root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return q
}

// interrupted has a process mend the place, which meets v at its n-th call that writes. It
// returns the calls.
func (p *place) interrupted(n int, v fault.Verdict) []fault.Call {
	p.Helper()
	cmd := exec.Command(os.Args[0], "mend", p.root)
	cmd.Env = append(os.Environ(), fault.Environment)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	calls, err := fault.Run(cmd, p.root, func(i int, _ fault.Call) fault.Verdict {
		if i == n {
			return v
		}
		return fault.Allowed
	})
	if strings.Contains(out.String(), fault.ErrUnsupported.Error()) {
		p.Skip(out.String())
	}
	if err != nil && (n < 0 || v == fault.Killed) {
		p.Fatalf("%v\n%s", err, &out)
	}
	return calls
}

// TestCrash interrupts a repair at every system call that writes. Whatever is left, the
// store opens it and no message is missing; mending it again makes of it what mending it
// without interruption does, with the same UIDs, flags and keywords; also if a session
// was there between.
func TestCrash(t *testing.T) {
	p := newPlace(t)
	before := p.mail()
	p.wreck()
	q := p.copied(t)
	calls := q.interrupted(-1, fault.Allowed)
	want := q.mail()
	compareKept(t, "undisturbed", before, want)
	if found, _ := q.check(Options{}); len(found) > 0 {
		t.Fatalf("undisturbed: %+v", found)
	}
	if len(calls) < 30 {
		t.Fatalf("only %d calls", len(calls))
	}
	step := 3 // of which another run takes others
	if testing.Short() {
		step = 9
	}
	first := time.Now().Second() % step
	for _, c := range []struct {
		name    string
		v       fault.Verdict
		session bool
	}{{"killed", fault.Killed, false}, {"killed, then a session", fault.Killed, true}, {"full", fault.Failed(unix.ENOSPC), false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for n := first; n < len(calls); n += step {
				t.Run(fmt.Sprint(n, " ", calls[n]), func(t *testing.T) {
					q := p.copied(t)
					q.half = true
					q.interrupted(n, c.v)
					if c.session {
						q.ok(os.MkdirAll(q.path("tmp"), 0o700))
						compareTexts(t, want, q.copied(t).mail(), true)
						q.mail()
					} else {
						compareTexts(t, want, q.copied(t).mail(), true)
					}
					q.half = false
					q.check(Options{})
					if found, _ := q.check(Options{}); len(found) > 0 {
						t.Errorf("again: %+v", found)
					}
					got := q.mail()
					compareKept(t, "mended", before, got)
					compareTexts(t, want, got, false)
				})
			}
		})
	}
}

// compareKept wants each message that was there, with its UID, flags and keywords.
func compareKept(t *testing.T, when string, before, after []string) {
	t.Helper()
	for _, m := range before {
		if !slices.Contains(after, m) {
			t.Errorf("%s: lost: %s", when, m)
		}
	}
}

// compareTexts wants the same messages, whatever their UIDs are; more perhaps, if they are
// the same messages again.
func compareTexts(t *testing.T, want, got []string, more bool) {
	t.Helper()
	texts := func(all []string) map[string]int {
		counts := make(map[string]int)
		for _, m := range all {
			if _, text, ok := strings.Cut(m, `"`); ok {
				counts[text]++
			}
		}
		return counts
	}
	w, g := texts(want), texts(got)
	for text, n := range w {
		if g[text] < n && !(more && isHidden(text)) || g[text] > n && !more {
			t.Errorf("%d times, not %d: %s", g[text], n, text)
		}
	}
	for text := range g {
		if w[text] == 0 {
			t.Errorf("what is %s", text)
		}
	}
}

// isHidden reports whether no program shows a message until it is mended.
func isHidden(text string) bool { return strings.HasPrefix(text, "Subject: hidden") }
