// Bench measures Fantail beside Debian's Dovecot: the same mail, the same
// machine, the same run, each round one after the other, so that a noisy
// neighbour hurts both.
//
//	go run ./test/bench -bin bin [-n messages] [-rounds n]
//
// Each server serves one connection on a socket pair, as an unprivileged user
// when run as root. "First" is a mailbox with nothing in it but messages, "again"
// the next session, and "unchanged" the one after that: Dovecot trusts directory
// times only when they are two seconds old and it has looked once more. Times are medians; CPU is the server's own. The
// physical limit beside them is what any server has to do at least: read the
// directory once (first), or move the bytes of the answer (both).
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/test/dialogue"
	"fantail/test/samplemail"
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
	rounds := flag.Int("rounds", 7, "rounds; the median is reported")
	flag.Parse()
	binDir, err := filepath.Abs(*bin)
	if err != nil {
		return err
	}
	if !dialogue.HasDovecot(dialogue.IMAP) {
		return errors.New("dovecot-imapd of Debian is not installed")
	}
	source, err := newSource(*n)
	if err != nil {
		return err
	}
	defer os.RemoveAll(source.Home)
	servers := []dialogue.Peer{dialogue.Dovecot(), dialogue.Ours(binDir)}
	results := make(map[string]*result)
	for range *rounds {
		for _, srv := range servers {
			if results[srv.Name] == nil {
				results[srv.Name] = &result{}
			}
			if err := results[srv.Name].round(srv, source, *n); err != nil {
				return fmt.Errorf("%s: %w", srv.Name, err)
			}
		}
	}
	limit, err := measureLimit(source, results["ours"].octets, *rounds)
	if err != nil {
		return err
	}
	report(*n, *rounds, results["dovecot"], results["ours"], limit)
	return nil
}

// newSource makes the mailbox that every round gets a copy of.
func newSource(n int) (dialogue.Box, error) {
	box, err := dialogue.NewBox()
	if err != nil {
		return box, err
	}
	_, err = samplemail.Write(box.Maildir(), samplemail.Large(n, 1))
	return box, err
}

// copyBox makes a box whose messages are hard links to those of source.
func copyBox(source dialogue.Box) (dialogue.Box, error) {
	box, err := dialogue.NewBox()
	if err != nil {
		return box, err
	}
	return box, filepath.WalkDir(source.Maildir(), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source.Maildir(), path)
		if err != nil {
			return err
		}
		to := filepath.Join(box.Maildir(), rel)
		if d.IsDir() {
			err = os.Mkdir(to, 0o700)
		} else {
			err = os.Link(path, to)
		}
		if err != nil || box.UID < 0 {
			return err
		}
		return os.Chown(to, box.UID, box.GID)
	})
}

// settle is how old a change must be for Dovecot to believe directory times.
const settle = 2500 * time.Millisecond

// step is what one command cost.
type step struct{ sel, fetch, cpu []time.Duration }

// result is everything measured of one server.
type result struct {
	first, again, unchanged step
	octets                  int64 // of the answer to FETCH
}

func (r *result) round(srv dialogue.Peer, source dialogue.Box, n int) error {
	box, err := copyBox(source)
	if err != nil {
		return err
	}
	defer os.RemoveAll(box.Home)
	for i, s := range []*step{&r.first, &r.again, &r.unchanged} {
		if i == 1 {
			time.Sleep(settle)
		}
		octets, err := s.session(srv, box, n)
		if err != nil {
			return err
		}
		r.octets = octets
	}
	return nil
}

// session opens the mailbox and asks for all flags.
func (s *step) session(srv dialogue.Peer, box dialogue.Box, n int) (octets int64, err error) {
	before := childCPU()
	server, err := srv.Start(&dialogue.Script{Protocol: dialogue.IMAP}, box)
	if err != nil {
		return 0, err
	}
	defer server.Conn.Close()
	c := &client{r: bufio.NewReaderSize(server.Conn, 1<<20), w: server.Conn}
	if _, err := c.r.ReadString('\n'); err != nil {
		return 0, fmt.Errorf("greeting: %w", err)
	}
	var elapsed [2]time.Duration
	for i, cmd := range []string{"SELECT INBOX", "FETCH 1:* (UID FLAGS)"} {
		start := time.Now()
		lines, size, err := c.command(cmd)
		if err != nil {
			return 0, err
		}
		elapsed[i] = time.Since(start)
		octets = size
		if i == 1 && lines < n {
			return 0, fmt.Errorf("FETCH answered %d lines for %d messages", lines, n)
		}
	}
	if _, _, err := c.command("LOGOUT"); err != nil {
		return 0, err
	}
	if log, err := server.Wait(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, log)
	}
	s.sel = append(s.sel, elapsed[0])
	s.fetch = append(s.fetch, elapsed[1])
	s.cpu = append(s.cpu, childCPU()-before)
	return octets, nil
}

// childCPU is the processor time of all children that have been waited for.
func childCPU() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

type client struct {
	r *bufio.Reader
	w io.Writer
}

// command sends a command and reads up to its tagged OK.
func (c *client) command(cmd string) (lines int, octets int64, err error) {
	if _, err := io.WriteString(c.w, "a "+cmd+"\r\n"); err != nil {
		return 0, 0, err
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return lines, octets, fmt.Errorf("%s: %w", cmd, err)
		}
		lines++
		octets += int64(len(line))
		if text, ok := strings.CutPrefix(string(line[:min(len(line), 5)]), "a "); ok {
			if text != "OK " {
				return lines, octets, fmt.Errorf("%s: %s", cmd, line)
			}
			return lines, octets, nil
		}
	}
}

// limit is what no server can be faster than.
type limit struct{ readdir, move time.Duration }

func measureLimit(source dialogue.Box, octets int64, rounds int) (limit, error) {
	var readdir, move []time.Duration
	for range rounds {
		start := time.Now()
		if err := readDirectory(filepath.Join(source.Maildir(), "cur")); err != nil {
			return limit{}, err
		}
		readdir = append(readdir, time.Since(start))
		d, err := moveOctets(octets)
		if err != nil {
			return limit{}, err
		}
		move = append(move, d)
	}
	return limit{median(readdir), median(move)}, nil
}

func readDirectory(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4<<20)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil || n == 0 {
			return err
		}
	}
}

// moveOctets times a socket pair with the buffer sizes of this program.
func moveOctets(n int64) (time.Duration, error) {
	near, far, err := dialogue.Pair()
	if err != nil {
		return 0, err
	}
	defer near.Close()
	defer far.Close()
	start := time.Now()
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, 16<<10)
		for left := n; left > 0; {
			m, err := far.Write(buf[:min(left, int64(len(buf)))])
			if err != nil {
				done <- err
				return
			}
			left -= int64(m)
		}
		done <- nil
	}()
	if _, err := io.CopyN(io.Discard, bufio.NewReaderSize(near, 1<<20), n); err != nil {
		return 0, err
	}
	return time.Since(start), <-done
}

func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}

func report(n, rounds int, dovecot, ours *result, l limit) {
	fmt.Printf("%d messages, medians of %d rounds; ratio above 1: Fantail is faster\n\n", n, rounds)
	fmt.Printf("%-34s %10s %10s %7s %10s\n", "", "dovecot", "fantail", "ratio", "limit")
	row := func(name string, d, f []time.Duration, limit time.Duration) {
		dm, fm := median(d), median(f)
		text := ""
		if limit > 0 {
			text = show(limit)
		}
		fmt.Printf("%-34s %10s %10s %7.2f %10s\n", name, show(dm), show(fm), float64(dm)/float64(fm), text)
	}
	for _, s := range []struct {
		name    string
		d, f    step
		readdir time.Duration
	}{
		{"first", dovecot.first, ours.first, l.readdir},
		{"again", dovecot.again, ours.again, 0},
		{"unchanged", dovecot.unchanged, ours.unchanged, 0},
	} {
		row("SELECT, "+s.name, s.d.sel, s.f.sel, s.readdir)
		row("FETCH 1:* (UID FLAGS), "+s.name, s.d.fetch, s.f.fetch, l.move)
		row("server CPU of that session", s.d.cpu, s.f.cpu, 0)
	}
}

func show(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
