package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// The lines, in the order of the report. The package comment explains them.
const (
	selectFirst     = "SELECT, first"
	selectAgain     = "SELECT, again"
	selectUnchanged = "SELECT, unchanged"
	selectDelivered = "SELECT, one delivered"
	selectFlagged   = "SELECT, one flagged"
	noop            = "NOOP"
	flagsOfAll      = "FETCH flags"
	envelopesCold   = "FETCH envelopes, cold"
	envelopesCached = "FETCH envelopes, cached"
	storeOne        = "STORE one"
	storeAll        = "STORE all"
	copyAll         = "COPY all"
	moveAll         = "MOVE all"
	expungeAll      = "EXPUNGE all"
	appendOne       = "APPEND one"
	idle            = "IDLE"
	statusFirst     = "STATUS of 200, first"
	statusUnchanged = "STATUS of 200, unchanged"
	memorySelected  = "memory, selected"
	memoryFlags     = "memory, flags fetched"
)

var lines = []string{
	selectFirst, selectAgain, selectUnchanged, selectDelivered, selectFlagged, noop,
	flagsOfAll, envelopesCold, envelopesCached, storeOne, storeAll, copyAll, moveAll, expungeAll,
	appendOne, idle, statusFirst, statusUnchanged,
}

type report struct {
	pick          func([]time.Duration) time.Duration
	dovecot, ours map[string]*figures
	limits        map[string]time.Duration
}

func (r report) print(w io.Writer) {
	const format = "%-25s %10s %10s %7s   %10s %10s %7s   %10s %6s  %s\n"
	fmt.Fprintf(w, format, "ms", "dovecot", "fantail", "ratio", "CPU dove", "CPU fan", "ratio", "limit", "times", "")
	for _, line := range lines {
		d, f := r.dovecot[line], r.ours[line]
		if d == nil || f == nil {
			fmt.Fprintf(w, "%-25s one of the servers cannot\n", line)
			continue
		}
		dt, ft, dc, fc := r.pick(d.time), r.pick(f.time), r.pick(d.cpu), r.pick(f.cpu)
		limit := r.limits[line]
		fmt.Fprintf(w, format, line, show(dt), show(ft), ratio(dt, ft), show(dc), show(fc), ratio(dc, fc),
			show(limit), ratio(ft, limit), judge(dt, ft, dc, fc, limit))
	}
	fmt.Fprintf(w, "\n"+format, "kB", "dovecot", "fantail", "ratio", "", "", "", "", "", "")
	for _, line := range []string{memorySelected, memoryFlags} {
		d, f := middle(r.dovecot[line].kB), middle(r.ours[line].kB)
		fmt.Fprintf(w, format, line, fmt.Sprint(d), fmt.Sprint(f), fmt.Sprintf("%.2f", float64(d)/float64(f)), "", "", "", "", "", "")
	}
}

// judge marks what is not good.
func judge(dt, ft, dc, fc, limit time.Duration) string {
	var marks []string
	// A tenth is noise.
	if ft > dt*11/10 {
		marks = append(marks, "SLOWER")
	}
	if fc > dc*11/10 {
		marks = append(marks, "more CPU")
	}
	// Below a millisecond nobody notices.
	if limit > 0 && ft > 3*limit && ft > time.Millisecond {
		marks = append(marks, "> 3 limits")
	}
	return strings.Join(marks, ", ")
}

func show(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
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
