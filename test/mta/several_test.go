package mta

import (
	"fmt"
	"strings"
	"testing"
)

// People of a virtual domain, of whom each has a Maildir, and all but walt are the user
// vmail to the system.
const (
	crowd = 500
	walt  = "walt@example.net"
)

// one returns the name of somebody of the crowd, from 1 on.
func one(n int) string { return fmt.Sprintf("crowd%d@example.net", n) }

// gather makes the accounts.
func (h house) gather() {
	h.Helper()
	h.sh(`adduser --quiet --disabled-password --gecos "" vmail2
		install -d -o vmail2 -g vmail2 -m 700 /home/vmail2/walt
		echo "walt@example.net:{PLAIN}secret:$(id -u vmail2):$(id -g vmail2)::/home/vmail2/walt::" >>/etc/fantail/passwd
		uid=$(id -u vmail) gid=$(id -g vmail)
		for n in $(seq "$1"); do
			mkdir -m 700 /home/vmail/crowd$n
			echo "crowd$n@example.net:{PLAIN}secret:$uid:$gid::/home/vmail/crowd$n::" >>/etc/fantail/passwd
		done
		chown vmail:vmail /home/vmail/crowd*`, fmt.Sprint(crowd))
}

// fates: of those whom one message is for each has his own: some have it, as one file if
// they are one user to the system; one is nobody, which the sender is told; and one gets
// it later, and nobody twice.
func (s server) fates(h house, links bool) {
	h.T.Run("fates", func(t *testing.T) {
		h := h.with(t)
		const nobody, subject = "nobody-at-all@example.net", "fates-of-many"
		late := one(6)
		h.sh(`install -d -m 700 -o root -g root /home/vmail/crowd6/Maildir`)
		before := h.deferred(late)
		if err := h.send(subject, 3, one(1), one(2), nobody, one(3), walt, late, one(4), one(5)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{one(1), one(2), one(3), one(4), one(5), walt} {
			h.arrives(account{name: name}, subject)
		}
		h.until("it has tried", func() bool { return h.deferred(late) > before })
		if s.keeps {
			h.until("mail for nobody waits", func() bool { return strings.Contains(h.sh(s.queue), nobody) })
		} else {
			h.arrives(account{name: "bob"}, subject)
		}
		files := `stat -c '%h %i' /home/vmail/crowd[1-5]/Maildir/???/*.* /home/vmail2/walt/Maildir/???/*.* | sort | uniq -c | awk '{print $1, $2}' | xargs`
		want := "1 1 1 1 1 1 1 1 1 1 1 1" // six files with a name
		if links {
			want = "1 1 5 5" // one file with a name, one with five
		}
		if got := h.sh(files); got != want && !(links && got == "5 5 1 1") {
			t.Errorf("files, and how many names each has: %s, want %s", got, want)
		}
		h.sh(`chown vmail:vmail /home/vmail/crowd6/Maildir`)
		h.sh(s.run)
		h.arrives(account{name: late}, subject)
		s.forgets(h, late)
		if !s.keeps {
			s.forgets(h, nobody)
		}
		for _, name := range []string{one(1), one(5), walt} {
			h.arrives(account{name: name}, subject) // and not again
		}
	})
}

// everybody: one message is for all of the crowd.
func (s server) everybody(h house) {
	h.T.Run("everybody", func(t *testing.T) {
		h := h.with(t)
		const subject = "for-all-of-the-crowd"
		var all []string
		for n := range crowd {
			all = append(all, one(n+1))
		}
		if err := h.send(subject, 3, all...); err != nil {
			t.Fatal(err)
		}
		s.forgets(h, "crowd")
		found := h.sh(`grep -l "^Subject: $1$" /home/vmail/crowd*/Maildir/new/* | cut -d/ -f4 | sort | uniq -c | awk '{print $1}' | sort | uniq -c | xargs`, subject)
		if want := fmt.Sprintf("%d 1", crowd); found != want {
			t.Errorf("accounts, and how many messages each has: %s, want %s", found, want)
		}
		// 50 share a session, and a file.
		inodes := h.sh(`grep -l "^Subject: $1$" /home/vmail/crowd*/Maildir/new/* | xargs stat -c %i | sort -u | wc -l`, subject)
		if want := fmt.Sprint(crowd / 50); inodes != want {
			t.Errorf("%s files, want %s", inodes, want)
		}
	})
}
