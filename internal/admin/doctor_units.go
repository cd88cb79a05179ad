package admin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unit is one of systemd's, as "systemctl show" has it.
type unit struct {
	name                             string
	load, active, state, result, sub string
	pid, restarts                    int
	stale                            bool      // its file is newer than what systemd knows
	changed                          time.Time // when it became active, or was reloaded
}

// port is a socket of the package at which strangers are served.
type port struct {
	unit, service string
	number        int
	what          string
	tls           bool
	greets        string
}

// ports are those sockets.
var ports = []port{
	{"fantail-imaps.socket", "fantail-imapd.service", 993, "IMAPS", true, "* OK"},
	{"fantail-imap.socket", "fantail-imapd.service", 143, "IMAP", false, "* OK"},
	{"fantail-pop3s.socket", "fantail-pop3d.service", 995, "POP3S", true, "+OK"},
	{"fantail-pop3.socket", "fantail-pop3d.service", 110, "POP3", false, "+OK"},
	{"fantail-https.socket", "fantail-webmaild.service", 443, "webmail", true, ""},
}

// private are the sockets by which daemons reach each other: their owner, group and mode,
// and what does not work without.
var private = []struct {
	unit, service, path, owner, group string
	mode                              uint32
	without                           string
	choice                            bool // what it is for starts it not; who has no use for it switches it off
}{
	{"fantail-authd.socket", "fantail-authd.service", "login", authdName, frontsName, 0o660, "nobody can log in", false},
	{"fantail-authd-ticket.socket", "fantail-authd.service", "ticket", "root", "root", 0o600, "nobody can log in", false},
	{"fantail-authd-deliver.socket", "fantail-authd.service", "deliver", authdName, "_fantail-lmtp", 0o660, "mail servers cannot deliver", false},
	{"fantail-sessiond.socket", "fantail-sessiond.service", "session", "root", frontsName, 0o660, "nobody who has logged in gets a session", false},
	{"fantail-sessiond-admin.socket", "fantail-sessiond.service", "admin", "root", "root", 0o600, "fantail who and fantail kick do not work", false},
	{keydSocket, "fantail-keyd.service", "key", keydName, frontsName, 0o660, "there is no TLS where tls.key_process is set", false},
	{"fantail-submitd.socket", "fantail-submitd.service", "submit", "root", "root", 0o600, "mail that is written in webmail waits", false},
	{"fantail-lmtp.socket", "fantail-lmtpd.service", "lmtp", "root", "root", 0o666, "mail servers cannot deliver", true},
	{"fantail-policy.socket", "fantail-lmtpd.service", "policy", "root", "root", 0o666, "mail servers cannot ask who has room", true},
}

// daemon is a service of the package.
type daemon struct {
	unit    string
	program string
	reload  bool // it reads its configuration anew when it is told to
}

var services = []daemon{
	{"fantail-authd.service", "authd", true},
	{"fantail-sessiond.service", "sessiond", false},
	{"fantail-keyd.service", "keyd", true},
	{"fantail-submitd.service", "submitd", false},
	{"fantail-imapd.service", "imapd", true},
	{"fantail-pop3d.service", "pop3d", true},
	{"fantail-webmaild.service", "webmaild", true},
	{"fantail-lmtpd.service", "lmtpd", true},
}

const (
	expireTimer = "fantail-expire.timer"
	keydSocket  = "fantail-keyd.socket"
)

// unitProperties are what is asked of each unit.
const unitProperties = "Id,LoadState,ActiveState,SubState,UnitFileState,Result,MainPID,NRestarts,NeedDaemonReload,StateChangeTimestamp"

// readUnits asks systemd for all units of the package; there are none where it does not
// run.
func (m *machine) readUnits(ctx context.Context) map[string]unit {
	if !m.has("/run/systemd/system") {
		return nil
	}
	args := []string{"show", "--timestamp=unix", "--property=" + unitProperties}
	for _, p := range ports {
		args = append(args, p.unit)
	}
	for _, p := range private {
		args = append(args, p.unit)
	}
	for _, s := range services {
		args = append(args, s.unit)
	}
	out, err := m.command(ctx, "systemctl", append(args, expireTimer)...)
	if err != nil {
		return nil
	}
	return parseUnits(out)
}

// parseUnits reads what "systemctl show" says: a paragraph for each.
func parseUnits(text string) map[string]unit {
	units := make(map[string]unit)
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		value := make(map[string]string)
		for line := range strings.Lines(paragraph) {
			name, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			value[name] = v
		}
		u := unit{
			name: value["Id"], load: value["LoadState"], active: value["ActiveState"], state: value["UnitFileState"],
			result: value["Result"], sub: value["SubState"], stale: value["NeedDaemonReload"] == "yes",
		}
		u.pid, _ = strconv.Atoi(value["MainPID"]) // those of sockets and timers are not there
		u.restarts, _ = strconv.Atoi(value["NRestarts"])
		if at, err := strconv.ParseInt(strings.TrimPrefix(value["StateChangeTimestamp"], "@"), 10, 64); err == nil {
			u.changed = time.Unix(at, 0)
		}
		if u.name != "" {
			units[u.name] = u
		}
	}
	return units
}

// hasUnits reports whether the package's units are there.
func (m *machine) hasUnits() bool {
	for _, u := range m.units() {
		if u.load != "not-found" {
			return true
		}
	}
	return false
}

// runs reports whether a unit is active.
func (m *machine) runs(name string) bool {
	return slices.Contains([]string{"active", "reloading", "activating"}, m.units()[name].active)
}

// on reports whether a unit is there after the next start of the machine.
func (u unit) on() bool { return u.state == "enabled" || u.state == "enabled-runtime" }

// listening are the commands that have a socket listen. A service that runs takes no more
// sockets, so it is stopped, together with its other sockets, lest somebody who connects
// start it in between.
func (x *examination) listening(socket, service string) []string {
	others := []string{}
	add := func(unit, of string) {
		if of == service && unit != socket && x.runs(unit) {
			others = append(others, unit)
		}
	}
	for _, p := range ports {
		add(p.unit, p.service)
	}
	for _, p := range private {
		add(p.unit, p.service)
	}
	all := strings.Join(append(others, socket), " ")
	return []string{"systemctl stop " + service + " " + all, "systemctl start " + all}
}

// privateSockets: the sockets by which daemons reach each other listen, now and after the
// next start.
func (x *examination) privateSockets() {
	good := 0
	for _, p := range private {
		u := x.units()[p.unit]
		switch {
		case u.load == "not-found":
			x.wrong("%s is not there", p.unit).because(p.without).typing(x.reinstalling()...)
		case !x.runs(p.unit) && !x.uses(p.unit):
			// nobody misses it
		case u.load == "masked" && !p.choice:
			x.wrong("%s is masked", p.unit).because(p.without).typing("systemctl unmask "+p.unit, "systemctl enable "+p.unit).typing(x.listening(p.unit, p.service)...)
		case p.choice && !u.on() && !x.runs(p.unit):
			x.ok("%s is switched off", p.unit)
		case !x.runs(p.unit) && u.on():
			x.wrong("%s does not listen: it is %s", p.unit, condition(u)).because(p.without).typing(x.listening(p.unit, p.service)...)
		case !x.runs(p.unit):
			x.wrong("%s does not listen: it is %s and %s", p.unit, condition(u), u.state).because(p.without).typing("systemctl enable " + p.unit).typing(x.listening(p.unit, p.service)...)
		case p.choice && !u.on():
			x.warning("%s listens, and is %s: it will not after the next start of the machine", p.unit, u.state).
				because(p.without).typing("systemctl enable " + p.unit)
		default:
			good++
		}
	}
	if good > 0 {
		x.ok("%d sockets between daemons listen", good)
	}
}

// socketModes: sockets are for those who are to connect.
func (x *examination) socketModes() {
	good := 0
	for _, p := range private {
		path := filepath.Join(x.run, p.path)
		info, err := os.Stat(path)
		if err != nil || !x.runs(p.unit) {
			continue // told where sockets are asked
		}
		owner, group := nameOf(ownerOf(info).Uid), groupOf(ownerOf(info).Gid)
		switch {
		case info.Mode()&os.ModeSocket == 0:
			x.wrong("%s is no socket", path).because(p.without).typing("rm " + path).typing(x.listening(p.unit, p.service)...)
		case p.choice && info.Mode().Perm()&0o222 != 0:
			good++ // for whom it is, the administrator may say
		case owner != p.owner || group != p.group || uint32(info.Mode().Perm()) != p.mode:
			x.wrong("%s is of %s:%s with the mode %s, and should be of %s:%s with %04o", path, owner, group, octal(info.Mode()), p.owner, p.group, p.mode).
				because("somebody can connect who should not, or cannot who should").
				typing(fmt.Sprintf("chown %s:%s %s", p.owner, p.group, path), fmt.Sprintf("chmod %04o %s", p.mode, path))
		default:
			good++
		}
	}
	x.ok("%d sockets are for those who are to connect", good)
}

// uses reports whether anybody connects to a socket between daemons.
func (x *examination) uses(name string) bool {
	switch name {
	case keydSocket:
		return x.cfg != nil && x.cfg.TLS.KeyProcess
	case "fantail-authd-deliver.socket":
		return x.units()["fantail-lmtp.socket"].on()
	case "fantail-submitd.socket":
		return x.units()["fantail-https.socket"].on() || x.cfg != nil && x.submits()
	}
	return true
}

// condition says in what state a unit is, and why.
func condition(u unit) string {
	if u.active == "failed" && u.result != "" && u.result != "success" {
		return "failed (" + u.result + ")"
	}
	return u.active
}

// publicSockets: the ports for mail programs are ours, or are switched off.
func (x *examination) publicSockets() {
	for _, p := range ports {
		x.publicSocket(p)
	}
}

func (x *examination) publicSocket(p port) {
	u := x.units()[p.unit]
	others := x.others(p.number)
	why := fmt.Sprintf("nobody reaches %s on port %d", p.what, p.number)
	switch {
	case x.runs(p.unit) && !u.on():
		x.warning("%s listens, and is %s: it will not after the next start of the machine", p.unit, u.state).
			because(why + " then").typing("systemctl enable " + p.unit)
	case x.runs(p.unit):
		x.ok("%s listens", p.unit)
	case u.load == "not-found":
		x.wrong("%s is not there", p.unit).because(why).typing(x.reinstalling()...)
	case u.on() && others != nil:
		f := x.wrong("port %d is taken by %s, so %s cannot listen there", p.number, others[0], p.unit).
			because("mail programs talk to another server")
		for _, o := range others {
			f.typing(o.stopping(x.machine))
		}
		f.typing(x.listening(p.unit, p.service)...)
	case u.on():
		x.wrong("%s does not listen: it is %s", p.unit, condition(u)).because(why).typing(x.listening(p.unit, p.service)...)
	case others != nil && slices.ContainsFunc(others, isMailServer):
		f := x.warning("port %d is taken by %s, and %s is %s", p.number, others[0], p.unit, u.state).
			because("mail programs talk to the other server; Fantail has been installed and is not used there")
		for _, o := range others {
			f.typing(o.stopping(x.machine))
		}
		if u.load == "masked" {
			f.typing("systemctl unmask " + p.unit)
		}
		f.typing("systemctl enable " + p.unit).typing(x.listening(p.unit, p.service)...)
	case p.number == 993 && x.imapOn():
		who := "nobody listens"
		if x.at(993) != nil {
			who = "what still has it is the last that listens"
		}
		f := x.wrong("%s is %s, and %s at port %d", p.unit, orMasked(u), who, p.number).
			because("mail programs set themselves up for IMAP with TLS on that port")
		if u.load == "masked" {
			f.typing("systemctl unmask " + p.unit)
		}
		f.typing("systemctl enable " + p.unit).typing(x.listening(p.unit, p.service)...)
	default:
		x.ok("%s is %s", p.unit, orMasked(u))
	}
}

func orMasked(u unit) string {
	if u.load == "masked" {
		return "masked"
	}
	return u.state
}

// imapOn reports whether there is to be IMAP, as far as units say: in the clear, or
// because there is no POP3 either. Addresses in the configuration are elsewhere.
func (x *examination) imapOn() bool {
	if x.cfg != nil && len(x.cfg.IMAP.ListenTLS)+len(x.cfg.IMAP.Listen) > 0 || x.others(993) != nil {
		return false
	}
	return x.units()["fantail-imap.socket"].on() || !x.units()["fantail-pop3s.socket"].on() && !x.units()["fantail-pop3.socket"].on()
}

// mailServerNames are what programs of other mail servers are called.
var mailServerNames = []string{"dovecot", "imap-login", "pop3-login", "couriertcpd", "cyrmaster", "master", "xinetd", "inetd"}

func isMailServer(p process) bool { return slices.Contains(mailServerNames, p.name) }

// others are the processes that have a port and are none of ours.
func (x *examination) others(number int) []process {
	var list []process
	for _, l := range x.at(number) {
		for _, pid := range l.pids {
			p := x.process(pid)
			known := slices.ContainsFunc(list, func(o process) bool { return o.unit == p.unit && (p.unit != "" || o.pid == p.pid) })
			if pid == 1 || strings.HasPrefix(p.unit, "fantail-") || known {
				continue // systemd holds sockets for others
			}
			list = append(list, p)
		}
	}
	return list
}

// maxRestarts is how often a service may have been started anew before that is a finding.
const maxRestarts = 5

// daemonUnits: no service has failed, or is started anew again and again.
func (x *examination) daemonUnits() {
	good := 0
	for _, s := range services {
		u := x.units()[s.unit]
		why := s.program + " does not run, and what needs it waits"
		switch {
		case u.load == "not-found":
			x.wrong("%s is not there", s.unit).because(why).typing(x.reinstalling()...)
		case u.load == "masked":
			x.wrong("%s is masked", s.unit).because(why).typing("systemctl unmask "+s.unit, "systemctl restart "+s.unit)
		case u.fails(x.now()):
			says := x.lastWords(s.unit)
			f := x.wrong("%s is %s, and was started anew %d times%s", s.unit, condition(u), u.restarts, says).because(why)
			f.typing("journalctl -u "+s.unit+" -n 20", "systemctl restart "+s.unit)
		case u.stale:
			x.warning("the file of %s has been changed, and systemd has not read it", s.unit).
				because("what runs is as the file was").typing("systemctl daemon-reload", "systemctl try-restart "+s.unit)
		case x.runs(s.unit):
			good++
		}
	}
	x.ok("%d services run; others are started when they are needed", good)
}

// fails reports whether a service has failed, or does so again and again.
func (u unit) fails(now time.Time) bool {
	return u.active == "failed" || u.sub == "auto-restart" || u.restarts > maxRestarts && now.Sub(u.changed) < time.Hour
}

// lastWords are the last line that a unit has written, behind ": ".
func (x *examination) lastWords(name string) string {
	out, err := x.command(x.ctx, "journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=1", "_SYSTEMD_UNIT="+name)
	if out = strings.TrimSpace(out); err != nil || out == "" {
		return ""
	}
	return ": " + out
}

// timers: what is to happen every night does.
func (x *examination) timers() {
	days, _ := x.cfg.POP3.ExpireSoonest()
	u := x.units()[expireTimer]
	if days == 0 || u.load == "not-found" {
		return
	}
	if !x.runs(expireTimer) || !u.on() {
		f := x.warning("pop3.expire is set, and %s is %s and %s", expireTimer, condition(u), orMasked(u)).
			because("mail that is to expire stays")
		if u.load == "masked" {
			f.typing("systemctl unmask " + expireTimer)
		}
		f.typing("systemctl enable --now " + expireTimer)
		return
	}
	x.ok("%s is active: mail expires after %d days", expireTimer, days)
}

// reinstalling are the commands that bring files of the package back.
func (m *machine) reinstalling() []string {
	if m.has("/var/lib/dpkg/status") {
		return []string{"apt-get install --reinstall fantail"}
	}
	if m.has("/usr/lib/sysimage/rpm") || m.has("/var/lib/rpm") {
		return []string{"dnf reinstall fantail"}
	}
	return []string{"make install"}
}
