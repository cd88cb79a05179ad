package fsck

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// TestBeside: beside sessions, deliveries, and programs that know no lock, nothing is
// found that is not there.
func TestBeside(t *testing.T) {
	p := newPlace(t)
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var wg sync.WaitGroup
	loop := func(act func(m *store.Mailbox) error) {
		wg.Go(func() {
			a, err := store.OpenAccount(p.root, store.Options{Host: "test"})
			if err != nil {
				t.Error(err)
				return
			}
			defer a.Close()
			m, err := a.Open(context.Background(), mail.Inbox)
			for err == nil && ctx.Err() == nil {
				err = act(m)
				time.Sleep(rand.N(60 * time.Millisecond)) // now and then directories come to rest
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	loop(func(m *store.Mailbox) error { // a session
		s, err := m.Sync(context.Background())
		if err != nil || s.Len() == 0 {
			return err
		}
		uid := []mail.UID{s.UID(rand.N(s.Len()))}
		if rand.N(4) == 0 && s.Len() > 8 {
			return m.Expunge(context.Background(), uid)
		}
		_, err = m.SetFlags(context.Background(), uid, store.FlagChange{Op: mail.Op(rand.N(3)), FlagSet: store.FlagSet{Flags: mail.Seen, Keywords: []mail.Keyword{"k05"}}})
		return err
	})
	loop(func(m *store.Mailbox) error { // a delivery
		d, err := m.NewDelivery()
		if err == nil {
			_, err = fmt.Fprintf(d, "Subject: %d\n\nbody\n", rand.Int())
		}
		if err == nil {
			err = d.Commit(context.Background())
		}
		return err
	})
	loop(func(*store.Mailbox) error { // another program
		files, err := filepath.Glob(p.path("[cn][ue][rw]", "1*"))
		if err != nil || len(files) == 0 {
			return err
		}
		from := files[rand.N(len(files))]
		base, flags, _ := strings.Cut(filepath.Base(from), ":2,")
		if flags = strings.TrimSuffix(flags, "T"); rand.N(2) == 0 {
			flags += "T"
		}
		err = os.Rename(from, p.path("cur", base+":2,"+flags))
		if os.IsNotExist(err) {
			err = nil // a session was faster
		}
		return err
	})
	runs, messages := 0, 0
	for ctx.Err() == nil {
		found, sum := p.check(Options{Full: runs%2 == 0})
		for _, f := range found {
			t.Errorf("%+v", f)
		}
		runs++
		messages += sum.Messages
	}
	wg.Wait()
	t.Logf("%d runs, %d messages", runs, messages)
	if messages < runs {
		t.Error("nothing was looked at")
	}
	if found, _ := p.check(Options{Full: true}); len(found) > 0 {
		t.Errorf("at the end: %+v", found)
	}
}
