package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"fantail/test/site"
)

// The deliveries: clients as mail servers are, each of which keeps its connection and
// sends one message of 4 kB after the other, with the commands before it in one segment
// (PIPELINING), to an account of its own. Both servers are installed as for many users:
// Fantail with lmtpd, authd and sessiond, each as the user that it is to be; Dovecot
// with its defaults. A message is on disk when its answer comes.

const (
	lmtpClients  = 8
	perLMTP      = 160 // messages of one measurement
	perLarge     = 16  // into the large mailbox, where each may take long
	largeMailbox = 30_000
)

// lmtpLine is one way to deliver.
type lmtpLine struct {
	name     string
	clients  int
	messages int
	to       func(client int) string // whose mail it is
}

var lmtpLines = []lmtpLine{
	{lmtpOne, 1, perLMTP, func(int) string { return "user0" }},
	{lmtpMany, lmtpClients, perLMTP, func(client int) string { return fmt.Sprintf("user%d", client) }},
	{lmtpShared, lmtpClients, perLMTP, func(int) string { return "user0" }},
	{lmtpLarge, 1, perLarge, func(int) string { return fmt.Sprintf("user%d", lmtpClients) }},
}

// lmtpDeliveries measures the lines of LMTP, of both servers in turn.
func lmtpDeliveries(subjects []*subject, only *regexp.Regexp, bin string, rounds int) (err error) {
	wanted := slices.Collect(func(yield func(lmtpLine) bool) {
		for _, l := range lmtpLines {
			if only.MatchString(l.name) && !yield(l) {
				return
			}
		}
	})
	switch _, missing := os.Stat("/usr/lib/dovecot/lmtp"); {
	case len(wanted) == 0:
		return nil
	case os.Geteuid() != 0 || missing != nil:
		fmt.Fprintln(os.Stderr, "bench: not root, or without dovecot-lmtpd: no measurements of LMTP")
		return nil
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := makeKey(dir, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
	if err != nil {
		return err
	}
	large := 0
	if slices.ContainsFunc(wanted, func(l lmtpLine) bool { return l.name == lmtpLarge }) {
		large = largeMailbox
	}
	var servers []daemon
	var ports []string
	for i, start := range []func(accounts, string, certificates, string) (daemon, error){startDovecotLMTP, startHouseLMTP} {
		a, err := lmtpAccounts(filepath.Join(dir, fmt.Sprint(i)), large)
		if err != nil {
			return err
		}
		port, err := freePort()
		if err != nil {
			return err
		}
		d, err := start(a, bin, c, fmt.Sprint(port))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.stop()) }()
		if large > 0 { // it is one that clients use
			if err := d.logInAndOut(nil, a.names[lmtpClients]); err != nil {
				return err
			}
		}
		servers, ports = append(servers, d), append(ports, fmt.Sprintf("127.0.0.1:%d", port))
	}
	for round := -1; round < rounds; round++ { // the first one warms up
		for _, l := range wanted {
			for i, s := range subjects {
				a, err := servers[i].deliver(l, ports[i])
				if err != nil {
					return fmt.Errorf("%s: %s: %w", s.peer.Name, l.name, err)
				}
				if round < 0 {
					continue
				}
				if err := s.note(l.name, a, nil); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lmtpAccounts makes accounts with empty inboxes, and one with a large one.
func lmtpAccounts(dir string, large int) (a accounts, err error) {
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755), os.Mkdir(filepath.Join(dir, "mail"), 0o755)); err != nil {
		return a, err
	}
	if a, err = makeAccounts(dir, lmtpClients+1, 0, false); err != nil {
		return a, err
	}
	return a, makeMail(filepath.Join(dir, "mail", a.names[lmtpClients]), accountUID+lmtpClients, large)
}

func startDovecotLMTP(a accounts, _ string, c certificates, port string) (daemon, error) {
	return runDovecot(a.dir, c, fmt.Sprintf(`protocols = imap lmtp
mail_location = maildir:~/Maildir
passdb {
  driver = passwd-file
  args = %[1]s
}
userdb {
  driver = passwd-file
  args = %[1]s
}
service lmtp {
  inet_listener lmtp {
    port = %[2]s
  }
}
`, a.passwd(), port))
}

func startHouseLMTP(a accounts, bin string, c certificates, port string) (d daemon, err error) {
	if d, err = startHouse(a, bin, c, fmt.Sprintf("[lmtp]\nlisten = [\"127.0.0.1:%s\"]\n", port)); err != nil {
		return d, err
	}
	runtime.LockOSThread() // it ends with its parent's thread
	g := &site.Group{Dir: filepath.Join(a.dir, "log"), Owner: &syscall.Credential{Uid: frontUID, Gid: houseGID}}
	if err := g.Start("lmtpd", filepath.Join(bin, "lmtpd"), "-c", filepath.Join(a.dir, "fantail.toml"), "-S", filepath.Join(a.dir, "run")); err != nil {
		return d, errors.Join(err, d.stop())
	}
	d.also(g)
	for range 500 {
		if strings.Contains(read(g.Log("lmtpd")), "msg=listening") {
			return d, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return d, errors.Join(fmt.Errorf("lmtpd does not listen\n%s", g.Tail("lmtpd")), d.stop())
}

// deliver is one measurement: the time that passes for each message, and what of the
// processors the server takes for it.
func (d daemon) deliver(l lmtpLine, address string) (answer, error) {
	before := d.spent()
	took, err := together(l.clients, func(client int) error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close() // everything was said
		if err := conn.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
			return err
		}
		m := mailServer{conn, bufio.NewReader(conn)}
		err = errors.Join(m.say("", "220"), m.say("LHLO bench\r\n", "250"))
		for range l.messages / l.clients {
			if err == nil {
				err = m.send(l.to(client))
			}
		}
		return err
	})
	n := time.Duration(l.messages)
	return answer{time: took / n, cpu: (d.spent() - before) / n}, err
}

// mailServer is a client of LMTP.
type mailServer struct {
	conn net.Conn
	in   *bufio.Reader
}

func (m mailServer) send(to string) error {
	return errors.Join(
		m.say("MAIL FROM:<ada@example.org>\r\nRCPT TO:<"+to+">\r\nDATA\r\n", "250", "250", "354"),
		m.say(body+".\r\n", "250"),
	)
}

// say says something and wants replies.
func (m mailServer) say(text string, codes ...string) error {
	if _, err := io.WriteString(m.conn, text); err != nil {
		return err
	}
	for _, code := range codes {
		for {
			line, err := m.in.ReadString('\n')
			if err != nil {
				return err
			}
			if !strings.HasPrefix(line, code) {
				return fmt.Errorf("%.20q was answered %q", text, line)
			}
			if line[3] != '-' {
				break
			}
		}
	}
	return nil
}
