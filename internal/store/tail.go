package store

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/watch"
)

// tail is what a mailbox learns of its directories by watching them: which names
// came and went. While it is anchored, what the index says and all changes since
// the last drain together are what is in the directories, so nothing has to be
// read again; and a batch of ours knows that nobody else was at work.
type tail struct {
	*watch.Tail
	anchored bool
	left     []watch.Change // drained and not yet entered
}

// startTail begins to watch the directories, if that can be done; m.mu is held.
// What the index says has to be found true after it to be an anchor.
func (m *Mailbox) startTail() {
	if m.tail != nil || m.noTail {
		return
	}
	t, err := m.acct.watch.Tail(m.dir.Path())
	if err != nil {
		// Without it directories are scanned more often: nothing to tell anybody.
		m.noTail = true
		return
	}
	m.tail = &tail{Tail: t}
}

// stopTail ends the watching.
func (m *Mailbox) stopTail() error {
	if m.tail == nil {
		return nil
	}
	t := m.tail
	m.tail = nil
	return t.Close()
}

// anchor takes the index for an anchor, which has just been found true.
func (m *Mailbox) anchor(ok bool) {
	if m.tail != nil {
		m.tail.anchored, m.tail.left = ok, nil
	}
}

// file names a file in one of the two directories.
type file struct {
	new  bool
	name string
}

func fileOf(e maildir.Entry) file { return file{e.New, e.File} }

// drain returns what has changed since the index was made, if that is known. The
// stamps of the directories must have been taken before.
func (m *Mailbox) drain() ([]watch.Change, bool) {
	if m.tail == nil || !m.tail.anchored {
		return nil, false
	}
	return m.drainTail()
}

// drainTail returns what has changed since the last drain; for certain, if it
// reports true.
func (m *Mailbox) drainTail() ([]watch.Change, bool) {
	t := m.tail
	changes, exact, err := t.Drain()
	if err != nil {
		m.noTail = true
		if err := m.stopTail(); err != nil {
			m.acct.opt.Log.Warn("stop watching", "mailbox", m.name, "err", err)
		}
		return nil, false
	}
	if !exact {
		t.anchored, t.left = false, nil
		return nil, false
	}
	changes = append(t.left, changes...)
	t.left = nil
	return changes, true
}

// agrees reports whether all that the tail tells is in the index. It is for soft stamps,
// which are the same after a change that comes within the same tick of the file system's
// clock: who waits for news would never look again. They must have been taken before.
func (m *Mailbox) agrees(x *index.Index) bool {
	if m.tail == nil {
		return true
	}
	changes, exact := m.drainTail()
	if !exact {
		return false
	}
	for _, c := range changes {
		if !shows(x, c) {
			m.tail.left = changes
			return false
		}
	}
	return true
}

// shows reports whether a change is in the index.
func shows(x *index.Index, c watch.Change) bool {
	base, _, _ := strings.Cut(c.File, ":")
	i, ok := x.FindBase(base)
	there := ok && x.Name(i) == c.File && x.Row(i).New() == c.New
	if _, message := maildir.ParseName(c.File); !message {
		return true
	}
	return there == c.There
}

// follow does the work of look by what the tail tells. It reports false if that
// does not suffice.
func (s *survey) follow() (bool, error) {
	cur, new, err := s.m.dir.Stamp()
	if err != nil {
		return false, err
	}
	changes, ok := s.m.drain()
	if !ok {
		return false, nil
	}
	s.m.tail.anchored = false // until all of it is in the index
	s.round = 1
	s.last.fill(s.x.Len())
	return s.apply(changes, cur, new)
}

// overlay makes a proof of a sweep during which others were at work, if a tail has
// been running all the time: names that nobody touched were seen if they are there,
// and of the others the tail knows the last state. So no storm of renames hides
// anything for long.
func (s *survey) overlay() error {
	if s.proof || s.m.tail == nil || !s.tailed || len(s.twice) > 0 {
		return nil
	}
	cur, new, err := s.m.dir.Stamp()
	if err != nil {
		return err
	}
	changes, ok := s.m.drainTail()
	if !ok {
		return nil
	}
	s.m.tail.anchored = false
	_, err = s.apply(changes, cur, new)
	return err
}

// apply enters changes into what was seen, which together is all that there is. It
// reports false, and proves nothing, where a message has several files.
func (s *survey) apply(changes []watch.Change, cur, new maildir.Stamp) (bool, error) {
	for base, files := range byBase(changes) {
		if ok, err := s.applyBase(base, files); !ok || err != nil {
			return false, err
		}
	}
	s.seen.or(s.last)
	s.proof, s.followed = true, true
	s.cur, s.new = cur, new
	s.hard = settled(cur, new)
	return true, nil
}

func settled(cur, new maildir.Stamp) bool {
	now := time.Now()
	return cur.Settled(now) && new.Settled(now)
}

// byBase sorts changes by the messages that they are of: the last state of each
// file.
func byBase(changes []watch.Change) map[string]map[file]bool {
	bases := make(map[string]map[file]bool)
	for _, c := range changes {
		base, _, _ := strings.Cut(c.File, ":")
		if bases[base] == nil {
			bases[base] = make(map[file]bool)
		}
		bases[base][file{c.New, c.File}] = c.There
	}
	return bases
}

// sighted returns the file of a base as it was seen last.
func (s *survey) sighted(base string, i int, known bool) (file, bool, error) {
	if !known {
		k, ok := s.at[base]
		if !ok || s.fresh[k].round != s.round {
			return file{}, false, nil
		}
		return fileOf(s.fresh[k].Entry), true, nil
	}
	if !s.last.has(i) {
		return file{}, false, nil
	}
	e, err := s.where(i)
	return fileOf(e), true, err
}

// applyBase takes in what happened to the files of one message. It reports false
// if it has several files now.
func (s *survey) applyBase(base string, files map[file]bool) (bool, error) {
	i, known := s.x.FindBase(base)
	at, seen, err := s.sighted(base, i, known)
	if err != nil {
		return false, err
	}
	var now []file
	for f, there := range files {
		if there {
			now = append(now, f)
		}
	}
	if _, mentioned := files[at]; seen && !mentioned {
		now = append(now, at)
	}
	switch {
	case len(now) > 1:
		return false, nil
	case len(now) == 0 && known:
		s.last.clear(i)
		return true, nil
	case len(now) == 0:
		if k, ok := s.at[base]; ok {
			s.fresh[k].round = 0
		}
		return true, nil
	case seen && now[0] == at:
		return true, nil
	}
	n, ok := maildir.ParseName(now[0].name)
	if !ok {
		return true, nil
	}
	e := maildir.Entry{Name: n, File: now[0].name, New: now[0].new}
	if known {
		s.last.set(i)
		s.note(i, e)
		return true, nil
	}
	// The tail tells nothing of the kind of file.
	switch info, err := s.m.dir.Stat(e); {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, maildir.ErrBusy):
		// Gone since, or renamed; what happened to it comes with the next drain.
	case err != nil:
		return false, err
	case info.Regular:
		s.noteFresh(base, e)
	}
	return true, nil
}

// noteMove says that the batch renamed a file; a zero entry stands for none.
func (b *batch) noteMove(from, to maildir.Entry) {
	if b.m.tail == nil {
		return
	}
	if b.did == nil {
		b.did = make(map[file]bool)
	}
	if from.File != "" {
		b.did[fileOf(from)] = false
	}
	if to.File != "" {
		b.did[fileOf(to)] = true
	}
}

// alone reports whether nothing happened in the directories but what the batch has
// done; the stamps must have been taken before. known is false if that cannot be
// told.
func (b *batch) alone() (alone, known bool) {
	changes, ok := b.m.drain()
	if !ok {
		return false, false
	}
	for _, c := range changes {
		if there, ours := b.did[file{c.New, c.File}]; !ours || there != c.There {
			b.m.tail.left = changes
			return false, true
		}
	}
	return true, true
}
