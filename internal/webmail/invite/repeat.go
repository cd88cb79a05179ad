package invite

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Freq is how often, before Interval is counted (RFC 5545 section 3.3.10).
type Freq string

// The frequencies.
const (
	Secondly Freq = "SECONDLY"
	Minutely Freq = "MINUTELY"
	Hourly   Freq = "HOURLY"
	Daily    Freq = "DAILY"
	Weekly   Freq = "WEEKLY"
	Monthly  Freq = "MONTHLY"
	Yearly   Freq = "YEARLY"
)

// Repeat is a rule of recurrence, RRULE.
type Repeat struct {
	Freq       Freq
	Interval   int // every so many days, weeks, ...; 1 at least
	Count      int // so many occurrences; 0: not said
	Until      Moment
	ByDay      []Weekday
	ByMonthDay []int // 1 to 31, or -1 (the last one) to -31
	ByMonth    []int
	BySetPos   []int // of the days of a period: the first is 1, the last -1
	WeekStart  time.Weekday
	Partial    bool // there are parts that are not here: no occurrences are listed

	until clockTime
}

// Weekday is a day of the week, or a certain one.
type Weekday struct {
	Nth int // of the month or year, from its end if negative; 0: every one
	Day time.Weekday
}

// maxInterval bounds what is counted with.
const maxInterval = 10_000

// parseRepeat reads a rule. It is nil if there is no frequency in it. What UNTIL
// means is said by the clocks of z, if it does not say UTC.
func parseRepeat(s string, z zone) *Repeat {
	r := &Repeat{Interval: 1, WeekStart: time.Monday}
	for part := range strings.SplitSeq(strings.ToUpper(oneLine(s)), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "FREQ":
			r.Freq = Freq(value)
		case "INTERVAL":
			r.Interval = min(max(number(value), 1), maxInterval)
		case "COUNT":
			r.Count = number(value)
		case "UNTIL":
			r.setUntil(value, z)
		case "BYDAY":
			r.setDays(value)
		case "BYMONTHDAY":
			r.ByMonthDay = r.numbers(value, -31, 31)
		case "BYMONTH":
			r.ByMonth = r.numbers(value, 1, 12)
		case "BYSETPOS":
			r.BySetPos = r.numbers(value, -366, 366)
		case "WKST":
			if d, ok := weekdays[value]; ok {
				r.WeekStart = d
			}
		case "":
		default:
			r.Partial = true
		}
	}
	switch r.Freq {
	case Daily, Weekly, Monthly, Yearly:
	case Secondly, Minutely, Hourly:
		r.Partial = true
	default:
		return nil
	}
	return r
}

func (r *Repeat) setUntil(value string, z zone) {
	t, ok := parseTime(value)
	if !ok {
		r.Partial = true
		return
	}
	r.until = t
	switch {
	case t.utc:
		r.Until = Moment{Kind: UTC, Time: t.local}
	case t.day:
		r.Until = Moment{Kind: Day, Time: z.at(t.local)}
	default:
		r.Until = Moment{Kind: Floating, Time: z.at(t.local)}
	}
}

// past reports whether an occurrence at that local time comes after UNTIL.
func (r *Repeat) past(local time.Time, z zone) bool {
	switch {
	case r.Until.Kind == None:
		return false
	case r.until.utc:
		return z.at(local).After(r.until.local)
	case r.until.day:
		return !local.Before(r.until.local.AddDate(0, 0, 1))
	}
	return local.After(r.until.local)
}

// maxList is how many numbers a part of a rule can have.
const maxList = 62

// numbers reads a list of numbers other than 0.
func (r *Repeat) numbers(s string, low, high int) []int {
	var list []int
	for v := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimPrefix(v, "+"))
		if err != nil || n < low || n > high || n == 0 || len(list) == maxList {
			r.Partial = true
			continue
		}
		list = append(list, n)
	}
	return list
}

var weekdays = map[string]time.Weekday{"SU": 0, "MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6}

// setDays reads BYDAY: MO,-1FR.
func (r *Repeat) setDays(s string) {
	for v := range strings.SplitSeq(s, ",") {
		cut := max(0, len(v)-2)
		day, ok := weekdays[v[cut:]]
		nth := 0
		if cut > 0 {
			n, err := strconv.Atoi(strings.TrimPrefix(v[:cut], "+"))
			ok = ok && err == nil && n >= -53 && n <= 53 && n != 0
			nth = n
		}
		if !ok || len(r.ByDay) == maxList {
			r.Partial = true
			continue
		}
		r.ByDay = append(r.ByDay, Weekday{nth, day})
	}
}

// year, month, week and day return the days of one period on which the rule has an
// occurrence, at the time of day of start, in order.

func (r *Repeat) year(year int, start time.Time) []time.Time {
	var days []time.Time
	switch {
	case len(r.ByMonth) > 0:
		for m := time.January; m <= time.December; m++ {
			if slices.Contains(r.ByMonth, int(m)) {
				days = append(days, r.inMonth(year, m, start)...)
			}
		}
	case len(r.ByDay) > 0 && len(r.ByMonthDay) == 0:
		days = r.byDay(date(year, time.January, 1, start), date(year+1, time.January, 1, start))
	case len(r.ByMonthDay) > 0:
		for m := time.January; m <= time.December; m++ {
			days = append(days, r.inMonth(year, m, start)...)
		}
	default:
		days = r.inMonth(year, start.Month(), start)
	}
	return r.positions(days)
}

func (r *Repeat) month(year int, month time.Month, start time.Time) []time.Time {
	if len(r.ByMonth) > 0 && !slices.Contains(r.ByMonth, int(month)) {
		return nil
	}
	return r.positions(r.inMonth(year, month, start))
}

func (r *Repeat) week(first, start time.Time) []time.Time {
	var days []time.Time
	for i := range 7 {
		d := first.AddDate(0, 0, i)
		wanted := d.Weekday() == start.Weekday()
		if len(r.ByDay) > 0 {
			wanted = r.isDay(d)
		}
		if wanted && r.isMonth(d) {
			days = append(days, d)
		}
	}
	return r.positions(days)
}

func (r *Repeat) day(d time.Time) []time.Time {
	if !r.isMonth(d) || len(r.ByDay) > 0 && !r.isDay(d) || len(r.ByMonthDay) > 0 && !r.isMonthDay(d) {
		return nil
	}
	return r.positions([]time.Time{d})
}

// inMonth returns the days of a month by BYMONTHDAY and BYDAY, or else the day of
// start, if that month has it.
func (r *Repeat) inMonth(year int, month time.Month, start time.Time) []time.Time {
	first, next := date(year, month, 1, start), date(year, month+1, 1, start)
	if len(r.ByDay) > 0 && len(r.ByMonthDay) == 0 {
		return r.byDay(first, next)
	}
	var days []time.Time
	for d := first; d.Before(next); d = d.AddDate(0, 0, 1) {
		wanted := d.Day() == start.Day()
		if len(r.ByMonthDay) > 0 {
			wanted = r.isMonthDay(d) && (len(r.ByDay) == 0 || r.isDay(d))
		}
		if wanted {
			days = append(days, d)
		}
	}
	return days
}

// byDay returns the days of BYDAY in a period, of which first is the first day and
// next the first that is no longer in it.
func (r *Repeat) byDay(first, next time.Time) []time.Time {
	var days []time.Time
	length := int(next.Sub(first).Hours() / 24)
	for i := range length {
		d := first.AddDate(0, 0, i)
		wanted := slices.ContainsFunc(r.ByDay, func(w Weekday) bool {
			return w.Day == d.Weekday() && (w.Nth == 0 || w.Nth == i/7+1 || w.Nth == -((length-1-i)/7+1))
		})
		if wanted {
			days = append(days, d)
		}
	}
	return days
}

func (r *Repeat) isMonth(d time.Time) bool {
	return len(r.ByMonth) == 0 || slices.Contains(r.ByMonth, int(d.Month()))
}

func (r *Repeat) isDay(d time.Time) bool {
	return slices.ContainsFunc(r.ByDay, func(w Weekday) bool { return w.Day == d.Weekday() })
}

func (r *Repeat) isMonthDay(d time.Time) bool {
	last := date(d.Year(), d.Month()+1, 0, d).Day()
	return slices.Contains(r.ByMonthDay, d.Day()) || slices.Contains(r.ByMonthDay, d.Day()-last-1)
}

// positions chooses by BYSETPOS.
func (r *Repeat) positions(days []time.Time) []time.Time {
	if len(r.BySetPos) == 0 {
		return days
	}
	var chosen []time.Time
	for i, d := range days {
		if slices.Contains(r.BySetPos, i+1) || slices.Contains(r.BySetPos, i-len(days)) {
			chosen = append(chosen, d)
		}
	}
	return chosen
}

// date returns a day at the time of day of t.
func date(year int, month time.Month, day int, t time.Time) time.Time {
	return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
