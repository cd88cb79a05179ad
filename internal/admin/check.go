package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/user"
	"strings"
	"syscall"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/inquiry"
)

// check is the verb check: what a running installation needs, and whether it is there.
// Each part of the examination is a function in a file of its own; none changes
// anything, and all go on after what one has found.
type check struct {
	sockets
	json bool
}

func (c *check) flags(fs *flag.FlagSet) {
	c.sockets.flags(fs)
	fs.BoolVar(&c.json, "j", false, "for scripts: a line of JSON for each finding")
}

// parts are what is examined of an installation, in this order.
var parts = []struct {
	about string
	do    func(*examination)
}{
	{"configuration", (*examination).configuration},
	{"programs", (*examination).programs},
	{"certificate", (*examination).certificates},
	{"authd", (*examination).directory},
	{"passwd-file", (*examination).passwdFile},
	{"sources", (*examination).sources},
	{"daemons", (*examination).daemons},
	{"mail servers", (*examination).mailServers},
	{"quota", (*examination).quotaCommand},
	{"services", (*examination).services},
}

func (c *check) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	x := &examination{ctx: ctx, tool: t, cfg: cfg, run: c.directory, json: c.json}
	if len(args) == 0 {
		for _, p := range parts {
			x.about = p.about
			p.do(x)
		}
	} else {
		x.about = "account"
		x.account(args[0])
	}
	switch {
	case x.err != nil:
		return x.err
	case x.found:
		return errFound
	}
	return nil
}

// examination is a check that goes on.
type examination struct {
	*tool
	ctx   context.Context
	cfg   *conf.Config
	run   string // the directory of the daemons' sockets
	json  bool
	about string // what is examined now

	found bool  // something is wrong
	err   error // of writing
}

// Levels of findings.
const (
	levelOK      = "ok"
	levelWarning = "warning" // it works, and should not stay so
	levelWrong   = "wrong"   // somebody cannot log in, or more can be read than should
)

// finding is what has been found, as scripts see it.
type finding struct {
	Level string `json:"level"`
	About string `json:"about"`
	Text  string `json:"text"`
	Next  string `json:"next,omitempty"` // what to type, or to do
}

func (x *examination) ok(format string, args ...any) {
	x.report(finding{levelOK, x.about, fmt.Sprintf(format, args...), ""})
}

// warning and wrong tell what to do first.
func (x *examination) warning(next, format string, args ...any) {
	x.report(finding{levelWarning, x.about, fmt.Sprintf(format, args...), next})
}

func (x *examination) wrong(next, format string, args ...any) {
	x.report(finding{levelWrong, x.about, fmt.Sprintf(format, args...), next})
}

func (x *examination) report(f finding) {
	x.found = x.found || f.Level != levelOK
	f.Next = x.typed(f.Next)
	if x.json {
		x.err = errors.Join(x.err, x.object(f))
		return
	}
	for i, line := range strings.Split(f.Text, "\n") {
		if i > 0 {
			f.Level, f.About = "", ""
		}
		x.say("%s", strings.TrimRight(fmt.Sprintf("%-8s %-14s %s", f.Level, f.About, printable(line)), " "))
	}
	if f.Next != "" {
		x.say("%23s     %s", "", f.Next)
	}
}

// configuration: the file is there, and everybody can read it: sessions do, as the users
// of their accounts.
func (x *examination) configuration() {
	if _, err := x.cfg.Fence(); err != nil {
		x.wrong("what is set: fantail config session", "%v", err)
	}
	if x.cfg.File == "" {
		x.ok("no file, all settings have their defaults")
		return
	}
	x.clock(x.cfg.File)
	if err := canRead(nobody, x.cfg.File); err != nil {
		x.wrong("chmod a+r "+argumentOf(x.cfg.File)+", and a+x for the directories above it",
			"session programs read it as the users of their accounts, who cannot: %v", err)
		return
	}
	x.ok("%s", x.cfg.File)
}

// nobody is a user with no rights but those of everybody.
var nobody = &syscall.Credential{Uid: 65534, Gid: 65534}

// systemUser is the user of the system called name, or nil if there is none.
func systemUser(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return inquiry.Credential(u)
}

// ownerOf is whose a file is, for commands that are shown.
func ownerOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }
