package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/store/quota"
)

// warned opens an account whose owner is told at 80 and 95 percent of 10,000 octets.
func warned(t *testing.T, root string) *Account {
	t.Helper()
	a, err := OpenAccount(root, Options{
		Host: "mx", Limits: Limits{Octets: 10_000}, Owner: "ann@example.org", Ignored: map[string]bool{"Junk": true},
		Warnings: conf.WarningSettings{Percents: []int{80, 95}, Message: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// warnings returns the subjects of the warnings in INBOX, which are removed.
func warnings(t *testing.T, a *Account) (subjects []string) {
	t.Helper()
	in := openBox(t, a, mail.Inbox)
	var gone []mail.UID
	for _, uid := range syncBox(t, in).UIDs() {
		text := read(t, in, uid)
		if _, rest, found := strings.Cut(text, "Subject: Your mailbox is "); found && strings.HasPrefix(text, "From: postmaster@example.org") {
			subject, _, _ := strings.Cut(rest, "\n")
			subjects = append(subjects, subject)
			gone = append(gone, uid)
		}
	}
	if len(gone) > 0 {
		if err := in.Expunge(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
	}
	return subjects
}

// TestWarn: whatever way mail comes in, the owner is told, once.
func TestWarn(t *testing.T) {
	full := strings.Repeat("x", 8000)
	junk := func(t *testing.T, a *Account) (*Mailbox, *Mailbox) {
		if err := a.Create(t.Context(), "Junk"); err != nil {
			t.Fatal(err)
		}
		box := openBox(t, a, "Junk")
		if err := tryPut(t, box, full); err != nil {
			t.Fatal(err)
		}
		return box, openBox(t, a, mail.Inbox)
	}
	for name, comes := range map[string]func(t *testing.T, a *Account) error{
		"deliver": func(t *testing.T, a *Account) error { return tryDeliver(t, openBox(t, a, mail.Inbox), full) },
		"append":  func(t *testing.T, a *Account) error { return tryPut(t, openBox(t, a, mail.Inbox), full) },
		"copy": func(t *testing.T, a *Account) error {
			from, to := junk(t, a)
			_, err := from.Copy(t.Context(), []mail.UID{1}, to)
			return err
		},
		"move": func(t *testing.T, a *Account) error {
			from, to := junk(t, a)
			_, err := from.Move(t.Context(), []mail.UID{1}, to)
			return err
		},
		"share": func(t *testing.T, a *Account) error {
			other := openLimited(t, filepath.Join(t.TempDir(), "Maildir"), Limits{}, a.layout)
			d, err := openBox(t, other, mail.Inbox).NewDelivery()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Write([]byte(full)); err != nil {
				t.Fatal(err)
			}
			twin, err := d.Twin(openBox(t, a, mail.Inbox))
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			return twin.Commit(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := warned(t, filepath.Join(t.TempDir(), "Maildir"))
			if err := tryDeliver(t, openBox(t, a, mail.Inbox), "small\n"); err != nil {
				t.Fatal(err)
			}
			if got := warnings(t, a); got != nil {
				t.Errorf("before: %q", got)
			}
			if err := comes(t, a); err != nil {
				t.Fatal(err)
			}
			if got := warnings(t, a); len(got) != 1 || got[0] != "80% full" {
				t.Errorf("told %q", got)
			}
			if err := tryDeliver(t, openBox(t, a, mail.Inbox), "small\n"); err != nil {
				t.Fatal(err)
			}
			if got := warnings(t, a); got != nil {
				t.Errorf("told again: %q", got)
			}
		})
	}
}

// TestWarnAgain: there is a further warning at the next percentage, and the same one after
// there was room. The warnings themselves count, and are not refused.
func TestWarnAgain(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	a := warned(t, root)
	in := openBox(t, a, mail.Inbox)
	bring := func(size int, want ...string) {
		t.Helper()
		if err := tryPut(t, in, strings.Repeat("x", size)); err != nil {
			t.Fatal(err)
		}
		if got := warnings(t, a); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	bring(7900)
	bring(200, "81% full")
	bring(1500, "96% full")
	expectQuota(t, a, Limits{Octets: 10_000})
	if err := in.Expunge(t.Context(), []mail.UID{1}); err != nil {
		t.Fatal(err)
	}
	bring(10)
	if err := tryPut(t, in, strings.Repeat("x", 8289)); err != nil { // to the last octet but one
		t.Fatal(err)
	}
	expectQuota(t, a, Limits{Octets: 10_000})
	if got := warnings(t, a); len(got) != 1 || got[0] != "99% full" {
		t.Errorf("told %q", got)
	}
	expectQuota(t, a, Limits{Octets: 10_000})
}

// TestWarnOnce: many deliver at once, in accounts that know nothing of each other, and
// there is one warning.
func TestWarnOnce(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	first := warned(t, root)
	if _, _, err := first.Quota(context.Background()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 9 {
		a := warned(t, root)
		in := openBox(t, a, mail.Inbox)
		wg.Go(func() {
			if err := tryDeliver(t, in, strings.Repeat("x", 950)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := warnings(t, first); len(got) != 1 {
		t.Errorf("told %q", got)
	}
}

// TestWarnNobody: what cannot be told refuses no mail; without percentages nothing is
// looked at.
func TestWarnNobody(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	a := warned(t, root)
	told := filepath.Join(root, "fantail-quota-told")
	if err := os.Mkdir(told, 0o700); err != nil {
		t.Fatal(err)
	}
	in := openBox(t, a, mail.Inbox)
	if err := tryDeliver(t, in, strings.Repeat("x", 9000)); err != nil {
		t.Error(err)
	}
	if got := warnings(t, a); got != nil {
		t.Errorf("told %q", got)
	}
	if err := os.Remove(told); err != nil {
		t.Fatal(err)
	}
	a.opt.Warnings.Percents = nil
	if err := tryDeliver(t, in, "x"); err != nil {
		t.Error(err)
	}
	if isThere(told) {
		t.Error("somebody looked")
	}
	a.opt.Warnings.Percents = []int{80}
	a.opt.Clock = func() time.Time { return time.Unix(1e9, 0) }
	if err := tryDeliver(t, in, "x"); err != nil {
		t.Error(err)
	}
	if got := warnings(t, a); len(got) != 1 {
		t.Errorf("told %q", got)
	}
}

// TestWarnCommand: crossings, up and down, wait for a program if there is one, and somebody
// is told of each; the owner need not be.
func TestWarnCommand(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	a := warned(t, root)
	told := 0
	a.opt.Warnings.Message, a.opt.Crossed = false, func() { told++ }
	in := openBox(t, a, mail.Inbox)
	waiting := func() (list []string) {
		t.Helper()
		for {
			c, ok, _, err := quota.Take(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return list
			}
			list = append(list, fmt.Sprint(c.Before, "-", c.Now))
		}
	}
	if err := tryDeliver(t, in, strings.Repeat("x", 8000)); err != nil {
		t.Error(err)
	}
	if got := waiting(); got != nil || told > 0 {
		t.Errorf("without a program %q wait, told %d times", got, told)
	}
	a.opt.Warnings.Command = []string{"/bin/true"}
	if err := tryDeliver(t, in, strings.Repeat("x", 1500)); err != nil {
		t.Error(err)
	}
	if err := tryDeliver(t, in, strings.Repeat("x", 10)); err != nil {
		t.Error(err)
	}
	if err := in.Expunge(t.Context(), syncBox(t, in).UIDs()); err != nil {
		t.Fatal(err)
	}
	if got := waiting(); !slices.Equal(got, []string{"80-95", "95-0"}) || told != 2 {
		t.Errorf("%q wait, told %d times", got, told)
	}
	if got := warnings(t, a); got != nil {
		t.Errorf("the owner was told %q", got)
	}
}
