// Pam-helper asks PAM about one account, for authd (package internal/login/passdb/pam).
// It is the one program that is linked with the C library, and has PAM only if it is
// built with cgo and the tag pam; without them it says that it cannot be asked.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/passdb/pam/wire"
)

// version is set by the linker.
var version = "unknown"

// Exit status, as in sysexits.h.
const (
	exitOK          = 0
	exitUsage       = 64
	exitData        = 65
	exitUnavailable = 69
	exitSystem      = 71
)

// lifetime is after what time it ends itself with all that it has started, if authd has
// not: that may have died.
const lifetime = 30 * time.Second

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out *os.File, stderr io.Writer) int {
	fs := flag.NewFlagSet("pam-helper", flag.ContinueOnError)
	fs.SetOutput(stderr)
	directory := fs.String("d", "", "`directory` of PAM's configuration")
	check := fs.Bool("n", false, "say whether PAM can be asked and exit")
	show := fs.Bool("v", false, "print the version and exit")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil || fs.NArg() > 0:
		return exitUsage
	case *show:
		fmt.Fprintln(out, "pam-helper", version)
		return exitOK
	case *check:
		if err := available(); err != nil {
			fmt.Fprintf(stderr, "pam-helper: %v\n", err)
			return exitUnavailable
		}
		return exitOK
	}
	text, err := io.ReadAll(io.LimitReader(in, wire.MaxRequest+1))
	if err != nil {
		fmt.Fprintf(stderr, "pam-helper: read the request: %v\n", err)
		return exitData
	}
	request, err := wire.Parse(text)
	if err != nil {
		fmt.Fprintf(stderr, "pam-helper: %v\n", err)
		return exitData
	}
	answer, err := confine(out)
	if err != nil {
		fmt.Fprintf(stderr, "pam-helper: %v\n", err)
		return exitSystem
	}
	result, err := ask(*directory, request)
	if err != nil {
		fmt.Fprintf(stderr, "pam-helper: %v\n", err)
	}
	if _, err := answer.Write([]byte{byte(result)}); err != nil {
		return exitSystem
	}
	return exitOK
}

// limits are for modules that go astray. That there is no core file is for the password.
var limits = []struct {
	resource int
	value    uint64
}{
	{unix.RLIMIT_CORE, 0},
	{unix.RLIMIT_CPU, 20},
	{unix.RLIMIT_NOFILE, 256},
	{unix.RLIMIT_DATA, 1 << 30},
}

// confine takes from modules what they need not have, and returns what the answer is
// written to: nothing else that is written to standard output goes to authd.
func confine(out *os.File) (*os.File, error) {
	for _, l := range limits {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return nil, fmt.Errorf("set a limit: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("keep others out: %w", err)
	}
	time.AfterFunc(lifetime, func() {
		if syscall.Getpgrp() == os.Getpid() {
			_ = syscall.Kill(0, syscall.SIGKILL) // the group, with this process
		}
		os.Exit(exitUnavailable)
	})
	fd, err := unix.FcntlInt(out.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("keep standard output: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	for _, std := range []int{0, 1} {
		if err := unix.Dup3(int(null.Fd()), std, 0); err != nil {
			return nil, fmt.Errorf("close standard input and output: %w", err)
		}
	}
	return os.NewFile(uintptr(fd), "answer"), null.Close()
}
