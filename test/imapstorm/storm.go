package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/test/imapstorm/client"
	"fantail/test/site"
)

// storm is one storm.
type storm struct {
	options
	site   *site.Site
	group  *site.Group
	imaps  string // host:port
	truth  *client.Truth
	report *client.Report
	served sync.WaitGroup // session programs
	actors []*actor
}

// hold holds the storm and returns what was found.
func (o options) hold() (report *client.Report, err error) {
	work, err := os.MkdirTemp(o.dir, "imapstorm")
	if err != nil {
		return nil, err
	}
	s := &storm{truth: client.NewTruth(), report: client.NewReport()}
	defer func() {
		if o.keep && len(s.report.Broken) > 0 {
			fmt.Fprintln(os.Stderr, "kept:", work)
			return
		}
		err = errors.Join(err, os.RemoveAll(work))
	}()
	if err := os.Chmod(work, 0o755); err != nil {
		return nil, err
	}
	if o.bin == "" {
		o.bin = filepath.Join(work, "bin")
		if err := build(o.bin); err != nil {
			return nil, err
		}
	}
	s.options = o
	if err := s.prepare(filepath.Join(work, "site")); err != nil {
		return nil, err
	}
	err = s.rage()
	for _, a := range s.actors {
		if a.nc != nil {
			_ = a.nc.Close() // that ends its session; who has left has closed it
		}
	}
	if killed := s.group.Stop(30 * time.Second); len(killed) > 0 {
		err = errors.Join(err, fmt.Errorf("%q did not stop", killed))
	}
	s.served.Wait()
	s.complaints()
	return s.report, err
}

// build builds the programs into a directory.
func build(dir string) error {
	args := []string{"build", "-o", dir + "/"}
	for _, p := range []string{"imapd", "authd", "imap-session", "pop3-session", "deliver"} {
		args = append(args, "fantail/cmd/"+p)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
}

// nobody is whose mailbox it is when root calls: Dovecot refuses to serve root.
const nobody = 65534

// prepare makes the installation and starts imapd.
func (s *storm) prepare(dir string) (err error) {
	if s.site, err = site.New(dir, s.bin); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		s.site.Owner = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if err := s.site.Prepare(site.Ports{}); err != nil {
		return err
	}
	if err := s.configure(); err != nil {
		return err
	}
	s.group = &site.Group{Dir: s.site.Dir, Owner: s.site.Owner}
	if s.fronts == 0 {
		return nil
	}
	if err := s.group.Start("imapd", filepath.Join(s.site.Bin, "imapd"), "-c", s.site.Config()); err != nil {
		return err
	}
	c, err := conf.Load(s.site.Config())
	if err != nil {
		return err
	}
	for _, service := range site.Services(c) {
		if service.Name == "IMAPS" {
			ready, err := s.group.Ready(context.Background(), []site.Service{service})
			if err != nil {
				return err
			}
			s.imaps = ready[0].Address
		}
	}
	return nil
}

// configure lets clients in without delay, and says if there is a Dovecot.
func (s *storm) configure() error {
	text, err := os.ReadFile(s.site.Config())
	if err != nil {
		return err
	}
	changed := string(text)
	if s.dovecots > 0 {
		changed = strings.Replace(changed, "[mail]\n", "[mail]\ncoexist = \"dovecot\"\n", 1)
		conf := fmt.Sprintf("mail_location = maildir:%s\nssl = no\nlog_path = %s\n", s.site.Home(), s.dovecotLog())
		if err := os.WriteFile(filepath.Join(s.site.Dir, "dovecot.conf"), []byte(conf), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(s.site.Config(), []byte(changed), 0o644)
}

func (s *storm) dovecotLog() string { return filepath.Join(s.site.Home(), "..", "dovecot.log") }

// pause is how long an actor waits between pipelines.
func (s *storm) pause() time.Duration {
	return time.Duration(rand.Float64() * 2 / s.rate * float64(time.Second))
}

// rage is the storm itself, and the look around when it is over.
func (s *storm) rage() error {
	s.cast()
	if err := s.begin(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.time)
	defer cancel()
	if err := s.all(ctx, s.roles()); err != nil {
		return err
	}
	// All that was told to anybody is now so: it only has to be heard.
	var settle []func(context.Context) error
	boxes, world, err := s.directories()
	if err != nil {
		return err
	}
	for _, a := range s.actors {
		settle = append(settle, func(context.Context) error { return a.settle(boxes, world) })
	}
	err = s.all(context.Background(), settle)
	for name, found := range boxes {
		s.truth.Settle(name, found, s.blame)
	}
	s.truth.Count(s.blame)
	return err
}

// blame notes what does not depend on one connection.
func (s *storm) blame(rule client.Rule, format string, args ...any) {
	s.report.Blame(rule, func() string { return fmt.Sprintf(format, args...) })
}

// all runs functions at the same time. The first that fails ends the others.
func (s *storm) all(ctx context.Context, list []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, f := range list {
		wg.Go(func() {
			if errs[i] = f(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// cast makes the actors.
func (s *storm) cast() {
	total := s.fronts + s.filters + s.dovecots
	add := func(n int, kind string, dial func() (peer, error)) {
		for i := range n {
			at := len(s.actors)
			a := &actor{
				conn:  &conn{name: fmt.Sprintf("%s%d", kind, i+1), truth: s.truth, report: s.report, loose: kind == "dovecot"},
				storm: s, dial: dial, rand: rand.New(rand.NewPCG(s.seed, uint64(at))),
				owner: newOwner(at, total), kept: make(map[string]*client.Cache),
			}
			if s.keep {
				a.log, _ = os.Create(filepath.Join(s.site.Dir, a.name+".log")) // only to look at
			}
			if s.bad != "" {
				a.spoil = &spoiler{rand: rand.New(rand.NewPCG(s.seed, uint64(1000+at))), bad: bads[s.bad]}
			}
			s.actors = append(s.actors, a)
		}
	}
	add(s.fronts, "front", s.front)
	add(s.filters, "filter", s.filter)
	add(s.dovecots, "dovecot", s.dovecot)
}

// begin makes the second mailbox and the first messages, by the first actor.
func (s *storm) begin() error {
	if len(s.actors) == 0 {
		return errors.New("a storm without connections")
	}
	a := s.actors[0]
	spoil := a.spoil
	a.spoil = nil
	defer func() { a.spoil = spoil }()
	if err := a.connect(); err != nil {
		return err
	}
	for _, box := range []string{second, tree} {
		if err := a.do(&command{name: "CREATE", text: "CREATE " + box}, &command{name: "SUBSCRIBE", text: "SUBSCRIBE " + box}); err != nil {
			return err
		}
	}
	if err := a.open(inbox); err != nil {
		return err
	}
	for a.count < s.messages {
		if err := a.do(planAppendWaiting(a, false)...); err != nil {
			return err
		}
	}
	return nil
}

// roles are everybody who is in the storm.
func (s *storm) roles() []func(context.Context) error {
	var list []func(context.Context) error
	for _, a := range s.actors {
		list = append(list, a.live)
	}
	if s.mail > 0 {
		list = append(list, s.mailer)
	}
	if s.pop3 > 0 {
		list = append(list, s.popper)
	}
	return list
}

// complaints puts what the programs had to complain of into the report.
func (s *storm) complaints() {
	for _, log := range []string{s.group.Log("imapd"), filepath.Join(s.site.Dir, "sessions.log"), s.dovecotLog()} {
		text, err := os.ReadFile(log)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			s.blame(client.Complaint, "%v", err)
		}
		for line := range strings.Lines(string(text)) {
			for _, word := range []string{"level=ERROR", "panic", "Error:", "Fatal:", "Panic:"} {
				if strings.Contains(line, word) {
					s.blame(client.Complaint, "%s", strings.TrimSpace(line))
					break
				}
			}
		}
	}
}
