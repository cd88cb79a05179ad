package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/conf"
)

// patient is a machine whose files are in a directory, and whose commands say what a test
// has them say.
type patient struct {
	*testing.T
	*examination
	says map[string]string // by the beginning of the command
}

// sick makes one, with files and what commands say.
func sick(t *testing.T, files, says map[string]string) *patient {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := &patient{T: t, says: says}
	m := &machine{root: root, command: p.run, now: time.Now, statfs: statfs, synchronised: func() (bool, error) { return true, nil }}
	m.units = func() map[string]unit { return m.readUnits(t.Context()) }
	m.listeners = m.readListeners
	empty := filepath.Join(root, "empty.toml")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Load(empty)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Auth.PasswdFile = filepath.Join(root, "passwd")
	p.examination = &examination{tool: &tool{out: io.Discard}, machine: m, ctx: t.Context(), cfg: cfg, run: filepath.Join(root, "run"), about: "test"}
	return p
}

// run is a command: the longest beginning of it that the test knows has its answer. What
// begins with "!" is an error's text.
func (p *patient) run(_ context.Context, name string, args ...string) (string, error) {
	line := name + " " + strings.Join(args, " ")
	var best string
	for start := range p.says {
		if strings.HasPrefix(line, start) && len(start) > len(best) {
			best = start
		}
	}
	switch text, ok := p.says[best]; {
	case !ok:
		return "", fmt.Errorf("%s: %w", name, errNoCommand)
	case strings.HasPrefix(text, "!"):
		return text[1:], errors.New("exit status 1")
	default:
		return text, nil
	}
}

// wants wants these findings that are not ok, by their level and a part of their text, each
// with a part of its commands: "error|text|command".
func (p *patient) wants(want ...string) {
	p.Helper()
	var got []*finding
	for _, f := range p.findings {
		if f.Level == levelOK {
			continue
		}
		if f.Why == "" || len(f.Commands) == 0 {
			p.Errorf("neither why nor what to type: %+v", f)
		}
		got = append(got, f)
	}
	for _, w := range want {
		part := strings.Split(w, "|")
		i := slices.IndexFunc(got, func(f *finding) bool {
			return f.Level == part[0] && strings.Contains(f.Text, part[1]) && strings.Contains(strings.Join(f.Commands, "\n"), part[2])
		})
		if i < 0 {
			p.Errorf("not found: %s", w)
			continue
		}
		got = slices.Delete(got, i, i+1)
	}
	for _, f := range got {
		p.Errorf("found: %+v", *f)
	}
}

// TestParts: every examination has a name, and none needs what there is not.
func TestParts(t *testing.T) {
	for _, p := range parts {
		if p.about == "" || len(p.about) > 14 || p.do == nil || p.needs&^(needsConfig|needsSystemd) != 0 {
			t.Errorf("%+v", p)
		}
	}
}

// shown is what "systemctl show" says of units.
func shown(units ...string) string {
	var list []string
	for _, u := range units {
		f := strings.Fields(u)
		list = append(list, fmt.Sprintf("Id=%s\nLoadState=%s\nActiveState=%s\nUnitFileState=%s\nResult=success\nMainPID=0\nNRestarts=0\nNeedDaemonReload=no\nSubState=dead\nStateChangeTimestamp=@1700000000", f[0], f[1], f[2], f[3]))
	}
	return strings.Join(list, "\n\n") + "\n"
}

// tcp is a line of /proc/net/tcp.
func tcp(port int, state, inode string) string {
	return fmt.Sprintf("   0: 00000000:%04X 00000000:0000 %s 00000000:00000000 00:00000000 00000000     0        0 %s 1 0 100 0 0 10 0\n", port, state, inode)
}

// holding has a process of a machine hold a socket.
func (p *patient) holding(pid int, inode, name, unit string) {
	p.Helper()
	dir := p.path(fmt.Sprintf("/proc/%d/fd", pid))
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink("socket:["+inode+"]", filepath.Join(dir, "3")),
		os.WriteFile(filepath.Join(dir, "../comm"), []byte(name+"\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "../cgroup"), []byte("0::/system.slice/"+unit+"\n"), 0o644)); err != nil {
		p.Fatal(err)
	}
}

// TestPorts: who has a port, and whether that is meant.
func TestPorts(t *testing.T) {
	table := map[string]string{"/run/systemd/system/x": "", "/proc/net/tcp": "  sl\n" + tcp(993, "0A", "77") + tcp(143, "01", "78"), "/usr/lib/systemd/system/dovecot.socket": "", "/lib/systemd/system/dovecot.service": ""}
	for name, test := range map[string]struct {
		units  []string
		holder string
		want   []string
	}{
		"ours":     {[]string{"fantail-imaps.socket loaded active enabled"}, "", nil},
		"taken":    {[]string{"fantail-imaps.socket loaded failed enabled", "fantail-imap.socket loaded active enabled"}, "dovecot", []string{"error|port 993 is taken by dovecot (process 812 of dovecot.service)|systemctl disable --now dovecot.service dovecot.socket && sleep 1\nsystemctl stop fantail-imapd.service fantail-imap.socket fantail-imaps.socket\nsystemctl start fantail-imap.socket fantail-imaps.socket"}},
		"beside":   {[]string{"fantail-imaps.socket loaded inactive disabled"}, "dovecot", []string{"warning|port 993 is taken by dovecot|systemctl enable fantail-imaps.socket\nsystemctl stop fantail-imapd.service fantail-imaps.socket\nsystemctl start fantail-imaps.socket"}},
		"proxied":  {[]string{"fantail-imaps.socket loaded inactive disabled"}, "nginx", nil},
		"stopped":  {[]string{"fantail-imaps.socket loaded inactive enabled"}, "", []string{"error|fantail-imaps.socket does not listen|systemctl start fantail-imaps.socket"}},
		"soon off": {[]string{"fantail-imaps.socket loaded active disabled"}, "", []string{"warning|will not after the next start|systemctl enable fantail-imaps.socket"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := sick(t, table, map[string]string{"systemctl show --timestamp": shown(test.units...)})
			if test.holder != "" {
				p.holding(812, "77", test.holder, test.holder+".service")
			}
			p.publicSocket(ports[0])
			p.wants(test.want...)
		})
	}
	off := map[string]string{"/run/systemd/system/x": ""}
	p := sick(t, off, map[string]string{"systemctl show": shown("fantail-imaps.socket masked inactive masked", "fantail-imap.socket loaded active enabled")})
	p.publicSocket(ports[0])
	p.wants("error|fantail-imaps.socket is masked|systemctl unmask fantail-imaps.socket\nsystemctl enable fantail-imaps.socket\nsystemctl stop fantail-imapd.service")
	p = sick(t, off, map[string]string{"systemctl show": shown("fantail-imaps.socket masked inactive masked", "fantail-imap.socket loaded inactive disabled", "fantail-pop3s.socket loaded active enabled")})
	p.publicSocket(ports[0]) // POP3 alone, by choice
	p.wants()
}

// TestUnits: services that fail, and units that are not as the package has them.
func TestUnits(t *testing.T) {
	var all []string
	for _, s := range services {
		all = append(all, s.unit+" loaded active static")
	}
	text := strings.Replace(shown(all...), "Id=fantail-pop3d.service\nLoadState=loaded\nActiveState=active", "Id=fantail-pop3d.service\nLoadState=masked\nActiveState=inactive", 1)
	text = strings.Replace(text, "Id=fantail-imapd.service\nLoadState=loaded\nActiveState=active\nUnitFileState=static\nResult=success\nMainPID=0\nNRestarts=0\nNeedDaemonReload=no\nSubState=dead",
		"Id=fantail-imapd.service\nLoadState=loaded\nActiveState=activating\nUnitFileState=static\nResult=exit-code\nMainPID=0\nNRestarts=17\nNeedDaemonReload=no\nSubState=auto-restart", 1)
	p := sick(t, map[string]string{"/run/systemd/system/x": ""}, map[string]string{"systemctl show": text, "journalctl": "level=ERROR msg=\"it is broken\"\n"})
	p.daemonUnits()
	p.wants("error|fantail-pop3d.service is masked|systemctl unmask fantail-pop3d.service",
		`error|was started anew 17 times: level=ERROR msg="it is broken"|journalctl -u fantail-imapd.service -n 20`)
	if !p.hasUnits() || sick(t, nil, nil).hasUnits() {
		t.Error("units")
	}

	p = sick(t, map[string]string{"/run/systemd/system/x": ""}, map[string]string{"systemctl show": shown(expireTimer + " loaded inactive enabled")})
	p.timers() // nothing is to expire
	p.cfg.POP3.Expire = 30
	p.timers()
	p.wants("warning|fantail-expire.timer is inactive and enabled|systemctl enable --now fantail-expire.timer")
}

// TestUnitTables: the tables name the units of the package, all of them.
func TestUnitTables(t *testing.T) {
	files, err := filepath.Glob("../../packaging/systemd/*")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	known := []string{expireTimer, "fantail-expire.service", "fantail-metrics.socket", "fantail-metrics@.service"} // nobody misses numbers but who reads them
	for _, p := range ports {
		known = append(known, p.unit)
		text, err := os.ReadFile("../../packaging/systemd/" + p.unit)
		if err != nil || !strings.Contains(string(text), fmt.Sprintf("\nListenStream=%d\n", p.number)) || !strings.Contains(string(text), "\nService="+p.service+"\n") {
			t.Errorf("%s: %v\n%s", p.unit, err, text)
		}
	}
	for _, p := range private {
		known = append(known, p.unit)
		text, err := os.ReadFile("../../packaging/systemd/" + p.unit)
		if err != nil {
			t.Fatal(err)
		}
		owner, group := p.owner, p.group
		for _, line := range []string{"Service=" + p.service, "SocketUser=" + owner, "SocketGroup=" + group, fmt.Sprintf("SocketMode=%04o", p.mode), "=/run/fantail/" + p.path} {
			if p.choice && strings.HasSuffix(line, "=root") {
				continue // which is what they are without
			}
			if !strings.Contains(string(text), line+"\n") {
				t.Errorf("%s has no %s", p.unit, line)
			}
		}
	}
	for _, s := range services {
		known = append(known, s.unit)
		text, err := os.ReadFile("../../packaging/systemd/" + s.unit)
		if err != nil || strings.Contains(string(text), "ExecReload") != s.reload {
			t.Errorf("%s: reload: %v", s.unit, err)
		}
	}
	for _, path := range files {
		if name := filepath.Base(path); !slices.Contains(known, name) {
			t.Errorf("%s is in no table", name)
		}
	}
	text, err := os.ReadFile("../../packaging/tmpfiles.d/fantail.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range directories {
		line := []string{"d", d.path, octal(d.mode), d.owner, d.owner, "-"}
		if !slices.ContainsFunc(strings.Split(string(text), "\n"), func(l string) bool {
			f := strings.Fields(l)
			return len(f) == len(line) && f[1] == line[1] && strings.TrimLeft(f[2], "0") == strings.TrimLeft(line[2], "0") && f[3] == line[3]
		}) {
			t.Errorf("tmpfiles.d has no %v", line)
		}
	}
}

// TestPackage: what differs from what the package has brought.
func TestPackage(t *testing.T) {
	p := sick(t, map[string]string{"/var/lib/dpkg/info/fantail.list": "", "/var/lib/dpkg/status": ""}, map[string]string{"dpkg --verify": `!??5?????? c /etc/fantail/fantail.toml
??5??????   /usr/sbin/imapd
missing     /usr/share/doc/fantail/README.Debian
missing     /usr/libexec/fantail/authd
`})
	p.packaged()
	p.wants("warning|/usr/sbin/imapd has been changed|apt-get install --reinstall fantail", "warning|/usr/libexec/fantail/authd is missing|apt-get")
	p = sick(t, map[string]string{"/var/lib/rpm/x": ""}, map[string]string{"rpm --verify": "!S.5....T.  c /etc/fantail/fantail.toml\n.......T.    /usr/sbin/pop3d\nS.5....T.    /usr/sbin/imapd\n"})
	p.packaged()
	p.wants("warning|/usr/sbin/imapd has been changed|dnf reinstall fantail")
	p = sick(t, map[string]string{"/var/lib/rpm/x": ""}, map[string]string{"rpm --verify": "!package fantail is not installed\n"})
	p.packaged()
	p.wants()
}

// TestPAM: the file, and what it names.
func TestPAM(t *testing.T) {
	const module = "/usr/lib/x86_64-linux-gnu/security/pam_unix.so"
	debian := map[string]string{"/etc/pam.d/common-auth": "", "/etc/pam.d/common-account": "", module: ""}
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"Debian":          {"@include common-auth\n@include common-account\n", nil},
		"modules":         {"auth [success=1 default=ignore] pam_unix.so nullok\n-account required pam_unix.so\n", nil},
		"nothing":         {"", []string{"error|/etc/pam.d/fantail is not there|'@include common-auth'"}},
		"only auth":       {"@include common-auth\n", []string{"error|has not both|printf"}},
		"includes":        {"auth include password-auth\naccount include common-account\n", []string{"error|:1 includes password-auth|printf"}},
		"unknown modules": {"auth required pam_unix.so\naccount required pam_ldap.so\n", []string{"error|:2 names the module pam_ldap.so|+2 /etc/pam.d/fantail"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for path, text := range debian {
				files[path] = text
			}
			if test.text != "" {
				files[pamFile] = test.text
			}
			p := sick(t, files, nil)
			p.pam()
			p.wants(test.want...)
		})
	}
}

// TestRoom: file systems that are full, or cannot be written.
func TestRoom(t *testing.T) {
	const block = 4096
	disk := func(size, free int64, files, inodes uint64) unix.Statfs_t {
		return unix.Statfs_t{Bsize: block, Blocks: uint64(size / block), Bavail: uint64(free / block), Files: files, Ffree: inodes, Type: unix.EXT4_SUPER_MAGIC}
	}
	const g = 1 << 30
	readOnly, fat, own := disk(100*g, 50*g, 0, 0), disk(100*g, 50*g, 0, 0), disk(100*g, 50*g, 0, 0)
	readOnly.Flags = unix.ST_RDONLY
	fat.Type = unix.MSDOS_SUPER_MAGIC
	own.Type = unix.BTRFS_SUPER_MAGIC
	for name, test := range map[string]struct {
		st   unix.Statfs_t
		want []string
	}{
		"plenty":              {disk(100*g, 50*g, 1e6, 9e5), nil},
		"large and nearly":    {disk(10000*g, 100*g, 1e9, 9e8), nil},
		"nearly":              {disk(100*g, 4*g, 1e6, 9e5), []string{"warning|is nearly full: 4.3 GB of 107.4 GB|du -xh"}},
		"full":                {disk(100*g, g/4, 1e6, 9e5), []string{"error|is full: 268.4 MB|du -xh"}},
		"few inodes":          {disk(100*g, 50*g, 1e6, 2e4), []string{"warning|few inodes|du -x --inodes"}},
		"no inodes":           {disk(100*g, 50*g, 1e6, 12), []string{"error|no inodes left: 12 of 1000000|du -x --inodes"}},
		"small and for good":  {disk(4<<20, 2<<20, 100, 50), nil},
		"without inodes":      {own, nil},
		"read-only":           {readOnly, []string{"error|is mounted read-only|mount -o remount,rw"}},
		"for cameras":         {fat, []string{"error|which is FAT|findmnt"}},
		"small, and it fills": {disk(4<<20, 1<<19, 100, 50), []string{"error|is full|du -xh"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := sick(t, nil, nil)
			p.statfs = func(string) (unix.Statfs_t, error) { return test.st, nil }
			place := place{t.TempDir(), "mail", true}
			p.room(place)
			p.kindOf(place)
			p.wants(test.want...)
		})
	}
}

// TestClock: it is synchronised, or somebody else's.
func TestClock(t *testing.T) {
	p := sick(t, nil, nil)
	p.time()
	p.wants()
	p.synchronised = func() (bool, error) { return false, nil }
	p.time()
	p.wants("warning|the clock is not synchronised|timedatectl set-ntp true")
	p = sick(t, map[string]string{"/run/systemd/container": "lxc"}, nil)
	p.synchronised = func() (bool, error) { return false, nil }
	p.time()
	p.wants()
}

// TestFirewall: rules that mention a port are somebody's choice.
func TestFirewall(t *testing.T) {
	units := shown("fantail-imaps.socket loaded active enabled", "fantail-imap.socket loaded active enabled", "fantail-https.socket loaded active enabled")
	ufw := map[string]string{"/run/systemd/system/x": "", "/etc/ufw/ufw.conf": "# on\nENABLED=yes\n", "/etc/default/ufw": "DEFAULT_INPUT_POLICY=\"DROP\"\n",
		"/etc/ufw/user.rules": "### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in\n### tuple ### allow udp 993 0.0.0.0/0 any 0.0.0.0/0 in\n"}
	p := sick(t, ufw, map[string]string{"systemctl": units})
	p.firewall()
	p.wants("warning|ufw lets nobody in at port 993|ufw allow 993/tcp")
	ufw["/etc/ufw/user.rules"] += "### tuple ### allow tcp 990:999 0.0.0.0/0 any 192.0.2.0/24 in\n"
	p = sick(t, ufw, map[string]string{"systemctl": units})
	p.firewall()
	p.wants()

	firewalld := map[string]string{"systemctl": units, "firewall-cmd --state": "running\n", "firewall-cmd --list-all-zones": "public (active)\n  target: default\n  services: dhcpv6-client ssh https\n  ports: \n"}
	p = sick(t, map[string]string{"/run/systemd/system/x": ""}, firewalld)
	p.firewall()
	p.wants("warning|firewalld lets nobody in at port 993|firewall-cmd --permanent --add-service=imaps\nfirewall-cmd --reload")
	firewalld["firewall-cmd --list-all-zones"] += "  ports: 990-999/tcp\n"
	p = sick(t, map[string]string{"/run/systemd/system/x": ""}, firewalld)
	p.firewall()
	p.wants()
	p = sick(t, map[string]string{"/run/systemd/system/x": ""}, map[string]string{"systemctl": units})
	p.firewall()
	p.wants()
}

// TestPostfix: where it delivers.
func TestPostfix(t *testing.T) {
	for name, test := range map[string]struct {
		set   string
		local bool // accounts are users of the system
		want  []string
	}{
		"ours":        {"mailbox_transport = lmtp:unix:private/fantail\nmydestination = localhost\n", true, nil},
		"its Maildir": {"mailbox_transport =\nhome_mailbox = Maildir/\nmydestination = localhost\n", true, nil},
		"elsewhere":   {"home_mailbox = .maildir/\n", true, []string{"error|Postfix delivers to the Maildir ~/.maildir/, and Fantail reads ~/Maildir|postconf -e mailbox_transport="}},
		"no Maildir":  {"home_mailbox = Maildir\n", true, []string{"error|which is no Maildir|postconf"}},
		"spool":       {"mail_spool_directory = /var/mail\n", true, []string{"error|Postfix delivers to /var/mail/USER|systemctl reload postfix"}},
		"its command": {"mailbox_command = /usr/bin/deliver\n", true, nil},
		"Dovecot":     {"mailbox_transport = lmtp:unix:private/dovecot-lmtp\nvirtual_transport = dovecot\nvirtual_mailbox_domains = example.org\n", true, []string{"warning|to lmtp:unix:private/dovecot-lmtp|lmtp/unix/chroot=n", "warning|virtual accounts to dovecot|virtual_transport="}},
		"virtual":     {"mail_spool_directory = /var/mail\n", false, nil},
		"no socket":   {"mailbox_transport = fantail\nsmtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/none\nqueue_directory = /nowhere\n", true, []string{"error|/nowhere/private/none, of smtpd_sasl_path, is not there|ListenStream=/nowhere/private/none"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := sick(t, map[string]string{"/etc/postfix/main.cf": ""}, map[string]string{"postconf -x": test.set, "postconf -F": "lmtp/unix/chroot = n\n", "systemctl show": "ActiveState=active\n"})
			if !test.local {
				p.cfg.Auth.Sources = []string{"passwd-file"}
			}
			p.mta()
			p.wants(test.want...)
		})
	}
	p := sick(t, map[string]string{"/etc/postfix/main.cf": ""}, map[string]string{"systemctl show": "ActiveState=inactive\nUnitFileState=enabled\n"})
	p.mta()
	p.wants("error|postfix is to run, and does not|systemctl restart postfix")
}

// TestOtherServers: where Exim and OpenSMTPD deliver.
func TestOtherServers(t *testing.T) {
	const path = "/etc/exim4/update-exim4.conf.conf"
	for how, want := range map[string]string{
		"maildir_home": "", "fantail_lmtp": "", "mail_spool": "error|Exim delivers to /var/mail|dc_localdelivery='maildir_home'",
		"dovecot_delivery": "warning|Exim gives mail to Dovecot|update-exim4.conf",
	} {
		p := sick(t, map[string]string{path: "# x\ndc_localdelivery='" + how + "'\n"}, map[string]string{"systemctl show": "ActiveState=active\n"})
		p.mta()
		if want == "" {
			p.wants()
		} else {
			p.wants(want)
		}
	}
	p := sick(t, map[string]string{"/etc/smtpd.conf": "table aliases file:/etc/aliases\naction \"local\" mbox alias <aliases>\naction \"x\" lmtp \"/run/fantail/lmtp\"\n"}, map[string]string{"systemctl show": "ActiveState=active\n"})
	p.mta()
	p.wants(`error|the action "local" of|sed -i '2s,`)
}

// TestDovecot: whether it serves the same mail.
func TestDovecot(t *testing.T) {
	for where, want := range map[string]string{"maildir:~/Maildir:LAYOUT=fs": "mail.coexist = \"dovecot\"", "mbox:~/mail:INBOX=/var/mail/%u": "", "maildir:/srv/%u": ""} {
		p := sick(t, map[string]string{"/etc/dovecot/dovecot.conf": ""}, map[string]string{"systemctl show": "active\n", "doveconf -h protocols": " imap\n", "doveconf -h mail_location": where + "\n"})
		p.dovecot()
		if want == "" {
			p.wants()
			continue
		}
		p.wants("warning|Dovecot serves the same mail, ~/Maildir|" + want)
		p.findings, p.cfg.Mail.Coexist = nil, conf.CoexistDovecot
		p.dovecot()
		p.wants()
	}
}

// TestNames: the machine knows itself, and others find it.
func TestNames(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{"/etc/hosts": "127.0.0.1 localhost\n127.0.1.1 " + own + "\n", "/etc/resolv.conf": "search lan\nnameserver 192.0.2.1\n"}
	named := func(t *testing.T, files map[string]string) (*patient, *zone) {
		p, z := sick(t, files, nil), startZone(t)
		p.resolve = (&dns{server: z.address}).resolver()
		p.cfg.Autoconfig.Host = "mail.example.org"
		return p, z
	}
	t.Run("there", func(t *testing.T) {
		p, z := named(t, known)
		z.host("mail.example.org", 1)
		p.names()
		p.wants()
	})
	t.Run("gone", func(t *testing.T) {
		p, _ := named(t, known)
		p.names()
		p.wants("warning|mail.example.org has no address in DNS|fantail dns -check")
	})
	t.Run("refused", func(t *testing.T) {
		p, z := named(t, known)
		z.refuse = true
		p.names()
		p.wants("warning|name servers do not answer|cat /etc/resolv.conf")
	})
	t.Run("offline", func(t *testing.T) {
		p, z := named(t, known)
		z.refuse, p.offline = true, true
		p.names()
		p.wants()
	})
	t.Run("without name servers", func(t *testing.T) {
		p, z := named(t, map[string]string{"/etc/hosts": known["/etc/hosts"]})
		z.refuse = true
		p.names()
		p.wants()
	})
	t.Run("unknown to itself", func(t *testing.T) {
		p, z := named(t, map[string]string{"/etc/hosts": "127.0.0.1 localhost # " + own + "\n", "/etc/resolv.conf": known["/etc/resolv.conf"]})
		z.refuse, p.offline = true, true // name servers of this machine may know it
		p.names()
		p.wants("warning|does not know the address of its own name, " + own + "|echo '127.0.1.1 " + own)
	})
	t.Run("records", func(t *testing.T) {
		p, z := named(t, known)
		p.cfg.Autoconfig.Domains = []string{"example.org"}
		z.host("mail.example.org", 1)
		p.names()
		p.wants("warning|_imaps._tcp.example.org|fantail dns example.org")
	})
}

// TestComplaints: what the log of the last day says.
func TestComplaints(t *testing.T) {
	p := sick(t, nil, map[string]string{"journalctl": ""})
	p.complaints()
	p.wants()
	p = sick(t, nil, map[string]string{"journalctl": "", "journalctl --quiet --no-pager --output=cat --since=-24h --reverse --lines=1 --grep=panic": "panic: x\n",
		"journalctl --quiet --no-pager --output=cat --since=-24h --reverse --lines=1 --dmesg": `audit: apparmor="DENIED" operation="open" profile="fantail-front" name="/etc/x"`})
	p.complaints()
	p.wants("warning|a program has failed within a day: panic: x|journalctl", "warning|AppArmor has kept a program from something|apparmor_parser")
}

// TestWatches: so many accounts of one user need so many watches.
func TestWatches(t *testing.T) {
	files := map[string]string{"/proc/sys/fs/inotify/max_user_instances": "128\n"}
	p := sick(t, files, nil)
	var passwd strings.Builder
	for i := range 200 {
		fmt.Fprintf(&passwd, "u%d@example.org::5000:5000::/srv/%d\n", i, i)
	}
	if err := os.WriteFile(p.cfg.Auth.PasswdFile, []byte(passwd.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.watches()
	p.wants("warning|200 accounts are one user to the system, for whom the kernel watches for 128 at once|fs.inotify.max_user_instances = 528")
	files["/proc/sys/fs/inotify/max_user_instances"] = "1024\n"
	q := sick(t, files, nil)
	q.cfg.Auth.PasswdFile = p.cfg.Auth.PasswdFile
	q.watches()
	q.wants()
}
