package imapd

import (
	"context"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/search"
)

// sort is SORT (RFC 5256 section 3).
func (s *Session) sort(ctx context.Context) error { return s.sortHits(ctx, false) }

// uidSort is UID SORT.
func (s *Session) uidSort(ctx context.Context) error { return s.sortHits(ctx, true) }

func (s *Session) sortHits(ctx context.Context, byUID bool) error {
	args, err := imap.ScanSort(s.in)
	if err != nil {
		return s.notSaved(args.Return, err)
	}
	f, err := s.beginFind(ctx, args.Key, byUID)
	if err == nil {
		err = f.sort(ctx, args.By)
	}
	if err != nil {
		return s.notSaved(args.Return, err)
	}
	if args.Return == nil {
		f.plain(wire.RespSort)
	} else {
		f.extended(args.Return) // RFC 5267 section 3.1
	}
	return f.end(ctx, "SORT completed.")
}

// orders are what package search calls the sort keys.
var orders = map[imap.SortKey]search.Order{
	imap.SortArrival:     search.ByArrival,
	imap.SortCc:          search.ByCc,
	imap.SortDate:        search.ByDate,
	imap.SortFrom:        search.ByFrom,
	imap.SortSize:        search.BySize,
	imap.SortSubject:     search.BySubject,
	imap.SortTo:          search.ByTo,
	imap.SortDisplayFrom: search.ByDisplayFrom,
	imap.SortDisplayTo:   search.ByDisplayTo,
}

// sort finds out what matches, in order.
func (f *finding) sort(ctx context.Context, criteria []imap.SortCriterion) error {
	hits, err := f.matching(ctx)
	if err != nil {
		return err
	}
	by := make([]search.Criterion, len(criteria))
	for k, c := range criteria {
		by[k] = search.Criterion{Order: orders[c.Key], Reverse: c.Reverse}
	}
	return f.busy(ctx, func(ctx context.Context) error {
		f.hits, err = f.search.Sort(ctx, by, hits)
		return err
	})
}
