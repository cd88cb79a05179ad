package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/test/script"
)

func TestMain(m *testing.M) {
	script.Main(m, map[string]func() int{
		"webmail-session": func() int { return run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr) },
	})
}

func TestScripts(t *testing.T) { script.Run(t) }

// begin starts the program, and passes it a connection as a front does.
func begin(t *testing.T, dir string) (net.Conn, *exec.Cmd, *strings.Builder) {
	t.Helper()
	path, err := exec.LookPath("webmail-session")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-front", "-u", "demo", "-m", dir)
	log := new(strings.Builder)
	cmd.Stderr = log
	conn, err := sessiontest.Start(cmd, handover.Hello{SID: "s1", Remote: "192.0.2.7", TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { conn.Close() })
	return conn, cmd, log
}

func ends(t *testing.T, cmd *exec.Cmd, log *strings.Builder, code int) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("exit status %d, want %d: %s", got, code, log)
		}
	case <-time.After(10 * time.Second):
		t.Error("does not end")
	}
}

// A whole session: the record of the front, requests, the end.
func TestSession(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	conn, cmd, log := begin(t, dir)
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	resp, err := (&http.Client{Transport: tr}).Get("http://session.invalid/")
	if err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "Nothing new.") || !strings.Contains(string(body), "<bdi>demo</bdi>") {
		t.Errorf("%v %s %s", err, resp.Status, body)
	}
	tr.CloseIdleConnections()
	if err := conn.Close(); err != nil {
		t.Log(err) // the transport may have closed it
	}
	ends(t, cmd, log, 0)
}
