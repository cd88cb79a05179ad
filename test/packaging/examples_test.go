package packaging

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/test/container"
)

const examples = "../../packaging/examples"

// example is the text of an example.
func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// judge has a program say what is wrong with a file that is made of an example, whose
// path is at the end of its arguments.
func judge(t *testing.T, text, name string, program ...string) {
	t.Helper()
	if _, err := exec.LookPath(program[0]); err != nil {
		t.Skipf("%s is not installed: run test/packages", program[0])
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], append(program[1:], path)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_DATA_HOME=", "XDG_CONFIG_HOME=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", program[0], err, out)
	}
}

// TestExamples: each program understands its example.
func TestExamples(t *testing.T) {
	t.Run("haproxy", func(t *testing.T) { judge(t, example(t, "haproxy/haproxy.cfg"), "haproxy.cfg", "haproxy", "-c", "-f") })
	t.Run("caddy", func(t *testing.T) {
		judge(t, example(t, "caddy/Caddyfile"), "Caddyfile", "caddy", "validate", "--adapter", "caddyfile", "--config")
	})
	t.Run("nginx", func(t *testing.T) {
		module := "/usr/lib/nginx/modules/ngx_stream_module.so"
		if _, err := os.Stat(module); err != nil {
			t.Skip("libnginx-mod-stream is not installed: run test/packages")
		}
		dir := t.TempDir()
		text := "load_module " + module + ";\npid " + dir + "/pid;\nerror_log " + dir + "/log;\nevents {}\n" + example(t, "nginx/fantail.conf")
		text = strings.ReplaceAll(text, "listen [::]:443", "listen unix:"+dir+"/a") // it binds them, and others may have 443
		judge(t, strings.ReplaceAll(text, "listen 443", "listen unix:"+dir+"/b"), "nginx.conf", "nginx", "-t", "-e", dir+"/log", "-c")
	})
	t.Run("xinetd", xinetd)
	t.Run("openrc", func(t *testing.T) {
		scripts, err := filepath.Glob(filepath.Join(examples, "openrc/*"))
		if err != nil || len(scripts) != 5 {
			t.Fatal(scripts, err)
		}
		for _, path := range scripts {
			judge(t, example(t, "openrc/"+filepath.Base(path)), filepath.Base(path), "sh", "-n")
			for _, line := range regexp.MustCompile(`(?m)^command=/usr/(.*)$`).FindAllStringSubmatch(example(t, "openrc/"+filepath.Base(path)), -1) {
				if _, err := os.Stat(filepath.Join("../../cmd", filepath.Base(line[1]))); err != nil {
					t.Errorf("%s starts what does not exist: %s", path, line[0])
				}
			}
		}
	})
	t.Run("apparmor", func(t *testing.T) {
		text, err := os.ReadFile("../../packaging/apparmor.d/fantail")
		if err != nil {
			t.Fatal(err)
		}
		judge(t, string(text), "fantail", "apparmor_parser", "--skip-kernel-load", "--skip-cache")
		units, err := filepath.Glob("../../packaging/systemd/*.service")
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, path := range units {
			unit, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^AppArmorProfile=-(.*)$`).FindAllStringSubmatch(string(unit), -1) {
				named++
				if !strings.Contains(string(text), "\nprofile "+m[1]+" ") {
					t.Errorf("%s names the profile %s, which does not exist", path, m[1])
				}
			}
		}
		if named != 6 {
			t.Errorf("%d units name profiles", named)
		}
	})
	t.Run("systemd", each)
}

// xinetd has no way to check a file: it reads this one, with ports that are free, and says
// how many services it has.
func xinetd(t *testing.T) {
	program, err := exec.LookPath("xinetd")
	if err != nil {
		t.Skip("xinetd is not installed: run test/packages")
	}
	if os.Geteuid() != 0 {
		t.Skip("xinetd needs root")
	}
	text := example(t, "xinetd/fantail")
	text = regexp.MustCompile(`port = \d+`).ReplaceAllStringFunc(text, func(string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := strings.Cut(l.Addr().String(), ":")
		return "bind = 127.0.0.1\n\tport = " + port
	})
	text = strings.ReplaceAll(strings.ReplaceAll(text, "user = _fantail", "user = root"), "/usr/sbin/imapd", "/bin/true")
	text = strings.ReplaceAll(text, "/usr/sbin/pop3d", "/bin/true")
	path := filepath.Join(t.TempDir(), "xinetd.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	cmd := exec.Command(program, "-dontfork", "-f", path, "-filelog", log, "-pidfile", filepath.Join(t.TempDir(), "pid"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		said, _ := os.ReadFile(log)
		if strings.Contains(string(said), "Started working: ") {
			if !strings.Contains(string(said), "Started working: 3 available service") || strings.Contains(string(said), "ERROR") {
				t.Errorf("xinetd says:\n%s", said)
			}
			return
		}
	}
	said, _ := os.ReadFile(log)
	t.Errorf("xinetd has not begun:\n%s", said)
}

// each: systemd understands the units for a process for each connection, which are as
// closed as those of the daemon.
func each(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: run test/packages")
	}
	dir := t.TempDir()
	for _, name := range []string{"imap-each.socket", "imap-each@.service"} {
		text := strings.ReplaceAll(example(t, "systemd/"+name), "ExecStart=/usr/sbin/imapd -i", "ExecStart=/bin/true")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	verify := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", "imap-each.socket")
	verify.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	if out, err := verify.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	security := exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=9", filepath.Join(dir, "imap-each@.service"))
	if out, err := security.CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

// TestMailServers: the mail servers understand their examples.
func TestMailServers(t *testing.T) {
	needsLab(t)
	t.Run("postfix", func(t *testing.T) {
		h := newHouse(t, suites[0])
		h.put("/root/main", example(t, "postfix/main.cf"))
		h.put("/root/master", example(t, "postfix/master.cf"))
		if out := h.sh(`cd /etc/postfix
			cat /root/main >>main.cf
			sed -i '/^lmtp *unix/d; /^smtp *inet/d' master.cf
			cat /root/master >>master.cf
			postfix check 2>&1
			postconf -n 2>&1 >/dev/null | grep -v overriding || true
			postconf -M lmtp/unix smtp/inet | tr -s " "`); out != "lmtp unix - - n - - lmtp\nsmtp inet n - n - - smtpd" {
			t.Errorf("%s", out)
		}
	})
	t.Run("exim", func(t *testing.T) {
		h := machine(t, "exim4-daemon-light")
		h.put("/etc/exim4/conf.d/transport/40_fantail", example(t, "exim/transport"))
		h.put("/etc/exim4/conf.d/router/120_fantail", example(t, "exim/router"))
		h.sh(`printf "dc_eximconfig_configtype='local'\ndc_use_split_config='true'\ndc_localdelivery='fantail_lmtp'\n" >/etc/exim4/update-exim4.conf.conf
			update-exim4.conf
			exim4 -bV >/dev/null
			adduser --quiet --disabled-password --gecos "" ann`)
		for address, want := range map[string]string{"ann@localhost": "router = local_user, transport = fantail_lmtp", "vera@example.net": "router = fantail_virtual, transport = fantail_lmtp"} {
			if out := h.sh(`exim4 -bt "$1" 2>&1 || true`, address); !strings.Contains(out, want) {
				t.Errorf("%s:\n%s", address, out)
			}
		}
	})
	t.Run("opensmtpd", func(t *testing.T) {
		h := machine(t, "opensmtpd")
		h.put("/etc/smtpd.conf", example(t, "opensmtpd/smtpd.conf"))
		if out := h.sh("touch /etc/aliases; smtpd -n 2>&1"); out != "configuration OK" {
			t.Errorf("%s", out)
		}
	})
}

// machine is one with a mail server, as the tests of delivery have it.
func machine(t *testing.T, server string) house {
	t.Helper()
	return house{t, container.Start(t, container.Recipe{Name: server, Packages: append([]string{server}, container.Systemd...)})}
}

// put writes a file.
func (h house) put(path, text string) {
	h.Helper()
	if err := h.Write(path, text, 0o644); err != nil {
		h.Fatal(err)
	}
}
