package search

import "sync/atomic"

// Progress tells how far a search has come. It may be looked at while the search
// runs. A nil Progress tells nobody.
type Progress struct{ done, total atomic.Int64 }

// Look returns how many messages have been looked at, and how many will be as far
// as is known yet: a query may have to go over them more than once.
func (p *Progress) Look() (done, total int64) {
	done = p.done.Load()
	return done, max(done, p.total.Load())
}

func (p *Progress) expect(n int) {
	if p != nil {
		p.total.Add(int64(n))
	}
}

func (p *Progress) add(n int) {
	if p != nil {
		p.done.Add(int64(n))
	}
}

// stage returns a function that is told how far one of several stages has come.
func (p *Progress) stage() func(done, total int) {
	if p == nil {
		return nil
	}
	var toldDone, toldTotal int
	return func(done, total int) {
		p.expect(total - toldTotal)
		p.add(done - toldDone)
		toldDone, toldTotal = done, total
	}
}
