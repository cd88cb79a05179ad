package admin

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
)

// doctor is the verb doctor: what a running installation needs, and whether it is there.
//
//	doctor.go           the table of examinations, and who runs them
//	doctor_finding.go   what is found, and how it is told
//	doctor_machine.go   what examinations ask of the system
//	doctor_SUBJECT.go   examinations, as functions
//
// An examination finds things and goes on after each. It changes nothing, and knows
// nothing of the others: they run at once, and what they have found is told in the order
// of the table. A finding that is not ok has the commands that mend it, as they are typed
// on this machine. What is somebody's choice, such as a port that is switched off, is no
// finding; what cannot be found out is none either.
type doctor struct {
	sockets
	json, quiet, offline bool
}

func (d *doctor) flags(fs *flag.FlagSet) {
	d.sockets.flags(fs)
	fs.BoolVar(&d.json, "j", false, "for scripts: a line of JSON for each finding")
	fs.BoolVar(&d.quiet, "q", false, "say only what is wrong")
	fs.BoolVar(&d.offline, "offline", false, "ask no other machine, such as a name server")
}

// needs are what an examination cannot do without. Where that is not, it is left out.
type needs uint

const (
	needsConfig  needs = 1 << iota // the configuration, which may not be readable
	needsSystemd                   // units of the package
)

// part is an examination.
type part struct {
	about string // what is examined, in a word or two
	needs needs
	do    func(*examination)
}

// parts are what is examined of an installation, in the order in which it is told.
var parts = []part{
	{"configuration", 0, (*examination).configuration},
	{"configuration", needsConfig | needsSystemd, (*examination).configurationInUse},
	{"package", 0, (*examination).packaged},
	{"programs", needsConfig, (*examination).programs},
	{"programs", needsSystemd, (*examination).replaced},
	{"users", needsSystemd, (*examination).users},
	{"certificate", needsConfig, (*examination).certificates},
	{"authd", needsConfig, (*examination).directory},
	{"PAM", needsConfig, (*examination).pam},
	{"passwd-file", needsConfig, (*examination).passwdFile},
	{"sources", needsConfig, (*examination).sources},
	{"sockets", needsSystemd, (*examination).privateSockets},
	{"sockets", needsConfig | needsSystemd, (*examination).socketModes},
	{"daemons", needsSystemd, (*examination).daemonUnits},
	{"daemons", needsConfig, (*examination).daemons},
	{"ports", needsSystemd, (*examination).publicSockets},
	{"services", needsConfig, (*examination).services},
	{"firewall", needsSystemd, (*examination).firewall},
	{"timers", needsConfig | needsSystemd, (*examination).timers},
	{"mail servers", needsConfig, (*examination).mailServers},
	{"mail servers", needsConfig | needsSystemd, (*examination).mta},
	{"other servers", needsConfig | needsSystemd, (*examination).dovecot},
	{"submission", needsConfig, (*examination).submission},
	{"mail", needsConfig, (*examination).mail},
	{"quota", needsConfig, (*examination).quotaCommand},
	{"disks", needsConfig, (*examination).volumes},
	{"kernel", needsConfig, (*examination).kernel},
	{"clock", needsSystemd, (*examination).time},
	{"names", needsConfig | needsSystemd, (*examination).names},
	{"log", needsSystemd, (*examination).complaints},
	{"fail2ban", needsSystemd, (*examination).fail2ban},
}

// patience is how long all examinations together may take.
const patience = 30 * time.Second

func (d *doctor) run(ctx context.Context, t *tool, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m := newMachine(ctx)
	m.offline = d.offline
	cfg, err := conf.Load(t.config)
	if len(args) > 0 {
		if err != nil {
			return &failure{exitConfig, err, "fantail doctor"}
		}
		x := &examination{tool: t, ctx: ctx, machine: m, cfg: cfg, run: d.directory, about: "account", done: make(chan struct{})}
		x.account(args[0])
		close(x.done)
		return d.tell(t, []*examination{x})
	}
	return d.tell(t, d.examine(ctx, t, m, cfg, err))
}

// examine begins all examinations. What each has found can be read once it is done.
func (d *doctor) examine(ctx context.Context, t *tool, m *machine, cfg *conf.Config, errConfig error) []*examination {
	var is needs
	if errConfig == nil {
		is |= needsConfig
	}
	if m.hasUnits() {
		is |= needsSystemd
	}
	var list []*examination
	for _, p := range parts {
		if p.needs&^is != 0 {
			continue
		}
		x := &examination{tool: t, ctx: ctx, machine: m, cfg: cfg, errConfig: errConfig, run: d.directory, about: p.about, done: make(chan struct{})}
		go func() {
			defer close(x.done)
			p.do(x)
		}()
		list = append(list, x)
	}
	return list
}

// tell tells what examinations have found, and whether something is wrong.
func (d *doctor) tell(t *tool, list []*examination) error {
	var errors, warnings int
	for _, x := range list {
		for _, f := range x.result() {
			switch f.Level {
			case levelError:
				errors++
			case levelWarning:
				warnings++
			case levelOK:
				if d.quiet {
					continue
				}
			}
			if err := t.finding(f, d.json); err != nil {
				return err
			}
		}
	}
	if !d.json && !d.quiet {
		t.say("\n%s.", summary(errors, warnings))
	}
	switch {
	case errors > 0:
		return errWrong
	case warnings > 0:
		return errFound
	}
	return nil
}

// summary is what an administrator reads first.
func summary(errors, warnings int) string {
	if errors+warnings == 0 {
		return "Nothing is wrong"
	}
	var list []string
	for _, n := range []struct {
		n    int
		what string
	}{{errors, "error"}, {warnings, "warning"}} {
		switch {
		case n.n == 1:
			list = append(list, "1 "+n.what)
		case n.n > 1:
			list = append(list, fmt.Sprintf("%d %ss", n.n, n.what))
		}
	}
	return strings.Join(list, ", ")
}

// examination is one that goes on, or is done.
type examination struct {
	*tool
	*machine
	ctx       context.Context
	cfg       *conf.Config // nil if errConfig is not
	errConfig error
	run       string // the directory of the daemons' sockets
	about     string

	findings []*finding
	done     chan struct{} // closed when it is; until then findings are its own
}

// result waits for what it has found. Who looks at a disk or a server that hangs may hang
// with it.
func (x *examination) result() []*finding {
	select {
	case <-x.done:
		return x.findings
	case <-x.ctx.Done():
	}
	select {
	case <-x.done: // what was cancelled has been told
		return x.findings
	case <-time.After(time.Second):
	}
	late := &examination{about: x.about}
	late.wrong("this could not be examined within %v", patience).because("a disk does not answer, or a server on which files are").
		typing("ps -eo pid,stat,wchan:32,args | awk '$2 ~ /^D/'", "dmesg | tail -n 20")
	return late.findings
}
