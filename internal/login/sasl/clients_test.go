package sasl

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// door is a server that speaks as little of IMAP or SMTP as programs want to hear
// before and after they log in. It takes one connection.
type door struct {
	mechanism string
	smtp      bool
	backend   *accounts

	listener net.Listener
	talk     []string // what was said, both ways
	account  string   // who got in
	failure  error
	done     chan struct{}
}

func open(t *testing.T, mechanism string, smtp bool) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{mechanism: mechanism, smtp: smtp, backend: newAccounts(t), listener: l, done: make(chan struct{})}
	x := start(t, mechanism, secure, d.backend)
	go func() {
		defer close(d.done)
		d.serve(t.Context(), x)
	}()
	t.Cleanup(func() {
		l.Close()
		<-d.done
	})
	return d
}

func (d *door) port() string { return fmt.Sprint(d.listener.Addr().(*net.TCPAddr).Port) }

func (d *door) serve(ctx context.Context, x *Exchange) {
	conn, err := d.listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	lines := bufio.NewScanner(conn)
	hear := func() (string, bool) {
		ok := lines.Scan()
		d.talk = append(d.talk, "C: "+lines.Text())
		return lines.Text(), ok
	}
	say := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		d.talk = append(d.talk, "S: "+text)
		fmt.Fprintf(conn, "%s\r\n", text)
	}
	command, greeting := d.imap, "* OK hello"
	if d.smtp {
		command, greeting = d.mail, "220 hello"
	}
	say("%s", greeting)
	for line, ok := hear(); ok; line, ok = hear() {
		if !command(ctx, x, line, hear, say) {
			return
		}
	}
}

// imap answers a command; false is the end of the connection.
func (d *door) imap(ctx context.Context, x *Exchange, line string, hear func() (string, bool), say func(string, ...any)) bool {
	tag, rest, _ := strings.Cut(line, " ")
	name, args, _ := strings.Cut(rest, " ")
	switch strings.ToUpper(name) {
	case "CAPABILITY":
		say("* CAPABILITY IMAP4rev1 SASL-IR AUTH=%s", d.mechanism)
	case "AUTHENTICATE":
		if d.authenticate(ctx, x, args, hear, func(c string) { say("+ %s", c) }) != nil {
			say("%s NO wrong", tag)
			return true
		}
	case "LIST":
		say(`* LIST () "/" INBOX`)
	case "LOGOUT":
		say("* BYE")
	}
	say("%s OK done", tag)
	return strings.ToUpper(name) != "LOGOUT"
}

// authenticate carries the exchange: "mechanism [base64]", then base64 both ways,
// "*" to cancel.
func (d *door) authenticate(ctx context.Context, x *Exchange, args string, hear func() (string, bool), challenge func(string)) error {
	_, text, given := strings.Cut(args, " ")
	var response []byte
	if given {
		response = []byte{}
	}
	for {
		if text != "" && text != "=" {
			var err error
			if response, err = base64.StdEncoding.DecodeString(text); err != nil {
				d.failure = err
				return err
			}
		}
		c, done, err := x.Next(ctx, response)
		if done {
			d.account, d.failure = x.Account(), err
			return err
		}
		challenge(base64.StdEncoding.EncodeToString(c))
		line, ok := hear()
		if !ok || line == "*" {
			d.failure = x.Cancel()
			return d.failure
		}
		text, response = line, []byte{}
	}
}

// mail is imap for SMTP.
func (d *door) mail(ctx context.Context, x *Exchange, line string, hear func() (string, bool), say func(string, ...any)) bool {
	name, args, _ := strings.Cut(line, " ")
	switch strings.ToUpper(name) {
	case "EHLO":
		say("250-door")
		say("250 AUTH %s", d.mechanism)
	case "AUTH":
		if d.authenticate(ctx, x, args, hear, func(c string) { say("334 %s", c) }) != nil {
			say("535 5.7.8 wrong")
		} else {
			say("235 2.7.0 done")
		}
	case "QUIT":
		say("221 bye")
		return false
	default:
		say("250 done")
	}
	return true
}

// run is one program that logs in, or fails to.
type run struct {
	program   string
	mechanism string
	smtp      bool
	args      []string // words in capitals are filled in; PASS and TOKEN are wrong if failure is ErrWrong
	account   string
	failure   error
}

// smtplib is Python's: user, password, mechanism, and whether it sends an initial
// response.
const smtplib = `
import smtplib, sys
host, port, mechanism, initial, user, password = sys.argv[1:]
s = smtplib.SMTP(host, int(port), timeout=10)
s.ehlo()
s.user, s.password = user, password
s.auth(mechanism, getattr(s, "auth_" + mechanism.lower()), initial_response_ok=initial == "True")
s.quit()
`

const mbsyncrc = `
IMAPAccount a
Host 127.0.0.1
Port PORT
User user
Pass PASS
SSLType None
AuthMechs MECHANISM

IMAPStore far
Account a

MaildirStore near
Path DIR/
Inbox DIR/INBOX

Channel c
Far :far:
Near :near:
`

// TestPrograms logs in with programs of others: curl, Python's smtplib, and
// mbsync, whose mechanisms are Cyrus SASL's.
func TestPrograms(t *testing.T) {
	curl := func(mechanism, user string, more ...string) []string {
		return append([]string{"-s", "-m", "10", "imap://127.0.0.1:PORT/", "--login-options", "AUTH=" + mechanism, "-u", user}, more...)
	}
	curlSMTP := func(mechanism, user string, more ...string) []string {
		return append([]string{"-s", "-m", "10", "smtp://127.0.0.1:PORT/", "--login-options", "AUTH=" + mechanism, "-u", user}, more...)
	}
	python := func(mechanism, initial string) []string {
		return []string{"-c", smtplib, "127.0.0.1", "PORT", mechanism, initial, "tim", "PASS"}
	}
	mbsync := []string{"-c", "DIR/mbsyncrc", "-l", "c"}
	const owner, bearer = "user@example.com", "--oauth2-bearer"
	for _, r := range []run{
		{"curl", "PLAIN", false, curl("PLAIN", "tim:PASS"), "tim", nil},
		{"curl", "PLAIN", false, curl("PLAIN", "tim:PASS", "--sasl-ir"), "tim", nil},
		{"curl", "PLAIN", false, curl("PLAIN", "tim:PASS"), "", ErrWrong},
		{"curl", "LOGIN", false, curl("LOGIN", "tim:PASS"), "tim", nil},
		{"curl", "LOGIN", false, curl("LOGIN", "tim:PASS", "--sasl-ir"), "tim", nil},
		{"curl", "LOGIN", true, curlSMTP("LOGIN", "tim:PASS"), "", ErrWrong},
		{"curl", "EXTERNAL", false, curl("EXTERNAL", "fred@example.com:"), "fred@example.com", nil},
		{"curl", "EXTERNAL", false, curl("EXTERNAL", ":", "--sasl-ir"), "fred@example.com", nil},
		{"curl", "OAUTHBEARER", false, curl("OAUTHBEARER", owner, bearer, "TOKEN"), owner, nil},
		{"curl", "OAUTHBEARER", false, curl("OAUTHBEARER", owner, bearer, "TOKEN", "--sasl-ir"), owner, nil},
		{"curl", "OAUTHBEARER", false, curl("OAUTHBEARER", owner, bearer, "TOKEN"), "", ErrWrong},
		{"curl", "OAUTHBEARER", true, curlSMTP("OAUTHBEARER", "other@example.com", bearer, "TOKEN"), "", ErrAuthzid},
		{"curl", "XOAUTH2", false, curl("XOAUTH2", owner, bearer, "TOKEN"), owner, nil},
		{"curl", "XOAUTH2", false, curl("XOAUTH2", owner, bearer, "TOKEN"), "", ErrWrong},
		{"curl", "XOAUTH2", true, curlSMTP("XOAUTH2", owner, bearer, "TOKEN", "--sasl-ir"), owner, nil},
		{"/usr/bin/python3", "PLAIN", true, python("PLAIN", "True"), "tim", nil},
		{"/usr/bin/python3", "PLAIN", true, python("PLAIN", "False"), "tim", nil},
		{"/usr/bin/python3", "LOGIN", true, python("LOGIN", "True"), "tim", nil},
		{"/usr/bin/python3", "LOGIN", true, python("LOGIN", "False"), "tim", nil},
		{"/usr/bin/python3", "LOGIN", true, python("LOGIN", "True"), "", ErrWrong},
		{"mbsync", "PLAIN", false, mbsync, "user", nil},
		{"mbsync", "SCRAM-SHA-1", false, mbsync, "user", nil},
		{"mbsync", "SCRAM-SHA-256", false, mbsync, "user", nil},
		{"mbsync", "SCRAM-SHA-256", false, mbsync, "", ErrWrong},
		{"mbsync", "PLAIN", false, mbsync, "", ErrWrong},
	} {
		t.Run(fmt.Sprintf("%s/%s", filepath.Base(r.program), r.mechanism), func(t *testing.T) { r.test(t) })
	}
}

func (r run) test(t *testing.T) {
	program, err := exec.LookPath(r.program)
	if err != nil {
		t.Skip(err)
	}
	d, dir := open(t, r.mechanism, r.smtp), t.TempDir()
	words := []string{"PORT", d.port(), "DIR", dir, "MECHANISM", r.mechanism, "PASS", password, "TOKEN", token}
	if r.failure == ErrWrong {
		words = append([]string{"PASS", "wrong", "TOKEN", "old"}, words...)
	}
	fill := strings.NewReplacer(words...)
	if err := os.WriteFile(filepath.Join(dir, "mbsyncrc"), []byte(fill.Replace(mbsyncrc)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := make([]string, len(r.args))
	for i, arg := range r.args {
		args[i] = fill.Replace(arg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	out, err := cmd.CombinedOutput()
	d.listener.Close()
	<-d.done
	if (err != nil) != (r.failure != nil) {
		t.Errorf("%v\n%s", err, out)
	}
	if d.account != r.account || !errors.Is(d.failure, r.failure) || (d.failure == nil) != (r.failure == nil) {
		t.Errorf("account %q, failure %v; want %q, %v", d.account, d.failure, r.account, r.failure)
	}
	if t.Failed() {
		t.Logf("%s", strings.Join(d.talk, "\n"))
	}
}
