package main

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"math"
	"os"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// The charts' measures, in units of the drawing.
const (
	rowHeight  = 22
	labelWidth = 250
	plotWidth  = 560
)

// writePage writes the report as one page that needs nothing else.
func (r report) writePage(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	results, missing := r.results()
	data := struct {
		Title   string
		Ratios  chart
		Times   chart
		Rows    []pageRow
		Missing []string
		Memory  []kilobytes
	}{r.title, ratioChart(results), timeChart(results), pageRows(results), names(missing), r.memory()}
	return errors.Join(page.Execute(f, data), f.Close())
}

func names(all []line) (list []string) {
	for _, l := range all {
		list = append(list, l.name)
	}
	return list
}

// pageRow is a row of the table.
type pageRow struct {
	Name, About, Dovecot, Fantail, Ratio, CPU, Limit, Goal, Judge string
	Reached                                                       bool
}

func pageRows(results []result) (rows []pageRow) {
	for _, x := range results {
		rows = append(rows, pageRow{
			Name: x.name, About: x.about,
			Dovecot: x.show(x.Dovecot, x.octets), Fantail: x.show(x.Fantail, x.octets),
			Ratio: ratio(x.Dovecot, x.Fantail), CPU: ratio(x.DovecotCPU, x.FantailCPU),
			Limit: x.show(x.Limit, x.octets), Goal: x.target(), Judge: strings.Join(x.judge(), ", "), Reached: x.reached(),
		})
	}
	return rows
}

// chart is a drawing with one row a line, on a logarithmic axis.
type chart struct {
	Width, Height int
	Ticks         []tick
	Rows          []chartRow
}

type tick struct {
	X    float64
	Text string
}

// chartRow is what stands in one row.
type chartRow struct {
	Name, Tip string
	Y, Text   int // the row's middle, and the base line of its text
	Bar       *bar
	Marks     []mark
}

type bar struct {
	X, Width float64
	Class    string
}

type mark struct {
	X     float64
	Class string // dovecot, fantail, limit, goal
}

// axis is the logarithmic scale from low to high.
type axis struct{ low, high float64 }

func (a axis) x(v float64) float64 {
	v = min(max(v, a.low), a.high)
	return labelWidth + plotWidth*math.Log(v/a.low)/math.Log(a.high/a.low)
}

// ticks are the powers of ten.
func (a axis) ticks(text func(float64) string) (all []tick) {
	for v := a.low; v <= a.high*1.001; v *= 10 {
		all = append(all, tick{a.x(v), text(v)})
	}
	return all
}

func newChart(n int, ticks []tick) chart {
	return chart{Width: labelWidth + plotWidth + 40, Height: (n + 1) * rowHeight, Ticks: ticks}
}

func (c *chart) row(i int, name, tip string) *chartRow {
	y := i*rowHeight + rowHeight/2
	c.Rows = append(c.Rows, chartRow{Name: name, Tip: tip, Y: y, Text: y + 4})
	return &c.Rows[i]
}

// ratioChart shows how many times faster Fantail is, and where it should be.
func ratioChart(results []result) chart {
	a := axis{0.1, 1000}
	c := newChart(len(results), a.ticks(func(v float64) string { return fmt.Sprintf("%g×", v) }))
	for i, x := range results {
		d, f := x.Dovecot, x.Fantail
		if x.byCPU {
			d, f = x.DovecotCPU, x.FantailCPU
		}
		times := float64(d) / float64(max(f, 1))
		row := c.row(i, x.name, fmt.Sprintf("%.2f times as fast as Dovecot", times))
		from, to := a.x(min(times, 1)), a.x(max(times, 1))
		row.Bar = &bar{from, max(to-from, 1), "good"}
		if !x.reached() || times < 0.9 {
			row.Bar.Class = "bad"
		}
		if x.goal > 0 {
			row.Marks = []mark{{a.x(x.goal), "goal"}}
		}
	}
	return c
}

// timeChart shows the times themselves, with the physical limit.
func timeChart(results []result) chart {
	a := axis{0.01, 100_000}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	c := newChart(len(results), a.ticks(func(v float64) string {
		return time.Duration(v * float64(time.Millisecond)).String()
	}))
	for i, x := range results {
		row := c.row(i, x.name, fmt.Sprintf("Dovecot %v, Fantail %v, limit %v", x.Dovecot, x.Fantail, x.Limit))
		row.Marks = []mark{{a.x(ms(x.Dovecot)), "dovecot"}, {a.x(ms(x.Fantail)), "fantail"}}
		if x.Limit > 0 {
			row.Marks = append(row.Marks, mark{a.x(ms(x.Limit)), "limit"})
		}
	}
	return c
}
