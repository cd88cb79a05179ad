package webmail

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

var (
	speedMessages = flag.Int("speed", 10_000, "messages in the mailbox of BenchmarkPages")
	speedMaildir  = flag.String("speed-maildir", "", "take or make that mailbox in this `directory`")
)

// large returns the webmail of an account with many messages, of which every third is an
// answer to an earlier one.
func large(b *testing.B) *Site {
	dir := *speedMaildir
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "Maildir")
	}
	a, err := store.OpenAccount(dir, store.Options{Host: "test"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := a.Close(); err != nil {
			b.Error(err)
		}
	})
	ctx := context.Background()
	mb, err := a.Open(ctx, mail.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(ctx)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for n := snap.Len(); n < *speedMessages; {
		batch, err := mb.NewAppend()
		if err != nil {
			b.Fatal(err)
		}
		for range min(5000, *speedMessages-n) {
			f := mail.Seen
			if r.IntN(10) == 0 {
				f = 0
			}
			w, err := batch.Add(store.FlagSet{Flags: f}, now.Add(time.Duration(n)*time.Minute))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.WriteString(w, oneOfMany(r, n)); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if _, err := batch.Commit(ctx); err != nil {
			b.Fatal(err)
		}
	}
	return New(Options{Account: a, Name: "demo", Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Zone: time.UTC})
}

func oneOfMany(r *rand.Rand, n int) string {
	answer := ""
	if n > 10 && r.IntN(3) == 0 {
		answer = fmt.Sprintf("In-Reply-To: <m%d@example.org>\r\n", n-1-r.IntN(10))
	}
	return fmt.Sprintf("From: Person %d <p%d@example.org>\r\nTo: demo@example.org\r\nSubject: Message %d\r\nMessage-ID: <m%d@example.org>\r\n%sDate: %s\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello,\r\n\r\nthis is what message %d says.\r\n",
		n%97, n%97, n, n, answer, now.Add(time.Duration(n)*time.Minute).Format(time.RFC1123Z), n)
}

// BenchmarkPages prints how long the pages of a large mailbox take: p95 over requests that
// each look at another part of it. As in use, the first one was made before.
//
//	go test -run - -bench Pages -benchtime 200x -speed 100000 -speed-maildir /tmp/x ./internal/webmail
func BenchmarkPages(b *testing.B) {
	s := large(b)
	ids, pages := messagesOf(b, s)
	for _, c := range []struct {
		name string
		path func(i int) string
		part string
	}{
		{"list/first", func(int) string { return "/f/INBOX" }, ""},
		{"list/any", func(i int) string { return fmt.Sprintf("/f/INBOX?p=%d", 1+i*7919%pages) }, ""},
		{"list/rows", func(i int) string { return fmt.Sprintf("/f/INBOX?p=%d", 1+i*6007%pages) }, "rows"},
		{"list/unread", func(int) string { return "/f/INBOX?filter=unread" }, ""},
		{"message", func(i int) string { return ids[i%len(ids)] }, "main"},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				begun := time.Now()
				if w := ask(s, c.path(i), c.part); w.Code != 200 {
					b.Fatalf("%s: %d", c.path(i), w.Code)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

// BenchmarkSearch prints how long the first page of results takes. In a mailbox made by
// these tests all words but the last two are in every message; -speed-maildir may name one
// that has more to say.
//
//	first: nothing but the index is kept, which takes the caches away
//	cold: nothing of the messages' text is in the cache, and it begins to be filled
//	warm: all of it
func BenchmarkSearch(b *testing.B) {
	s := large(b)
	queries := []string{"message", "quarterly", "xylophone", "12345", "zzyzx", "two of the", "zzyzx xylophone", "from:p96", "from:zzyzx", "subject:meeting", "subject:zzyzx", "body:quarterly", "body:zzyzx"}
	search := func(b *testing.B, q, in string) {
		var took []time.Duration
		for b.Loop() {
			begun := time.Now()
			if w := ask(s, "/search?q="+url.QueryEscape(q)+in, "main"); w.Code != 200 {
				b.Fatalf("%s: %d", q, w.Code)
			}
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
		b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	}
	v, err := s.boxes.open(b.Context(), mail.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	if *speedMaildir == "" { // there it is left as it is
		b.Run("cold/zzyzx", func(b *testing.B) { search(b, "zzyzx", "") })
	}
	for _, q := range []string{"message", "quarterly", "zzyzx", "from:p96", "subject:zzyzx"} {
		b.Run("first/"+q, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				b.StopTimer()
				fresh, done := newcomer(b, s.boxes.account.Path())
				b.StartTimer()
				begun := time.Now()
				if w := ask(fresh, "/search?q="+url.QueryEscape(q), "main"); w.Code != 200 {
					b.Fatalf("%s: %d", q, w.Code)
				}
				took = append(took, time.Since(begun))
				b.StopTimer()
				done()
				b.StartTimer()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
		})
	}
	for busy := true; busy; time.Sleep(100 * time.Millisecond) {
		if busy, err = v.PrepareTexts(b.Context(), v.snap); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range queries {
		b.Run("warm/"+q, func(b *testing.B) { search(b, q, "") })
	}
	b.Run("warm/zzyzx everywhere", func(b *testing.B) { search(b, "zzyzx", "&in="+wholeScope) })
}

// newcomer is the webmail of an account of which nothing but the index is kept: a process
// of its own that nobody has searched in.
func newcomer(b *testing.B, dir string) (*Site, func()) {
	for _, name := range []string{"fantail.text", "fantail.sort"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			b.Fatal(err)
		}
	}
	a, err := store.OpenAccount(dir, store.Options{Host: "test"})
	if err != nil {
		b.Fatal(err)
	}
	return New(Options{Account: a, Name: "demo", Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Zone: time.UTC}), func() {
		if err := a.Close(); err != nil {
			b.Error(err)
		}
	}
}

func ask(s *Site, path, part string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if part != "" {
		r.Header.Set(headerFragment, part)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// messagesOf returns the addresses of messages all over the mailbox, and of how many pages
// its list is.
func messagesOf(b *testing.B, s *Site) (list []string, pages int) {
	v, err := s.boxes.open(b.Context(), mail.Inbox)
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	all, err := s.list(b.Context(), v, wish{Mailbox: mail.Inbox, Page: 1}, "")
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < v.snap.Len(); i += max(1, v.snap.Len()/500) {
		list = append(list, v.path(i, ""))
	}
	return list, all.n / perPage
}
