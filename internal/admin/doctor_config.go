package admin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/inquiry"
)

// configuration: the files say what they should, everybody can read them, since sessions
// do, as the users of their accounts, and secrets are for nobody else.
func (x *examination) configuration() {
	if x.errConfig != nil {
		x.configurationWrong(x.errConfig)
		return
	}
	if _, err := x.cfg.Fence(); err != nil {
		x.wrong("%v", err).because("no session is started").typing(editing(x.configFile(), 0))
	}
	if x.cfg.File == "" {
		x.ok("no file, all settings have their defaults")
	} else {
		x.clock(x.cfg.File)
		readable := true
		for _, path := range configFiles(x.cfg) {
			readable = x.readableForAll(path) && readable
		}
		if readable {
			x.ok("%s", x.cfg.File)
		}
	}
	x.overrides()
	x.ignored()
	x.secrets()
	x.unreachable()
}

// configFile is the file in which settings belong.
func (x *examination) configFile() string {
	if x.cfg != nil && x.cfg.File != "" {
		return x.cfg.File
	}
	return conf.DefaultPath
}

// configFiles are those that have been read.
func configFiles(cfg *conf.Config) []string {
	list := []string{cfg.File}
	if cfg.File == conf.DefaultPath {
		more, _ := filepath.Glob(filepath.Join(filepath.Dir(cfg.File), "conf.d", "*.toml")) // the pattern is right
		list = append(list, more...)
	}
	return list
}

// configurationWrong tells of each error in the configuration by itself.
func (x *examination) configurationWrong(err error) {
	var list []error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	} else {
		list = []error{err}
	}
	for _, err := range list {
		f := x.wrong("%v", err).because("no daemon starts with it; what runs goes on as it was")
		var e *conf.Error
		if errors.As(err, &e) {
			f.typing(editing(e.File, e.Line))
		} else {
			f.typing(editing(x.config, 0))
		}
		f.typing("fantail config -n")
	}
}

// readableForAll reports whether everybody can read a file of the configuration.
func (x *examination) readableForAll(path string) bool {
	err := canRead(nobody, path)
	if err == nil {
		return true
	}
	f := x.wrong("not everybody can read the configuration: %v", err).
		because("session programs read it as the users of their accounts; secrets are in files of their own")
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			f.typing("chmod a+x " + argumentOf(dir))
		}
	}
	f.typing("chmod a+r " + argumentOf(path))
	return false
}

// overrides: no value stands in a file and does not hold.
func (x *examination) overrides() {
	for _, o := range x.cfg.Overridden() {
		file, text, _ := cutLast(o.Origin, ":")
		line, err := strconv.Atoi(text)
		f := x.warning("%s is set at %s, and again at %s", o.Name, o.Origin, o.By).
			because("files are read in the order of their names, and the last value holds")
		if err == nil && ofOneLine(file, line) {
			f.typing(fmt.Sprintf("sed -i '%ds/^/#/' %s", line, argumentOf(file)))
		} else {
			f.typing(editing(file, line))
		}
	}
}

// cutLast cuts a text around the last of a separator.
func cutLast(text, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// ofOneLine reports whether what is set at a line ends there: lists may go on.
func ofOneLine(path string, line int) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	if line > len(lines) {
		return false
	}
	_, value, ok := strings.Cut(lines[line-1], "=")
	return ok && !strings.Contains(value, `"""`) && !strings.Contains(value, `'''`) &&
		(!strings.HasPrefix(strings.TrimSpace(value), "[") || strings.Contains(value, "]"))
}

// ignored: what lies in conf.d is read.
func (x *examination) ignored() {
	if x.cfg.File != conf.DefaultPath && x.cfg.File != "" {
		return
	}
	dir := filepath.Join(filepath.Dir(conf.DefaultPath), "conf.d")
	list, err := os.ReadDir(dir)
	if err != nil {
		return // there need be none
	}
	for _, e := range list {
		name, ok := strings.CutSuffix(e.Name(), ".conf")
		if !ok || strings.HasPrefix(name, ".") {
			continue
		}
		path := filepath.Join(dir, name)
		x.warning("%s is not read: only files that end in .toml are", path+".conf").
			because("what is set there does not hold").
			typing("mv "+argumentOf(path+".conf")+" "+argumentOf(path+".toml"), "fantail config -n")
	}
}

// secrets: files that have a secret are for the one daemon that needs it.
func (x *examination) secrets() {
	authd, err := inquiry.User(x.cfg)
	if err != nil {
		return // told where authd's directory is examined
	}
	for _, s := range []struct{ setting, path string }{
		{"auth.ldap_bind_password_file", x.cfg.LDAP.BindPasswordFile},
		{"auth.sql_source_file", x.cfg.SQL.SourceFile},
		{"auth.oauth_client_secret_file", x.cfg.OAuth.ClientSecretFile},
		{"webmail.smtp_credentials", x.cfg.Webmail.Submit.Credentials},
	} {
		if s.path == "" {
			continue
		}
		if info, err := os.Stat(s.path); missing(err) {
			x.wrong("%s names %s, which is not there", s.setting, s.path).
				because("what needs the secret does not work").
				typing("fantail config " + s.setting)
		} else if err == nil && info.Mode().Perm()&0o007 != 0 {
			x.wrong("everybody on this machine can read %s, with the secret of %s", s.path, s.setting).
				because("who has it can ask what we ask").typing("chmod o= " + argumentOf(s.path))
		} else if err == nil && authd != nil && strings.HasPrefix(s.setting, "auth.") {
			x.readable(nameOf(authd.Uid), s.path, "accounts of that source cannot log in")
		}
	}
}

// unreachable: addresses at which a front is to listen are of a network that it has.
func (x *examination) unreachable() {
	for _, s := range []struct {
		setting, unit string
		addresses     []string
	}{
		{"imap.listen", "fantail-imapd.service", x.cfg.IMAP.Listen},
		{"imap.listen_tls", "fantail-imapd.service", x.cfg.IMAP.ListenTLS},
		{"pop3.listen", "fantail-pop3d.service", x.cfg.POP3.Listen},
		{"pop3.listen_tls", "fantail-pop3d.service", x.cfg.POP3.ListenTLS},
		{"webmail.listen_tls", "fantail-webmaild.service", x.cfg.Webmail.ListenTLS},
		{"lmtp.listen", "fantail-lmtpd.service", networkOnly(x.cfg.LMTP.Listen)},
	} {
		if len(s.addresses) == 0 || x.units()[s.unit].load != "loaded" {
			continue
		}
		out, err := x.command(x.ctx, "systemctl", "show", "--property=PrivateNetwork", "--value", s.unit)
		if err != nil || strings.TrimSpace(out) != "yes" {
			continue
		}
		dropIn := "/etc/systemd/system/" + s.unit + ".d/network.conf"
		x.wrong("%s is set, and %s has no network in which to listen", s.setting, s.unit).
			because("nobody can connect to "+strings.Join(s.addresses, ", ")+"; sockets of systemd are passed to it").
			typing("mkdir -p "+filepath.Dir(dropIn),
				`printf '[Service]\nPrivateNetwork=no\nPrivateUsers=no\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n' >`+dropIn,
				"systemctl daemon-reload", "systemctl restart "+s.unit)
	}
}

// networkOnly are addresses without the paths of local sockets.
func networkOnly(addresses []string) []string {
	var list []string
	for _, a := range addresses {
		if !strings.HasPrefix(a, "/") {
			list = append(list, a)
		}
	}
	return list
}

// configurationInUse: what runs has read the configuration as it is.
func (x *examination) configurationInUse() {
	if x.cfg.File == "" {
		return
	}
	var last time.Time
	var path string
	for _, p := range configFiles(x.cfg) {
		if info, err := os.Stat(p); err == nil && info.ModTime().After(last) && info.ModTime().Before(x.now()) {
			last, path = info.ModTime(), p
		}
	}
	var reload, restart []string
	for _, s := range services {
		u := x.units()[s.unit]
		if u.active != "active" || u.changed.IsZero() || !last.Truncate(time.Second).After(u.changed) {
			continue
		}
		if s.reload {
			reload = append(reload, s.unit)
		} else {
			restart = append(restart, s.unit)
		}
	}
	if reload == nil && restart == nil {
		x.ok("what runs has read it")
		return
	}
	f := x.warning("%s has been changed at %s, and what runs has not read it since: %s", path, last.Format(time.DateTime),
		strings.Join(append(reload, restart...), ", ")).because("new settings do not hold there yet")
	if reload != nil {
		f.typing("systemctl reload " + strings.Join(reload, " "))
	}
	if restart != nil {
		f.typing("systemctl restart " + strings.Join(restart, " "))
	}
}
