package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// modelled is a mailbox as it should be.
type modelled struct {
	w    *world
	rand *rand.Rand
	want map[mail.UID]*wanted
	next mail.UID
}

type wanted struct {
	flags mail.Flags
	kws   map[mail.Keyword]bool
	body  string
}

// model does what comes to mind, through the store and behind its back, and
// compares the mailbox with a simple one after each step.
func model(w *world) {
	for seed := range uint64(2) {
		name := fmt.Sprint("m", seed)
		w.must(w.account().Create(w.ctx, name))
		m := &modelled{w: w, rand: rand.New(rand.NewPCG(seed, 7)), want: make(map[mail.UID]*wanted), next: 1}
		for range 40 {
			m.step(name)
			m.check(name)
			if w.t.Failed() {
				return
			}
		}
	}
}

func (m *modelled) step(name string) {
	w := m.w
	uids := slices.Sorted(maps.Keys(m.want))
	if len(uids) == 0 || len(uids) < 12 && m.rand.IntN(3) == 0 {
		m.add(name)
		return
	}
	uid := uids[m.rand.IntN(len(uids))]
	switch m.rand.IntN(6) {
	case 0:
		w.must(w.box(name).Expunge(w.ctx, []mail.UID{uid, 1000}))
		delete(m.want, uid)
	case 1:
		c, err := w.box(name).Copy(w.ctx, []mail.UID{uid}, w.opened(name))
		w.must(err)
		w.same("copy", c.Dst, m.next)
		m.want[m.next] = &wanted{m.want[uid].flags, maps.Clone(m.want[uid].kws), m.want[uid].body}
		m.next++
	case 2:
		m.behind(name, uid)
	default:
		m.change(name, uid)
	}
}

// add appends a message, or puts a file there.
func (m *modelled) add(name string) {
	w := m.w
	body := fmt.Sprintf("Subject: %d\n\n", m.rand.Uint64())
	x := &wanted{kws: map[mail.Keyword]bool{}, body: body}
	if m.rand.IntN(2) == 0 {
		x.flags = mail.Flags(m.rand.IntN(32))
		x.kws["appended"] = true
		w.same("append", w.append(name, store.FlagSet{Flags: x.flags, Keywords: []mail.Keyword{"appended"}}, body), m.next)
	} else {
		w.file(fmt.Sprintf("%s/new/%d.x%d.h", w.folder(name), m.rand.Uint32(), w.count), body)
	}
	m.want[m.next] = x
	m.next++
}

// change changes flags through the store.
func (m *modelled) change(name string, uid mail.UID) {
	f := mail.Flags(m.rand.IntN(32))
	kw := mail.Keyword([]string{"red", "green", "blue"}[m.rand.IntN(3)])
	op := mail.Op(m.rand.IntN(3))
	m.w.same("missing", m.w.set(name, op, f, []mail.Keyword{kw}, uid))
	x := m.want[uid]
	switch op {
	case mail.Add:
		x.flags |= f
		x.kws[kw] = true
	case mail.Remove:
		x.flags &^= f
		delete(x.kws, kw)
	default:
		x.flags, x.kws = f, map[mail.Keyword]bool{kw: true}
	}
}

// behind changes a message as another program would.
func (m *modelled) behind(name string, uid mail.UID) {
	w := m.w
	folder := w.folder(name)
	dir := filepath.Join(w.dir, folder)
	s := w.sync(name)
	i, ok := s.Find(uid)
	if !ok {
		w.t.Fatalf("UID %d is missing", uid)
	}
	base := s.Base(i)
	at := slices.IndexFunc(w.files(dir), func(f string) bool {
		b, _, _ := strings.Cut(filepath.Base(f), ":")
		return b == base
	})
	if at < 0 {
		w.t.Fatalf("UID %d, %s has no file", uid, base)
	}
	file := w.files(dir)[at]
	switch m.rand.IntN(3) {
	case 0:
		w.remove(folder + "/" + file)
		delete(m.want, uid)
	case 1:
		w.move(folder+"/"+file, folder+"/cur/"+base+":2,FT")
		m.want[uid].flags, m.want[uid].kws = mail.Flagged|mail.Deleted, map[mail.Keyword]bool{}
	default:
		w.move(folder+"/"+file, folder+"/new/"+base)
		m.want[uid].flags, m.want[uid].kws = 0, map[mail.Keyword]bool{}
	}
}

func (m *modelled) check(name string) {
	w := m.w
	w.t.Helper()
	s := w.sync(name)
	if got := s.UIDs(); !slices.Equal(got, slices.Sorted(maps.Keys(m.want))) || s.UIDNext() != m.next {
		w.t.Errorf("UIDs %v next %d, want %v next %d", got, s.UIDNext(), slices.Sorted(maps.Keys(m.want)), m.next)
		return
	}
	for i, uid := range s.UIDs() {
		x, kws := m.want[uid], slices.Sorted(slices.Values(s.Keywords(i)))
		if s.Flags(i) != x.flags || !slices.Equal(kws, slices.Sorted(maps.Keys(x.kws))) {
			w.t.Errorf("UID %d has %v %v, want %v %v", uid, s.Flags(i), kws, x.flags, x.kws)
		}
		if got := w.readFrom(name, uid); got != x.body {
			w.t.Errorf("UID %d is %q, want %q", uid, got, x.body)
		}
	}
}

// readFrom is read without weather: a mailbox is looked through at one time.
func (w *world) readFrom(name string, uid mail.UID) string {
	w.t.Helper()
	calm := w.weather
	w.weather = weathers[0]
	defer func() { w.weather = calm }()
	return w.read(name, uid)
}
