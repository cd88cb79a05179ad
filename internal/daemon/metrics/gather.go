package metrics

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxText is the longest text of a daemon that is read, in octets.
	maxText = 1 << 20
	// maxLine is its longest line.
	maxLine = 4 << 10
	// patience is how long a daemon may take to tell its numbers.
	patience = 3 * time.Second
)

// Gathered is what one daemon has told.
type Gathered struct {
	Daemon  string
	Samples []Sample // in the order of the table
	Err     error    // why there are none
}

// Gather asks the daemons whose sockets are in a directory, all at once, and returns them
// in the order of lists. Those that were never started there are left out.
func Gather(ctx context.Context, dir string) ([]Gathered, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	known := lookup()
	list := make([]Gathered, len(Daemons))
	var wg sync.WaitGroup
	for i, d := range Daemons {
		wg.Go(func() {
			samples, err := ask(ctx, filepath.Join(dir, d.Name, SocketName), d.Daemon, known)
			list[i] = Gathered{d.Name, samples, err}
		})
	}
	wg.Wait()
	var there []Gathered
	for _, g := range list {
		if !errors.Is(g.Err, fs.ErrNotExist) {
			there = append(there, g)
		}
	}
	return there, nil
}

// ask reads the numbers of a daemon.
func ask(ctx context.Context, path string, d Daemon, known map[string]place) ([]Sample, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	defer conn.Close() // nothing was written
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
	}
	return read(conn, d, known)
}

// place says where in the table a series is.
type place struct {
	id             ID
	series, suffix int
}

// lookup is a table of all series that there can be, by what stands before their value.
func lookup() map[string]place {
	known := make(map[string]place)
	for id := range families {
		f := &families[id]
		if f.free || f.in == 0 {
			continue
		}
		s := Set{slots: make([]atomic.Uint64, f.size())}
		for i := range s.slots {
			s.slots[i].Store(1) // so that nothing is left out
		}
		for _, sample := range s.counted(nil, ID(id)) {
			known[sample.full()] = place{ID(id), sample.series, sample.suffix}
		}
	}
	return known
}

// ErrText says that what a daemon has told is not as it should be.
var ErrText = errors.New("not the text of a daemon's numbers")

// read reads the text of a daemon. What is not in the table, or not that daemon's, is left
// out: it may be of another version.
func read(r io.Reader, d Daemon, known map[string]place) ([]Sample, error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxText))
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	var list []Sample
	had := make(map[place]bool)
	for lines.Scan() {
		line := lines.Bytes()
		if string(line) == "# EOF" {
			return sorted(list), nil
		}
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		sample, ok := parse(line, known)
		if !ok || families[sample.id].in&d == 0 {
			continue
		}
		at := place{sample.id, sample.series, sample.suffix}
		if !had[at] {
			had[at] = true
			list = append(list, sample)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	return nil, fmt.Errorf("%w: it has no end", ErrText)
}

// parse reads the line of a sample.
func parse(line []byte, known map[string]place) (sample Sample, ok bool) {
	i := bytes.LastIndexByte(line, ' ')
	if i < 0 {
		return sample, false
	}
	series := string(line[:i])
	v, err := strconv.ParseFloat(string(line[i+1:]), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return sample, false
	}
	name, labels, _ := strings.Cut(series, "{")
	sample = Sample{Name: name, Labels: strings.TrimSuffix(labels, "}"), Value: v}
	if version, ok := strings.CutPrefix(sample.Labels, `version="`); ok && name == "fantail_build_info" {
		sample.id = Build
		return sample, isVersion(strings.TrimSuffix(version, `"`))
	}
	at, ok := known[series]
	sample.id, sample.series, sample.suffix = at.id, at.series, at.suffix
	return sample, ok
}

// isVersion reports whether a text can be a version.
func isVersion(text string) bool {
	return text != "" && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

// Merge makes one list of those of all daemons, in the order of the table, each sample with
// the name of its daemon.
func Merge(all []Gathered) []Sample {
	var list []Sample
	for n, g := range all {
		up := Sample{id: Up, series: n, Name: families[Up].name}
		if g.Err == nil {
			up.Value = 1
		}
		for _, sample := range append([]Sample{up}, g.Samples...) {
			sample.Labels = join(pair("daemon", g.Daemon), sample.Labels)
			sample.series += n * mostSeries
			list = append(list, sample)
		}
	}
	return sorted(list)
}

// mostSeries is more than any family has.
const mostSeries = 1 << 16
