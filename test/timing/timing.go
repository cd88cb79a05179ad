// Package timing finds out whether two things can be told apart by the time that they
// take: a wrong password of an account that there is, and of one that there is not.
//
// Benchmarks called Guess use it; "make bench" runs them. No test is decided by it.
package timing

import (
	"cmp"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// Result is what was found out about things called a and b.
type Result struct {
	A, B time.Duration // medians
	// Guess is how often one is right who sees one time of each and says that the
	// longer one is b's (the effect size of Mann and Whitney, or AUC): 0.5 is chance.
	Guess float64
	// Z is how sure that is, in standard deviations: of two equal things it is within
	// 2 in 19 of 20 cases (the U test of Mann and Whitney).
	Z float64
	// T is that of the difference of the means (Welch).
	T float64
}

// Compare does a and b n times each, in an order of chance, and not at the same time.
// They get the number of the try.
func Compare(n int, a, b func(i int)) Result {
	for i := range max(n/20, 5) { // caches, connections, pools
		a(i)
		b(i)
	}
	runtime.GC()
	took := [2][]time.Duration{}
	for i := range n {
		first := rand.IntN(2)
		for _, which := range []int{first, 1 - first} {
			do := [2]func(int){a, b}[which]
			start := time.Now()
			do(i)
			took[which] = append(took[which], time.Since(start))
		}
	}
	r := Result{T: welch(took[0], took[1])}
	r.Guess, r.Z = mannWhitney(took[0], took[1])
	for i, median := range []*time.Duration{&r.A, &r.B} {
		slices.Sort(took[i])
		*median = took[i][n/2]
	}
	return r
}

// Report makes it what a benchmark says.
func (r Result) Report(b *testing.B) {
	µs := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	b.ReportMetric(0, "ns/op") // of both together: nobody wants to know
	b.ReportMetric(µs(r.A), "µs-known")
	b.ReportMetric(µs(r.B), "µs-unknown")
	b.ReportMetric(100*r.Guess, "%-guessed")
	b.ReportMetric(r.Z, "z")
	b.ReportMetric(r.T, "t")
}

// mannWhitney returns the share of pairs in which b takes longer, and the deviation
// of that from a half.
func mannWhitney(a, b []time.Duration) (share, z float64) {
	type one struct {
		d   time.Duration
		isB bool
	}
	var all []one
	for _, d := range a {
		all = append(all, one{d, false})
	}
	for _, d := range b {
		all = append(all, one{d, true})
	}
	slices.SortFunc(all, func(x, y one) int { return cmp.Compare(x.d, y.d) })
	var ranks float64 // of b
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].d == all[i].d {
			j++
		}
		for _, x := range all[i:j] {
			if x.isB {
				ranks += float64(i+1+j) / 2 // equal ones share theirs
			}
		}
		i = j
	}
	na, nb := float64(len(a)), float64(len(b))
	u := ranks - nb*(nb+1)/2
	return u / (na * nb), (u - na*nb/2) / math.Sqrt(na*nb*(na+nb+1)/12)
}

func welch(a, b []time.Duration) float64 {
	ma, va := moments(a)
	mb, vb := moments(b)
	return (mb - ma) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}

// moments are mean and variance.
func moments(all []time.Duration) (mean, variance float64) {
	for _, d := range all {
		mean += float64(d) / float64(len(all))
	}
	for _, d := range all {
		variance += (float64(d) - mean) * (float64(d) - mean) / float64(len(all)-1)
	}
	return mean, variance
}
