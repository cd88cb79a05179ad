package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTable: names are such as OpenMetrics has them, and a list of values has one for what
// is not on it, wherever something else may come.
func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for id := range families {
		f := &families[id]
		switch {
		case f.name == "" || f.help == "" || seen[f.name]:
			t.Errorf("family %d: %q", id, f.name)
		case f.unit != "" && !strings.HasSuffix(f.name, "_"+f.unit):
			t.Errorf("%s does not end with its unit", f.name)
		case strings.HasSuffix(f.name, "_total") || strings.HasSuffix(f.name, "_info"):
			t.Errorf("%s has a suffix", f.name)
		case (f.kind == histogram) != (f.buckets != nil) || !slices.IsSorted(f.buckets):
			t.Errorf("%s has buckets %v", f.name, f.buckets)
		case f.size() > mostSeries || !strings.HasSuffix(f.help, "."):
			t.Errorf("%s: %d, %s", f.name, f.size(), f.help)
		}
		seen[f.name] = true
		for _, l := range f.labels {
			if l.name == "daemon" || l.name == "le" || !f.free && len(l.values) == 0 {
				t.Errorf("%s has the label %s", f.name, l.name)
			}
		}
	}
}

func TestCount(t *testing.T) {
	s := New(IMAPD)
	s.Inc(Logins, "PLAIN", "ok")
	s.Add(Logins, 2, "a mechanism of which nobody has heard", "and what it has come to")
	s.Inc(Connections)
	s.Inc(Connections)
	s.Dec(Connections)
	s.Observe(LoginTime, 1*ms)
	s.Observe(LoginTime, 100*ms)
	s.Observe(LoginTime, 3600*1000*ms)
	s.Inc(Deliveries, "delivered") // lmtpd's
	var none *Set
	none.Inc(Connections)
	none.Since(LoginTime, time.Now())
	none.Ask(Memory, nil)
	text := string(Append(nil, s.Samples()))
	for _, want := range []string{
		"# TYPE fantail_logins counter\n# HELP fantail_logins Attempts to log in.\nfantail_logins_total{mechanism=\"PLAIN\",outcome=\"ok\"} 1\nfantail_logins_total{mechanism=\"other\",outcome=\"other\"} 2\n#",
		"\nfantail_connections 1\n",
		"# UNIT fantail_login_duration_seconds seconds\n",
		"_seconds_bucket{le=\"0.005\"} 1\nfantail_login_duration_seconds_bucket{le=\"0.02\"} 1\nfantail_login_duration_seconds_bucket{le=\"0.1\"} 2\n",
		"fantail_login_duration_seconds_bucket{le=\"2.0\"} 2\n",
		"fantail_login_duration_seconds_bucket{le=\"+Inf\"} 3\nfantail_login_duration_seconds_count 3\nfantail_login_duration_seconds_sum 3600.101\n",
		"fantail_connections_refused_total{reason=\"full\"} 0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "fantail_deliveries") || !strings.HasSuffix(text, "\n# EOF\n") {
		t.Error(text)
	}
}

// TestCost: to count is to add.
func TestCost(t *testing.T) {
	s := New(IMAPD)
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() {
		s.Inc(Logins, "SCRAM-SHA-256", "ok")
		s.Since(LoginTime, now)
		s.Add(Octets, 17, "in")
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	s := New(IMAPD)
	for b.Loop() {
		s.Add(Octets, 17, "in")
	}
}

func BenchmarkSince(b *testing.B) {
	s, now := New(IMAPD), time.Now()
	for b.Loop() {
		s.Since(LoginTime, now)
	}
}

// serve has daemons tell their numbers in a directory.
func serve(t *testing.T, dir string, sets map[string]*Set) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	for name, s := range sets {
		l, err := Listen(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		go func() { done <- s.Serve(ctx, l) }()
	}
	t.Cleanup(func() {
		cancel()
		for range sets {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// everything is a set in which everything was counted.
func everything(d Daemon) *Set {
	s := New(d)
	for i := range s.slots {
		s.slots[i].Add(uint64(i))
	}
	s.Process("1.2~rc3+x")
	return s
}

// TestGather: what all daemons tell is there, with their names.
func TestGather(t *testing.T) {
	dir := t.TempDir()
	sets := make(map[string]*Set)
	for _, d := range Daemons[1:] {
		sets[d.Name] = everything(d.Daemon)
	}
	serve(t, dir, sets)
	gone, err := Listen(dir, "imapd") // one that has ended
	if err == nil {
		err = gone.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := Gather(t.Context(), dir)
	if err != nil || len(all) != len(Daemons) {
		t.Fatal(len(all), err)
	}
	if all[0].Daemon != "imapd" || all[0].Err == nil || all[0].Samples != nil {
		t.Error(all[0])
	}
	text := string(Append(nil, Merge(all)))
	for _, want := range []string{
		"fantail_up{daemon=\"imapd\"} 0\n", "fantail_up{daemon=\"keyd\"} 1\n",
		"fantail_build_info{daemon=\"authd\",version=\"1.2~rc3+x\"} 1\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, g := range all[1:] {
		want := sets[g.Daemon].Samples()
		if len(g.Samples) != len(want) {
			t.Errorf("%s: %d samples of %d", g.Daemon, len(g.Samples), len(want))
		}
		for i := range min(len(want), len(g.Samples)) {
			own := strings.HasPrefix(want[i].Name, "process_") // which changes
			if got := g.Samples[i]; got.full() != want[i].full() || got.Value != want[i].Value && !own {
				t.Errorf("%s: %s %v, want %s %v", g.Daemon, got.full(), got.Value, want[i].full(), want[i].Value)
			}
		}
	}
	check(t, string(AppendOld(nil, Merge(all))))
	if _, err := Gather(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// check has Prometheus judge a text; promtool knows the older form alone.
func check(t *testing.T, text string) {
	t.Helper()
	cmd := exec.Command(promtool(t), "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// TestLies: a daemon that was taken over can say nothing that is not its own, and not much.
func TestLies(t *testing.T) {
	known := lookup()
	for text, want := range map[string]int{
		"fantail_connections 3\n# EOF\n":                                                                1,
		"fantail_connections 3\nfantail_connections 4\n# EOF\n":                                         1,
		"fantail_signatures_total{outcome=\"ok\"} 3\n# EOF\n":                                           0,
		"fantail_sessions{service=\"imap\"} 3\n# EOF\n":                                                 0,
		"fantail_logins_total{mechanism=\"eve\",outcome=\"ok\"} 3\n# EOF\n":                             0,
		"fantail_logins_total{outcome=\"ok\",mechanism=\"PLAIN\"} 3\n# EOF\n":                           0,
		"fantail_up 3\nfantail_up{daemon=\"authd\"} 3\n# EOF\n":                                         0,
		"fantail_connections NaN\nfantail_connections -Inf\nfantail_connections x\n# EOF\n":             0,
		"fantail_connections\nfantail_connections \n 3\n\n# EOF\n":                                      0,
		"fantail_build_info{version=\"1\"} 1\n# EOF\n":                                                  1,
		"fantail_build_info{version=\"1\\\"} 1\n# EOF\n":                                                0,
		"fantail_build_info{version=\"" + strings.Repeat("1", 65) + "\"} 1\n# EOF\n":                    0,
		"fantail_build_info{version=\"1\",daemon=\"authd\"} 1\n# EOF\n":                                 0,
		"fantail_connections 3\n# EOF\nfantail_connections_accepted_total 3\n":                          1,
		"fantail_connections 3\n":                                                                       -1,
		"# EOF":                                                                                         0,
		"":                                                                                              -1,
		strings.Repeat("x", maxLine+1) + "\n# EOF\n":                                                    -1,
		strings.Repeat("fantail_connections 3\n", 1+maxText/len("fantail_connections 3\n")) + "# EOF\n": -1,
	} {
		list, err := read(strings.NewReader(text), IMAPD, known)
		if err != nil && want >= 0 || err == nil && len(list) != want || err != nil && !errors.Is(err, ErrText) {
			t.Errorf("%.80q: %d, %v", text, len(list), err)
		}
	}
}

func FuzzRead(f *testing.F) {
	known := lookup()
	f.Add(string(Append(nil, everything(IMAPD).Samples())))
	f.Add("fantail_build_info{version=\"1\"} 1\nfantail_connections 1e400\n# EOF\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := read(strings.NewReader(text), IMAPD, known)
		if err != nil {
			return
		}
		var b strings.Builder
		b.Write(Append(nil, list))
		again, err := read(strings.NewReader(b.String()), IMAPD, known)
		if err != nil || !slices.Equal(again, list) {
			t.Errorf("%q becomes %q: %v", text, b.String(), err)
		}
		for _, s := range list {
			if math.IsNaN(s.Value) || strings.ContainsAny(s.full(), "\n\r") {
				t.Errorf("%s", s.full())
			}
		}
	})
}

// TestSlow: who does not read keeps nobody else waiting for long, nor the daemon's end.
func TestSlow(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, map[string]*Set{"imapd": everything(IMAPD)})
	for range 3 * atOnce {
		conn, err := net.Dial("unix", filepath.Join(dir, "imapd", SocketName))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	all, err := Gather(t.Context(), dir)
	if err != nil || len(all) != 1 || all[0].Err != nil {
		t.Error(all, err)
	}
}

// TestSilent: a daemon that says nothing is given up.
func TestSilent(t *testing.T) {
	dir := t.TempDir()
	l, err := Listen(dir, "imapd")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	all, err := Gather(ctx, dir)
	if err != nil || len(all) != 1 || all[0].Err == nil {
		t.Error(all, err)
	}
}

// TestManual holds the table against the manual page.
func TestManual(t *testing.T) {
	page, err := os.ReadFile("../../../man/fantail-metrics.7")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for id := range families {
		f := &families[id]
		fmt.Fprintf(&want, ".It Va %s%s Pq %s", f.name, suffixOf(f.kind), kinds[f.kind])
		for _, d := range Daemons {
			if f.in&d.Daemon != 0 && f.in != all {
				fmt.Fprintf(&want, " %s", d.Name)
			}
		}
		want.WriteByte('\n')
		for _, l := range f.labels {
			want.WriteString(strings.TrimSpace("label "+l.name+" "+strings.Join(l.values, " ")) + "\n")
		}
	}
	var got strings.Builder
	text := string(page)
	for i, n := 0, 0; ; n++ {
		if i = strings.Index(text, "\n.It Va "); i < 0 {
			break
		}
		text = text[i+1:]
		line, rest, _ := strings.Cut(text, "\n")
		got.WriteString(line + "\n")
		item, _, _ := strings.Cut(rest, "\n.It Va ")
		item, _, _ = strings.Cut(item, "\n.El")
		for line := range strings.Lines(strings.ReplaceAll(item, " \\\n", " ")) {
			if l, ok := strings.CutPrefix(line, ".D1 Cm "); ok {
				got.WriteString("label " + strings.TrimSuffix(l, "\n") + "\n")
			}
		}
	}
	if got.String() != want.String() {
		t.Errorf("the page has\n%s\nthe table\n%s", got.String(), want.String())
	}
}
