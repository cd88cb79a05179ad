package browser

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/test/samplemail"
)

// another opens the account as another program does.
func (s *server) another(t *testing.T) *store.Account {
	t.Helper()
	a, err := store.OpenAccount(filepath.Join(s.home, "Maildir"), store.Options{Host: "another"})
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

// inbox opens a mailbox of it.
func inbox(t *testing.T, a *store.Account, name string) (*store.Mailbox, *store.Snapshot) {
	t.Helper()
	mb, err := a.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mb.Close(); err != nil {
			t.Error(err)
		}
	})
	snap, err := mb.Sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return mb, snap
}

// subjects are those of the first rows of the list.
func subjects(t *testing.T, ctx context.Context, n int) string {
	return eval[string](t, ctx, fmt.Sprintf("[...document.querySelectorAll('.messages li .subject')].slice(0, %d).map(e => e.innerText).join('|')", n))
}

func press(t *testing.T, ctx context.Context, keys ...string) {
	t.Helper()
	for _, k := range keys {
		do(t, ctx, "press "+k, chromedp.KeyEvent(k))
	}
}

// numbered are messages "number 1" to "number n", the last one the newest.
func numbered(n int) []samplemail.Message {
	at := time.Now().Add(-time.Duration(n+1) * time.Minute)
	var list []samplemail.Message
	for i := range n {
		list = append(list, htmlMessage(fmt.Sprintf("number %d", i+1), fmt.Sprintf("<p>body of %d<div style='height:%dpx'>tall</div>", i+1, 200+i), at.Add(time.Duration(i)*time.Minute)))
	}
	return list
}

const ready = "document.documentElement.dataset.scripts === 'on' && document.documentElement.dataset.live === 'on'"

// What people do with scripts: everything stays on one page, and shows at once.
func TestScripts(t *testing.T) {
	ctx := window(t, "en")
	s := start(t, numbered(6)...)
	s.login(t, ctx)
	until(t, ctx, ready)
	eval[bool](t, ctx, "(window.same = true)")
	do(t, ctx, "open", chromedp.Click(chromedp.CSS(".messages li:nth-child(1) a")))
	until(t, ctx, "document.querySelector('.pane.reader h1')?.innerText === 'number 6' && location.pathname.startsWith('/m/')")
	until(t, ctx, "document.querySelector('.messages li:nth-child(1)').className === 'read'")
	until(t, ctx, "document.querySelector('article iframe').offsetHeight > 200 && document.querySelector('article iframe').offsetHeight < 400")
	if got := eval[string](t, ctx, "document.title"); !strings.HasPrefix(got, "number 6") {
		t.Errorf("title %q", got)
	}
	press(t, ctx, "j", "j")
	until(t, ctx, "document.querySelector('.pane.reader h1')?.innerText === 'number 4'")
	do(t, ctx, "back", chromedp.NavigateBack())
	until(t, ctx, "document.querySelector('.pane.reader h1')?.innerText === 'number 5' || document.querySelector('.pane.reader h1')?.innerText === 'number 6'")
	press(t, ctx, "u")
	until(t, ctx, "location.pathname === '/f/INBOX' && document.querySelector('.pane.reader.resting') !== null")

	// Select, archive, undo.
	a := s.another(t)
	_, before := inbox(t, a, "Archive")
	do(t, ctx, "select", chromedp.Click(chromedp.CSS(".messages li:nth-child(2) .pick")))
	press(t, ctx, "J", "J")
	if got := eval[int](t, ctx, "document.querySelectorAll('.messages :checked').length"); got != 3 {
		t.Errorf("%d rows are selected", got)
	}
	if !eval[bool](t, ctx, "document.querySelector('#shown').indeterminate") {
		t.Error("the box of all is not in between")
	}
	press(t, ctx, "e")
	until(t, ctx, "document.querySelector('.toast p')?.innerText === '3 messages archived.'")
	if got := subjects(t, ctx, 3); got != "number 6|number 2|number 1" {
		t.Errorf("after archiving: %s", got)
	}
	if _, snap := inbox(t, a, "Archive"); snap.Len() != before.Len()+3 {
		t.Errorf("%d messages in the archive, %d before", snap.Len(), before.Len())
	}
	press(t, ctx, "z")
	until(t, ctx, "[...document.querySelectorAll('.messages li .subject')].slice(0, 6).every(e => e.innerText.startsWith('number'))")

	// A star, read and unread, by keys on a row.
	eval[bool](t, ctx, "(document.querySelector('.messages li:nth-child(1) a').focus(), true)")
	first := subjects(t, ctx, 1)
	press(t, ctx, "s")
	until(t, ctx, "document.querySelector('.messages li:nth-child(1)').classList.contains('starred')")
	press(t, ctx, "U")
	until(t, ctx, "document.querySelector('.messages li:nth-child(1)').classList.contains('unread')")
	until(t, ctx, "document.querySelector('.toast p')?.innerText === 'Marked as unread.'")
	mb, snap := inbox(t, a, mail.Inbox)
	found := false
	for i := range snap.Len() {
		root, err := mb.Structure(t.Context(), snap.UID(i))
		if err != nil {
			t.Fatal(err)
		}
		if subject, _ := root.Get("Subject"); strings.TrimSpace(subject) == first {
			found = true
			if f := snap.Flags(i); !f.Has(mail.Flagged) || f.Has(mail.Seen) {
				t.Errorf("%s has the flags %b", first, f)
			}
		}
	}
	if !found {
		t.Errorf("%q is not there", first)
	}

	// Help, and nothing of all this was a new page.
	press(t, ctx, "?")
	until(t, ctx, "document.querySelector('#keys').open")
	press(t, ctx, "\x1b")
	until(t, ctx, "!document.querySelector('#keys').open")
	if !eval[bool](t, ctx, "window.same === true") {
		t.Error("the page was loaded anew")
	}
}

// What others do shows within a second.
func TestLive(t *testing.T) {
	ctx := window(t, "en")
	s := start(t, numbered(3)...)
	s.login(t, ctx)
	until(t, ctx, ready)
	count := eval[string](t, ctx, "document.querySelector('.folders a[data-mailbox=INBOX] .count').innerText")
	message := "From: Ann <ann@example.org>\nSubject: just now\nDate: " + time.Now().Format(time.RFC1123Z) + "\n\nHello\n"
	begun := time.Now()
	write(t, filepath.Join(s.home, "Maildir", "new"), fmt.Sprintf("%d.P1.host", time.Now().Unix()), message)
	for subjects(t, ctx, 1) != "just now" {
		if time.Since(begun) > time.Minute {
			t.Fatalf("never: %s", subjects(t, ctx, 3))
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("a delivery shows after %v", time.Since(begun).Round(time.Millisecond))
	if now := eval[string](t, ctx, "document.querySelector('.folders a[data-mailbox=INBOX] .count').innerText"); now == count {
		t.Errorf("the count is still %s", now)
	}
	until(t, ctx, "document.querySelector('#say').innerText === 'New messages: 1'")
	a := s.another(t)
	mb, snap := inbox(t, a, mail.Inbox)
	newest := snap.UID(snap.Len() - 1)
	if _, err := mb.SetFlags(t.Context(), []mail.UID{newest}, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Seen | mail.Flagged}}); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "document.querySelector('.messages li').className === 'read starred'")
	if err := mb.Expunge(t.Context(), []mail.UID{newest}); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "document.querySelector('.messages li .subject').innerText === 'number 3'")
	if err := a.Create(t.Context(), "Made elsewhere"); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "document.querySelector('.folders').innerText.includes('Made elsewhere')")
}

// A long list is one list, of which few rows are there at a time.
func TestEndless(t *testing.T) {
	ctx := window(t, "en")
	s := start(t, numbered(400)...)
	s.login(t, ctx)
	until(t, ctx, ready)
	total := eval[int](t, ctx, "+document.querySelector('.messages').dataset.total")
	scroll := func(to string) {
		t.Helper()
		eval[bool](t, ctx, "(e => { e.scrollTop = "+to+"; return true })(document.querySelector('#pane-list'))")
	}
	for n := range 8 { // page by page
		want := fmt.Sprintf("number %d", 400-50*n-49)
		scroll("e.scrollTop + 50 * document.querySelector('.messages li').offsetHeight")
		until(t, ctx, "[...document.querySelectorAll('.messages .subject')].some(e => e.innerText === '"+want+"')")
	}
	if got := eval[int](t, ctx, "document.querySelectorAll('.messages li').length"); got > 150 {
		t.Errorf("%d rows", got)
	}
	scroll("0")
	until(t, ctx, "document.querySelector('.messages li .subject').innerText === 'number 400' && document.querySelector('.messages li').ariaPosInSet === '1'")
	scroll("e.scrollHeight") // far
	until(t, ctx, fmt.Sprintf("[...document.querySelectorAll('.messages li')].at(-1).ariaPosInSet === '%d'", total))
	if got := eval[int](t, ctx, "new Set([...document.querySelectorAll('.messages li')].map(e => e.ariaPosInSet)).size - document.querySelectorAll('.messages li').length"); got != 0 {
		t.Error("rows have the same number")
	}
	if !eval[bool](t, ctx, "(r => r.bottom > 0 && r.top < innerHeight)([...document.querySelectorAll('.messages li')].at(-1).getBoundingClientRect())") {
		t.Error("the last row is not to be seen: " + eval[string](t, ctx, "JSON.stringify([[...document.querySelectorAll('.messages li')].at(-1).getBoundingClientRect(), document.querySelector('.messages').getBoundingClientRect(), document.querySelector('.space.above').offsetHeight, document.querySelector('.space.below').offsetHeight, document.querySelector('#pane-list').scrollTop, document.querySelector('#pane-list').scrollHeight])"))
	}
}

// A list that was asked for before messages were archived, and comes after that, does not
// bring them back.
func TestListOfBefore(t *testing.T) {
	ctx := window(t, "en")
	s := start(t, numbered(3)...)
	s.login(t, ctx)
	until(t, ctx, ready)
	eval[bool](t, ctx, `(() => {
		const ask = window.fetch;
		window.held = 0;
		window.gate = new Promise(r => window.release = r);
		window.fetch = async (where, options) => {
			const answer = await ask(where, options);
			if ((options?.method ?? 'GET') === 'GET' && String(where).includes('/f/INBOX')) {
				window.held++;
				await window.gate;
			}
			return answer;
		};
		return true;
	})()`)
	mb, _ := inbox(t, s.another(t), mail.Inbox)
	add := func(subject string) {
		t.Helper()
		b, err := mb.NewAppend()
		if err != nil {
			t.Fatal(err)
		}
		w, err := b.Add(store.FlagSet{}, time.Time{})
		if err == nil {
			_, err = fmt.Fprintf(w, "Subject: %s\nDate: %s\n\nhello\n", subject, time.Now().Format(time.RFC1123Z))
		}
		if err == nil {
			_, err = b.Commit(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("just in") // the window hears of it, and asks
	until(t, ctx, "window.held > 0")
	eval[bool](t, ctx, "(document.querySelector('.messages li:nth-child(1) a').focus(), true)")
	press(t, ctx, "e")
	until(t, ctx, "document.querySelector('.toast p')?.innerText === 'Archived.'")
	eval[bool](t, ctx, `(() => {
		window.back = false;
		const look = () => { if (document.querySelector('.pane.list').innerText.includes('number 3')) window.back = true; };
		new MutationObserver(look).observe(document.querySelector('.pane.list'), {childList: true, subtree: true, characterData: true});
		window.release();
		return true;
	})()`)
	until(t, ctx, "document.querySelector('.messages li .subject').innerText === 'just in'")
	if eval[bool](t, ctx, "window.back") {
		t.Error("what was archived comes back for a moment")
	}
}
