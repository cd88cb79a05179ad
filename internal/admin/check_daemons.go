package admin

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
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
	type daemon struct {
		socket string
		ask    func(ctx context.Context, path string) error
	}
	list := []daemon{{broker.SocketLogin, x.askLogin}, {broker.SocketSession, reach}, {broker.SocketAdmin, x.askSessions}}
	if _, err := os.Stat(filepath.Join(x.run, broker.SocketDeliver)); err == nil {
		list = append(list, daemon{broker.SocketDeliver, reach})
	}
	if _, err := os.Stat(filepath.Join(x.run, submitd.Socket)); err == nil || x.submits() {
		list = append(list, daemon{submitd.Socket, x.askSubmit})
	}
	if x.cfg.TLS.KeyProcess {
		list = append(list, daemon{broker.SocketKey, x.askKeys})
	}
	for _, d := range list {
		path := filepath.Join(x.run, d.socket)
		ctx, cancel := context.WithTimeout(x.ctx, answerTime)
		if err := d.ask(ctx, path); errors.Is(err, fs.ErrPermission) {
			x.ok("%s is not for everybody; only root can ask there", path)
		} else if err != nil {
			x.wrong(starting[d.socket]+". Sockets elsewhere: fantail check -S directory", "%s does not answer: %v", path, err)
		}
		cancel()
	}
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
			x.wrong("start authd again: systemctl restart fantail-authd. Where it is set: fantail config auth.smtp_sockets", "%s, for mail servers, does not answer: %v", path, err)
		} else {
			x.ok("%s, for mail servers, answers", path)
		}
	}
}

// starting is how the daemons of the sockets are started.
var starting = map[string]string{
	broker.SocketLogin:   "systemctl start fantail-authd.socket",
	broker.SocketDeliver: "systemctl start fantail-authd-deliver.socket",
	broker.SocketSession: "systemctl start fantail-sessiond.socket",
	broker.SocketAdmin:   "systemctl start fantail-sessiond-admin.socket",
	broker.SocketKey:     "systemctl start fantail-keyd.socket",
	submitd.Socket:       "systemctl start fantail-submitd.socket",
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
	if len(list) == 0 {
		x.usualServices()
	}
	for _, s := range list {
		if strings.HasSuffix(s.address, ":0") {
			continue // the system has chosen another one
		}
		if err := s.answers(x.ctx); err != nil {
			x.wrong("start the front. Who is there instead: ss -ltnp. Where it is set: fantail config "+s.name, "%s: %s does not answer: %v", s.name, s.address, err)
		} else {
			x.ok("%s: %s answers", s.name, s.address)
		}
	}
}

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

// usual are the ports that are for mail programs.
var usual = []service{
	{"IMAP", ":143", false, "* OK"},
	{"IMAPS", ":993", true, "* OK"},
	{"POP3", ":110", false, "+OK"},
	{"POP3S", ":995", true, "+OK"},
}

// usualServices says which of them there are.
func (x *examination) usualServices() {
	none := true
	for _, s := range usual {
		if s.answers(x.ctx) == nil {
			none = false
			x.ok("a server for %s answers on port %s", s.name, strings.TrimPrefix(s.address, ":"))
		}
	}
	if none {
		x.wrong("systemctl enable --now fantail-imaps.socket. Or have the front listen itself, at imap.listen_tls", "no server for IMAP or POP3 answers on the usual ports, and no other address is set")
	}
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
