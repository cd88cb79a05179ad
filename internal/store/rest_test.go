package store

import (
	"context"
	"testing"
)

// A mailbox that somebody has open lets go of what it remembers of messages. What was
// computed of them is in the index then, also for other processes.
func TestRest(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	a := openAccount(t, dir)
	m, err := a.Open(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	put(t, m, FlagSet{}, "Subject: one\n\nbody\n", "Subject: two\n\nbody\n")
	s := syncBox(t, m)
	uids := s.UIDs()
	structure := func() {
		t.Helper()
		if _, err := m.Structure(ctx, uids[0]); err != nil {
			t.Fatal(err)
		}
	}
	structure()
	m.KeepItems(uids[0], KeptItem{Kind: Envelope, Data: []byte("learned")})
	m.KeepDerived("columns")
	a.Rest()
	if len(m.parts.byUID) > 0 || m.scanners != nil || m.buffer != nil || !m.learned.empty() || m.Derived() != nil {
		t.Errorf("it holds %d structures, %d scanners, %d octets, %+v, %v", len(m.parts.byUID), len(m.scanners), len(m.buffer), m.learned, m.Derived())
	}
	if m.refs != 1 || len(a.idle) != 0 {
		t.Errorf("%d references, %d idle", m.refs, len(a.idle))
	}
	for _, snapshot := range []*Snapshot{s, syncBox(t, m)} {
		_, ok := snapshot.Find(uids[0])
		if !ok || snapshot.Len() != 2 {
			t.Fatalf("%d messages afterwards, %t", snapshot.Len(), ok)
		}
	}
	structure()
	other, err := openAccount(t, dir).Open(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	o := syncBox(t, other)
	i, _ := o.Find(uids[0])
	var items Items
	if err := other.LoadItems(&items, o, i); err != nil {
		t.Fatal(err)
	}
	if got, ok := items.Append(nil, Envelope); !ok || string(got) != "learned" {
		t.Errorf("another process finds %q, %t", got, ok)
	}
}
