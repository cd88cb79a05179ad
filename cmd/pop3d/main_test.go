package main

import (
	"os"
	"testing"

	"fantail/test/script"
)

func TestMain(m *testing.M) {
	script.Main(m, map[string]func() int{
		"pop3d": func() int { return run(os.Args[1:], os.Stdout, os.Stderr) },
		"authd": script.Authd,
	})
}

func TestScripts(t *testing.T) { script.Run(t) }
