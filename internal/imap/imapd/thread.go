package imapd

import (
	"context"
	"strconv"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/search"
)

// thread is THREAD (RFC 5256 section 3).
func (s *Session) thread(ctx context.Context) error { return s.threadHits(ctx, false) }

// uidThread is UID THREAD.
func (s *Session) uidThread(ctx context.Context) error { return s.threadHits(ctx, true) }

// algorithms are what package search calls the threading algorithms.
var algorithms = map[imap.ThreadAlgorithm]search.Algorithm{
	imap.ThreadOrderedSubject: search.OrderedSubject,
	imap.ThreadReferences:     search.References,
	imap.ThreadRefs:           search.Refs,
}

func (s *Session) threadHits(ctx context.Context, byUID bool) error {
	args, err := imap.ScanThread(s.in)
	if err != nil {
		return err
	}
	f, err := s.beginFind(ctx, args.Key, byUID)
	if err != nil {
		return err
	}
	hits, err := f.matching(ctx)
	if err != nil {
		return err
	}
	var forest *search.Forest
	err = f.busy(ctx, func(ctx context.Context) (err error) {
		forest, err = f.search.Thread(ctx, algorithms[args.Algorithm], hits)
		return err
	})
	if err != nil {
		return err
	}
	f.writeThreads(forest)
	return f.end(ctx, "THREAD completed.")
}

// writeThreads writes the THREAD response (RFC 5256 section 4).
func (f *finding) writeThreads(forest *search.Forest) {
	out := f.s.out.Untagged(wire.RespThread)
	w := threadWriter{f: f}
	for k, n := range forest.Threads() {
		if k == 0 {
			out.SP()
		}
		w.thread(n)
		if len(w.buf) >= threadPiece {
			out.Encoded(w.buf)
			w.buf = w.buf[:0]
		}
	}
	out.Encoded(w.buf).CRLF()
}

// threadPiece is from how many octets on threads are sent on.
const threadPiece = 4096

type threadWriter struct {
	f   *finding
	buf []byte
}

// thread appends a thread-list (RFC 5256 section 5): what has one answer and no
// more is a row of numbers.
func (w *threadWriter) thread(n search.Node) {
	w.buf = append(w.buf, '(')
	if i, ok := n.Message(); ok {
		w.number(i)
		for ; n.Len() == 1; w.number(i) {
			n = n.Child(0)
			i, _ = n.Message()
			w.buf = append(w.buf, ' ')
		}
		if n.Len() > 0 {
			w.buf = append(w.buf, ' ')
		}
	}
	for k := range n.Len() {
		w.thread(n.Child(k))
	}
	w.buf = append(w.buf, ')')
}

func (w *threadWriter) number(i int) { w.buf = strconv.AppendUint(w.buf, uint64(w.f.number(i)), 10) }
