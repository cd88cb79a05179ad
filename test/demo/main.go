// Demo is the program behind "make run": it runs all of Fantail on loopback
// ports, as the user who calls it, with one account that has mail.
//
// It makes a directory with everything that an installation has, each part
// only if it is not there, sees that the ports are free, starts the daemons,
// waits until each of them answers (all that is package site), delivers one
// message through the delivery agent (welcome.go), says how to reach all that
// (explain.go), and then waits itself. It ends when it is told to, or with the
// first daemon that does; in either case no daemon is left.
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
	"fantail/test/samplemail"
	"fantail/test/site"
)

const (
	// stopTime is how long a daemon may take to end when it is told to.
	stopTime = 15 * time.Second

	// messages and seed settle what mail the account has.
	messages = 420
	seed     = 1
)

// ports is where everything listens unless the configuration is changed.
var ports = site.Ports{IMAP: 1143, IMAPS: 1993, POP3: 1110, POP3S: 1995, Webmail: 8443}

func main() {
	dir := flag.String("dir", "run", "directory of the demo: configuration, account, mail, logs")
	bin := flag.String("bin", "bin", "directory of Fantail's programs")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	// A child is told when the thread that started it ends (site.Group), so
	// that thread must be one that lasts.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *dir, *bin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo is the site as its caller named it.
type demo struct {
	*site.Site
	shown, shownBin string
}

// prepare makes what is missing in the directory, and says so.
func (d *demo) prepare(out io.Writer) error {
	if err := d.Prepare(ports); err != nil {
		return err
	}
	if has, err := d.HasMail(); has || err != nil {
		return err
	}
	fmt.Fprintf(out, "writing %d sample messages to %s\n", messages, d.show("mail", site.Account))
	return d.WriteMail(samplemail.Generate(messages, seed))
}

// run is the whole demo. It returns nil if ctx ended it.
func run(ctx context.Context, dir, bin string, out io.Writer) error {
	began := time.Now()
	s, err := site.New(dir, bin)
	if err != nil {
		return err
	}
	d := &demo{s, dir, bin}
	if err := d.prepare(out); err != nil {
		return err
	}
	c, err := conf.Load(d.Config())
	if err != nil {
		return err
	}
	services := site.Services(c)
	if err := site.CheckFree(services, d.show("fantail.toml")); err != nil {
		return err
	}
	g := &site.Group{Dir: d.Dir}
	defer func() {
		for _, name := range g.Stop(stopTime) {
			fmt.Fprintf(out, "%s did not stop by itself\n", name)
		}
	}()
	for _, name := range site.Programs(services) {
		if err := g.Start(name, filepath.Join(d.Bin, name), "-c", d.Config()); err != nil {
			return err
		}
	}
	if services, err = g.Ready(ctx, services); err != nil {
		return quiet(ctx, err)
	}
	if err := d.Deliver(ctx, welcome(time.Now())); err != nil {
		return quiet(ctx, err)
	}
	explain(out, d, services)
	fmt.Fprintf(out, "ready after %.2f s; Ctrl-C stops everything\n", time.Since(began).Seconds())
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "stopping")
		return nil
	case err := <-g.Died():
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
