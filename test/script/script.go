// Package script runs the scripts of a program's command line: its testdata/*.txtar, by
// package testscript, with a command for exit status besides.
package script

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fantail/internal/login/authd"
	"fantail/internal/login/sources"
)

// Main is TestMain where scripts may start programs by these names; a program returns its
// exit status.
func Main(m *testing.M, programs map[string]func() int) {
	commands := make(map[string]func(), len(programs))
	for name, main := range programs {
		commands[name] = func() { os.Exit(main()) }
	}
	testscript.Main(m, commands)
}

// Authd is the program that a front starts where no daemon is there to be asked.
func Authd() int {
	p := authd.Program{Accounts: sources.New}
	return p.Main(os.Args[1:], nil, os.Stdin, os.Stdout, os.Stderr)
}

// Run runs the scripts in testdata. They have the command status, which runs a program and
// wants its exit status: "status 64 imapd -x".
func Run(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status number program arguments...")
	}
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}
