package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/metrics"
)

// counting is a directory in which daemons tell their numbers.
func counting(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"imapd", "authd"} {
		s := metrics.New(metrics.Of(d))
		s.Process("0.1")
		s.Add(metrics.Logins, 3, "PLAIN", "ok")
		s.Observe(metrics.CheckTime, 7_000_000)
		s.Add(metrics.Octets, 2_500_000, "out")
		l, err := metrics.Listen(filepath.Join(dir, metrics.Directory), d)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Serve(ctx, l) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	gone, err := metrics.Listen(filepath.Join(dir, metrics.Directory), "keyd")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	return dir
}

// stat is a call of fantail stats.
func stat(t *testing.T, in *os.File, args ...string) (status int, out, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	status = Program{Version: "0.1"}.Main(append([]string{"stats"}, args...), in, &o, &e)
	return status, o.String(), e.String()
}

func TestStats(t *testing.T) {
	dir := counting(t)
	status, out, stderr := stat(t, nil, "-S", dir)
	for _, want := range []string{"DAEMON", "logins PLAIN ok", "client out", "2.5 MB", "password check", "7ms", "does not run", " 0.1 "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if status != 0 || stderr != "" {
		t.Errorf("%d, %s", status, stderr)
	}
	status, out, _ = stat(t, nil, "-S", dir, "-m")
	if status != 0 || !strings.Contains(out, "fantail_logins_total{daemon=\"imapd\",mechanism=\"PLAIN\",outcome=\"ok\"} 3\n") || !strings.HasSuffix(out, "# EOF\n") {
		t.Errorf("%d\n%s", status, out)
	}
	status, out, _ = stat(t, nil, "-S", dir, "-j")
	for line := range strings.Lines(out) {
		var v struct {
			Name, Labels string
			Value        *float64
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Name == "" || v.Value == nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	if status != 0 || !strings.Contains(out, "fantail_up") {
		t.Errorf("%d\n%s", status, out)
	}
	file := filepath.Join(t.TempDir(), "fantail.prom")
	if status, _, stderr = stat(t, nil, "-S", dir, "-o", file); status != 0 {
		t.Error(status, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "# TYPE fantail_logins_total counter\n") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, args := range [][]string{{"-m", "-j"}, {"-i", "0"}, {"-i", "x"}, {"name"}} {
		if status, _, _ := stat(t, nil, append(args, "-S", dir)...); status != exitUsage {
			t.Errorf("%q: %d", args, status)
		}
	}
	if status, _, stderr := stat(t, nil, "-S", t.TempDir()); status != exitUnavailable || !strings.Contains(stderr, "fantail doctor") {
		t.Error(status, stderr)
	}
}

// askStats makes a request to fantail stats -http.
func askStats(t *testing.T, dir, request string) string {
	t.Helper()
	ends, err := socketFiles()
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.FileConn(ends[0])
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends[0].Close()
	done := make(chan string)
	go func() {
		_, out, _ := stat(t, ends[1], "-S", dir, "-http")
		ends[1].Close()
		done <- out
	}()
	if _, err := io.WriteString(client, request); err != nil {
		t.Fatal(err)
	}
	client.(*net.UnixConn).CloseWrite()
	select {
	case out := <-done:
		return out
	case <-time.After(20 * time.Second):
		t.Fatal("no answer")
		return ""
	}
}

func TestStatsHTTP(t *testing.T) {
	dir := counting(t)
	for request, want := range map[string]string{
		"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n": "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
		"GET /metrics?x HTTP/1.0\n\n":              "HTTP/1.1 200 OK\r\n",
		"HEAD / HTTP/1.1\r\n\r\n":                  "HTTP/1.1 200 OK\r\n",
		"POST /metrics HTTP/1.1\r\n\r\n":           "HTTP/1.1 405 ",
		"GET /etc/passwd HTTP/1.1\r\n\r\n":         "HTTP/1.1 404 ",
		"GET /metrics HTTP/2.0\r\n\r\n":            "HTTP/1.1 400 ",
		"x\r\n":                                    "HTTP/1.1 400 ",
		"GET /metrics HTTP/1.1\r\n":                "HTTP/1.1 400 ",
		"GET /metrics HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", maxRequest/6) + "\r\n": "HTTP/1.1 400 ",
		"": "",
	} {
		out := askStats(t, dir, request)
		if !strings.HasPrefix(out, want) || want == "" && out != "" {
			t.Errorf("%.60q: %.200q", request, out)
		}
		head, body, _ := strings.Cut(out, "\r\n\r\n")
		if strings.HasPrefix(want, "HTTP/1.1 200") && !strings.HasPrefix(request, "HEAD") {
			if !strings.Contains(head, fmt.Sprintf("Content-Length: %d\r\n", len(body))) || !strings.HasSuffix(body, "# EOF\n") {
				t.Errorf("%.60q: %q, %d octets", request, head, len(body))
			}
		}
		if strings.HasPrefix(request, "HEAD") && body != "" {
			t.Errorf("HEAD has %q", body)
		}
	}
	if out := askStats(t, t.TempDir(), "GET / HTTP/1.1\r\n\r\n"); !strings.HasPrefix(out, "HTTP/1.1 503 ") {
		t.Errorf("%q", out)
	}
}

// socketFiles are the ends of a connection.
func socketFiles() (ends [2]*os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return ends, err
	}
	return [2]*os.File{os.NewFile(uintptr(fds[0]), "client"), os.NewFile(uintptr(fds[1]), "stdin")}, nil
}

func FuzzRequest(f *testing.F) {
	f.Add("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	f.Add("HEAD / HTTP/1.0\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		method, path, err := readRequest(strings.NewReader(text))
		if err == nil && (!strings.HasPrefix(text, method+" "+path) || strings.ContainsAny(method+path, " \n")) {
			t.Errorf("%q: %q %q", text, method, path)
		}
	})
}
