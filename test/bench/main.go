// Bench measures Fantail beside Debian's Dovecot: the same mail, the same
// machine, the same run, each round one after the other, so that a noisy
// neighbour hurts both.
//
//	go run ./test/bench -bin bin [-n messages] [-rounds n] [-least]
//
// Each server serves one connection on a socket pair, as an unprivileged user
// when run as root: Fantail's imap-session, and Dovecot's imap without its master
// process, by a configuration that says nothing but where the mail is. So all of
// its settings are the defaults, which Debian does not change:
// maildir_very_dirty_syncs=no, mail_fsync=optimized, and mail_cache_fields as it
// decides by itself from what clients ask for.
//
// # The lines
//
// Time is what the client waits for the tagged answer, CPU is the server's
// processor time meanwhile. Both are medians of all rounds, or with -least the
// best. The ratio is Dovecot's figure by Fantail's: above 1 Fantail is better. The
// limit is the bare work that any server has to do, measured here, and behind it how
// many times that Fantail takes. Process start and greeting are not in any line.
//
//	SELECT, first              nothing in the mailbox but messages
//	SELECT, again              the next session after that, 2.5 s later. Dovecot trusts the
//	                           times of directories when they are 2 s old and it has looked again
//	SELECT, unchanged          the session after that. All other lines begin so
//	SELECT, one delivered      after another program has delivered a message
//	SELECT, one flagged        after another program has changed the name of a file in cur
//	NOOP                       nothing has changed
//	FETCH flags                1:* (UID FLAGS)
//	FETCH envelopes, cold      1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE) for the first
//	                           time: each message is opened, from the page cache
//	FETCH envelopes, cached    the same in the next session
//	STORE one, STORE all       +FLAGS (\Flagged), with the answers
//	COPY all, MOVE all         into an empty mailbox
//	EXPUNGE all                UID EXPUNGE 1:* of messages that are \Deleted
//	APPEND one                 a message of 4 kB, which is on disk when the answer comes
//	IDLE                       from the rename that delivers a message to * EXISTS
//	STATUS of 200, first       200 mailboxes of 50 messages that no server has seen
//	STATUS of 200, unchanged   the same in a later session
//	memory                     proportional set size of a session in kB, with the mailbox
//	                           selected, and after FETCH flags
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
	best := flag.Bool("least", false, "report the best round in place of the median")
	flag.Parse()
	binDir, err := filepath.Abs(*bin)
	if err != nil {
		return err
	}
	if *n < 10 || *rounds < 1 {
		return errors.New("-n must be 10 at least, and -rounds 1")
	}
	if !dialogue.HasDovecot(dialogue.IMAP) {
		return errors.New("dovecot-imapd of Debian is not installed")
	}
	source, err := newSource(*n)
	if err != nil {
		return err
	}
	defer os.RemoveAll(source.Home)
	subjects, err := newSubjects(source, *n, dialogue.Dovecot(), dialogue.Ours(binDir))
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
	limits, err := measureLimits(source, subjects[1], *rounds)
	if err != nil {
		return err
	}
	r := report{pick: median, dovecot: subjects[0].found, ours: subjects[1].found, limits: limits}
	what := "medians"
	if *best {
		r.pick, what = least, "the best"
	}
	fmt.Printf("%d messages, %s of %d rounds, %s; %s\n\n", *n, what, *rounds, fileSystem(source.Home), noise.end())
	r.print(os.Stdout)
	return nil
}
