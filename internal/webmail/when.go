package webmail

import (
	"strconv"
	"time"
)

// moment is a time as a person reads it: short in lists, whole on request.
type moment struct {
	Short string // "14:02", "12 Nov", "12 Nov 2024"
	Long  string // "Thursday, 12 November 2026, 14:02"
	ISO   string // for <time datetime>; "" if there is no time
}

// when writes t as seen from now, both in zone.
func when(t, now time.Time, zone *time.Location) moment {
	if t.IsZero() {
		return moment{Short: "no date", Long: "no date"}
	}
	t, now = t.In(zone), now.In(zone)
	m := moment{Long: t.Format("Monday, 2 January 2006, 15:04"), ISO: t.Format(time.RFC3339)}
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	switch tomorrow := today.AddDate(0, 0, 1); {
	case !t.Before(today) && t.Before(tomorrow):
		m.Short = t.Format("15:04")
	case t.Year() == now.Year():
		m.Short = t.Format("2 Jan")
	default:
		m.Short = t.Format("2 Jan 2006")
	}
	return m
}

// sizeName writes a number of octets with two digits of precision or so.
func sizeName(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(max(n, 0), 10) + " bytes"
	case n < 999_500:
		return strconv.FormatInt((n+500)/1000, 10) + " kB"
	case n < 9_950_000:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	case n < 999_500_000:
		return strconv.FormatInt((n+500_000)/1_000_000, 10) + " MB"
	}
	return strconv.FormatFloat(float64(n)/1e9, 'f', 1, 64) + " GB"
}
