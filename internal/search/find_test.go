package search_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/search"
	"fantail/internal/store"
	"fantail/test/samplemail"
)

// open returns the INBOX of a new Maildir with these messages.
func open(t testing.TB, dir string) (*store.Mailbox, *store.Snapshot) {
	t.Helper()
	acct, err := store.OpenAccount(dir, store.Options{Host: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := acct.Close(); err != nil {
			t.Error(err)
		}
	})
	m, err := acct.Open(context.Background(), mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := m.Sync(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

func maildir(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "Maildir")
	messages := func(yield func(samplemail.Message) bool) {
		for m := range samplemail.Generate(n, 5) {
			m.Folder = mail.Inbox
			if !yield(m) {
				return
			}
		}
	}
	if _, err := samplemail.Write(dir, messages); err != nil {
		t.Fatal(err)
	}
	return dir
}

// slow answers queries about one message at a time, from its file.
type slow struct {
	t *testing.T
	m *store.Mailbox
	s *store.Snapshot
}

func (r slow) root(i int) *message.Part {
	p, err := r.m.Structure(context.Background(), r.s.UID(i))
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r slow) stat(i int) store.Stat {
	st, err := r.m.Stat(context.Background(), r.s.UID(i))
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

func has(text, needle string) bool {
	return bytes.Contains(message.AppendCasemap(nil, text), message.AppendCasemap(nil, needle))
}

func (r slow) day(i int, k *search.Key) (time.Time, bool) {
	var t time.Time
	switch k.Date {
	case search.Internal:
		t = r.stat(i).Date
	case search.Saved:
		t = r.stat(i).Saved
	default:
		var ok bool
		if t, ok = r.root(i).Date(); !ok {
			return t, false
		}
	}
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC), true
}

// body is the text of the message's text parts and of the headers of messages in it.
func (r slow) body(i int) string {
	f, err := r.m.OpenMessage(context.Background(), r.s.UID(i))
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	r.root(i).Walk(func(p *message.Part) bool {
		if p.Message != nil {
			for n := range p.Message.Fields {
				f := &p.Message.Fields[n]
				b.WriteString(f.Name + ": " + message.DecodeHeader(f.Value()) + "\n")
			}
		}
		if p.Type == "text" {
			text, err := io.ReadAll(p.Text(f, 1<<20))
			if err != nil {
				r.t.Fatal(err)
			}
			b.Write(text)
		}
		return true
	})
	return b.String()
}

func (r slow) matches(i int, k *search.Key) bool {
	any := func(want bool) bool {
		return slices.ContainsFunc(k.Keys, func(sub *search.Key) bool { return r.matches(i, sub) == want })
	}
	switch k.Op {
	case search.All:
		return true
	case search.And:
		return !any(false)
	case search.Or:
		return any(true)
	case search.Not:
		return !r.matches(i, k.Keys[0])
	case search.Member:
		return k.Set.Has(i)
	case search.HasFlag:
		return r.s.Flags(i).Has(k.Flag)
	case search.Keyword:
		return slices.ContainsFunc(r.s.Keywords(i), k.Keyword.Equal)
	case search.ModSeq:
		return int64(r.s.ModSeq(i)) >= k.Number
	case search.EmailID:
		id, err := r.m.EmailID(context.Background(), r.s, i)
		return err == nil && id == k.Text
	case search.Larger:
		return r.root(i).Size() > k.Number
	case search.Smaller:
		return r.root(i).Size() < k.Number
	case search.Until:
		return !r.stat(i).Date.After(k.Time)
	case search.From:
		return !r.stat(i).Date.Before(k.Time)
	case search.Before:
		d, ok := r.day(i, k)
		return ok && d.Before(k.Time)
	case search.On:
		d, ok := r.day(i, k)
		return ok && d.Equal(k.Time)
	case search.Since:
		d, ok := r.day(i, k)
		return ok && !d.Before(k.Time)
	case search.Field:
		fields := r.root(i).Fields
		for n := range fields {
			if fields[n].Is(k.Name) && has(message.DecodeHeader(fields[n].Value()), k.Text) {
				return true
			}
		}
		return false
	case search.Body:
		return has(r.body(i), k.Text)
	}
	r.t.Fatalf("no reference for %d", k.Op)
	return false
}

// query makes a random query about messages like those of samplemail.
func query(r *rand.Rand, s *store.Snapshot, m *store.Mailbox, depth int) *search.Key {
	sub := func() *search.Key { return query(r, s, m, depth-1) }
	if depth > 0 {
		switch r.IntN(4) {
		case 0:
			return &search.Key{Op: search.And, Keys: []*search.Key{sub(), sub(), sub()}}
		case 1:
			return &search.Key{Op: search.Or, Keys: []*search.Key{sub(), sub()}}
		case 2:
			return &search.Key{Op: search.Not, Keys: []*search.Key{sub()}}
		}
	}
	i := r.IntN(s.Len())
	date, _ := s.Row(i).Internal()
	y, mon, d := date.Date()
	day := time.Date(y, mon, d, 0, 0, 0, 0, time.UTC)
	word := []string{"re", "ä", "meeting", "E", "http", "zzzz", ""}[r.IntN(7)]
	which := search.Date(r.IntN(3))
	switch r.IntN(14) {
	case 0:
		return &search.Key{Op: search.All}
	case 1:
		set := store.NewMessageSet(s.Len())
		set.AddRange(min(i, s.Len()/2), s.Len()/2+7)
		return &search.Key{Op: search.Member, Set: set}
	case 2:
		return &search.Key{Op: search.HasFlag, Flag: mail.Flags(1 << r.IntN(5))}
	case 3:
		return &search.Key{Op: search.Keyword, Keyword: []mail.Keyword{"$label1", "$none"}[r.IntN(2)]}
	case 4:
		return &search.Key{Op: search.Larger, Number: 3000}
	case 5:
		return &search.Key{Op: search.Smaller, Number: 3000}
	case 6:
		return &search.Key{Op: search.ModSeq, Number: int64(s.ModSeq(i))}
	case 7:
		return &search.Key{Op: search.Before, Date: which, Time: day}
	case 8:
		return &search.Key{Op: search.On, Date: which, Time: day}
	case 9:
		return &search.Key{Op: search.Since, Date: which, Time: day}
	case 10:
		return &search.Key{Op: search.Until, Time: date}
	case 11:
		return &search.Key{Op: search.From, Time: date}
	case 12:
		return &search.Key{Op: search.Field, Name: []string{"subject", "From", "X-None", "Received"}[r.IntN(4)], Text: word}
	}
	if r.IntN(2) == 0 {
		id, _ := m.EmailID(context.Background(), s, i)
		return &search.Key{Op: search.EmailID, Text: id}
	}
	return &search.Key{Op: search.Body, Text: "unsubscribe"}
}

func TestFind(t *testing.T) {
	dir := maildir(t, 120)
	m, s := open(t, dir)
	ctx := context.Background()
	var some []mail.UID
	for i := 0; i < s.Len(); i += 3 {
		some = append(some, s.UID(i))
	}
	if _, err := m.SetFlags(ctx, some, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{"$Label1"}}}); err != nil {
		t.Fatal(err)
	}
	s, err := m.Sync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ref := slow{t, m, s}
	r := rand.New(rand.NewPCG(7, 8))
	all := store.NewMessageSet(s.Len())
	all.AddAll()
	found := 0
	for range 300 {
		q := query(r, s, m, 3)
		among := all
		if r.IntN(2) == 0 {
			among = store.NewMessageSet(s.Len())
			for i := range s.Len() {
				if r.IntN(4) > 0 {
					among.Add(i)
				}
			}
		}
		f := search.Search{Mailbox: m, Snapshot: s, Progress: new(search.Progress)}
		hits, err := f.Find(ctx, q, among)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Len() {
			if want := among.Has(i) && ref.matches(i, q); hits.Has(i) != want {
				t.Fatalf("message %d: %v, want %v, by %s", i, hits.Has(i), want, show(q))
			}
		}
		found += hits.Len()
		if done, total := f.Progress.Look(); done != total {
			t.Errorf("at the end %d of %d are done", done, total)
		}
	}
	if found == 0 {
		t.Error("no query has found anything")
	}
}

func show(k *search.Key) string {
	var b strings.Builder
	b.WriteString("(")
	b.WriteString([]string{"all", "and", "or", "not", "member", "flag", "keyword", "larger", "smaller", "modseq", "emailid",
		"before", "on", "since", "until", "from", "field", "body", "text"}[k.Op])
	b.WriteString(" " + k.Name + " " + k.Text + " " + k.Time.String())
	for _, sub := range k.Keys {
		b.WriteString(show(sub))
	}
	return b.String() + ")"
}

// TestFindGone: a message whose file is away matches nothing that needs its file,
// and is left out of what is sorted and threaded.
func TestFindGone(t *testing.T) {
	dir := maildir(t, 20)
	m, s := open(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "cur", "*"))
	if err != nil || len(files) != 20 {
		t.Fatal(len(files), err)
	}
	for _, f := range files[:5] {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	f := search.Search{Mailbox: m, Snapshot: s}
	all := store.NewMessageSet(s.Len())
	all.AddAll()
	sent := &search.Key{Op: search.On, Date: search.Sent, Time: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)}
	hits, err := f.Find(ctx, &search.Key{Op: search.Not, Keys: []*search.Key{sent}}, all)
	if err != nil || hits.Len() != 15 {
		t.Errorf("found %d, %v; want 15", hits.Len(), err)
	}
	order, err := f.Sort(ctx, []search.Criterion{{Order: search.BySubject}}, all)
	if err != nil || len(order) != 15 {
		t.Errorf("sorted %d, %v; want 15", len(order), err)
	}
	for _, alg := range []search.Algorithm{search.OrderedSubject, search.References, search.Refs} {
		forest, err := f.Thread(ctx, alg, all)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		var count func([]search.Node)
		count = func(list []search.Node) {
			for _, k := range list {
				if _, ok := k.Message(); ok {
					n++
				}
				count(k.Children())
			}
		}
		if count(forest.Threads()); n != 15 {
			t.Errorf("threads of %d messages, want 15", n)
		}
	}
}

func TestFindCanceled(t *testing.T) {
	m, s := open(t, maildir(t, 50))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := search.Search{Mailbox: m, Snapshot: s}
	all := store.NewMessageSet(s.Len())
	all.AddAll()
	if _, err := f.Sort(ctx, []search.Criterion{{Order: search.ByDate}}, all); err == nil {
		t.Error("SORT was not canceled")
	}
	if _, err := f.Thread(ctx, search.Refs, all); err == nil {
		t.Error("THREAD was not canceled")
	}
	if _, err := f.Find(ctx, &search.Key{Op: search.Text, Text: "x"}, all); err == nil {
		t.Error("SEARCH was not canceled")
	}
}
