package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/autoconfig"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/login/userdb"
)

// kernel: it has what sandboxes need, and permits what sessions want.
func (x *examination) kernel() {
	if x.cfg.Programs.Sandbox == conf.SandboxOff {
		file, line, _ := cutLast(x.origin("programs.sandbox"), ":")
		x.warning("programs.sandbox is off").because("who breaks into a program that strangers talk to has what its user has").
			typing(fmt.Sprintf("sed -i %sd %s", line, argumentOf(file)), "systemctl try-restart 'fantail-*.service'")
	}
	var later []string
	for _, what := range sandbox.Missing() {
		switch {
		case what == "seccomp":
			x.warning("the kernel does not filter system calls (seccomp)").
				because("programs have a hole in their sandboxes").typing("grep -i seccomp /boot/config-$(uname -r)")
		case !strings.Contains(what, " for "):
			x.warning("the kernel has no %s, or it is not turned on", what).
				because("sessions can see all files that their users can").
				typing("cat /sys/kernel/security/lsm", "grep LANDLOCK /boot/config-$(uname -r)")
		default:
			later = append(later, what)
		}
	}
	if later != nil {
		x.ok("later kernels have more for sandboxes: %s", strings.Join(later, ", "))
	}
	x.watches()
	x.descriptors()
}

// sysctlFile is where limits of the kernel are set for good.
const sysctlFile = "/etc/sysctl.d/60-fantail.conf"

// watches: all accounts of a user of the system can be told of changes at the same time.
func (x *examination) watches() {
	instances, err := strconv.Atoi(x.text("/proc/sys/fs/inotify/max_user_instances"))
	if err != nil || !x.usesPasswdFile() {
		return
	}
	records, _, err := userdb.ReadFile(x.cfg.Auth.PasswdFile)
	if err != nil {
		return // told with the passwd-file
	}
	accounts := make(map[int]int)
	most := 0
	for _, r := range records {
		accounts[r.UID]++ // that of virtual accounts is -1
		most = max(most, accounts[r.UID])
	}
	if most >= instances {
		x.warning("%d accounts are one user to the system, for whom the kernel watches for %d at once", most, instances).
			because("the others are told of new mail a little late, and their sessions look for it all the time").
			typing(fmt.Sprintf("echo 'fs.inotify.max_user_instances = %d' >%s", 2*most+128, sysctlFile), "sysctl --system")
	}
}

// descriptors: fronts may have as many files open as connections.
func (x *examination) descriptors() {
	for _, s := range services {
		u := x.units()[s.unit]
		if u.pid == 0 || s.program != "imapd" && s.program != "pop3d" && s.program != "webmaild" {
			continue
		}
		m := regexp.MustCompile(`Max open files\s+\d+\s+(\d+)`).FindStringSubmatch(x.text(fmt.Sprintf("/proc/%d/limits", u.pid)))
		if m == nil {
			continue
		}
		limit, err := strconv.Atoi(m[1])
		if err != nil || limit >= x.cfg.Login.Connections {
			continue
		}
		dropIn := "/etc/systemd/system/" + s.unit + ".d/limits.conf"
		x.warning("%s may have %d files open, and is to have %d connections", s.program, limit, x.cfg.Login.Connections).
			because("the next ones wait").
			typing("mkdir -p /etc/systemd/system/"+s.unit+".d", fmt.Sprintf(`printf '[Service]\nLimitNOFILE=%d\n' >%s`, 4*x.cfg.Login.Connections, dropIn),
				"systemctl daemon-reload", "systemctl restart "+s.unit)
	}
}

// clockState asks the kernel whether its clock is synchronised.
func clockState() (synchronised bool, err error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	const timeError = 5
	return state != timeError && t.Status&unix.STA_UNSYNC == 0, err
}

// time: the clock is that of the world.
func (x *examination) time() {
	if name := x.contained(); name != "" {
		x.ok("the clock is the host's: this is a container (%s)", name)
		return
	}
	synchronised, err := x.synchronised()
	switch {
	case err != nil:
	case synchronised:
		x.ok("the clock is synchronised")
	default:
		f := x.warning("the clock is not synchronised").
			because("codes of second factors are wrong after half a minute, and certificates are good at the wrong time")
		if !x.has("/usr/lib/systemd/systemd-timesyncd") && !x.has("/lib/systemd/systemd-timesyncd") && !x.has("/usr/sbin/chronyd") {
			f.typing(x.installing("systemd-timesyncd", "chrony"))
		}
		f.typing("timedatectl set-ntp true")
	}
}

// installing is the command that installs a package, by its name in Debian and elsewhere.
func (m *machine) installing(debian, other string) string {
	if m.has("/var/lib/dpkg/status") {
		return "apt-get install " + debian
	}
	return "dnf install " + other
}

// dnsTime is how long name servers may take, for everything.
const dnsTime = 2 * time.Second

// names: this machine has a name, by which others find it.
func (x *examination) names() {
	name, err := os.Hostname()
	if err != nil {
		return
	}
	p, errDerive := autoconfig.Derive(x.cfg, autoconfig.ThisMachine(x.cfg))
	if errDerive != nil || !strings.Contains(p.Host, ".") {
		domain := "example.org"
		for line := range strings.Lines(x.text("/etc/resolv.conf")) {
			if f := strings.Fields(line); len(f) > 1 && (f[0] == "search" || f[0] == "domain") && f[1] != "." {
				domain = f[1]
			}
		}
		label, _, _ := strings.Cut(name, ".")
		x.warning("this machine is called %q, which is no name in DNS", name).
			because("mail programs cannot be told where it is, and other mail servers refuse its mail").
			typing("hostnamectl set-hostname "+label+"."+domain,
				fmt.Sprintf("echo '127.0.1.1 %s.%s %s' >>/etc/hosts", label, domain, label))
		return
	}
	ctx, cancel := context.WithTimeout(x.ctx, dnsTime)
	defer cancel()
	if !x.inHosts(name) {
		if x.offline || !x.hasNameServers() {
			x.unknownHere(name)
			return
		}
		if _, err := x.resolve.LookupHost(ctx, name); absent(err) {
			x.unknownHere(name)
			return
		}
	}
	x.ok("this machine is %s", p.Host)
	x.records(ctx, p)
}

func (x *examination) unknownHere(name string) {
	aliases := name
	if label, _, ok := strings.Cut(name, "."); ok {
		aliases = name + " " + label
	}
	x.warning("this machine does not know the address of its own name, %s", name).
		because("programs that ask for it wait, or fail, such as those of mail servers").
		typing("echo '127.0.1.1 " + aliases + "' >>/etc/hosts")
}

// inHosts reports whether a name is in the file of hosts.
func (x *examination) inHosts(name string) bool {
	for line := range strings.Lines(x.text("/etc/hosts")) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 1 && slices.ContainsFunc(f[1:], func(s string) bool { return strings.EqualFold(s, name) }) {
			return true
		}
	}
	return false
}

// hasNameServers reports whether there is a name server to ask.
func (x *examination) hasNameServers() bool {
	for line := range strings.Lines(x.text("/etc/resolv.conf")) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			return true
		}
	}
	return false
}

// records: the names that mail programs are told are in DNS, and the records by which they
// find them, if it is said for which domains.
func (x *examination) records(ctx context.Context, p autoconfig.Provider) {
	switch {
	case x.offline:
		return
	case !x.hasNameServers():
		x.ok("no name server is set in /etc/resolv.conf, and none was asked")
		return
	}
	q := &resolver{x.resolve}
	for _, host := range hosts(p) {
		is, err := q.host(ctx, host)
		if err != nil {
			x.unasked(err)
			return
		}
		if is == "" {
			x.warning("%s has no address in DNS", host).because("mail programs are told to connect there").
				typing("fantail dns -check", "fantail config autoconfig")
		}
	}
	for _, domain := range x.cfg.Autoconfig.Domains {
		if !x.domainRecords(ctx, q, p, domain) {
			return
		}
	}
}

func (x *examination) unasked(err error) {
	x.warning("name servers do not answer: %v", err).
		because("nothing that needs a name works: mail servers, and certificates that renew themselves").
		typing("cat /etc/resolv.conf", "resolvectl status")
}

// domainRecords says which records of a domain are not there; false if that cannot be
// asked.
func (x *examination) domainRecords(ctx context.Context, q *resolver, p autoconfig.Provider, domain string) bool {
	list, err := p.Records(domain)
	if err != nil {
		return true
	}
	var missing, other []string
	for _, r := range list {
		is, err := q.ask(ctx, r)
		switch {
		case err != nil:
			x.unasked(err)
			return false
		case is == "":
			missing = append(missing, r.Name)
		case is != levelOK:
			other = append(other, r.Name+" ("+is+")")
		}
	}
	if mx, err := q.LookupMX(ctx, domain+"."); absent(err) || err == nil && len(mx) == 0 {
		missing = append(missing, domain+" MX")
	}
	if missing == nil && other == nil {
		x.ok("the records of %s are there", domain)
		return true
	}
	var text []string
	if missing != nil {
		text = append(text, "missing: "+strings.Join(missing, ", "))
	}
	if other != nil {
		text = append(text, "other than they should be: "+strings.Join(other, ", "))
	}
	x.warning("records of %s in DNS: %s", domain, strings.Join(text, "; ")).
		because("mail programs cannot set themselves up, or do so wrongly").
		typing("fantail dns "+domain, "fantail dns -check "+domain)
	return true
}

// complaints: nothing in the log of the last day says that a program of ours has failed, or
// was kept from something.
func (x *examination) complaints() {
	args := []string{"--quiet", "--no-pager", "--output=cat", "--since=-24h", "--reverse", "--lines=1", "--grep=panic:|fatal error:|level=ERROR.*panic"}
	for _, s := range services {
		args = append(args, "_SYSTEMD_UNIT="+s.unit)
	}
	out, err := x.command(x.ctx, "journalctl", args...)
	line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	if line != "" {
		x.warning("a program has failed within a day: %s", line).
			because("that is a fault of Fantail's; what it was doing for somebody was broken off").
			typing("journalctl --since=-24h --grep='panic:|fatal error:|level=ERROR.*panic' -u 'fantail-*' --output=short-full")
	}
	denied, errDenied := x.command(x.ctx, "journalctl", "--quiet", "--no-pager", "--output=cat", "--since=-24h", "--reverse", "--lines=1", "--dmesg",
		`--grep=apparmor="DENIED".* profile="fantail|avc: +denied .* comm="(`+strings.Join(programNames(), "|")+`)"`)
	denial := strings.TrimSpace(denied)
	switch {
	case strings.Contains(denial, "apparmor="):
		x.warning("AppArmor has kept a program from something within a day: %s", denial).
			because("what it wanted did not happen; the profile may not fit what is set here").
			typing("journalctl --dmesg --since=-24h --grep='apparmor=\"DENIED\".* profile=\"fantail'", `"${EDITOR:-vi}" /etc/apparmor.d/local/fantail`, "apparmor_parser --replace /etc/apparmor.d/fantail")
	case denial != "":
		x.warning("SELinux has kept a program from something within a day: %s", denial).
			because("what it wanted did not happen").
			typing("ausearch -m avc -ts recent", "restorecon -Rv /usr/sbin /usr/libexec/fantail /var/lib/fantail /run/fantail")
	case line == "" && err == nil && errDenied == nil:
		x.ok("no program of ours has failed within a day, or was kept from something")
	}
}

// programNames are those of daemons.
func programNames() []string {
	var list []string
	for _, s := range services {
		list = append(list, s.program)
	}
	return list
}

// firewall: ports with TLS that are open here are open to others. Rules that mention a
// port are the administrator's.
func (x *examination) firewall() {
	closed := x.ufw
	name := "ufw"
	if out, err := x.command(x.ctx, "firewall-cmd", "--state"); err == nil && strings.TrimSpace(out) == "running" {
		closed, name = x.firewalld, "firewalld"
	} else if !strings.Contains(x.text("/etc/ufw/ufw.conf"), "\nENABLED=yes") || !strings.Contains(x.text("/etc/default/ufw"), `DEFAULT_INPUT_POLICY="DROP"`) {
		return
	}
	good := true
	for _, p := range ports {
		if !p.tls || !x.runs(p.unit) {
			continue
		}
		if mending := closed(p); mending != nil {
			good = false
			x.warning("%s lets nobody in at port %d, where %s listens", name, p.number, p.unit).
				because("mail programs elsewhere cannot connect").typing(mending...)
		}
	}
	if good {
		x.ok("%s lets mail programs in", name)
	}
}

// ufw returns how a port is opened that no rule mentions.
func (x *examination) ufw(p port) []string {
	for _, file := range []string{"/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/lib/ufw/user.rules"} {
		for line := range strings.Lines(x.text(file)) {
			// ### tuple ### allow tcp 143,993 0.0.0.0/0 any 0.0.0.0/0 in
			f := strings.Fields(line)
			if len(f) > 5 && f[1] == "tuple" && (f[4] == "tcp" || f[4] == "any") && mentions(f[5], p.number) {
				return nil
			}
		}
	}
	return []string{fmt.Sprintf("ufw allow %d/tcp", p.number)}
}

// mentions reports whether a port is in a list such as "143,993,6000:6007", or "any".
func mentions(list string, number int) bool {
	for item := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(strings.Replace(item, "-", ":", 1), ":")
		if !isRange {
			high = low
		}
		first, err1 := strconv.Atoi(low)
		last, err2 := strconv.Atoi(high)
		if item == "any" || err1 == nil && err2 == nil && first <= number && number <= last {
			return true
		}
	}
	return false
}

// firewalld returns how a port is opened that is in no active zone.
func (x *examination) firewalld(p port) []string {
	service := map[int]string{993: "imaps", 995: "pop3s", 443: "https"}[p.number]
	out, err := x.command(x.ctx, "firewall-cmd", "--list-all-zones")
	if err != nil || strings.Contains(out, "target: ACCEPT\n") && strings.Contains(out, "(active)\n  target: ACCEPT") {
		return nil
	}
	for line := range strings.Lines(out) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		for word := range strings.FieldsSeq(rest) {
			list, _, _ := strings.Cut(word, "/")
			if kind == "services" && word == service || kind == "ports" && mentions(list, p.number) {
				return nil
			}
		}
	}
	return []string{"firewall-cmd --permanent --add-service=" + service, "firewall-cmd --reload"}
}

// fail2ban says whether the jail is on, which is somebody's choice.
func (x *examination) fail2ban() {
	if !x.has("/etc/fail2ban/jail.d/fantail.conf") || !x.runsUnit("fail2ban.service") {
		return
	}
	state := "off, which is how it comes"
	if regexp.MustCompile(`(?ms)^\[fantail\][^[]*^enabled\s*=\s*true`).MatchString(x.text("/etc/fail2ban/jail.local") + "\n") {
		state = "on"
	}
	x.ok("the jail of fail2ban is %s", state)
}

// runsUnit reports whether a unit of somebody else is active.
func (x *examination) runsUnit(name string) bool {
	out, err := x.command(x.ctx, "systemctl", "show", "--property=ActiveState", "--value", name)
	return err == nil && strings.TrimSpace(out) == "active"
}

// dials reports why nobody answers at an address.
func dials(ctx context.Context, network, address string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return errors.Join(conn.Close())
}

// dialTime is how long a server of somebody else may take to accept a connection.
const dialTime = 2 * time.Second
