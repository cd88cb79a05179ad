package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/mail"
)

// together is for how long they all work on one mailbox.
const together = 4 * time.Second

var subject = regexp.MustCompile(`(?m)^Subject: ((?:victim|delivered|appended) \d+\.?)$`)

// subjects gives those that the test has made, and counts the rest.
func subjects(list []stored) (made []string, others int) {
	for _, m := range list {
		if s := subject.FindStringSubmatch(m.data); s != nil {
			made = append(made, s[1])
		} else {
			others++
		}
	}
	slices.Sort(made)
	return made, others
}

// While deliver puts mail in, imaplib appends, flags and expunges, mbsync goes
// to and fro, another client idles and go-imap idles and looks by turns, nothing is
// lost and nothing is there twice: neither in the Maildir, nor in mbsync's copy, nor
// in what the idle clients were told.
func TestTogether(t *testing.T) {
	t.Parallel()
	in := install(t)
	const victims = 30
	for i := range victims {
		if err := in.Deliver(t.Context(), fmt.Appendf(nil, "Message-ID: <victim.%d@here>\nSubject: victim %d.\n\nbody\n", i, i)); err != nil {
			t.Fatal(err)
		}
	}
	_, others := subjects(read(t, in.Home()))
	m := in.newMirror(t, "mirror")
	m.mustSync(t)
	watcher := in.watch(t)
	library := in.goimap(t)
	library.open(mail.Inbox)

	var wg sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), together)
	defer cancel()
	var delivered []string
	wg.Go(func() { delivered = in.deliverUntil(ctx, t) })
	wg.Go(func() {
		if err := library.follow(ctx); err != nil {
			t.Errorf("go-imap: %v", err)
		}
	})
	wg.Go(func() {
		runs := 0
		for ; ctx.Err() == nil; runs++ {
			// The client itself must not be broken off.
			if out, err := m.sync(context.WithoutCancel(ctx)); err != nil {
				t.Errorf("mbsync, run %d: %v\n%s", runs+1, err, out)
			}
		}
		t.Logf("mbsync ran %d times", runs)
	})
	var busy struct{ Appended, Expunged []string }
	if err := json.Unmarshal(in.python(t, "busy.py", port(in.imaps), in.certificate(), fmt.Sprint(together.Seconds())), &busy); err != nil {
		t.Error(err)
	}
	wg.Wait()
	t.Logf("delivered %d, appended %d, expunged %d", len(delivered), len(busy.Appended), len(busy.Expunged))
	if len(delivered) < 3 || len(busy.Appended) < 3 || len(busy.Expunged) < 3 {
		t.Error("too little has happened")
	}

	want := slices.Concat(delivered, busy.Appended)
	for i := range victims {
		if v := fmt.Sprintf("victim %d.", i); !slices.Contains(busy.Expunged, v) {
			want = append(want, v)
		}
	}
	slices.Sort(want)
	got, rest := subjects(read(t, in.Home()))
	if !slices.Equal(got, want) || rest != others {
		t.Errorf("the Maildir has %d messages, want %d; and %d others of %d\n%q\n%q", len(got), len(want), rest, others, got, want)
	}
	m.mustSync(t)
	m.compare(t)
	if count := watcher.end(); count != len(want)+others {
		t.Errorf("the idle client knows of %d messages, there are %d", count, len(want)+others)
	}
	if count, err := library.counts(); err != nil || count != len(want)+others {
		t.Errorf("go-imap knows of %d messages, there are %d; %v", count, len(want)+others, err)
	}
	library.must("LOGOUT", library.Logout().Wait())
	k := in.talk(t)
	if b := k.box(mail.Inbox); len(b.flags) != len(want)+others {
		t.Errorf("%d UIDs for %d messages", len(b.flags), len(want)+others)
	}
	k.logout()
}

// deliverUntil delivers messages, one after the other, until ctx ends. It
// returns the subjects.
func (in *installation) deliverUntil(ctx context.Context, t *testing.T) []string {
	var list []string
	for i := 0; ctx.Err() == nil; i++ {
		s := fmt.Sprintf("delivered %d", i)
		if err := in.Deliver(context.WithoutCancel(ctx), fmt.Appendf(nil, "Message-ID: <delivered.%d@here>\nSubject: %s\n\nbody\n", i, s)); err != nil {
			t.Error(err)
		}
		list = append(list, s)
		time.Sleep(20 * time.Millisecond)
	}
	return list
}

// watcher is a client that idles and believes what it is told.
type watcher struct {
	*talk
	count int
	done  chan struct{} // closed when the answer to DONE was read
}

var counted = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE)$`)

func (in *installation) watch(t *testing.T) *watcher {
	t.Helper()
	w := &watcher{talk: in.talk(t), done: make(chan struct{})}
	w.hear(w.do("EXAMINE INBOX")...)
	w.send("idle IDLE\r\n")
	go func() {
		defer close(w.done)
		for {
			l, err := w.read()
			if err != nil {
				t.Error(err)
				return
			}
			if strings.HasPrefix(l, "idle ") {
				return
			}
			w.hear(l)
		}
	}()
	return w
}

// hear counts as a client does: RFC 3501 section 7.4.1 makes each EXPUNGE one
// message less, and EXISTS may never tell of fewer.
func (w *watcher) hear(lines ...string) {
	for _, l := range lines {
		m := counted.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		var n int
		if _, err := fmt.Sscan(m[1], &n); err != nil {
			w.t.Error(err)
		}
		switch {
		case m[2] == "EXISTS" && n < w.count:
			w.t.Errorf("%q after %d messages", l, w.count)
		case m[2] == "EXISTS":
			w.count = n
		case n < 1 || n > w.count:
			w.t.Errorf("%q of %d messages", l, w.count)
		default:
			w.count--
		}
	}
}

// end leaves and gives the number of messages that the client knows of.
func (w *watcher) end() int {
	w.t.Helper()
	w.send("DONE\r\n")
	<-w.done
	w.hear(w.do("NOOP")...)
	w.logout()
	return w.count
}
