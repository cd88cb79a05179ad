package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fantail/internal/login/session/sessiontest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pop3-session": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"front":        func() { os.Exit(sessiontest.Front()) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}
