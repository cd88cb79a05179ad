// Bench measures Fantail beside Debian's Dovecot: the same mail, the same
// machine, the same run, each round one after the other, so that a noisy
// neighbour hurts both.
//
//	go run ./test/bench -bin bin [-n messages] [-rounds n] [-only regexp] [-least] [-html file]
//
// Each server serves one connection on a socket pair, as an unprivileged user
// when run as root: Fantail's imap-session, and Dovecot's imap without its master
// process, by a configuration that says nothing but where the mail is. So all of
// its settings are the defaults, which Debian does not change:
// maildir_very_dirty_syncs=no, mail_fsync=optimized, and mail_cache_fields as it
// decides by itself from what clients ask for.
//
// What needs more than that (TLS, many connections) is measured over loopback
// against whole servers, which Dovecot can only be when run as root.
//
// # The report
//
// line.go says what the lines are. Time is what the client waits for the tagged
// answer, CPU is the server's processor time meanwhile. Both are medians of all
// rounds, or with -least the best. The ratio is Dovecot's figure by Fantail's:
// above 1 Fantail is better. The limit is the bare work that any server has to do,
// measured here, and behind it how many times that Fantail takes. Process start,
// greeting and login are not in any line. The same is written as a page with
// charts to the file of -html. With -only the parts of a round that measure no line
// of such a name are left out.
//
// Beyond 20,000 messages files are links to earlier ones, so that a million needs no
// more disk than its names.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"fantail/test/dialogue"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	bin := flag.String("bin", "bin", "directory of the programs built")
	n := flag.Int("n", 10000, "messages in the mailbox")
	rounds := flag.Int("rounds", 5, "rounds")
	only := flag.String("only", "", "regular expression of the lines wanted")
	best := flag.Bool("least", false, "report the best round in place of the median")
	page := flag.String("html", "bench.html", "where the report with charts goes; empty: nowhere")
	flag.Parse()
	binDir, err := filepath.Abs(*bin)
	if err != nil {
		return err
	}
	if *n < 10 || *rounds < 1 {
		return errors.New("-n must be 10 at least, and -rounds 1")
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if !dialogue.HasDovecot(dialogue.IMAP) {
		return errors.New("dovecot-imapd of Debian is not installed")
	}
	source, err := newSource(*n)
	if err != nil {
		return err
	}
	defer os.RemoveAll(source.Home)
	subjects, err := newSubjects(source, *n, wanted, dialogue.Dovecot(), dialogue.Ours(binDir))
	defer func() {
		for _, s := range subjects {
			os.RemoveAll(s.box.Home)
		}
	}()
	if err != nil {
		return err
	}
	noise := startNoise()
	for i := range *rounds {
		for _, s := range subjects {
			if err := s.round(); err != nil {
				return fmt.Errorf("round %d: %s: %w", i+1, s.peer.Name, err)
			}
		}
	}
	if err := overNetwork(subjects, binDir, *rounds); err != nil {
		return err
	}
	if err := logins(subjects, wanted, binDir, *rounds); err != nil {
		return err
	}
	if err := deliveries(subjects, wanted, binDir, *rounds); err != nil {
		return err
	}
	if err := lmtpDeliveries(subjects, wanted, binDir, *rounds); err != nil {
		return err
	}
	if err := waiting(subjects, wanted, binDir); err != nil {
		return err
	}
	limits, err := measureLimits(source, subjects[1], *rounds)
	if err != nil {
		return err
	}
	r := report{only: wanted, pick: median, dovecot: subjects[0].found, ours: subjects[1].found, limits: limits}
	what := "medians"
	if *best {
		r.pick, what = least, "the best"
	}
	r.title = fmt.Sprintf("%d messages, %s of %d rounds, %s; %s", *n, what, *rounds, fileSystem(source.Home), noise.end())
	r.print(os.Stdout)
	if *page == "" {
		return nil
	}
	return r.writePage(*page)
}
