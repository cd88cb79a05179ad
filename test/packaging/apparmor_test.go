package packaging

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAppArmor: whatever the daemons do with files and programs while people log in, get
// mail and send it, their profiles permit. No AppArmor is needed for that: what they do is
// traced, and compared with the rules.
func TestAppArmor(t *testing.T) {
	needsLab(t)
	for _, tool := range []string{"strace", "apparmor_parser"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: run test/packages", tool)
		}
	}
	profiles := readProfiles(t, "../../packaging/apparmor.d/fantail")
	h := newHouse(t, suites[0])
	h.install(first)
	h.sh(`printf 'login.drain = "1s"\n' >>/etc/fantail/fantail.toml
		printf '[auth]\nsmtp_sockets = ["/var/lib/fantail/auth/smtp"]\n' >/etc/fantail/conf.d/smtp.toml
		systemctl restart fantail-imapd; sleep 1; systemctl stop 'fantail-*.service'`)
	h.sh(`echo host.example >/etc/mailname
		postconf -e myhostname=host.example "mydestination=host.example, localhost" inet_interfaces=loopback-only
		newaliases
		systemctl start postfix`)
	h.types("postfix")
	stop := h.trace()
	h.sh("systemctl start fantail-submitd")
	h.reads()
	if err := h.talk("995", "+OK", "USER ann", "+OK", "PASS wrong", "-ERR"); err != nil {
		t.Error(err)
	}
	h.sh(`fantail apppw add ann telephone >/dev/null
		echo secret | fantail user add -stdin vera
		head -c 200000 /dev/zero | tr '\0' 'x' | fold | sendmail -i ann@host.example`)
	h.within(time.Minute, "a large message", func() bool { return h.sh("ls /home/ann/Maildir/new") != "" })
	h.sh("systemctl reload fantail-authd fantail-imapd fantail-webmaild fantail-lmtpd")
	h.types("keys")
	if err := h.talk("993", "* OK", "a LOGIN ann secret", "a OK"); err != nil {
		t.Error(err)
	}
	deeds := stop()
	h.healthy()

	seen, told := make(map[string]int), make(map[string]bool)
	for _, d := range deeds {
		seen[d.profile]++
		if p := profiles[d.profile]; p == nil {
			t.Fatalf("there is no profile %s", d.profile)
		} else if !p.permits(d) && !told[d.String()] {
			told[d.String()] = true
			t.Errorf("%s does not permit: %s", d.profile, d)
		}
	}
	for name := range profiles {
		if seen[name] < 10 {
			t.Errorf("of %s only %d deeds were seen", name, seen[name])
		}
	}
	t.Logf("%d deeds: %v", len(deeds), seen)
}

// deed is what a program has done with a file.
type deed struct {
	profile, program string
	mode             string // of r, w, x, m and k
	path             string
}

func (d deed) String() string { return fmt.Sprintf("%s %s %s", d.program, d.path, d.mode) }

// confined are the profiles of the daemons, as their units name them.
var confined = map[string]string{
	"/usr/sbin/imapd": "fantail-front", "/usr/sbin/pop3d": "fantail-front", "/usr/sbin/webmaild": "fantail-front", "/usr/sbin/lmtpd": "fantail-front",
	"/usr/libexec/fantail/keyd": "fantail-key", "/usr/libexec/fantail/authd": "fantail-auth",
}

// trace traces all that runs in the container; stop returns what confined programs did, and
// those that these have started.
func (h house) trace() (stop func() []deed) {
	h.Helper()
	path := filepath.Join(h.TempDir(), "trace")
	cmd := exec.Command("strace", "-f", "-q", "-y", "-s", "300", "--pidns-translation", "-o", path,
		"-e", "trace=execve,clone,clone3,fork,vfork,open,openat,creat,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,rmdir,link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,truncate,ftruncate,flock,connect,bind,mmap",
		"-p", strconv.Itoa(h.PID()))
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	time.Sleep(time.Second) // until it is attached
	return func() []deed {
		_ = cmd.Process.Signal(os.Interrupt) // it lets them go on
		_ = cmd.Wait()
		file, err := os.Open(path)
		if err != nil {
			h.Fatal(err)
		}
		defer file.Close()
		return readTrace(h.T, bufio.NewScanner(file))
	}
}

var (
	traced  = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+)(.*)$`)
	child   = regexp.MustCompile(`/\* (\d+) in strace's PID NS \*/`)
	opened  = regexp.MustCompile(`^<([^>]*)>`)
	quoted  = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	decoded = regexp.MustCompile(`\d+<(/[^>]*)>`)
	sunPath = regexp.MustCompile(`sun_path="([^"]*)"`)
)

// readTrace reads what strace has written.
func readTrace(t *testing.T, lines *bufio.Scanner) []deed {
	type process struct{ program, profile string }
	lines.Buffer(nil, 1<<20)
	processes, waiting := make(map[string]process), make(map[string]string)
	var deeds []deed
	for lines.Scan() {
		line := lines.Text()
		pid, rest, _ := strings.Cut(line, " ")
		if begun, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
			waiting[pid] = begun
			continue
		}
		if _, after, ok := strings.Cut(rest, " resumed>"); ok {
			line = pid + " " + waiting[pid] + after
		}
		m := traced.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(m[4], "-") {
			continue
		}
		call, args, result := m[2], m[3], m[5]
		p := processes[pid]
		if of := child.FindStringSubmatch(result); of != nil {
			processes[of[1]] = p
			continue
		}
		does := func(mode, path string) {
			if p.profile == "" || !strings.HasPrefix(path, "/") {
				return
			}
			deeds = append(deeds, deed{p.profile, filepath.Base(p.program), mode, strings.TrimSuffix(path, " (deleted)")})
		}
		switch call {
		case "execve":
			program := quoted.FindStringSubmatch(args)[1]
			if p.profile != "" {
				does("x", program)
			}
			if profile := confined[program]; profile != "" {
				p.profile = profile
			}
			p.program = program
			processes[pid] = p
		case "open", "openat", "creat":
			if of := opened.FindStringSubmatch(result); of != nil && !strings.Contains(args, "O_PATH") {
				if strings.Contains(args, "O_RDWR") || !strings.Contains(args, "O_WRONLY") {
					does("r", of[1])
				}
				if strings.Contains(args, "O_RDWR") || strings.Contains(args, "O_WRONLY") || strings.Contains(args, "O_CREAT") {
					does("w", of[1])
				}
			}
		case "connect", "bind":
			if of := sunPath.FindStringSubmatch(args); of != nil {
				does("w", of[1])
			}
		case "flock":
			if of := decoded.FindStringSubmatch(args); of != nil && !strings.Contains(args, "LOCK_UN") {
				does("k", of[1])
			}
		case "mmap":
			if of := decoded.FindStringSubmatch(args); of != nil && strings.Contains(args, "PROT_EXEC") {
				does("m", of[1])
			}
		case "fchmod", "fchown", "ftruncate":
			if of := decoded.FindStringSubmatch(args); of != nil {
				does("w", of[1])
			}
		case "clone", "clone3", "fork", "vfork":
		default: // what takes paths, perhaps seen from a directory
			dir := ""
			if of := decoded.FindStringSubmatch(args); of != nil {
				dir = of[1]
			}
			for _, of := range quoted.FindAllStringSubmatch(args, -1) {
				if path := of[1]; filepath.IsAbs(path) {
					does("w", path)
				} else if dir != "" {
					does("w", filepath.Join(dir, path))
				}
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return deeds
}

// profile is one of AppArmor's, as far as it is about files and programs.
type profile struct{ rules, denials []rule }

type rule struct {
	path *regexp.Regexp
	mode string
}

func (p *profile) permits(d deed) bool {
	has := func(rules []rule) bool {
		return slices.ContainsFunc(rules, func(r rule) bool {
			return strings.ContainsAny(r.mode, d.mode) && (r.path.MatchString(d.path) || d.mode == "r" && r.path.MatchString(d.path+"/")) // a directory
		})
	}
	return has(p.rules) && !has(p.denials)
}

var (
	assigned = regexp.MustCompile(`(?m)^(@\{\w+\}) *\+?= *(.*)$`)
	begun    = regexp.MustCompile(`^profile (\S+) .*\{$`)
	ruled    = regexp.MustCompile(`^\s*(deny )?(?:owner )?"?([/@][^\s"]*)"?\s+([a-zA-Z]+)(?:\s*->\s*\S+)?\s*,`)
)

// readProfiles reads the profiles in a file, with what they include.
func readProfiles(t *testing.T, path string) map[string]*profile {
	t.Helper()
	text, err := exec.Command("apparmor_parser", "--preprocess", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	variables := make(map[string][]string)
	for _, m := range assigned.FindAllStringSubmatch(string(text), -1) {
		variables[m[1]] = append(variables[m[1]], strings.Fields(m[2])...)
	}
	profiles := make(map[string]*profile)
	var now *profile
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if m := begun.FindStringSubmatch(line); m != nil {
			now = new(profile)
			profiles[m[1]] = now
		} else if line == "}" {
			now = nil
		}
		m := ruled.FindStringSubmatch(line)
		if m == nil || now == nil {
			continue
		}
		r := rule{pattern(t, m[2], variables), strings.ToLower(m[3])}
		if m[1] != "" {
			now.denials = append(now.denials, r)
		} else {
			now.rules = append(now.rules, r)
		}
	}
	return profiles
}

// pattern is a path of a rule as a regular expression.
func pattern(t *testing.T, path string, variables map[string][]string) *regexp.Regexp {
	t.Helper()
	for depth := 0; strings.Contains(path, "@{") && depth < 10; depth++ {
		for name, values := range variables {
			path = strings.ReplaceAll(path, name, "{"+strings.Join(values, ",")+"}")
		}
	}
	var b strings.Builder
	depth := 0
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '*' && strings.HasPrefix(path[i:], "**"):
			b.WriteString(".*")
			i++
			if strings.HasSuffix(path[:i-1], "/") {
				b.WriteString(".")
			}
		case c == '*':
			b.WriteString("[^/]*")
		case c == '?':
			b.WriteString("[^/]")
		case c == '{':
			depth++
			b.WriteString("(?:")
		case c == '}' && depth > 0:
			depth--
			b.WriteString(")")
		case c == ',' && depth > 0:
			b.WriteString("|")
		case c == '[' || c == ']' || c == '-' || c == '^':
			b.WriteByte(c)
		case c == '/':
			b.WriteString("/+")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	// A variable that ends in a slash stands before another one.
	expr, err := regexp.Compile("^" + strings.ReplaceAll(b.String(), "/+)/+", "/)/*") + "$")
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return expr
}
