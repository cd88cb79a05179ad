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
	return expand(l.Text(string(s)), func(name string) (string, bool) {
		switch name {
		case "day":
			return strconv.Itoa(t.Day()), true
		case "dd":
			return pad(t.Day()), true
		case "mm":
			return pad(int(t.Month())), true
		case "month":
			return l.listed("base.months", int(t.Month())-1), true
		case "mon":
			return l.listed("base.mons", int(t.Month())-1), true
		case "year":
			return strconv.Itoa(t.Year()), true
		case "weekday":
			return l.listed("base.weekdays", int(t.Weekday())), true
		case "hour":
			return pad(t.Hour()), true
		case "minute":
			return pad(t.Minute()), true
		}
		return "", false
	})
}

// expand puts values in the places of a text that name them, as in "{day}". Other braces
// stay as they are.
func expand(text string, value func(name string) (string, bool)) string {
	var out strings.Builder
	for {
		begin := strings.IndexByte(text, '{')
		if begin < 0 {
			break
		}
		n := strings.IndexByte(text[begin:], '}')
		if n < 0 {
			break
		}
		v, ok := value(text[begin+1 : begin+n])
		if !ok { // another brace may begin a name
			out.WriteString(text[:begin+1])
			text = text[begin+1:]
			continue
		}
		out.WriteString(text[:begin])
		out.WriteString(v)
		text = text[begin+n+1:]
	}
	if out.Len() == 0 {
		return text
	}
	out.WriteString(text)
	return out.String()
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
