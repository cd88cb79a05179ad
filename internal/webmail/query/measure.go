package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxSize bounds sizes, so that their products are numbers.
const maxSize = 1 << 50

// units are the letters behind sizes, the largest first.
var units = []struct {
	letter string
	octets int64
}{{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}}

// bySize reads a number with an optional unit: 10M, 500k, 1.5GB, 4096.
func bySize(t *Term) bool {
	number, unit := strings.TrimSuffix(strings.ToLower(t.Value), "b"), int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(number, strings.ToLower(u.letter)); ok {
			number, unit = n, u.octets
			break
		}
	}
	whole, fraction, _ := strings.Cut(strings.Replace(number, ",", ".", 1), ".")
	n, ok := digits(whole, 12)
	if !ok || n > maxSize/unit {
		return false
	}
	t.size = n * unit
	if fraction != "" {
		f, ok := digits(fraction, 3)
		if !ok || unit == 1 {
			return false
		}
		scale := int64(1)
		for range len(fraction) {
			scale *= 10
		}
		t.size += f * unit / scale
	}
	t.Value = sizeString(t.size)
	return true
}

// sizeString writes a size with the largest unit of which it is a multiple.
func sizeString(n int64) string {
	for _, u := range units {
		if n > 0 && n%u.octets == 0 {
			return strconv.FormatInt(n/u.octets, 10) + u.letter
		}
	}
	return strconv.FormatInt(n, 10)
}

// digits reads a number of 1 to most decimal digits and nothing else.
func digits(s string, most int) (n int64, ok bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// date is a moment, told by the calendar or by how long ago it was.
type date struct {
	year, month, day int // on that day, or if year is 0:
	years, days      int // so long ago; months are in month
	today            bool
}

// byDate reads a date or an age.
func byDate(t *Term) bool {
	v := strings.ToLower(t.Value)
	switch v {
	case "today":
		t.date, t.Value = date{today: true}, v
		return true
	case "yesterday":
		t.date, t.Value = date{today: true, days: 1}, v
		return true
	}
	if v == "" {
		return false
	}
	if n, ok := digits(v[:len(v)-1], 4); ok {
		d := date{}
		switch v[len(v)-1] {
		case 'd':
			d.days = int(n)
		case 'w':
			d.days = int(7 * n)
		case 'm':
			d.month = int(n)
		case 'y':
			d.years = int(n)
		default:
			return calendarDate(t, v)
		}
		t.date, t.Value = d, strconv.FormatInt(n, 10)+v[len(v)-1:]
		return true
	}
	return calendarDate(t, v)
}

// calendarDate reads 2024, 2024-05 and 2024-05-17, also with slashes.
func calendarDate(t *Term, v string) bool {
	parts := strings.SplitN(strings.ReplaceAll(v, "/", "-"), "-", 4)
	d := [3]int64{1, 1, 1}
	if len(parts) > len(d) || len(parts[0]) != 4 {
		return false
	}
	for i, p := range parts {
		n, ok := digits(p, 4)
		if !ok || i > 0 && len(p) > 2 {
			return false
		}
		d[i] = n
	}
	day := time.Date(int(d[0]), time.Month(d[1]), int(d[2]), 0, 0, 0, 0, time.UTC)
	if d[0] < 1000 || day.Month() != time.Month(d[1]) || day.Day() != int(d[2]) {
		return false
	}
	t.date = date{year: int(d[0]), month: int(d[1]), day: int(d[2])}
	t.Value = [...]string{
		fmt.Sprintf("%04d", d[0]),
		fmt.Sprintf("%04d-%02d", d[0], d[1]),
		fmt.Sprintf("%04d-%02d-%02d", d[0], d[1], d[2]),
	}[len(parts)-1]
	return true
}

// time returns the moment, for who lives in the zone of now.
func (d date) time(now time.Time) time.Time {
	switch {
	case d.year != 0:
		return time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, now.Location())
	case d.today:
		return time.Date(now.Year(), now.Month(), now.Day()-d.days, 0, 0, 0, 0, now.Location())
	}
	return now.AddDate(-d.years, -d.month, -d.days)
}
