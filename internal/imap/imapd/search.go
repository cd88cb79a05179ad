package imapd

import (
	"context"
	"strconv"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/search"
	"fantail/internal/store"
)

// search is SEARCH (RFC 9051 section 6.4.4, RFC 3501 section 6.4.4).
func (s *Session) search(ctx context.Context) error { return s.find(ctx, false) }

// uidSearch is UID SEARCH (RFC 9051 section 6.4.9).
func (s *Session) uidSearch(ctx context.Context) error { return s.find(ctx, true) }

func (s *Session) find(ctx context.Context, byUID bool) error {
	args, err := imap.ScanSearch(s.in)
	if err != nil {
		return s.notSaved(args.Return, err)
	}
	f, err := s.beginFind(ctx, args.Key, byUID)
	if err == nil {
		err = f.find(ctx)
	}
	if err != nil {
		return s.notSaved(args.Return, err)
	}
	switch {
	case args.Return != nil:
		f.extended(args.Return)
	case s.enabled.rev2:
		// RFC 9051 section 6.4.4: there is no other response any more.
		f.extended(&imap.SearchReturn{All: true})
	default:
		f.plain(wire.RespSearch)
	}
	return f.end(ctx, "SEARCH completed.")
}

// finding is a SEARCH, SORT or THREAD at work. It looks at what the mailbox holds
// as of the last sync, as far as the client counts it.
type finding struct {
	s       *Session
	byUID   bool
	search  search.Search
	key     *search.Key
	among   *store.MessageSet
	modSeqs bool // the result is told with its modseq

	hits []int // messages of search.Snapshot, in the order in which they are told
}

// beginFind looks at the mailbox and makes a query ready.
func (s *Session) beginFind(ctx context.Context, q *imap.Search, byUID bool) (*finding, error) {
	f := &finding{s: s, byUID: byUID, modSeqs: q.Asks(imap.SearchModSeq)}
	if f.modSeqs {
		if err := s.needModSeqs(); err != nil {
			return nil, err
		}
	}
	if q.Asks(imap.SearchSeq) {
		s.numbers = true // RFC 7162 section 3.2.10.2: also in UID SEARCH
	}
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	v := s.box.view
	f.search = search.Search{Mailbox: s.box.mbox, Snapshot: v.latest, Progress: new(search.Progress)}
	f.among = store.NewMessageSet(v.latest.Len())
	counted, _ := v.latest.Find(v.known.UIDNext())
	f.among.AddRange(0, counted)
	var err error
	f.key, err = s.query(q)
	return f, err
}

// find finds out what matches.
func (f *finding) find(ctx context.Context) error {
	hits, err := f.matching(ctx)
	if err == nil {
		f.hits = hits.Indexes()
	}
	return err
}

func (f *finding) matching(ctx context.Context) (hits *store.MessageSet, err error) {
	err = f.busy(ctx, func(ctx context.Context) (err error) {
		hits, err = f.search.Find(ctx, f.key, f.among)
		return err
	})
	return hits, err
}

// busy does a part of the work. What a damaged index has led to is no result, nor an
// error to tell.
func (f *finding) busy(ctx context.Context, work func(context.Context) error) error {
	err := f.s.busy(ctx, f.search.Progress, work)
	if err := f.s.trusted(); err != nil {
		return err
	}
	return err
}

// number returns how the client names a message: by UID or number.
func (f *finding) number(i int) uint32 {
	v := f.s.box.view
	switch {
	case f.byUID:
		return uint32(f.search.Snapshot.UID(i))
	case v.known == v.latest:
		return uint32(i) + 1
	}
	return v.seq(f.search.Snapshot.UID(i))
}

// numbers returns how the client names the hits.
func (f *finding) numbers() []uint32 {
	nums := make([]uint32, len(f.hits))
	for k, i := range f.hits {
		nums[k] = f.number(i)
	}
	return nums
}

// plain writes a response that names all hits, also when there are none (RFC 3501
// section 7.2.5).
func (f *finding) plain(name string) {
	out := f.s.out.Untagged(name)
	buf := make([]byte, 0, 4096)
	for _, i := range f.hits {
		if len(buf) > cap(buf)-16 {
			out.Encoded(buf)
			buf = buf[:0]
		}
		buf = strconv.AppendUint(append(buf, ' '), uint64(f.number(i)), 10)
	}
	out.Encoded(buf)
	if f.modSeqs && len(f.hits) > 0 {
		// RFC 7162 section 3.1.5.
		out.SP().ListStart().Atom(wire.RetModSeq).SP().Number64(f.highest(f.hits)).ListEnd()
	}
	out.CRLF()
}

// highest returns the highest modseq of messages.
func (f *finding) highest(messages []int) int64 {
	var m mail.ModSeq
	for _, i := range messages {
		m = max(m, f.search.Snapshot.ModSeq(i))
	}
	return int64(m)
}

// end tells what has changed and completes the command. What was sent names
// messages by numbers that hold until then.
func (f *finding) end(ctx context.Context, text string) error {
	s := f.s
	if err := s.trusted(); err != nil {
		return err
	}
	if err := s.tell(ctx, allUnsettled); err != nil {
		return err
	}
	return s.done(text)
}
