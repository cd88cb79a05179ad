package admin

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
)

// answerTime is how long a daemon may take to answer.
const answerTime = 5 * time.Second

// daemons: authd and sessiond answer on their sockets.
func (x *examination) daemons() {
	if _, err := os.Stat(filepath.Join(x.run, broker.SocketLogin)); errors.Is(err, fs.ErrNotExist) {
		if os.Geteuid() != 0 {
			x.ok("no sockets in %s: as one user each front has an authd and sessions of its own", x.run)
			return
		}
	}
	for _, d := range []struct {
		socket string
		ask    func(ctx context.Context, path string) error
	}{
		{broker.SocketLogin, x.askLogin},
		{broker.SocketSession, reach},
		{broker.SocketAdmin, x.askSessions},
	} {
		path := filepath.Join(x.run, d.socket)
		ctx, cancel := context.WithTimeout(x.ctx, answerTime)
		if err := d.ask(ctx, path); errors.Is(err, fs.ErrPermission) {
			x.ok("%s is not for everybody; only root can ask there", path)
		} else if err != nil {
			x.wrong("start it: systemctl start "+unitOf[d.socket]+". Sockets elsewhere: fantail check -S directory", "%s does not answer: %v", path, err)
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

// unitOf are the units of systemd that make the sockets.
var unitOf = map[string]string{
	broker.SocketLogin:   "fantail-authd.socket",
	broker.SocketSession: "fantail-sessiond.socket",
	broker.SocketAdmin:   "fantail-sessiond-admin.socket",
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

// usual are the ports that are for mail programs.
var usual = []service{
	{"IMAP", "localhost:143", false, "* OK"},
	{"IMAPS", "localhost:993", true, "* OK"},
	{"POP3", "localhost:110", false, "+OK"},
	{"POP3S", "localhost:995", true, "+OK"},
}

// usualServices says which of them there are.
func (x *examination) usualServices() {
	none := true
	for _, s := range usual {
		if s.answers(x.ctx) == nil {
			none = false
			x.ok("a server for %s answers on %s", s.name, s.address)
		}
	}
	if none {
		x.wrong("systemctl enable --now fantail-imaps.socket. Or have the front listen itself, at imap.listen_tls", "no server for IMAP or POP3 answers on the usual ports, and no other address is set")
	}
}

// answers reports why nobody answers as a server of that kind.
func (s service) answers(ctx context.Context) error {
	address := s.address
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() { // all of this machine's
		address = net.JoinHostPort("localhost", port)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
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
