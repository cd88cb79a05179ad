package storetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"fantail/internal/store"
)

// weather is what happens between two steps.
type weather struct {
	name string
	blow func(*world)
}

// ancient is a weather that few promises do not stand.
const ancient = "index of long ago"

var weathers = []weather{
	{"calm", func(*world) {}},
	{"reopened", func(w *world) { w.reopen(func() {}) }},
	{"index deleted", func(w *world) { w.derived(os.Remove) }},
	{"index deleted and reopened", func(w *world) { w.reopen(func() { w.derived(os.Remove) }) }},
	{"index cut short", func(w *world) { w.reopen(func() { w.derived(halve) }) }},
	{"index overwritten", func(w *world) { w.reopen(func() { w.derived(scribble) }) }},
	{ancient, func(w *world) { w.reopen(func() { w.derived(w.swap) }) }},
	{"second process", func(w *world) { w.second() }},
}

// derivedFiles are those that DESIGN calls a cache: whoever deletes them loses
// time, and nothing else.
var derivedFiles = []string{"fantail.index", "fantail.log", "fantail.cache", "fantail.text", "fantail.sort", "fantail.status"}

// derived does something to each derived file of each mailbox.
func (w *world) derived(f func(path string) error) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && slices.Contains(derivedFiles, filepath.Base(path)) {
			err = f(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	w.must(err)
	w.forgetful = true
}

// halve cuts a file short.
func halve(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, st.Size()/2)
}

// scribble overwrites octets in many places of a file.
func scribble(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := 7; i < len(text); i += 97 {
		text[i] ^= 0x55
	}
	return os.WriteFile(path, text, 0o600)
}

// swap puts a file back as it was when swap saw it first: a backup, restored.
func (w *world) swap(path string) error {
	old, ok := w.old[path]
	if !ok {
		text, err := os.ReadFile(path)
		if err == nil && len(text) > 0 {
			w.old[path] = text
		}
		return err
	}
	return os.WriteFile(path, old, 0o600)
}

// reopen is the end of the process and the start of another.
func (w *world) reopen(between func()) {
	w.t.Helper()
	for _, m := range w.boxes {
		w.must(m.Close())
	}
	w.must(w.acct.Close())
	between()
	w.acct = w.open(w.t, w.dir)
	w.boxes = make(map[string]*store.Mailbox)
}

// second is another process that looks at every mailbox.
func (w *world) second() {
	w.t.Helper()
	if w.peer == nil {
		w.peer = w.open(w.t, w.dir)
		w.t.Cleanup(func() { w.must(w.peer.Close()) })
	}
	infos, err := w.peer.List(w.ctx)
	w.must(err)
	for _, i := range infos {
		if i.NoSelect {
			continue
		}
		m, err := w.peer.Open(w.ctx, i.Name)
		w.must(err)
		s, err := m.Sync(w.ctx)
		w.must(err)
		w.told(i.Name, s)
		w.must(m.Close())
	}
}
