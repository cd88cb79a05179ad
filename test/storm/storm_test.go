package main

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"fantail/test/storm/witness"
)

// The processes of a storm are this test, started again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "role" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// small is a storm that a test has time for.
func small(t *testing.T) raceOptions {
	return raceOptions{
		dir: t.TempDir(), logs: t.TempDir(), time: 2 * time.Second, limit: 30 * time.Second,
		messages: 400, readers: 3, users: 2, flaggers: 2, mailers: 1, movers: 1, rate: 1000, userRate: 50, seed: 1,
	}
}

func judged(t *testing.T, o raceOptions) *witness.Report {
	t.Helper()
	r, err := o.run()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	r.Write(&b)
	t.Log("\n" + b.String())
	return r
}

// TestRace: three processes sync and give UIDs while others rename, deliver and
// remove, and every promise is kept.
func TestRace(t *testing.T) {
	r := judged(t, small(t))
	for rule, examples := range r.Examples {
		t.Errorf("%s: %s", rule, examples)
	}
	// Not "take": the users' claims may be faster than the foreign mover with all.
	for _, kind := range []string{"deliver", "append", "unlink", "rename", "store", "back", "claim", "content"} {
		if r.Deeds[kind] == 0 {
			t.Errorf("nobody did %s: that is no storm", kind)
		}
	}
	for _, reader := range r.Readers {
		if reader.Syncs < 10 {
			t.Errorf("%s synced %d times", reader.Name, reader.Syncs)
		}
	}
}

// TestBeliever: a reader that takes one scan of the directory for the truth is
// found out.
func TestBeliever(t *testing.T) {
	o := small(t)
	o.bad, o.users, o.rate, o.messages, o.time = true, 0, 3000, 3000, time.Second
	if r := judged(t, o); r.Broken[witness.Gone] == 0 {
		t.Error("the judge believed what cannot be")
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{{}, {"rain"}, {"race", "-flaggers", "6"}, {"race", "-x"}, {"role", "x"}, {"role"}} {
		if got := run(args, strings.NewReader(""), io.Discard, io.Discard); got != 2 {
			t.Errorf("%q: exit status %d", args, got)
		}
	}
}
