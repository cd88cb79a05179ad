package invite

import (
	"slices"
	"time"
)

// maxDays is how many days Next looks at: more than a century of any rule.
const maxDays = 40_000

// Next returns when the event begins, at after or later: the first n times at most,
// in the event's zone. ok is false if nobody can tell: the rule is Partial, or looking
// for more of them was given up. Occurrences that other events of the calendar replace
// (Occurrence) are among them, where the rule has them.
func (v *Invite) Next(after time.Time, n int) (times []time.Time, ok bool) {
	if v.Start.Kind == None || v.Repeats != nil && v.Repeats.Partial {
		return nil, false
	}
	take := func(t time.Time) {
		if !t.Before(after) && !slices.ContainsFunc(v.except, t.Equal) && !slices.ContainsFunc(times, t.Equal) {
			times = append(times, t)
		}
	}
	for _, t := range v.extra {
		take(t)
	}
	slices.SortFunc(times, time.Time.Compare)
	times = times[:min(n, len(times))]
	extra := len(times)
	take(v.Start.Time)
	ok = v.repeated(after, func(t time.Time) (more bool) {
		take(t)
		return len(times)-extra < n
	})
	slices.SortFunc(times, time.Time.Compare)
	return times[:min(n, len(times))], ok
}

// repeated calls take with the occurrences of the rule behind the first one, in order,
// until it wants no more. Some of them before after are left out. It reports false if
// it had to stop.
func (v *Invite) repeated(after time.Time, take func(time.Time) (more bool)) bool {
	r := v.Repeats
	if r == nil {
		return true
	}
	length := map[Freq]int{Daily: 1, Weekly: 7, Monthly: 31, Yearly: 366}[r.Freq]
	count, k := 1, 0
	if elapsed := after.Sub(v.Start.Time); r.Count == 0 && elapsed > 0 {
		k = max(0, int(elapsed.Hours()/24)/(length*r.Interval)-1)
	}
	for days := 0; days < maxDays; days, k = days+length, k+1 {
		for _, local := range v.period(k * r.Interval) {
			if !local.After(v.local) {
				continue
			}
			if count++; r.Count > 0 && count > r.Count || r.past(local, v.zone) || local.Year() > 9999 {
				return true
			}
			if !take(v.zone.at(local)) {
				return true
			}
		}
	}
	return false
}

// period returns the occurrences in the period that lies n after that of the start.
func (v *Invite) period(n int) []time.Time {
	r, start := v.Repeats, v.local
	switch r.Freq {
	case Yearly:
		return r.year(start.Year()+n, start)
	case Monthly:
		first := date(start.Year(), start.Month()+time.Month(n), 1, start)
		return r.month(first.Year(), first.Month(), start)
	case Weekly:
		into := (int(start.Weekday()) - int(r.WeekStart) + 7) % 7
		return r.week(start.AddDate(0, 0, 7*n-into), start)
	}
	return r.day(start.AddDate(0, 0, n))
}
