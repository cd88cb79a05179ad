package index

// Aside returns a stand-in for the lock of a mailbox whose files cannot be written:
// the disk is full, or the file system read-only. Its transactions see the index
// as it is and cannot be committed; Detach keeps their result in memory.
func (f *File) Aside() *Lock { return &Lock{f: f, aside: true} }

// Detach returns the index with the transaction's changes, for this process alone.
// The transaction is over. Nothing on disk knows of it: whoever commits later makes
// the same changes again, under a higher modseq.
func (t *Tx) Detach() (*Index, error) {
	if t.e == nil {
		return nil, ErrDone
	}
	defer t.Abort()
	if t.err != nil {
		return nil, t.err
	}
	if err := t.base.Err(); err != nil {
		return nil, err
	}
	x := t.e.done()
	x.doubt = false // every message has a new modseq
	// Who commits later fills the same slots with other messages.
	x.added = &bases{upto: x.base()}
	return x, nil
}
