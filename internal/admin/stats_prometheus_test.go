package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestPrometheus: the real one asks, and finds what there is.
func TestPrometheus(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		program = "../../bin/debian/prometheus/usr/bin/prometheus"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("prometheus is not there: run test/packages")
	}
	target := listenStats(t, counting(t))
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := own.Addr().String()
	own.Close()
	dir := t.TempDir()
	config := fmt.Sprintf("scrape_configs:\n  - job_name: fantail\n    scrape_interval: 1s\n    static_configs: [{targets: [%q]}]\n", target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Stderr, cmd.WaitDelay = new(tail), time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }() // it is killed
	for query, want := range map[string]string{
		`fantail_up{daemon="imapd"}`: "1",
		`fantail_up{daemon="keyd"}`:  "0",
		`fantail_logins_total{daemon="imapd",mechanism="PLAIN",outcome="ok"}`:                     "3",
		`fantail_password_check_duration_seconds_bucket{daemon="authd",le="0.02"}`:                "1",
		`fantail_build_info{daemon="authd",version="0.1"}`:                                        "1",
		`histogram_quantile(1, sum by (le) (fantail_password_check_duration_seconds_bucket)) < 1`: "0.02",
		`up{job="fantail"}`: "1",
	} {
		if got := promQuery(ctx, address, query); got != want {
			t.Errorf("%s is %q, want %s\n%s", query, got, want, cmd.Stderr)
		}
	}
}

// listenStats answers as systemd has it done, and returns where.
func listenStats(t *testing.T, dir string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			file, err := conn.(*net.TCPConn).File()
			if err != nil {
				return
			}
			Program{Version: "0.1"}.Main([]string{"stats", "-S", dir, "-http"}, file, file, io.Discard)
			file.Close()
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// promQuery asks Prometheus until it knows an answer.
func promQuery(ctx context.Context, address, query string) string {
	for ctx.Err() == nil {
		var answer struct {
			Data struct {
				Result []struct{ Value [2]any }
			}
		}
		resp, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
		if err == nil {
			err = json.NewDecoder(resp.Body).Decode(&answer)
			resp.Body.Close()
		}
		if err == nil && len(answer.Data.Result) == 1 {
			return fmt.Sprint(answer.Data.Result[0].Value[1])
		}
		time.Sleep(200 * time.Millisecond)
	}
	return ""
}

// tail is the end of what a program says.
type tail struct{ text []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-4000):]
	return len(p), nil
}

// String is what is left.
func (t *tail) String() string { return string(t.text) }
