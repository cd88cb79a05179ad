package storetest

import (
	"fmt"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// findsText: text is found in exactly the messages that have it, whatever the cache
// of texts knows, and whoever else searches.
func findsText(w *world) {
	words := []string{"brook", "river", "Größe", "lake", "日本"}
	has := make(map[mail.UID]string)
	add := func(n int) {
		var bodies []string
		for i := range n {
			bodies = append(bodies, fmt.Sprintf("Subject: =?utf-8?q?%s?= %d\nContent-Type: text/plain; charset=utf-8\n\n%s\n",
				words[i%5], i, strings.Repeat(words[i/5%5]+" ", 20)))
		}
		for i, uid := range w.append(mail.Inbox, store.FlagSet{}, bodies...) {
			has[uid] = words[i%5] + " " + words[i/5%5]
		}
	}
	search := func() {
		w.t.Helper()
		s := w.sync(mail.Inbox)
		var q store.TextSearch
		for _, word := range words {
			word = strings.ToUpper(word)
			q.Queries = append(q.Queries, store.TextQuery{Needle: word}, store.TextQuery{Needle: word, In: store.BodyText},
				store.TextQuery{Needle: word, In: store.FieldText, Field: "subject"})
		}
		for range 2 { // read, and then known
			hits, err := w.inbox().FindText(w.ctx, s, q)
			w.must(err)
			for i, word := range words {
				for j, holds := range []func(subject, body string) bool{
					func(s, b string) bool { return s == word || b == word },
					func(_, b string) bool { return b == word },
					func(s, _ string) bool { return s == word },
				} {
					var want []mail.UID
					for uid, text := range has {
						subject, body, _ := strings.Cut(text, " ")
						if holds(subject, body) {
							want = append(want, uid)
						}
					}
					slices.Sort(want)
					var got []mail.UID
					for m := range hits[3*i+j].All() {
						got = append(got, s.UID(m))
					}
					w.same(fmt.Sprintf("query %d for %s", j, word), got, want...)
				}
			}
		}
	}
	expunge := func(uids ...mail.UID) {
		w.must(w.inbox().Expunge(w.ctx, uids))
		for _, uid := range uids {
			delete(has, uid)
		}
	}
	add(60)
	search()
	add(40)
	search()
	expunge(1, 5, 60, 61, 100)
	add(3)
	search()
	var most []mail.UID
	for uid := range has {
		if uid >= 10 && uid < 90 {
			most = append(most, uid)
		}
	}
	expunge(most...)
	search()
}
