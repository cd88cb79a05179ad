package search_test

import (
	"bytes"
	"context"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/search"
	"fantail/internal/store"
	"fantail/test/samplemail"
)

var (
	benchSize = flag.Int("search.messages", 2000, "messages of the mailbox that benchmarks search in")
	benchDir  = flag.String("search.maildir", "", "the Maildir that benchmarks search in; it is made if it is not there")
)

// benchmark returns a mailbox to search in, and all of its messages.
func benchmark(b *testing.B) (search.Search, *store.MessageSet) {
	dir := *benchDir
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "Maildir")
	}
	if _, err := os.Stat(filepath.Join(dir, "cur")); err != nil {
		if _, err := samplemail.Write(dir, headers(*benchSize)); err != nil {
			b.Fatal(err)
		}
	}
	m, s := open(b, dir)
	all := store.NewMessageSet(s.Len())
	all.AddAll()
	return search.Search{Mailbox: m, Snapshot: s}, all
}

// headers are messages as they come, without most of their bodies: those are not
// what is measured here.
func headers(n int) iter.Seq[samplemail.Message] {
	return func(yield func(samplemail.Message) bool) {
		for m := range samplemail.Large(n, 1) {
			end := bytes.Index(m.Data, []byte("\n\n"))
			m.Data = m.Data[:min(len(m.Data), end+100)]
			if !yield(m) {
				return
			}
		}
	}
}

// again looks once, so that what is kept is there, and syncs.
func again(b *testing.B, look func(*search.Search, *store.MessageSet) error) {
	s, all := benchmark(b)
	if err := look(&s, all); err != nil {
		b.Fatal(err)
	}
	var err error
	if s.Snapshot, err = s.Mailbox.Sync(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	begin := cpu(b)
	for b.Loop() {
		if err := look(&s, all); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// cpu is the processor time that the process has taken: on a busy machine it says
// more than the clock.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkSort(b *testing.B) {
	for name, by := range map[string][]search.Criterion{
		"date": {{Order: search.ByDate, Reverse: true}}, "subject": {{Order: search.BySubject}, {Order: search.ByDate}},
	} {
		b.Run(name, func(b *testing.B) {
			again(b, func(s *search.Search, all *store.MessageSet) error {
				_, err := s.Sort(context.Background(), by, all)
				return err
			})
		})
	}
}

// BenchmarkFirst is a SORT or THREAD of somebody who finds nothing in memory.
func BenchmarkFirst(b *testing.B) {
	for name, look := range map[string]func(*search.Search, *store.MessageSet) error{
		"sort": func(s *search.Search, all *store.MessageSet) error {
			_, err := s.Sort(context.Background(), []search.Criterion{{Order: search.ByDate}}, all)
			return err
		},
		"thread": func(s *search.Search, all *store.MessageSet) error {
			_, err := s.Thread(context.Background(), search.References, all)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			again(b, func(s *search.Search, all *store.MessageSet) error {
				s.Mailbox.KeepDerived(nil)
				return look(s, all)
			})
		})
	}
}

func BenchmarkThread(b *testing.B) {
	for name, alg := range map[string]search.Algorithm{"references": search.References, "orderedsubject": search.OrderedSubject} {
		b.Run(name, func(b *testing.B) {
			again(b, func(s *search.Search, all *store.MessageSet) error {
				_, err := s.Thread(context.Background(), alg, all)
				return err
			})
		})
	}
}

func BenchmarkFind(b *testing.B) {
	for name, q := range map[string]*search.Key{
		"subject": {Op: search.Field, Name: "subject", Text: "ange"},
		"sent":    {Op: search.Since, Date: search.Sent},
		"unseen":  {Op: search.Not, Keys: []*search.Key{{Op: search.HasFlag, Flag: 1}}},
		"keyword": {Op: search.Keyword, Keyword: "$junk"},
		"larger":  {Op: search.Larger, Number: 10000},
	} {
		b.Run(name, func(b *testing.B) {
			again(b, func(s *search.Search, all *store.MessageSet) error {
				_, err := s.Find(context.Background(), q, all)
				return err
			})
		})
	}
}
