package scheme

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// passwords that the peers hash: ASCII, UTF-8, and the lengths at which hash
// functions begin a new block or bcrypt ends.
var passwords = []string{
	"secret",
	right,
	"a:b $1${}",
	strings.Repeat("0123456789abcde", 4) + "!",
	strings.Repeat("ü", 70),
}

// peer finds a program, or skips the test.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path = filepath.Join("/usr/sbin", name); exec.Command("test", "-x", path).Run() == nil {
			return path
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// output is what a peer prints, without the line's end.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.Bytes())
	}
	return strings.TrimRight(string(out), "\r\n")
}

// matches checks a field that a peer has made of a password.
func matches(t *testing.T, field, password string) {
	t.Helper()
	h, err := Parse(field)
	if err != nil {
		t.Errorf("%s: %v", field, err)
		return
	}
	if !h.Verify(password) {
		t.Errorf("%s does not match %q", field, password)
	}
	if h.Cost().Time < 10*time.Millisecond && h.Verify("x"+password[1:]) {
		t.Errorf("%s matches what is not %q", field, password)
	}
}

func TestDovecotMakes(t *testing.T) {
	doveadm := peer(t, "doveadm")
	list := strings.Fields(output(t, exec.Command(doveadm, "pw", "-l")))
	if len(list) < 20 {
		t.Fatalf("doveadm lists %q", list)
	}
	for _, name := range list {
		row, ok := schemes[name]
		if !ok {
			t.Errorf("the table does not have Dovecot's %s", name)
			continue
		}
		if row.refused != "" || name == "DES-CRYPT" {
			field := output(t, exec.Command(doveadm, "pw", "-s", name, "-u", "anna", "-p", "secret"))
			if _, err := Parse(field); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		some := passwords
		if strings.HasPrefix(name, "ARGON2") || strings.HasPrefix(name, "CLEAR") {
			some = passwords[1:2]
		}
		for _, password := range some {
			matches(t, output(t, exec.Command(doveadm, "pw", "-s", name, "-p", password)), password)
		}
		for _, encoding := range []string{".b64", ".hex"} {
			if len(some) == 1 {
				continue
			}
			matches(t, output(t, exec.Command(doveadm, "pw", "-s", name+encoding, "-p", right)), right)
		}
	}
	for _, more := range [][]string{{"BLF-CRYPT", "4"}, {"SHA512-CRYPT", "1000"}, {"PBKDF2", "777"}, {"SCRAM-SHA-1", "5000"}} {
		matches(t, output(t, exec.Command(doveadm, "pw", "-s", more[0], "-r", more[1], "-p", right)), right)
	}
}

func TestDovecotVerifies(t *testing.T) {
	doveadm := peer(t, "doveadm")
	for _, name := range Names() {
		field, err := Make(name, right)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if out, err := exec.Command(doveadm, "pw", "-t", field, "-p", right).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("(verified)")) {
			t.Errorf("%s: %v\n%s", field, err, out)
		}
	}
}

// notDovecot are hashes of OpenLDAP and passlib, and base64 without its padding.
var notDovecot = regexp.MustCompile(`^(\$pbkdf2|\$scrypt|{ARGON2}|{PBKDF2[^}]*}[0-9]|{SHA}[^=]{27}$)`)

// Dovecot and this package say the same of fields that are at the edges.
func TestDovecotAgrees(t *testing.T) {
	doveadm := peer(t, "doveadm")
	for _, field := range hashes {
		if notDovecot.MatchString(field) {
			continue
		}
		if !strings.HasPrefix(field, "{") {
			field = "{CRYPT}" + field
		}
		if out, err := exec.Command(doveadm, "pw", "-t", field, "-p", right).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("(verified)")) {
			t.Errorf("%s: %v\n%s", field, err, out)
		}
	}
}

func TestMkpasswd(t *testing.T) {
	mkpasswd := peer(t, "mkpasswd")
	help := output(t, exec.Command(mkpasswd, "-m", "help"))
	refused := map[string]bool{"gost-yescrypt": true, "bsdicrypt": true, "descrypt": true}
	seen := 0
	for line := range strings.Lines(help) {
		method, _, ok := strings.Cut(line, " ")
		if !ok || strings.HasPrefix(method, "Available") {
			continue
		}
		seen++
		some := passwords
		if refused[method] || method == "yescrypt" || method == "scrypt" || method == "sunmd5" {
			some = passwords[1:2]
		}
		for _, password := range some {
			cmd := exec.Command(mkpasswd, "-m", method, "-s")
			cmd.Stdin = strings.NewReader(password)
			field := output(t, cmd)
			if refused[method] {
				if _, err := Parse(field); !errors.Is(err, ErrUnsupported) {
					t.Errorf("%s: %v", method, err)
				}
				continue
			}
			matches(t, field, password)
		}
	}
	if seen < 10 {
		t.Errorf("mkpasswd lists %d methods:\n%s", seen, help)
	}
	for _, cost := range []string{"1", "3", "4"} {
		matches(t, output(t, exec.Command(mkpasswd, "-m", "yescrypt", "-R", cost, right)), right)
	}
}

// crypt(3) itself, by way of perl: settings at the edges of each method.
func TestCrypt3(t *testing.T) {
	perl := peer(t, "perl")
	for _, setting := range []string{
		"$1$", "$1$a$", "$1$abcdefghijk", "$5$$", "$5$abcdefghijklmnopqrst", "$5$rounds=1000$$", "$6$rounds=1001$a.b/c$",
		"$6$!#%&()*", "$sha1$1$abc", "$sha1$40$" + strings.Repeat("a", 64),
		"$2a$04$abcdefghijklmnopqrstuu", "$2b$04$abcdefghijklmnopqrstuu", "$2y$04$......................",
		"$md5$abcd$$", "$md5,rounds=10$abcd$$", "$3$", "$y$j75$", "$y$j75$ab", "$y$j9/$abcdefgh", "$7$6..../....", "$7$6/....0....a.b$",
	} {
		for _, password := range append(passwords, "\xe4\xf6\xfc", "a\x80\x81\x82\x83\x84\x85", strings.Repeat("\xfe", 80)) {
			field := output(t, exec.Command(perl, "-e", `print crypt($ARGV[0], $ARGV[1])`, password, setting))
			if strings.HasPrefix(field, "*") || field == "" {
				continue // this crypt(3) does not have the method
			}
			matches(t, field, password)
		}
	}
}

func TestOpenSSL(t *testing.T) {
	openssl := peer(t, "openssl")
	for _, password := range passwords {
		for _, method := range []string{"-1", "-5", "-6"} {
			cmd := exec.Command(openssl, "passwd", method, "-stdin")
			cmd.Stdin = strings.NewReader(password + "\n")
			matches(t, output(t, cmd), password)
		}
	}
	field := output(t, exec.Command(openssl, "passwd", "-apr1", "secret"))
	if _, err := Parse(field); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

func TestSlappasswd(t *testing.T) {
	slappasswd := peer(t, "slappasswd")
	secret := filepath.Join(t.TempDir(), "secret")
	run := func(password string, args ...string) (string, error) {
		if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(slappasswd, append([]string{"-n", "-T", secret}, args...)...).Output()
		return string(out), err
	}
	for _, password := range passwords {
		for _, name := range []string{"{SSHA}", "{SHA}", "{SMD5}", "{MD5}"} {
			field, err := run(password, "-h", name)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			matches(t, field, password)
		}
	}
	for name, module := range map[string]string{"{ARGON2}": "argon2", "{PBKDF2}": "pw-pbkdf2", "{PBKDF2-SHA1}": "pw-pbkdf2", "{PBKDF2-SHA256}": "pw-pbkdf2", "{PBKDF2-SHA512}": "pw-pbkdf2", "{SSHA256}": "pw-sha2", "{SHA256}": "pw-sha2", "{SSHA512}": "pw-sha2", "{SHA512}": "pw-sha2"} {
		field, err := run(right, "-o", "module-load="+module, "-h", name)
		if err != nil {
			t.Logf("slapd's module %s is not there: %v", module, err)
			continue
		}
		matches(t, field, right)
	}
}
