package imapd

import (
	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// extended answers a command with RETURN: by an ESEARCH response that has the items
// asked for (RFC 9051 section 7.3.4, RFC 4731 section 3.1), unless only SAVE was
// (RFC 5182 section 2.1).
func (f *finding) extended(r *imap.SearchReturn) {
	if r.Save {
		f.save(r)
	}
	if !r.Items() {
		return
	}
	out, n := f.s.out, len(f.hits)
	out.Untagged(wire.RespESearch).SP().ListStart().Atom("TAG").SP().Quoted(f.s.tag).ListEnd()
	if f.byUID {
		out.SP().Atom("UID")
	}
	if r.Min && n > 0 {
		out.SP().Atom(wire.RetMin).SP().Number(f.number(f.hits[0]))
	}
	if r.Max && n > 0 {
		out.SP().Atom(wire.RetMax).SP().Number(f.number(f.hits[n-1]))
	}
	if r.All && n > 0 {
		out.SP().Atom(wire.RetAll).SP().Token(imap.Numbers(f.numbers()).String())
	}
	if r.Partial != nil {
		f.partial(*r.Partial)
	}
	if r.Count {
		out.SP().Atom(wire.RetCount).SP().Number(uint32(n))
	}
	if f.modSeqs && n > 0 {
		// RFC 4731 section 3.2.
		out.SP().Atom(wire.RetModSeq).SP().Number64(f.highest(f.picked(r)))
	}
	out.CRLF()
}

// partial writes a part of the result (RFC 9394 section 3.1).
func (f *finding) partial(p imap.PartialRange) {
	out := f.s.out.SP().Atom(wire.RetPartial).SP().ListStart().Token(p.String()).SP()
	if lo, hi := p.Cut(len(f.hits)); lo < hi {
		nums := make([]uint32, 0, hi-lo)
		for _, i := range f.hits[lo:hi] {
			nums = append(nums, f.number(i))
		}
		out.Token(imap.Numbers(nums).String())
	} else {
		out.NIL()
	}
	out.ListEnd()
}

// picked returns the hits that the client hears of, all of them if it hears how
// many they are. It is these that "$" means (RFC 5182 section 2.4, RFC 9394 section
// 3.2), and of which MODSEQ is the highest (RFC 4731 section 3.2).
func (f *finding) picked(r *imap.SearchReturn) []int {
	n := len(f.hits)
	if r.All || r.Count || !r.Items() || n == 0 {
		return f.hits
	}
	var some []int
	if r.Min {
		some = append(some, f.hits[0])
	}
	if r.Partial != nil {
		lo, hi := r.Partial.Cut(n)
		some = append(some, f.hits[lo:hi]...)
	}
	if r.Max {
		some = append(some, f.hits[n-1])
	}
	return some
}

// save makes "$" mean the result (RFC 5182 section 2.1).
func (f *finding) save(r *imap.SearchReturn) {
	picked := f.picked(r)
	uids := make([]mail.UID, len(picked))
	for k, i := range picked {
		uids[k] = f.search.Snapshot.UID(i)
	}
	f.s.box.saved = imap.Numbers(uids)
}
