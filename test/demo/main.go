// Demo is the program behind "make run": it runs all of Fantail on loopback
// ports, as the user who calls it, with one account that has mail.
//
// It makes a directory with everything that an installation has, each part
// only if it is not there (setup.go), sees that the ports are free (ports.go),
// starts the daemons (children.go), waits until each of them answers
// (probe.go), delivers one message through the delivery agent, says how to
// reach all that (explain.go), and then waits itself. It ends when it is told
// to, or with the first daemon that does; in either case no daemon is left.
//
// Invariants: nothing that exists in the directory is overwritten but the logs
// and the account's home directory in users, which must be absolute; the
// configuration there is the only one, so that a port is changed in it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
)

// startTime is how long the daemons may take until they answer.
const startTime = 30 * time.Second

func main() {
	dir := flag.String("dir", "run", "directory of the demo: configuration, account, mail, logs")
	bin := flag.String("bin", "bin", "directory of Fantail's programs")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	// A child is told when the thread that started it ends (children.go), so
	// that thread must be one that lasts.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *dir, *bin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run is the whole demo. It returns nil if ctx ended it.
func run(ctx context.Context, dir, bin string, out io.Writer) error {
	began := time.Now()
	s, err := newSite(dir, bin)
	if err != nil {
		return err
	}
	if err := s.prepare(out); err != nil {
		return err
	}
	c, err := conf.Load(s.config())
	if err != nil {
		return err
	}
	services := servicesOf(c)
	if err := checkFree(services, s.config()); err != nil {
		return err
	}
	g := &group{dir: s.dir}
	defer func() {
		for _, name := range g.stop(stopTime) {
			fmt.Fprintf(out, "%s did not stop by itself\n", name)
		}
	}()
	for _, name := range programsOf(services) {
		if err := g.start(name, filepath.Join(s.bin, name), "-c", s.config()); err != nil {
			return err
		}
	}
	if err := waitAll(ctx, g, services); err != nil {
		return quiet(ctx, err)
	}
	if err := s.deliver(ctx, welcome(time.Now())); err != nil {
		return quiet(ctx, err)
	}
	explain(out, s, services)
	fmt.Fprintf(out, "ready after %.1f s; Ctrl-C stops everything\n", time.Since(began).Seconds())
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "stopping")
		return nil
	case err := <-g.died():
		return err
	}
}

// quiet drops an error that is only the consequence of being told to stop.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
