package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fantail/internal/daemon/metrics"
)

// stats is the verb stats. The daemons tell their numbers to whoever may connect to their
// sockets (package metrics); it reads all of them, once or again and again.
type stats struct {
	sockets
	interval time.Duration
	json     bool
	text     bool
	file     string
	answer   bool
}

func (s *stats) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.directory, "S", "/run/fantail", "the `directory` of the daemons' sockets")
	fs.BoolVar(&s.answer, "http", false, "answer a request of HTTP on standard input, as systemd or inetd hands it over")
	fs.Func("i", "say every so many `seconds` what was added, until interrupted", func(text string) error {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return errors.New("a number of seconds")
		}
		s.interval = time.Duration(n) * time.Second
		return nil
	})
	fs.BoolVar(&s.json, "j", false, "for scripts: a line of JSON for each number")
	fs.BoolVar(&s.text, "m", false, "as text of OpenMetrics")
	fs.StringVar(&s.file, "o", "", "replace this `file`, for the collector of files of Prometheus's node_exporter")
}

func (s *stats) run(ctx context.Context, t *tool, _ []string) error {
	ways := 0
	for _, on := range []bool{s.interval > 0, s.json, s.text, s.file != "", s.answer} {
		if on {
			ways++
		}
	}
	if ways > 1 {
		return &failure{exitUsage, errors.New("only one of -http, -i, -j, -m and -o"), ""}
	}
	if s.answer {
		return s.serve(ctx, t)
	}
	all, err := s.gather(ctx)
	if err != nil {
		return err
	}
	switch {
	case s.text:
		_, err = t.out.Write(metrics.Append(nil, metrics.Merge(all)))
	case s.json:
		err = s.objects(t, metrics.Merge(all))
	case s.file != "":
		err = replaceFile(s.file, metrics.AppendOld(nil, metrics.Merge(all)))
	case s.interval > 0:
		return s.follow(ctx, t, all)
	default:
		s.show(t, all, nil, 0)
	}
	return err
}

// gather asks the daemons. That none answers is an error.
func (s *stats) gather(ctx context.Context) ([]metrics.Gathered, error) {
	dir := filepath.Join(s.directory, metrics.Directory)
	all, err := metrics.Gather(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(all) == 0 {
		return nil, &failure{exitUnavailable, fmt.Errorf("there are no sockets in %s: no daemon runs, or elsewhere", dir), "elsewhere: -S directory; whether they run: fantail doctor"}
	}
	for _, g := range all {
		if err == nil && errors.Is(g.Err, fs.ErrPermission) {
			err = g.Err
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, &failure{exitPermission, err, "as root, or as a member of the group of " + dir + "'s directories: the same again"}
	}
	for _, g := range all {
		if g.Err == nil {
			return all, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("no daemon answers: %w", all[0].Err)
	}
	return nil, &failure{exitUnavailable, err, "systemctl status 'fantail-*'"}
}

// objects writes the numbers for scripts.
func (s *stats) objects(t *tool, list []metrics.Sample) error {
	type number struct {
		Name   string  `json:"name"`
		Labels string  `json:"labels"`
		Value  float64 `json:"value"`
	}
	for _, sample := range list {
		if err := t.object(number{sample.Name, sample.Labels, sample.Value}); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile replaces a file at once: who reads it meanwhile has the old one or the new one.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// follow says what is added, until somebody interrupts it.
func (s *stats) follow(ctx context.Context, t *tool, before []metrics.Gathered) error {
	tick := time.NewTicker(s.interval)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now, err := s.gather(ctx)
		if err != nil {
			return err
		}
		t.say("%s", time.Now().Format("15:04:05"))
		s.show(t, now, before, time.Since(last))
		before, last = now, time.Now()
	}
}

// show shows the numbers to people: of each daemon how it is, and then what has happened.
// before are those of a time ago, nil for the start of the daemons.
func (s *stats) show(t *tool, all, before []metrics.Gathered, since time.Duration) {
	if before == nil {
		t.columns([]string{"DAEMON", "VERSION", "SINCE", "MEMORY", "CPU", "FILES"}, states(all))
		t.say("")
	}
	var rows [][]string
	for _, g := range all {
		rows = append(rows, happenings(g, before, since)...)
	}
	if len(rows) == 0 {
		t.say("nothing has happened")
		return
	}
	t.columns([]string{"DAEMON", "WHAT", "NUMBER", "PER MINUTE", "MEAN"}, rows)
}

// states are the daemons themselves.
func states(all []metrics.Gathered) (rows [][]string) {
	for _, g := range all {
		if g.Err != nil {
			why := g.Err.Error()
			if errors.Is(g.Err, syscall.ECONNREFUSED) {
				why = "does not run"
			}
			rows = append(rows, []string{g.Daemon, why, "", "", "", ""})
			continue
		}
		of := byName(g.Samples)
		row := []string{g.Daemon, "", "", "", "", ""}
		for name, sample := range of {
			switch name {
			case "fantail_build_info":
				row[1] = strings.TrimSuffix(strings.TrimPrefix(sample.Labels, `version="`), `"`)
			case "process_start_time_seconds":
				row[2] = time.Unix(int64(sample.Value), 0).Format("2006-01-02 15:04")
			case "process_resident_memory_bytes":
				row[3] = inBytes(sample.Value)
			case "process_cpu_seconds_total":
				row[4] = inSeconds(sample.Value)
			case "process_open_fds":
				row[5] = strconv.Itoa(int(sample.Value))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// byName has the samples by what stands before their values, and those of families that
// have one series by their names.
func byName(list []metrics.Sample) map[string]metrics.Sample {
	of := make(map[string]metrics.Sample, len(list))
	for _, sample := range list {
		of[sample.Name+sample.Labels] = sample
		of[sample.Name] = sample
	}
	return of
}

// happenings are the numbers of a daemon that are not zero, and have changed since before
// if there is one.
func happenings(g metrics.Gathered, before []metrics.Gathered, since time.Duration) (rows [][]string) {
	now := byName(g.Samples)
	old := make(map[string]metrics.Sample)
	for _, b := range before {
		if b.Daemon == g.Daemon && b.Err == nil && byName(b.Samples)["process_start_time_seconds"].Value == now["process_start_time_seconds"].Value {
			old = byName(b.Samples)
		}
	}
	if before == nil {
		since = time.Since(time.Unix(0, int64(now["process_start_time_seconds"].Value*1e9)))
	}
	for _, sample := range g.Samples {
		what, own := strings.CutPrefix(sample.Name, "fantail_")
		if !own || sample.Bucket() || strings.HasSuffix(what, "_sum") || strings.HasSuffix(what, "_info") {
			continue
		}
		v := sample.Value
		if sample.Total() {
			v -= old[sample.Name+sample.Labels].Value
		}
		if v == 0 {
			continue
		}
		row := []string{g.Daemon, title(what, sample), amount(sample, v), "", ""}
		if sample.Total() && since > 0 {
			row[3] = strconv.FormatFloat(v/since.Minutes(), 'f', 1, 64)
			if sample.Unit() == "bytes" && !strings.HasSuffix(what, "_count") {
				row[3] = inBytes(v / since.Minutes())
			}
		}
		if family, ok := strings.CutSuffix(sample.Name, "_count"); ok {
			sum := now[family+"_sum"+sample.Labels].Value - old[family+"_sum"+sample.Labels].Value
			if row[4] = inSeconds(sum / v); sample.Unit() == "bytes" {
				row[4] = inBytes(sum / v)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// title is what people call a number.
func title(what string, sample metrics.Sample) string {
	for _, suffix := range []string{"_total", "_count", "_seconds", "_bytes", "_duration"} {
		what = strings.TrimSuffix(what, suffix)
	}
	words := []string{strings.ReplaceAll(what, "_", " ")}
	for pair := range strings.SplitSeq(sample.Labels, ",") {
		if _, value, ok := strings.Cut(pair, "="); ok {
			words = append(words, strings.Trim(value, `"`))
		}
	}
	return strings.Join(words, " ")
}

// amount is a number in its unit.
func amount(sample metrics.Sample, v float64) string {
	switch {
	case strings.HasSuffix(sample.Name, "_count"):
	case strings.HasSuffix(sample.Name, "_expiry_seconds"):
		return time.Unix(int64(v), 0).Format("2006-01-02")
	case sample.Unit() == "bytes":
		return inBytes(v)
	case sample.Unit() == "seconds":
		return inSeconds(v)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func inSeconds(v float64) string {
	d := time.Duration(v * 1e9)
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

func inBytes(v float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if v < 1000 {
			return strconv.FormatFloat(v, 'f', min(len(unit)-1, 1), 64) + " " + unit
		}
		v /= 1000
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " TB"
}
