package witness

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// maxExamples is how many examples a report gives for each rule.
const maxExamples = 5

// Delay counts what was shown later than it could have been.
type Delay struct {
	Times   int
	Longest time.Duration
}

func (d *Delay) add(by int64) {
	d.Times++
	d.Longest = max(d.Longest, time.Duration(by))
}

// Reader tells how often one reader looked and what its syncs took.
type Reader struct {
	Name                    string
	Syncs                   int
	Median, Almost, Longest time.Duration // Almost: 99 of 100 took no longer
}

// Report is what the judge has found.
type Report struct {
	Broken    map[Rule]int
	Examples  map[Rule][]string
	Deeds     map[string]int // by kind of line
	Busy      map[string]int // by operation
	Readers   []Reader
	Late      Delay // messages, by reader
	Stale     Delay // changes of flags, by reader
	Lingering Delay // messages still shown when they were gone: no fault without a proof
}

func newReport() *Report {
	return &Report{
		Broken: make(map[Rule]int), Examples: make(map[Rule][]string),
		Deeds: make(map[string]int), Busy: make(map[string]int),
	}
}

func (r *Report) blame(rule Rule, example string) {
	if r.Broken[rule]++; len(r.Examples[rule]) < maxExamples {
		r.Examples[rule] = append(r.Examples[rule], example)
	}
}

func (r *Report) looks(t *testimony) {
	d := durations(t.looks)
	r.Readers = append(r.Readers, Reader{
		Name: t.name, Syncs: len(d), Median: time.Duration(quantile(d, 0.5)),
		Almost: time.Duration(quantile(d, 0.99)), Longest: time.Duration(quantile(d, 1)),
	})
}

func ms(ns int64) time.Duration { return time.Duration(ns).Round(10 * time.Microsecond) }

// Write prints the report.
func (r *Report) Write(w io.Writer) {
	for _, kind := range slices.Sorted(maps.Keys(r.Deeds)) {
		fmt.Fprintf(w, "%s %d  ", kind, r.Deeds[kind])
	}
	fmt.Fprintln(w)
	for _, op := range slices.Sorted(maps.Keys(r.Busy)) {
		fmt.Fprintf(w, "busy: %s, %d times\n", op, r.Busy[op])
	}
	for _, x := range r.Readers {
		fmt.Fprintf(w, "%s: %d syncs, median %v, 99%% %v, longest %v\n",
			x.Name, x.Syncs, ms(int64(x.Median)), ms(int64(x.Almost)), ms(int64(x.Longest)))
	}
	for _, d := range []struct {
		what string
		Delay
	}{{"arrivals shown by a later sync", r.Late}, {"flags shown by a later sync", r.Stale}, {"expunges not proven at once", r.Lingering}} {
		fmt.Fprintf(w, "%s: %d, longest %v\n", d.what, d.Times, ms(int64(d.Longest)))
	}
	for _, rule := range slices.Sorted(maps.Keys(r.Broken)) {
		fmt.Fprintf(w, "BROKEN %d times: %s\n", r.Broken[rule], rule)
		for _, e := range r.Examples[rule] {
			fmt.Fprintf(w, "\t%s\n", e)
		}
	}
}
