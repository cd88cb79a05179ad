package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The page has what was measured, and says what is below its goal.
func TestPage(t *testing.T) {
	ms := func(n ...int) *figures {
		f := &figures{octets: 1e6}
		for _, n := range n {
			f.time = append(f.time, time.Duration(n)*time.Millisecond)
			f.cpu = append(f.cpu, time.Duration(n)*time.Millisecond)
		}
		return f
	}
	r := report{
		title: "a <title>", pick: median,
		dovecot: map[string]*figures{storeAll: ms(30), copyAll: ms(30), download: ms(100), memoryMore: {kB: []int{534}}},
		ours:    map[string]*figures{storeAll: ms(9, 10, 11), copyAll: ms(20), download: ms(50), memoryMore: {kB: []int{101}}},
		limits:  map[string]time.Duration{copyAll: 10 * time.Millisecond},
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := r.writePage(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a &lt;title&gt;", "<td>30.00<td>10.00<td>3.00<td>3.00<td>-<td>2 times<td>",
		"below the goal of 2 times", "<td>10<td>20<td>2.00", "more than the goal of 100", "SELECT, first<td colspan",
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(string(data), `class="bar bad"`); n != 1 {
		t.Errorf("%d bars are red, want that of %s", n, copyAll)
	}
}

func TestPercentile99(t *testing.T) {
	var all []time.Duration
	for n := range 200 {
		all = append(all, time.Duration(200-n))
	}
	if got := percentile99(all); got != 198 {
		t.Errorf("percentile99 of 1 to 200 is %d", got)
	}
	if got := percentile99(all[:1]); got != 200 {
		t.Errorf("percentile99 of one is %d", got)
	}
}
