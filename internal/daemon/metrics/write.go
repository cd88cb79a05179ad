package metrics

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Type is what HTTP calls this text (OpenMetrics 1.0).
const Type = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Sample is a number.
type Sample struct {
	id     ID
	series int // in the order of the table
	suffix int // in the order of suffixes, and of a histogram's buckets

	Name   string
	Labels string // as they are written, without braces: a="b",c="d"
	Value  float64
}

// Samples are all numbers of a Set, in the order of the table.
func (s *Set) Samples() []Sample {
	s.telling.Lock()
	defer s.telling.Unlock()
	var list []Sample
	for id := range families {
		if s.offsets[id] >= 0 {
			list = s.counted(list, ID(id))
		}
	}
	s.mu.Lock()
	questions := slices.Clone(s.asked)
	s.mu.Unlock()
	for i, q := range questions {
		v, ok := q.value()
		if !ok {
			continue
		}
		f := &families[q.id]
		sample := Sample{id: q.id, series: i, Name: f.name + suffixOf(f.kind), Value: v}
		for n, l := range f.labels {
			sample.Labels = join(sample.Labels, pair(l.name, q.labels[n]))
		}
		list = slices.DeleteFunc(list, func(other Sample) bool { return other.Name == sample.Name && other.Labels == sample.Labels })
		list = append(list, sample)
	}
	return sorted(list)
}

func sorted(list []Sample) []Sample {
	slices.SortStableFunc(list, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.series, b.series), cmp.Compare(a.suffix, b.suffix))
	})
	return list
}

func suffixOf(k kind) string {
	switch k {
	case counter:
		return "_total"
	case info:
		return "_info"
	}
	return ""
}

// counted appends the samples of a family.
func (s *Set) counted(list []Sample, id ID) []Sample {
	f := &families[id]
	for n := range f.series() {
		slots := s.slots[s.offsets[id]+n*f.width():][:f.width()]
		if f.sparse() && !counts(slots) {
			continue
		}
		labels := f.labelsOf(n)
		if f.kind != histogram {
			v := float64(slots[0].Load())
			if f.kind == gauge {
				v = float64(int64(slots[0].Load()))
			}
			list = append(list, Sample{id, n, 0, f.name + suffixOf(f.kind), labels, v})
			continue
		}
		var count uint64
		for i := range len(f.buckets) + 1 {
			count += slots[i].Load()
			le := "+Inf"
			if i < len(f.buckets) {
				le = bound(f.scaled(f.buckets[i]))
			}
			list = append(list, Sample{id, n, i, f.name + "_bucket", join(labels, pair("le", le)), float64(count)})
		}
		list = append(list,
			Sample{id, n, len(slots), f.name + "_count", labels, float64(count)},
			Sample{id, n, len(slots) + 1, f.name + "_sum", labels, f.scaled(slots[len(slots)-1].Load())})
	}
	return list
}

// counts reports whether something is not zero.
func counts(slots []atomic.Uint64) bool {
	for i := range slots {
		if slots[i].Load() != 0 {
			return true
		}
	}
	return false
}

// scaled is a value in the unit of the family.
func (f *family) scaled(v uint64) float64 {
	if f.unit == "seconds" {
		return float64(v) / 1e9
	}
	return float64(v)
}

// labelsOf returns the labels of a series.
func (f *family) labelsOf(series int) (text string) {
	for i := len(f.labels) - 1; i >= 0; i-- {
		l := &f.labels[i]
		text = join(pair(l.name, l.values[series%len(l.values)]), text)
		series /= len(l.values)
	}
	return text
}

func pair(name, value string) string { return name + `="` + escape.Replace(value) + `"` }

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}

// number is a value as it is written.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// bound is that of a bucket, which always looks like a fraction.
func bound(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// Append appends samples, which are in the order of the table, as text of OpenMetrics.
func Append(b []byte, list []Sample) []byte {
	b = appendSamples(b, list, (*family).head)
	return append(b, "# EOF\n"...)
}

// AppendOld appends them as text of Prometheus, the form from which OpenMetrics has come
// and which the collector of files in its node_exporter reads.
func AppendOld(b []byte, list []Sample) []byte { return appendSamples(b, list, (*family).oldHead) }

func appendSamples(b []byte, list []Sample, head func(*family, []byte) []byte) []byte {
	last := ID(-1)
	for _, sample := range list {
		if sample.id != last {
			last = sample.id
			b = head(&families[last], b)
		}
		b = append(b, sample.Name...)
		if sample.Labels != "" {
			b = append(append(append(b, '{'), sample.Labels...), '}')
		}
		b = append(b, ' ')
		b = append(b, number(sample.Value)...)
		b = append(b, '\n')
	}
	return b
}

// head appends what is said of a family before its samples.
func (f *family) head(b []byte) []byte {
	line := func(keyword, text string) {
		if text != "" {
			b = append(b, "# "+keyword+" "+f.name+" "+text+"\n"...)
		}
	}
	line("TYPE", kinds[f.kind])
	line("UNIT", f.unit)
	line("HELP", escape.Replace(f.help))
	return b
}

// full is what stands before the value.
func (s *Sample) full() string {
	if s.Labels == "" {
		return s.Name
	}
	return s.Name + "{" + s.Labels + "}"
}

// oldHead is head in the older form: the name is that of the samples, and a type for what
// says what something is there is not.
func (f *family) oldHead(b []byte) []byte {
	name, kind := f.name+suffixOf(f.kind), kinds[f.kind]
	if f.kind == info {
		kind = kinds[gauge]
	}
	b = append(b, "# HELP "+name+" "+oldEscape.Replace(f.help)+"\n"...)
	return append(b, "# TYPE "+name+" "+kind+"\n"...)
}

var oldEscape = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

// What people want to know of a sample besides its number.

// Total reports whether it only becomes more.
func (s *Sample) Total() bool {
	k := families[s.id].kind
	return k == counter || k == histogram
}

// Bucket reports whether it is one of a histogram's buckets.
func (s *Sample) Bucket() bool { return strings.HasSuffix(s.Name, "_bucket") }

// Unit is its unit, "" if it has none.
func (s *Sample) Unit() string { return families[s.id].unit }
