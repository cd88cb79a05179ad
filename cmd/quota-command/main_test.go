package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/store/quota"
)

// TestMain lets the test binary be the program.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "quota-command" {
		main()
	}
	os.Exit(m.Run())
}

// counted is the mail of an account, of which there are some octets.
type counted struct{ usage quota.Usage }

func (counted) Stamp(context.Context) (uint64, error)         { return 1, nil }
func (c *counted) Count(context.Context) (quota.Usage, error) { return c.usage, nil }

// place is an account's Maildir, a program for it and a configuration.
type place struct {
	*testing.T
	dir  string
	mail counted
}

func newPlace(t *testing.T, script string) *place {
	t.Helper()
	p := &place{T: t, dir: t.TempDir()}
	config := fmt.Sprintf("[mail]\nquota_warnings = [80, 95]\nquota_warning_command = [%q, \"an argument\", \"\"]\n", p.path("program"))
	err := errors.Join(
		os.MkdirAll(p.path("Maildir", "tmp"), 0o700),
		os.WriteFile(p.path("fantail.toml"), []byte(config), 0o600),
		os.WriteFile(p.path("program"), []byte("#!/bin/sh\n"+script), 0o700),
	)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) path(names ...string) string {
	return filepath.Join(append([]string{p.dir}, names...)...)
}

// cross has the account have so many octets of 1000.
func (p *place) cross(octets int64) {
	p.Helper()
	p.mail.usage = quota.Usage{Octets: octets, Messages: 3}
	if err := os.Remove(p.path("Maildir", "maildirsize")); err != nil && !errors.Is(err, os.ErrNotExist) {
		p.Fatal(err)
	}
	f := quota.Open(p.path("Maildir"), quota.Limits{Octets: 1000}, quota.Options{Mail: &p.mail})
	if _, err := f.Usage(p.Context()); err != nil {
		p.Fatal(err)
	}
	kept, err := f.Tell(p.Context(), []int{80, 95}, true, func(quota.Crossing) error { return nil })
	if err != nil || !kept {
		p.Fatal(kept, err)
	}
}

// run runs the program, and returns what it says and logs.
func (p *place) run(status int) (says, log string) {
	p.Helper()
	var out, stderr bytes.Buffer
	if got := run([]string{"-c", p.path("fantail.toml"), "-u", "ann", "-m", p.path("Maildir")}, &out, &stderr); got != status {
		p.Errorf("exit status %d, want %d: %s", got, status, stderr.String())
	}
	return out.String(), stderr.String()
}

// TestRun: each crossing is told once, in order, and nothing else of the surroundings.
func TestRun(t *testing.T) {
	t.Setenv("SECRET", "x")
	t.Setenv("HOME", "/home/ann")
	p := newPlace(t, `env | sort | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= >>$0.env; pwd >>$0.env; echo "$# $1" >>$0.env; cat >>$0.env`+"\n")
	if says, _ := p.run(0); says != "" {
		t.Errorf("nothing waits: %q", says)
	}
	p.cross(800)
	p.cross(990)
	p.cross(1)
	for i, want := range []string{
		"FANTAIL_BEFORE=0 FANTAIL_OCTETS=800 FANTAIL_PERCENT=80", "FANTAIL_BEFORE=80 FANTAIL_OCTETS=990 FANTAIL_PERCENT=95", "FANTAIL_BEFORE=95 FANTAIL_OCTETS=1 FANTAIL_PERCENT=0",
	} {
		says, log := p.run(0)
		if strings.HasPrefix(says, "next ") != (i < 2) || !strings.Contains(log, "has run") {
			t.Errorf("%q, %q", says, log)
		}
		text, err := os.ReadFile(p.path("program.env"))
		if err := errors.Join(err, os.Remove(p.path("program.env"))); err != nil {
			t.Fatal(err)
		}
		var got, rest []string
		for l := range strings.Lines(string(text)) {
			l = strings.TrimSpace(l)
			switch name, _, _ := strings.Cut(l, "="); name {
			case "FANTAIL_BEFORE", "FANTAIL_PERCENT", "FANTAIL_OCTETS":
				got = append(got, l)
			case "FANTAIL_TIME", "PATH":
			default:
				rest = append(rest, l)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q, want %q", got, want)
		}
		if want := []string{"FANTAIL_LIMIT_MESSAGES=0", "FANTAIL_LIMIT_OCTETS=1000", "FANTAIL_MESSAGES=3", "FANTAIL_USER=ann", "HOME=/home/ann", "/", "2 an argument"}; !slices.Equal(rest, want) {
			t.Errorf("%q, want %q", rest, want)
		}
	}
}

// TestFails: what has begun is not begun again; what cannot begin waits.
func TestFails(t *testing.T) {
	p := newPlace(t, "echo oh dear >&2; exit 3\n")
	p.cross(800)
	if _, log := p.run(0); !strings.Contains(log, "exit status 3") || !strings.Contains(log, `text="oh dear"`) {
		t.Errorf("%q", log)
	}
	if _, log := p.run(0); log != "" {
		t.Errorf("and again: %q", log)
	}
	p.cross(990)
	if err := os.Chmod(p.path("program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, log := p.run(failed); !strings.Contains(log, "permission denied") {
		t.Errorf("%q", log)
	}
	if err := os.Chmod(p.path("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, log := p.run(0); !strings.Contains(log, "exit status 3") {
		t.Errorf("%q", log)
	}
}

// TestStopped: a program that hangs, or says too much, is stopped.
func TestStopped(t *testing.T) {
	for script, want := range map[string]error{
		"sleep 100":                         errLong,
		"exec >/dev/null 2>&1; sleep 100":   errLong,
		"yes":                               errFlood,
		"head -c 100000 /dev/zero; sleep 9": errFlood,
		"head -c 4000 /dev/zero":            nil,
		"sleep 100 & exit 0":                nil, // what is left behind is submitd's to end
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			limit := time.Minute
			if want == errLong {
				limit = 100 * time.Millisecond
			}
			begun := time.Now()
			err := execute([]string{"/bin/sh", "-c", script}, nil, limit, slog.New(slog.NewTextHandler(&log, nil)))
			if !errors.Is(err, want) || time.Since(begun) > 30*time.Second {
				t.Errorf("%v after %s", err, time.Since(begun))
			}
			if log.Len() > 8*mostOctets {
				t.Errorf("%d octets are logged", log.Len())
			}
		})
	}
}

// TestKilled kills the program at each system call by which it takes a crossing: what
// waits then is run for later, and nothing is run for twice.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "quota-command")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{"pwrite64", "ftruncate", "fsync", "flock", "clone,clone3,vfork,fork", "openat"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			n := 1
			for killed := true; killed; n++ {
				p := newPlace(t, "echo $FANTAIL_PERCENT >>$0.ran\n")
				p.cross(800)
				p.cross(990)
				args := []string{"-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n),
					program, "-c", p.path("fantail.toml"), "-u", "ann", "-m", p.path("Maildir")}
				killed = exec.Command(strace, args...).Run() != nil
				left := 0
				for range 3 {
					if waits, err := quota.Waiting(p.path("Maildir")); err != nil {
						t.Fatal(err)
					} else if waits {
						p.run(0)
						left++
					}
				}
				text, err := os.ReadFile(p.path("program.ran"))
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
				got := string(text)
				// The one that was begun may have run, or not.
				want := map[bool][]string{false: {"80\n95\n"}, true: {"80\n95\n", "95\n"}}[killed && left == 1]
				if !slices.Contains(want, got) {
					t.Errorf("call %d: it ran for %q, and %d waited", n, got, left)
				}
			}
			if n == 2 {
				t.Error("nothing was killed")
			}
		})
	}
}
