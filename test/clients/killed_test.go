package clients

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/test/dialogue"
)

// kills is how many sessions are killed, each within longestLife.
const (
	kills       = 25
	longestLife = 60 * time.Millisecond
)

// appendUID is the response code of APPEND (RFC 4315 section 3).
var appendUID = regexp.MustCompile(`\[APPENDUID (\d+) (\d+)\]`)

// promises is what a server has said OK to.
type promises struct {
	there map[uint32]string // appended: the subject, by UID
	gone  map[uint32]string // expunged, or about to be
	n     int
}

// work appends, flags, copies and expunges until the server breaks off.
func (p *promises) work(k *talk) error {
	if _, err := k.try("SELECT INBOX"); err != nil {
		return err
	}
	for {
		p.n++
		subject := fmt.Sprintf("promised %d", p.n)
		text := "Subject: " + subject + "\r\n\r\nbody\r\n"
		lines, err := k.try("APPEND INBOX (\\Seen) {%d+}\r\n%s", len(text), text)
		if err != nil {
			return err
		}
		m := appendUID.FindStringSubmatch(lines[len(lines)-1])
		if m == nil {
			return fmt.Errorf("APPEND: %q", lines)
		}
		n, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			return err
		}
		uid := uint32(n)
		p.there[uid] = subject
		if _, err := k.try(`UID STORE %d +FLAGS (\Flagged $Kept)`, uid); err != nil {
			return err
		}
		if _, err := k.try("UID COPY %d Archive", uid); err != nil {
			return err
		}
		if p.n%3 == 0 {
			delete(p.there, uid) // from here on it may be there or not
			if _, err := k.try(`UID STORE %d +FLAGS (\Deleted)`, uid); err != nil {
				return err
			}
			if _, err := k.try("UID EXPUNGE %d", uid); err != nil {
				return err
			}
			p.gone[uid] = subject
		}
	}
}

// A session that is killed at any moment has kept every promise that it has
// made, and leaves files that Dovecot and the next session read without a
// complaint and with the same UIDs.
func TestKilled(t *testing.T) {
	t.Parallel()
	in := install(t)
	home := in.dovecotHome(t)
	before := in.mailboxes(t)
	k := in.talk(t)
	validity := k.box(mail.Inbox).validity
	k.logout()
	p := promises{there: map[uint32]string{}, gone: map[uint32]string{}}
	for range kills {
		server, err := dialogue.Ours(bin).Start(&dialogue.Script{Protocol: dialogue.IMAP}, home)
		if err != nil {
			t.Fatal(err)
		}
		k := newTalk(t, server.Conn)
		timer := time.AfterFunc(rand.N(longestLife), server.Kill)
		err = p.work(k)
		timer.Stop()
		log, ended := server.Wait()
		if ended == nil || ended.Error() != "signal: killed" || strings.Contains(log, "level=ERROR") {
			t.Errorf("the session ended with %v, its work with %v\n%s", ended, err, log)
		}
		_ = server.Conn.Close() // the session has closed its end
	}
	t.Logf("%d promises of %d appended messages were kept", len(p.there)+len(p.gone), p.n)
	if len(p.there) < 10 || len(p.gone) < 3 {
		t.Error("too little has happened")
	}

	all := map[string]box{}
	for _, server := range []struct {
		name  string
		start func(*testing.T) *talk
	}{{"ours", in.talk}, {"dovecot", in.dovecot}, {"ours again", in.talk}} {
		k := server.start(t)
		all[server.name] = p.check(t, server.name, k)
		k.logout()
	}
	if all["ours"].validity != validity {
		t.Errorf("UIDVALIDITY %s has become %s", validity, all["ours"].validity)
	}
	for _, name := range []string{"dovecot", "ours again"} {
		sameBoxes(t, name, map[string]box{mail.Inbox: all["ours"]}, map[string]box{mail.Inbox: all[name]})
	}
	after := in.mailboxes(t)
	for name, list := range before {
		for _, m := range list {
			if now, ok := find(after[name], m.base); !ok || now != m {
				t.Errorf("%s in %s has become %s", m.file, name, now.file)
			}
		}
	}
	var subjects []string
	for _, m := range newIn(before[mail.Inbox], after[mail.Inbox]) {
		subjects = append(subjects, m.data)
	}
	slices.Sort(subjects)
	if n := len(subjects); len(slices.Compact(subjects)) != n {
		t.Errorf("some message is there twice: %q", subjects)
	}
}

// check looks whether the promises are kept, in the eyes of one server.
func (p *promises) check(t *testing.T, server string, k *talk) box {
	t.Helper()
	b := k.box(mail.Inbox)
	for uid, subject := range p.there {
		// The last flags of each session were perhaps not promised.
		if f, ok := b.flags[uid]; !ok || !strings.Contains(f, `\Seen`) {
			t.Errorf("%s: UID %d has flags %q, %v", server, uid, f, ok)
			continue
		}
		lines := strings.Join(k.do("UID FETCH %d BODY.PEEK[HEADER.FIELDS (SUBJECT)]", uid), "\n")
		if !strings.Contains(lines, "\nSubject: "+subject+"\n") {
			t.Errorf("%s: UID %d is %q, not %q", server, uid, lines, subject)
		}
	}
	for uid, subject := range p.gone {
		if _, ok := b.flags[uid]; ok {
			t.Errorf("%s: UID %d, %q, is back", server, uid, subject)
		}
	}
	return b
}
