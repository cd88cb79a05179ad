package main

import (
	"os"
	"testing"

	"fantail/test/script"
)

func TestMain(m *testing.M) {
	script.Main(m, map[string]func() int{
		"deliver": func() int { return run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr) },
	})
}

func TestScripts(t *testing.T) { script.Run(t) }
