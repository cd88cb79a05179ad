package message

import "time"

// Date returns the time of the part's Date field, in the zone that it names,
// and whether there is one that can be read. Of several the last one counts,
// as in Envelope.
func (p *Part) Date() (time.Time, bool) {
	for i := len(p.Fields) - 1; i >= 0; i-- {
		if f := &p.Fields[i]; f.Is("date") {
			return ParseDate(f.Value())
		}
	}
	return time.Time{}, false
}

// maxDate is how much of a date is looked at.
const maxDate = 200

// ParseDate reads a date-time of RFC 5322 section 3.3 with the obsolete forms
// of section 4.3, and what programs write instead: day and month in either
// order, asctime's order, ISO 8601, months in full, "-" between the parts, no
// seconds, AM and PM. As RFC 5256 section 2.2 wants, a time that is none is
// midnight, and a zone that is none is UTC. ok is false if there is no date.
func ParseDate(s string) (t time.Time, ok bool) {
	d := dateScanner{fieldScanner: fieldScanner{s: s[:min(len(s), maxDate)]}, zone: noZone}
	for d.i < len(d.s) {
		d.space()
		d.next()
	}
	return d.time()
}

const noZone = 1 << 30

// dateScanner collects the parts of a date-time.
type dateScanner struct {
	fieldScanner
	day, month, year     int // 0: not yet seen
	hour, minute, second int
	timed                bool // a time was seen
	zone                 int  // seconds east of UTC
}

// next reads a word, a number, a time or a zone.
func (d *dateScanner) next() {
	if d.i >= len(d.s) {
		return
	}
	switch c := d.s[d.i]; {
	case isDigit(c):
		d.number()
	case isLetter(c):
		start := d.i
		for d.i < len(d.s) && isLetter(d.s[d.i]) {
			d.i++
		}
		d.word(d.s[start:d.i])
	case (c == '+' || c == '-') && d.timed && d.zone == noZone:
		d.i++
		d.offset(c == '-')
	default:
		d.i++
	}
}

// digits reads a number of at most six digits and returns how many there were.
func (d *dateScanner) digits() (n, count int) {
	for ; d.i < len(d.s) && isDigit(d.s[d.i]); d.i++ {
		if count++; count <= 6 {
			n = n*10 + int(d.s[d.i]-'0')
		}
	}
	return n, count
}

// number reads a number, which may be the hour of a time.
func (d *dateScanner) number() {
	n, count := d.digits()
	d.space() // RFC 5322 section 4.3 has white space around the colons
	if d.i < len(d.s) && d.s[d.i] == ':' && !d.timed {
		d.clock(n)
		return
	}
	switch {
	case count > 2 || n > 31:
		if d.year == 0 {
			d.year = fullYear(n, count)
		}
	case d.year != 0 && d.month == 0 && d.day == 0:
		d.month = n // ISO 8601
	case d.day == 0:
		d.day = n
	case d.year == 0:
		d.year = fullYear(n, count)
	}
}

// fullYear applies RFC 5322 section 4.3 to a year of two or three digits.
func fullYear(n, count int) int {
	switch {
	case count <= 2 && n < 50:
		return n + 2000
	case count <= 3:
		return n + 1900
	}
	return n
}

// clock reads what follows the hour.
func (d *dateScanner) clock(hour int) {
	d.timed = true
	d.i++
	d.space()
	minute, n := d.digits()
	d.space()
	second := 0
	if n > 0 && d.take(':') {
		d.space()
		second, _ = d.digits()
		if d.take('.') {
			d.digits() // fractions
		}
	}
	// RFC 5322 section 3.3 allows for leap seconds.
	if n > 0 && hour < 24 && minute < 60 && second <= 60 {
		d.hour, d.minute, d.second = hour, minute, second
	}
}

// offset reads the digits of a zone such as +0100 or +01:00.
func (d *dateScanner) offset(west bool) {
	n, count := d.digits()
	hours, minutes := n/100, n%100
	if count <= 2 {
		hours, minutes = n, 0
		if count > 0 && d.take(':') {
			minutes, _ = d.digits()
		}
	}
	d.zone = 0
	if count > 4 || hours > 23 || minutes > 59 {
		return
	}
	d.zone = hours*3600 + minutes*60
	if west {
		d.zone = -d.zone
	}
}

// word takes the name of a month, AM or PM, or the name of a zone (RFC 5322
// section 4.3).
func (d *dateScanner) word(w string) {
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	if d.month == 0 && len(w) >= 3 {
		for m := range 12 {
			if equalFold(w[:3], months[3*m:3*m+3]) {
				d.month = m + 1
				return
			}
		}
	}
	if !d.timed {
		return
	}
	switch w = lowerString(w); {
	case w == "pm" && d.hour < 12:
		d.hour += 12
	case w == "am" && d.hour == 12:
		d.hour = 0
	case d.zone == noZone && len(w) == 3 && w[2] == 't' && (w[1] == 's' || w[1] == 'd'):
		d.american(w)
	}
}

// american takes EST, EDT, CST, CDT, MST, MDT, PST or PDT.
func (d *dateScanner) american(w string) {
	hours := 0
	switch w[0] {
	case 'e':
		hours = 5
	case 'c':
		hours = 6
	case 'm':
		hours = 7
	case 'p':
		hours = 8
	default:
		return
	}
	if w[1] == 'd' {
		hours--
	}
	d.zone = -hours * 3600
}

// time puts the parts together.
func (d *dateScanner) time() (time.Time, bool) {
	if d.day == 0 || d.month == 0 || d.month > 12 || d.year == 0 || d.year > 9999 {
		return time.Time{}, false
	}
	zone := time.UTC
	if d.zone != noZone && d.zone != 0 {
		zone = time.FixedZone("", d.zone)
	}
	if time.Date(d.year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC).Day() != d.day {
		return time.Time{}, false
	}
	return time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, zone), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }
