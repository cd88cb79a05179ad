package locale

import (
	"strconv"
	"strings"
	"time"
)

// Style is how much of a time is written. Each is a pattern of the catalogue
// (base.time and so on) with the names {day}, {month}, {mon}, {year}, {weekday}, {hour} and
// {minute}.
type Style string

// The styles.
const (
	Time    Style = "base.time"    // 14:02
	Day     Style = "base.day"     // 12 Nov
	DayYear Style = "base.dayYear" // 12 Nov 2024
	Date    Style = "base.date"    // 12 November 2026
	Full    Style = "base.full"    // Thursday, 12 November 2026, 14:02
)

// Date writes a time, in its zone.
func (l *Language) Date(t time.Time, s Style) string {
	return strings.NewReplacer(
		"{day}", strconv.Itoa(t.Day()),
		"{dd}", pad(t.Day()),
		"{mm}", pad(int(t.Month())),
		"{month}", l.listed("base.months", int(t.Month())-1),
		"{mon}", l.listed("base.mons", int(t.Month())-1),
		"{year}", strconv.Itoa(t.Year()),
		"{weekday}", l.listed("base.weekdays", int(t.Weekday())),
		"{hour}", pad(t.Hour()),
		"{minute}", pad(t.Minute()),
	).Replace(l.Text(string(s)))
}

// listed returns an item of a text that is a list.
func (l *Language) listed(key string, i int) string {
	items := strings.Split(l.Text(key), "|")
	if i >= len(items) {
		return strconv.Itoa(i + 1)
	}
	return items[i]
}

// Short writes a time as lists do, as seen from now: the time of today, the day of this
// year, or the day and the year. Both are in the zone of now.
func (l *Language) Short(t, now time.Time) string {
	t = t.In(now.Location())
	y, m, d := now.Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, now.Location())
	switch tomorrow := today.AddDate(0, 0, 1); {
	case !t.Before(today) && t.Before(tomorrow):
		return l.Date(t, Time)
	case t.Year() == y:
		return l.Date(t, Day)
	}
	return l.Date(t, DayYear)
}
