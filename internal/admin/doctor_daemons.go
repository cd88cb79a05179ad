package admin

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/submitd"
)

// answerTime is how long a daemon may take to answer.
const answerTime = 5 * time.Second

// daemons: authd and sessiond, and submitd and keyd if they are to be, answer on their
// sockets.
func (x *examination) daemons() {
	if _, err := os.Stat(filepath.Join(x.run, broker.SocketLogin)); errors.Is(err, fs.ErrNotExist) {
		if os.Geteuid() != 0 {
			x.ok("no sockets in %s: as one user each front has an authd and sessions of its own", x.run)
			return
		}
	}
	list := []asked{{broker.SocketLogin, x.askLogin}, {broker.SocketSession, reach}, {broker.SocketAdmin, x.askSessions}}
	if _, err := os.Stat(filepath.Join(x.run, broker.SocketDeliver)); err == nil {
		list = append(list, asked{broker.SocketDeliver, reach})
	}
	if _, err := os.Stat(filepath.Join(x.run, submitd.Socket)); err == nil || x.submits() {
		list = append(list, asked{submitd.Socket, x.askSubmit})
	}
	if x.cfg.TLS.KeyProcess {
		list = append(list, asked{broker.SocketKey, x.askKeys})
	}
	for _, d := range list {
		path := filepath.Join(x.run, d.socket)
		ctx, cancel := context.WithTimeout(x.ctx, answerTime)
		if err := d.ask(ctx, path); errors.Is(err, fs.ErrPermission) {
			x.ok("%s is not for everybody; only root can ask there", path)
		} else if err != nil {
			x.wrong("%s does not answer: %v", path, err).because("what asks there waits, or fails").typing(x.restarting(d)...)
		}
		cancel()
	}
}

// asked is a socket at which a daemon answers.
type asked struct {
	socket string
	ask    func(ctx context.Context, path string) error
}

// restarting are the commands that have a daemon answer again.
func (x *examination) restarting(a asked) []string {
	for _, p := range private {
		if p.path == a.socket {
			return append(x.listening(p.unit, p.service), "journalctl -u "+p.service+" -n 20")
		}
	}
	return nil
}

// mailServers: authd answers where mail servers ask it.
func (x *examination) mailServers() {
	for _, path := range x.cfg.SMTPAuth.Sockets {
		conn, err := new(net.Dialer).DialContext(x.ctx, "unix", path)
		if err == nil {
			err = conn.Close()
		}
		if errors.Is(err, fs.ErrPermission) {
			x.ok("%s is not for everybody", path)
		} else if err != nil {
			x.wrong("%s, for mail servers, does not answer: %v", path, err).because("who sends mail cannot log in to the mail server").
				typing("systemctl restart fantail-authd", "fantail config auth.smtp_sockets")
		} else {
			x.ok("%s, for mail servers, answers", path)
		}
	}
}

func reach(ctx context.Context, path string) error {
	c, err := fdpass.Dial(ctx, path)
	if err != nil {
		return err
	}
	return c.Close()
}

func (x *examination) askLogin(ctx context.Context, path string) error {
	a := broker.NewAuthd(broker.DialPath(path))
	defer a.Close()
	if err := a.Ready(ctx); err != nil {
		return err
	}
	x.ok("authd answers on %s", path)
	return nil
}

// submits reports whether the configuration says that there is something for submitd to do.
func (x *examination) submits() bool {
	return len(x.cfg.Webmail.ListenTLS) > 0 || len(x.cfg.Mail.Warnings.Command) > 0
}

// askSubmit says no more than hello: submitd hears, and does not answer.
func (x *examination) askSubmit(ctx context.Context, path string) error {
	if err := reach(ctx, path); err != nil {
		return err
	}
	x.ok("submitd listens on %s", path)
	return nil
}

func (x *examination) askKeys(ctx context.Context, path string) error {
	k := broker.NewKeys(broker.DialPath(path), slog.New(slog.DiscardHandler))
	defer k.Close()
	if err := k.Ready(ctx); err != nil {
		return err
	}
	x.ok("keyd answers on %s", path)
	return nil
}

func (x *examination) askSessions(ctx context.Context, path string) error {
	a := broker.NewAdmin(broker.DialPath(path))
	defer a.Close()
	list, err := a.Sessions(ctx, "")
	if err != nil {
		return err
	}
	x.ok("sessiond answers on %s, and has %d connections", path, len(list))
	return nil
}

// service is where a server of some kind is to answer.
type service struct {
	name    string // the setting that says so, or what it is
	address string
	tls     bool
	greets  string // what the first line begins with; "": the client speaks first
}

// services: somebody answers where the configuration says that fronts listen. Where it
// says nothing systemd or inetd listens, on the usual ports.
func (x *examination) services() {
	var list []service
	add := func(setting string, tls bool, greets string, addresses []string) {
		for _, a := range addresses {
			list = append(list, service{setting, a, tls, greets})
		}
	}
	add("imap.listen", false, "* OK", x.cfg.IMAP.Listen)
	add("imap.listen_tls", true, "* OK", x.cfg.IMAP.ListenTLS)
	add("pop3.listen", false, "+OK", x.cfg.POP3.Listen)
	add("pop3.listen_tls", true, "+OK", x.cfg.POP3.ListenTLS)
	add("webmail.listen_tls", true, "", x.cfg.Webmail.ListenTLS)
	if len(list) == 0 || x.hasUnits() {
		x.usualServices()
	}
	for _, s := range list {
		if strings.HasSuffix(s.address, ":0") {
			continue // the system has chosen another one
		}
		if err := s.answers(x.ctx); err != nil {
			x.wrong("%s: %s does not answer: %v", s.name, s.address, err).because("mail programs find nobody there").
				typing("systemctl restart "+frontOf[strings.Split(s.name, ".")[0]], "ss -ltnp", "fantail config "+s.name)
		} else {
			x.ok("%s: %s answers", s.name, s.address)
		}
	}
}

// frontOf are the services of the tables of settings.
var frontOf = map[string]string{"imap": "fantail-imapd.service", "pop3": "fantail-pop3d.service", "webmail": "fantail-webmaild.service"}

// dial connects. One that listens at every address of this machine is looked for at its
// own ones, by number: not every machine has a localhost.
func (s service) dial(ctx context.Context) (net.Conn, error) {
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return nil, err
	}
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var conn net.Conn
	for _, host := range hosts {
		if conn, err = new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// usualServices says who of those answers that are to listen at the usual ports.
func (x *examination) usualServices() {
	var asking sync.WaitGroup
	answers := make([]error, len(ports))
	for i, p := range ports {
		s := service{p.what, fmt.Sprintf(":%d", p.number), p.tls, p.greets}
		asking.Go(func() { answers[i] = s.answers(x.ctx) })
	}
	asking.Wait()
	answering := false
	for i, p := range ports {
		ours := x.runs(p.unit) && x.others(p.number) == nil
		err := answers[i]
		switch {
		case err == nil && p.greets != "":
			answering = true
			x.ok("a server for %s answers on port %d", p.what, p.number)
		case err == nil:
		case ours && !x.units()[p.service].fails(x.now()):
			x.wrong("port %d is open, and nobody answers there as a server of %s does: %v", p.number, p.what, err).
				because("mail programs wait in vain").
				typing("systemctl status "+p.service+" --no-pager", "journalctl -u "+p.service+" -n 20", "systemctl restart "+p.service)
		}
	}
	if !answering && !x.elsewhere() && !x.hasUnits() {
		x.wrong("no server for IMAP or POP3 answers on the usual ports, and no other address is set").
			because("nobody can read mail").typing("imapd -c " + argumentOf(x.configFile()))
	}
}

// elsewhere reports whether settings say where mail programs connect.
func (x *examination) elsewhere() bool {
	c := x.cfg
	return len(c.IMAP.Listen)+len(c.IMAP.ListenTLS)+len(c.POP3.Listen)+len(c.POP3.ListenTLS) > 0
}

// answers reports why nobody answers as a server of that kind.
func (s service) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if s.tls { // whether the certificate is good has been examined where it is
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		if err := conn.(*tls.Conn).HandshakeContext(ctx); err != nil {
			return err
		}
	}
	if s.greets == "" {
		return nil
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 1024)).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, s.greets) {
		return errors.New("it says " + strings.TrimSpace(line))
	}
	return nil
}
