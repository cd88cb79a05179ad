package submit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
)

// SMTP is the transport to a server of mail submission (RFC 6409).
type SMTP struct {
	Server   string // host:port, or the absolute path of a local socket
	TLS      conf.SubmitTLS
	Name     string // for AUTH PLAIN (RFC 4616); "": none
	Password string
	Hello    string      // name of this machine; "": localhost
	Config   *tls.Config // nil: the system's; for tests
}

// The times of RFC 5321 section 4.5.3.2, of which the longest is for the end of the data.
const (
	dialTime    = 30 * time.Second
	commandTime = 5 * time.Minute
	endTime     = 10 * time.Minute
	quitTime    = 10 * time.Second // shorter than theirs: it is a courtesy
)

// Send implements Transport.
func (s SMTP) Send(ctx context.Context, e Envelope, message *os.File, commit func() error) error {
	ctx = context.WithoutCancel(ctx) // what has begun comes to its end
	conn, host, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", s.Server, err)
	}
	defer conn.Close() // after Quit, or after an error that has been told
	if err := conn.SetDeadline(time.Now().Add(commandTime)); err != nil {
		return err
	}
	c, err := smtp.NewClient(&brief{conn, maxAnswers}, host)
	if err != nil {
		return unwelcome(err)
	}
	err = unwelcome(s.greet(c, host))
	if err == nil {
		err = s.envelope(c, e)
	}
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(endTime))
	}
	if err == nil {
		err = data(c, message, commit)
	}
	if no := (*Refusal)(nil); err == nil || errors.As(err, &no) {
		quit(conn, c)
	}
	return err
}

// unwelcome is the error of a server that will not have us, whoever writes to whom: that is
// the administrator's to mend, and the message can wait.
func unwelcome(err error) error {
	var no *Refusal
	if err = answer(err); errors.As(err, &no) {
		no.Temporary = true
	}
	return err
}

// quit takes leave (RFC 5321 section 4.1.1.10). What the server says to that changes nothing.
func quit(conn net.Conn, c *smtp.Client) {
	if err := conn.SetDeadline(time.Now().Add(quitTime)); err == nil {
		_ = c.Quit()
	}
}

func (s SMTP) dial(ctx context.Context) (conn net.Conn, host string, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var d net.Dialer
	if strings.HasPrefix(s.Server, "/") {
		conn, err := d.DialContext(ctx, "unix", s.Server)
		return conn, "localhost", err
	}
	if host, _, err = net.SplitHostPort(s.Server); err != nil {
		return nil, "", err
	}
	if conn, err = d.DialContext(ctx, "tcp", s.Server); err != nil || s.TLS != conf.SubmitImplicit {
		return conn, host, err
	}
	secure := tls.Client(conn, s.config(host))
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, "", errors.Join(err, conn.Close())
	}
	return secure, host, nil
}

func (s SMTP) config(host string) *tls.Config {
	c := &tls.Config{}
	if s.Config != nil {
		c = s.Config.Clone()
	}
	c.ServerName = host
	return c
}

// greet says hello, begins TLS and logs in.
func (s SMTP) greet(c *smtp.Client, host string) error {
	hello := s.Hello
	if hello == "" {
		hello = "localhost"
	}
	if err := c.Hello(hello); err != nil {
		return err
	}
	if s.TLS == conf.SubmitSTARTTLS && !strings.HasPrefix(s.Server, "/") {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return &Refusal{Temporary: true, Said: "the server offers no STARTTLS"}
		}
		if err := c.StartTLS(s.config(host)); err != nil {
			return fmt.Errorf("begin TLS: %w", err)
		}
	}
	if s.Name == "" {
		return nil
	}
	return c.Auth(plain{s.Name, s.Password})
}

// plain is AUTH PLAIN, on connections that the configuration calls safe: under TLS, or on
// a local socket.
type plain struct{ name, password string }

func (p plain) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + p.name + "\x00" + p.password), nil
}

func (p plain) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return nil, errors.New("the server asks again")
	}
	return nil, nil
}

// envelope says who sends to whom. All recipients must be taken: the owner is told of one
// that is not before anybody gets the message.
func (s SMTP) envelope(c *smtp.Client, e Envelope) error {
	if ok, _ := c.Extension("SMTPUTF8"); e.SMTPUTF8 && !ok {
		return &Refusal{Said: "the server cannot take such addresses (SMTPUTF8)"}
	}
	if ok, _ := c.Extension("8BITMIME"); e.EightBit && !ok {
		return &Refusal{Said: "the server cannot take a message of 8 bits (8BITMIME)"}
	}
	if err := c.Mail(e.From); err != nil {
		return answer(err)
	}
	dsn, _ := c.Extension("DSN")
	for _, to := range e.To {
		if err := rcpt(c, to, e.Notify && dsn); err != nil {
			if no := (*Refusal)(nil); errors.As(answer(err), &no) {
				return &Refusal{Temporary: no.Temporary, Said: to + ": " + no.Said}
			}
			return err
		}
	}
	return nil
}

// rcpt names a recipient, who was checked to be in one line.
func rcpt(c *smtp.Client, to string, notify bool) error {
	if !notify {
		return c.Rcpt(to)
	}
	id, err := c.Text.Cmd("RCPT TO:<%s> NOTIFY=SUCCESS,FAILURE,DELAY", to)
	if err != nil {
		return err
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	_, _, err = c.Text.ReadResponse(25)
	return err
}

// data sends the message. The line that ends it is sent after commit alone: before that
// line the server takes nothing (RFC 5321 section 4.1.1.4).
func data(c *smtp.Client, message io.Reader, commit func() error) error {
	w, err := c.Data()
	if err != nil {
		return answer(err)
	}
	if _, err := io.Copy(w, &endless{r: bufio.NewReader(message)}); err != nil {
		return fmt.Errorf("send the message: %w", err)
	}
	if err := commit(); err != nil {
		return err
	}
	if err := w.Close(); !accepted(err) {
		return answer(err)
	}
	return nil
}

// accepted reports whether the answer to the end of a message is that the server has it:
// every 2xx is (RFC 5321 section 4.2.1), not the usual 250 alone.
func accepted(err error) bool {
	var said *textproto.Error
	return err == nil || errors.As(err, &said) && said.Code/100 == 2
}

// endless passes a message on. It is there so that io.Copy takes no shorter way around the
// writer of dots.
type endless struct{ r io.Reader }

func (e *endless) Read(p []byte) (int, error) { return e.r.Read(p) }

// answer makes a Refusal of what a server has said: 4xx and 5xx. Everything else stays
// what it is: the connection failed, or an answer made no sense there, which is no refusal.
func answer(err error) error {
	var said *textproto.Error
	if !errors.As(err, &said) || said.Code/100 != 4 && said.Code/100 != 5 {
		return err
	}
	return &Refusal{Temporary: said.Code/100 != 5, Said: line(fmt.Sprintf("%d %s", said.Code, said.Msg))}
}

// maxAnswers is how much a server may say for one message, in octets.
const maxAnswers = 1 << 20

// errTalks ends a conversation.
var errTalks = errors.New("the server says too much")

// brief is a connection of which so much is read and no more.
type brief struct {
	net.Conn
	left int
}

func (b *brief) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalks
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// ReadCredentials reads a file with name and password, a line each.
func ReadCredentials(path string) (name, password string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", "", fmt.Errorf("read credentials: %w", err)
	}
	lines := bytes.Split(bytes.TrimRight(text, "\r\n"), []byte("\n"))
	if len(lines) != 2 {
		return "", "", fmt.Errorf("%s: want two lines, a name and a password", path)
	}
	return strings.TrimSuffix(string(lines[0]), "\r"), strings.TrimSuffix(string(lines[1]), "\r"), nil
}
