package main

import (
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	"fantail/internal/login/passdb/checkpassword/wire"
)

// closed is a descriptor that nobody has opened.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestRun(t *testing.T) {
	env := map[string]string{"USER": "ann", "HOME": "/h", "EXTRA": "userdb_uid none  userdb_mail", "userdb_uid": "7", "userdb_mail": "~/M", "SHELL": "/bin/sh"}
	var reply, out, stderr strings.Builder
	if status := run(nil, func(name string) string { return env[name] }, &reply, &out, &stderr); status != exitOK || out.Len()+stderr.Len() > 0 {
		t.Errorf("status %d, %q, %q", status, out.String(), stderr.String())
	}
	got, err := wire.Parse([]byte(reply.String()))
	want := wire.Reply{"USER": "ann", "HOME": "/h", "userdb_uid": "7", "userdb_mail": "~/M",
		wire.ProcessUID: strconv.Itoa(os.Getuid()), wire.ProcessGID: strconv.Itoa(os.Getgid())}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	env["HOME"] = strings.Repeat("x", wire.MaxReply)
	for name, status := range map[string]int{"too long": exitUnavailable, "an argument": exitUsage} {
		var args []string
		if name == "an argument" {
			args = []string{"x"}
		}
		if got := run(args, func(name string) string { return env[name] }, &reply, &out, &stderr); got != status {
			t.Errorf("%s: status %d, want %d", name, got, status)
		}
	}
	env["HOME"] = "/h"
	if status := run(nil, func(name string) string { return env[name] }, closed{}, &out, &stderr); status != exitUnavailable {
		t.Errorf("status %d", status)
	}
	if status := run([]string{"-v"}, nil, closed{}, &out, &stderr); status != exitOK || !strings.HasPrefix(out.String(), "checkpassword-reply ") {
		t.Errorf("status %d, %q", status, out.String())
	}
}
