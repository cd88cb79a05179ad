package main

import (
	"os"
	"testing"

	"fantail/internal/login/session/sessiontest"
	"fantail/test/script"
)

func TestMain(m *testing.M) {
	script.Main(m, map[string]func() int{
		"pop3-session": func() int { return run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr) },
		"front":        sessiontest.Front,
	})
}

func TestScripts(t *testing.T) { script.Run(t) }
