package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

type report struct {
	title         string
	only          *regexp.Regexp // the lines wanted; nil: all
	pick          func([]time.Duration) time.Duration
	dovecot, ours map[string]*figures
	limits        map[string]time.Duration
}

// result is a line with what was found out.
type result struct {
	line
	Dovecot, Fantail, Limit time.Duration
	DovecotCPU, FantailCPU  time.Duration
	octets                  int64
}

// results are the lines that both servers can.
func (r report) results() (all []result, missing []line) {
	for _, l := range lines {
		d, f := r.dovecot[l.name], r.ours[l.name]
		if d == nil || f == nil {
			if r.only == nil || r.only.MatchString(l.name) {
				missing = append(missing, l)
			}
			continue
		}
		pick := r.pick
		if l.pick != nil {
			pick = l.pick
		}
		all = append(all, result{l, pick(d.time), pick(f.time), r.limits[l.name], r.pick(d.cpu), r.pick(f.cpu), f.octets})
	}
	return all, missing
}

func (r report) print(w io.Writer) {
	const format = "%-32s %10s %10s %7s   %10s %10s %7s   %10s %6s  %s\n"
	fmt.Fprintf(w, "%s\n\n", r.title)
	fmt.Fprintf(w, format, "ms (download: MB/s)", "dovecot", "fantail", "ratio", "CPU dove", "CPU fan", "ratio", "limit", "times", "")
	results, missing := r.results()
	for _, x := range results {
		fmt.Fprintf(w, format, x.name, x.show(x.Dovecot, x.octets), x.show(x.Fantail, x.octets), ratio(x.Dovecot, x.Fantail),
			line{}.show(x.DovecotCPU, 0), line{}.show(x.FantailCPU, 0), ratio(x.DovecotCPU, x.FantailCPU),
			x.show(x.Limit, x.octets), ratio(x.Fantail, x.Limit), strings.Join(x.judge(), ", "))
	}
	for _, l := range missing {
		fmt.Fprintf(w, "%-32s not measured: one of the servers cannot\n", l.name)
	}
	fmt.Fprintf(w, "\n"+format, "memory, kB", "dovecot", "fantail", "ratio", "", "", "", "", "", "")
	for _, m := range r.memory() {
		fmt.Fprintf(w, format, m.Name, fmt.Sprint(m.Dovecot), fmt.Sprint(m.Fantail), fmt.Sprintf("%.2f", m.Ratio()), "", "", "", "", "", m.Judge())
	}
}

// kilobytes is a line of memory with what was found out.
type kilobytes struct {
	Name, About            string
	Dovecot, Fantail, most int
	times                  float64
}

func (k kilobytes) Ratio() float64 { return float64(k.Dovecot) / float64(max(k.Fantail, 1)) }

func (k kilobytes) Judge() string {
	if k.most > 0 && k.Fantail > k.most {
		return fmt.Sprintf("more than the goal of %d", k.most)
	}
	if k.times > 0 && float64(k.Fantail) > k.times*float64(k.Dovecot) {
		return fmt.Sprintf("more than the goal of %g times Dovecot", k.times)
	}
	return ""
}

func (r report) memory() (all []kilobytes) {
	for _, m := range memoryLines {
		if d, f := r.dovecot[m.name], r.ours[m.name]; d != nil && f != nil {
			all = append(all, kilobytes{m.name, m.about, middle(d.kB), middle(f.kB), m.most, m.times})
		}
	}
	return all
}

// judge says what is not good.
func (x result) judge() (marks []string) {
	// A tenth is noise.
	if x.Fantail > x.Dovecot*11/10 {
		marks = append(marks, "SLOWER")
	}
	if x.FantailCPU > x.DovecotCPU*11/10 {
		marks = append(marks, "more CPU")
	}
	if !x.reached() {
		marks = append(marks, "below the goal of "+x.target())
	}
	// Below a millisecond nobody notices.
	if x.Limit > 0 && x.Fantail > 3*x.Limit && x.Fantail > time.Millisecond {
		marks = append(marks, "> 3 limits")
	}
	return marks
}

// reached reports whether Fantail is as fast as the line wants it.
func (x result) reached() bool {
	d, f := x.Dovecot, x.Fantail
	if x.byCPU {
		d, f = x.DovecotCPU, x.FantailCPU
	}
	return float64(d) >= x.goal*float64(f) && (x.most == 0 || x.Fantail <= x.most)
}

// target is what the line wants, in words.
func (x result) target() string {
	var all []string
	if x.goal > 0 {
		all = append(all, fmt.Sprintf("%g times", x.goal))
	}
	if x.byCPU {
		all = append(all, "by CPU")
	}
	if x.most > 0 {
		all = append(all, fmt.Sprintf("%v at most", x.most))
	}
	return strings.Join(all, " ")
}

func ratio(a, b time.Duration) string {
	if a == 0 || b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}

func median(d []time.Duration) time.Duration { return middle(d) }

func middle[T cmp.Ordered](all []T) T {
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

func least(d []time.Duration) time.Duration { return slices.Min(d) }

func slowest(d []time.Duration) time.Duration { return slices.Max(d) }

// percentile99 is what all but one of a hundred are below.
func percentile99(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[(len(s)*99-1)/100]
}

// noise tells how busy the machine was with other things.
type noise struct {
	begun       time.Time
	busy, total uint64
}

func startNoise() noise {
	busy, total := ticks()
	return noise{time.Now(), busy, total}
}

func (n noise) end() string {
	busy, total := ticks()
	if total == n.total {
		return "load unknown"
	}
	load, _, _ := strings.Cut(read("/proc/loadavg"), " ")
	return fmt.Sprintf("in %v; processors %d %% busy, load %s", time.Since(n.begun).Round(time.Second),
		100*(busy-n.busy)/(total-n.total), load)
}

// ticks are those of all processors since the start of the machine.
func ticks() (busy, total uint64) {
	first, _, _ := strings.Cut(read("/proc/stat"), "\n")
	for i, f := range strings.Fields(first) {
		var n uint64
		if _, err := fmt.Sscan(f, &n); err != nil {
			continue // the word "cpu"
		}
		total += n
		if i != 4 && i != 5 { // idle, and waiting for a disk
			busy += n
		}
	}
	return busy, total
}

// read reads a file of the kernel; what cannot be read says nothing.
func read(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data)
}
