package clients

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/test/dialogue"
)

// dovecotHome is a home directory whose Maildir is that of the account.
func (in *installation) dovecotHome(t *testing.T) dialogue.Box {
	t.Helper()
	b := dialogue.Box{Home: filepath.Join(in.home, "dovecot"), UID: -1, GID: -1}
	if in.Owner != nil {
		b.UID, b.GID = int(in.Owner.Uid), int(in.Owner.Gid)
	}
	if _, err := os.Lstat(b.Home); err == nil {
		return b
	}
	in.mkdir(t, b.Home)
	if err := os.Symlink(in.Home(), b.Maildir()); err != nil {
		t.Fatal(err)
	}
	return b
}

// boxes is what a server says of all mailboxes.
func (k *talk) boxes(t *testing.T, in *installation) map[string]box {
	t.Helper()
	all := map[string]box{}
	for name, files := range in.mailboxes(t) {
		all[name] = k.box(name)
		if n := len(all[name].flags); n != len(files) {
			t.Errorf("%s: %d messages of %d", name, n, len(files))
		}
	}
	return all
}

// sameBoxes reports how two servers see the account.
func sameBoxes(t *testing.T, what string, before, after map[string]box) {
	t.Helper()
	if len(before) != len(after) {
		t.Errorf("%s: %d mailboxes have become %d", what, len(before), len(after))
	}
	for name, b := range before {
		a := after[name]
		if a.validity != b.validity || a.next != b.next || b.validity == "" || b.next == "" {
			t.Errorf("%s: %s: UIDVALIDITY %s and UIDNEXT %s have become %s and %s", what, name, b.validity, b.next, a.validity, a.next)
		}
		if maps.Equal(a.flags, b.flags) {
			continue
		}
		t.Errorf("%s: %s: %d messages have become %d, or others", what, name, len(b.flags), len(a.flags))
		for _, uid := range slices.Sorted(maps.Keys(b.flags)) {
			if flags, ok := a.flags[uid]; !ok || flags != b.flags[uid] {
				t.Logf("UID %d had (%s), has (%s)", uid, b.flags[uid], flags)
			}
		}
	}
}

// change does to INBOX what clients do, and Archive gets copies. The keywords
// carry a name, so that each server brings its own.
func (k *talk) change(name string, uids []uint32) {
	k.do("SELECT INBOX")
	k.do(`UID STORE %d FLAGS (\Flagged \Draft)`, uids[0])
	k.do(`UID STORE %d +FLAGS ($%s Shared)`, uids[1], name)
	k.do(`UID STORE %d FLAGS (\Seen %s-only)`, uids[2], name)
	k.do(`UID STORE %d:%d +FLAGS (\Answered)`, uids[3], uids[4])
	k.do(`UID COPY %d:%d Archive`, uids[1], uids[5])
	k.do(`UID STORE %d +FLAGS (\Deleted)`, uids[6])
	k.do("UID EXPUNGE %d", uids[6])
	k.do("CREATE %s", name)
	k.do("SUBSCRIBE %s", name)
	k.do(`UID COPY %d %s`, uids[1], name)
}

// subscribed gives the answer to LSUB, sorted.
func (k *talk) subscribed() []string {
	lines := k.do(`LSUB "" "*"`)
	lines = lines[:len(lines)-1]
	for i, l := range lines {
		lines[i] = strings.Trim(l[strings.LastIndex(l, `"." `)+4:], `"`)
	}
	slices.Sort(lines)
	return lines
}

// A mailbox wanders between Dovecot and us, and each finds all as the other
// has left it: UIDVALIDITY, UIDs, flags, keywords, subscriptions.
func TestDovecotAlternates(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"dovecot", "ours"} {
		t.Run(first+" first", func(t *testing.T) {
			t.Parallel()
			in := install(t)
			servers := []struct {
				name  string
				start func(*testing.T) *talk
			}{{"dovecot", in.dovecot}, {"ours", in.talk}}
			if first == "ours" {
				slices.Reverse(servers)
			}
			var before map[string]box
			var subscribed []string
			for round := range 4 {
				s := servers[round%2]
				what := fmt.Sprintf("round %d, %s", round+1, s.name)
				k := s.start(t)
				seen := k.boxes(t, in)
				if round > 0 {
					if mine := fmt.Sprintf("round%d-only", round); !strings.Contains(fmt.Sprint(seen[mail.Inbox].flags), mine) {
						t.Errorf("%s: no message has %s", what, mine)
					}
					sameBoxes(t, what, before, seen)
					if got := k.subscribed(); !slices.Equal(got, subscribed) {
						t.Errorf("%s: subscriptions %q have become %q", what, subscribed, got)
					}
				}
				uids := slices.Sorted(maps.Keys(seen[mail.Inbox].flags))
				k.change(fmt.Sprintf("round%d", round+1), uids[10*round:])
				before, subscribed = k.boxes(t, in), k.subscribed()
				k.logout()
			}
			if t.Failed() {
				t.Logf("keywords: %q", allFiles(t, in.Home())["dovecot-keywords"])
			}
		})
	}
}

// What is delivered between two openings gets the next UIDs, in the order of
// arrival, from whoever comes first.
func TestDovecotDeliveries(t *testing.T) {
	t.Parallel()
	in := install(t)
	k := in.dovecot(t)
	before := k.box(mail.Inbox)
	k.logout()
	for i := range 3 {
		if err := in.Deliver(t.Context(), fmt.Appendf(nil, "Subject: %d\n\nhello\n", i)); err != nil {
			t.Fatal(err)
		}
	}
	next, err := strconv.ParseUint(before.next, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	ours := in.talk(t)
	during := ours.box(mail.Inbox)
	for i := range 3 {
		lines := strings.Join(ours.do("UID FETCH %d BODY.PEEK[HEADER.FIELDS (SUBJECT)]", next+uint64(i)), "\n")
		if !strings.Contains(lines, fmt.Sprintf("\nSubject: %d\n", i)) {
			t.Errorf("UID %d is %q", next+uint64(i), lines)
		}
		if flags, ok := during.flags[uint32(next)+uint32(i)]; !ok || flags != "" {
			t.Errorf("UID %d has flags %q, %v", next+uint64(i), flags, ok)
		}
		delete(during.flags, uint32(next)+uint32(i))
	}
	if during.validity != before.validity || !maps.Equal(before.flags, during.flags) || during.next != fmt.Sprint(next+3) {
		t.Errorf("deliveries have changed other messages: UIDNEXT %s, was %s", during.next, before.next)
	}
	ours.logout()
	k = in.dovecot(t)
	after := k.box(mail.Inbox)
	k.logout()
	if after.validity != before.validity || after.next != during.next || len(after.flags) != len(before.flags)+3 {
		t.Errorf("dovecot sees UIDVALIDITY %s, UIDNEXT %s, %d messages", after.validity, after.next, len(after.flags))
	}
}
