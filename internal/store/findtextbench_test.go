package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fantail/test/samplemail"
)

// textMailbox makes a Maildir of n messages such as people get, of which some share
// an inode.
func textMailbox(b *testing.B, n int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "Maildir")
	openAccount(b, dir)
	const distinct = 10_000
	i := 0
	cur := filepath.Join(dir, "cur")
	name := func(i int) string {
		return filepath.Join(cur, fmt.Sprintf("%d.M%06dP1Q%d.host:2,S", 1700000000+i, i, i))
	}
	for m := range samplemail.Large(min(n, distinct), 1) {
		must(b, os.WriteFile(name(i), m.Data, 0o600))
		i++
	}
	for ; i < n; i++ {
		must(b, os.Link(name(i%distinct), name(i)))
	}
	return dir
}

// BenchmarkFindText searches in all messages: with nothing prepared, and when the cache
// of texts has them.
func BenchmarkFindText(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchFindText(b, n) })
	}
}

func benchFindText(b *testing.B, n int) {
	dir := textMailbox(b, n)
	settle(b, dir)
	for _, c := range []struct {
		name string
		q    TextQuery
	}{
		{"text-rare", TextQuery{Needle: "xylophone"}},
		{"text", TextQuery{Needle: "quarterly"}},
		{"text-common", TextQuery{Needle: "the"}},
		{"body", TextQuery{Needle: "quarterly", In: BodyText}},
		{"subject", TextQuery{Needle: "meeting", In: FieldText, Field: "Subject"}},
		{"message-id", TextQuery{Needle: "absent@example.org", In: FieldText, Field: "Message-ID"}},
	} {
		q := TextSearch{Queries: []TextQuery{c.q}}
		hits := 0
		find := func(p process) {
			h, err := p.box.FindText(b.Context(), p.snap, q)
			must(b, err)
			hits = h[0].Len()
		}
		if c.name == "text" || c.name == "subject" {
			var p process
			b.Run(c.name+"/none", func(b *testing.B) {
				measure(b, operation{
					prepare: func() { forgetAll(b, dir, "fantail.text"); p = start(b, dir) },
					run:     func() { find(p) },
					finish:  func() { p.end(b) },
				})
			})
		}
		p := start(b, dir)
		must(b, p.box.fill(b.Context(), p.snap, 0))
		b.Run(c.name+"/cached", func(b *testing.B) {
			measure(b, operation{run: func() { find(p) }})
			b.ReportMetric(float64(hits), "hits")
		})
		if st, err := os.Stat(filepath.Join(dir, "fantail.text")); err == nil && c.name == "text-rare" {
			b.Logf("%d octets for %d messages", st.Size(), n)
		}
		p.end(b)
	}
}
