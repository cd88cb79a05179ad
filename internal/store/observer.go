package store

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"fantail/internal/store/watch"
)

// Observer tells when something may have changed in the tree of mailboxes and in some
// of them: many changes may be one receive from C, and a change may turn out to be
// none. Changes between a look and the call that watches are not told: watch first,
// then look. It is for one goroutine.
type Observer struct {
	C     <-chan struct{}
	a     *Account
	group *watch.Group
	tree  map[string]*watch.Watch // of directories in which mailboxes are made, by path
	boxes map[string]*watch.Watch // by name of the mailbox
}

// Observe begins to watch which mailboxes there are, and which are subscribed.
func (a *Account) Observe() (*Observer, error) {
	g := a.watch.NewGroup()
	o := &Observer{C: g.C, a: a, group: g, tree: make(map[string]*watch.Watch), boxes: make(map[string]*watch.Watch)}
	if err := o.levels(); err != nil {
		return nil, fail("watch", "", errors.Join(err, o.Close()))
	}
	return o, nil
}

// levels watches every directory in which a mailbox can be made, and no other.
func (o *Observer) levels() error {
	paths := map[string]bool{o.a.root: true}
	if o.a.layout.Nested() {
		folders, err := o.a.tree.Folders()
		if err != nil {
			return err
		}
		for _, f := range folders {
			if path, err := o.a.tree.Path(f.Name); err == nil {
				paths[path] = true
			}
		}
	}
	var errs []error
	for path, w := range o.tree {
		if !paths[path] {
			errs = append(errs, w.Close())
			delete(o.tree, path)
		}
	}
	for path := range paths {
		if o.tree[path] != nil {
			continue
		}
		w, err := o.group.AddNames(path, o.wants(path))
		switch {
		case err == nil:
			o.tree[path] = w
		case path == o.a.root:
			errs = append(errs, err)
			// Another one that is gone already is told by the one above it.
		}
	}
	return errors.Join(errs...)
}

// wants says which names in a directory of the tree are those of mailboxes, or of the
// files that say what is known of them.
func (o *Observer) wants(path string) func(string, bool) bool {
	root := path == o.a.root
	return func(name string, isDir bool) bool {
		switch name {
		case "new", "cur", "tmp":
			return name == "cur" && !root // by which a directory becomes a mailbox
		case "subscriptions", "courierimapsubscribed", "fantail-specialuse":
			return root
		}
		return isDir
	}
}

// Add watches the messages of a mailbox as well. It may be called again for a mailbox
// whose directory is another one now.
func (o *Observer) Add(name string) error {
	c, err := o.a.canonical(name)
	if err != nil {
		return &Error{Op: "watch", Mailbox: name, Kind: NotFound, Err: err}
	}
	if err := o.Drop(c); err != nil {
		return err
	}
	path, err := o.a.tree.Path(o.a.folder(c))
	if err != nil {
		return fail("watch", c, err)
	}
	w, err := o.group.Add(path)
	if err != nil {
		return fail("watch", c, err)
	}
	o.boxes[c] = w
	return nil
}

// Drop ends what Add began.
func (o *Observer) Drop(name string) error {
	w := o.boxes[name]
	if w == nil {
		return nil
	}
	delete(o.boxes, name)
	return fail("watch", name, w.Close())
}

// Take returns what may have changed since the last call: the tree, and the messages
// of mailboxes.
func (o *Observer) Take() (tree bool, boxes []string, err error) {
	told := make(map[*watch.Watch]bool)
	for _, w := range o.group.Take() {
		told[w] = true
	}
	if len(told) == 0 {
		return false, nil, nil
	}
	for name, w := range o.boxes {
		if told[w] {
			boxes = append(boxes, name)
		}
	}
	for _, w := range o.tree {
		tree = tree || told[w]
	}
	if tree {
		err = o.levels()
	}
	return tree, boxes, fail("watch", "", err)
}

// Close ends all watches.
func (o *Observer) Close() error {
	var errs []error
	for _, of := range []map[string]*watch.Watch{o.tree, o.boxes} {
		for _, w := range of {
			errs = append(errs, w.Close())
		}
		clear(of)
	}
	return fail("watch", "", errors.Join(errs...))
}

// Identity tells a mailbox from all others, whatever they are called: a renamed one
// keeps it. It is comparable; the zero Identity is that of no mailbox.
type Identity struct {
	dev, ino uint64
	born     int64 // in nanoseconds; 0 where the file system does not know
}

// Identity returns that of the directory that has the name: none if there is no such.
func (a *Account) Identity(ctx context.Context, name string) (Identity, error) {
	c, err := a.canonical(name)
	if err != nil || ctx.Err() != nil {
		return Identity{}, fail("identify", name, ctx.Err())
	}
	path, err := a.tree.Path(a.folder(c))
	if err != nil {
		return Identity{}, nil // no directory can be there
	}
	var st unix.Statx_t
	err = unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &st)
	switch {
	case errors.Is(err, unix.ENOENT):
		return Identity{}, nil
	case err != nil:
		return Identity{}, fail("identify", c, err)
	}
	id := Identity{dev: unix.Mkdev(st.Dev_major, st.Dev_minor), ino: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.born = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return id, nil
}
