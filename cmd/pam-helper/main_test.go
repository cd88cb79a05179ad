package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv("BE_PAM_HELPER") != "" {
		main()
	}
	os.Exit(m.Run())
}

// helper runs the program in a process of its own, with what is on standard input.
func helper(t *testing.T, in string, args ...string) (out, stderr string, status int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = []string{"BE_PAM_HELPER=1"}
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &o, &e
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func TestRequests(t *testing.T) {
	const request = "Pann\x00192.0.2.1\x00secret\x00"
	for _, c := range []struct {
		in     string
		status int
	}{
		{"", exitData},
		{request[:len(request)-1], exitData},
		{request + "x", exitData},
		{"X" + request[1:], exitData},
		{strings.Repeat("P", 1<<20), exitData},
	} {
		out, stderr, status := helper(t, c.in)
		if out != "" || status != c.status || stderr == "" || strings.Contains(stderr, "secret") {
			t.Errorf("%.40q: %q, %q, %d", c.in, out, stderr, status)
		}
	}
	if _, _, status := helper(t, "", "-x"); status != exitUsage {
		t.Errorf("-x: %d", status)
	}
	if _, _, status := helper(t, "", "ann"); status != exitUsage {
		t.Errorf("an argument: %d", status)
	}
	// No module says yes where there is no configuration, nor where there is no PAM.
	out, stderr, status := helper(t, request, "-d", t.TempDir())
	if out == "y" || len(out) > 1 || status != exitOK && out != "" || strings.Contains(stderr, "secret") {
		t.Errorf("%q, %q, %d", out, stderr, status)
	}
}

// Without PAM the program says so.
func TestCheck(t *testing.T) {
	_, stderr, status := helper(t, "", "-n")
	if err := available(); err == nil && status != exitOK || err != nil && (status != exitUnavailable || !strings.Contains(stderr, err.Error())) {
		t.Errorf("%q, %d, %v", stderr, status, err)
	}
}
