package submit

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"fantail/internal/daemon/conf"
)

// stepServer is an SMTP server that gives the answer of a test in one of its steps, and
// good ones in the others. It has taken a message when its end has come and the answer to
// that is not a refusal.
type stepServer struct {
	step, answer string
	web          *httptest.Server // for its certificate
	taken, quit  bool
	offered      []string // recipients
}

// cut stands for the end of the connection in place of an answer, and half for one within it.
const (
	cut  = "cut"
	half = "half"
)

// steps are those of a conversation with AUTH and STARTTLS.
var steps = []string{"greeting", "EHLO", "STARTTLS", "handshake", "EHLO again", "AUTH", "MAIL", "RCPT 1", "RCPT 2", "RCPT 3", "DATA", "text", "end", "QUIT"}

var good = map[string]string{
	"greeting": "220 test", "EHLO": "250-test\r\n250-STARTTLS\r\n250 DSN", "STARTTLS": "220 go", "EHLO again": "250-test\r\n250 AUTH PLAIN", "AUTH": "235 in",
	"MAIL": "250 ok", "RCPT 1": "250 ok", "RCPT 2": "251 will forward", "RCPT 3": "252 cannot verify", "DATA": "354 go", "end": "250 taken", "QUIT": "221 bye",
}

// say answers in a step, and reports whether the conversation goes on.
func (s *stepServer) say(conn net.Conn, step string) bool {
	answer := good[step]
	if step == s.step {
		answer = s.answer
	}
	switch answer {
	case cut:
		return false
	case half:
		fmt.Fprint(conn, "25")
		return false
	}
	_, err := fmt.Fprintf(conn, "%s\r\n", answer)
	return err == nil && !strings.HasPrefix(answer, "421")
}

func (s *stepServer) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	in := bufio.NewReader(conn)
	secure := false
	for ok := s.say(conn, "greeting"); ok; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch step := strings.ToUpper(verb); step {
		case "EHLO", "HELO":
			step = "EHLO"
			if secure {
				step = "EHLO again"
			}
			ok = s.say(conn, step)
		case "STARTTLS":
			if ok = s.say(conn, step); ok && (s.step != step || strings.HasPrefix(s.answer, "2")) {
				if s.step == "handshake" {
					return
				}
				conn, secure = tlsServer(conn, s.web), true
				in = bufio.NewReader(conn)
			}
		case "RCPT":
			s.offered = append(s.offered, rest)
			ok = s.say(conn, fmt.Sprint("RCPT ", len(s.offered)))
		case "DATA":
			if ok = s.say(conn, step); ok && (s.step != step || strings.HasPrefix(s.answer, "354")) {
				ok = s.text(conn, in)
			}
		case "QUIT":
			s.quit = true
			s.say(conn, step)
			return
		default:
			ok = s.say(conn, step)
		}
	}
}

// text reads a message.
func (s *stepServer) text(conn net.Conn, in *bufio.Reader) bool {
	for {
		line, err := in.ReadString('\n')
		if err != nil || s.step == "text" {
			return false
		}
		if line == ".\r\n" {
			s.taken = s.step != "end" || strings.HasPrefix(s.answer, "2") || s.answer == cut || s.answer == half
			return s.say(conn, "end")
		}
	}
}

// TestSteps gives every answer in every step, and cuts the connection in each. A message
// that was taken is never sent again by itself; one that was not waits, or its author
// hears of it at once, as the server says.
func TestSteps(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	answers := []string{cut, half, "421 4.3.0 going down", "450 4.2.0 later", "451-4.3.0 two\r\n451 4.3.0 lines", "500 5.5.1 what", "550 5.1.1 never", "554-5.7.1 two\r\n554 5.7.1 lines", "nonsense", "999 what", "250 ok", "354 go", "100 wait", ""}
	for _, step := range steps {
		for _, answer := range answers {
			if answer == "" || answer == strings.Split(good[step], "\r\n")[0] || step == "handshake" && answer != cut || step == "text" && answer != cut {
				continue
			}
			t.Run(step+"/"+strings.Split(answer, "\r\n")[0], func(t *testing.T) {
				s := &stepServer{step: step, answer: answer, web: web}
				got := s.run(t)
				if want := expected(step, answer); !slices.Contains(want, got) {
					t.Errorf("it is %s, want %s", got, want)
				}
				if s.taken && got != "sent" && got != "unknown" {
					t.Errorf("it was taken, and is %s", got)
				}
				if !s.taken && got == "sent" {
					t.Error("it was not taken, and is sent")
				}
				if refused := strings.HasPrefix(answer, "4") && !strings.HasPrefix(answer, "421") || strings.HasPrefix(answer, "5"); refused && !s.quit && slices.Contains([]string{"MAIL", "RCPT 1", "RCPT 2", "RCPT 3", "DATA", "end"}, step) {
					t.Error("there was no QUIT")
				}
			})
		}
	}
}

// expected is what becomes of a message: sent, unknown, later, never.
func expected(step, answer string) []string {
	code := answer[:1]
	if answer == cut || answer == half || answer == "nonsense" {
		code = "cut"
	}
	switch {
	case step == "QUIT":
		return []string{"sent"}
	case step == "end":
		return map[string][]string{"2": {"sent"}, "4": {"later"}, "5": {"never"}, "cut": {"unknown"}, "1": {"unknown"}, "3": {"unknown"}, "9": {"unknown"}}[code]
	case code == "2" && (step == "EHLO again" || strings.HasPrefix(step, "RCPT")):
		return []string{"sent"}
	case step == "text": // what is cut may be heard of behind the end
		return []string{"later", "unknown"}
	case code == "5" && !slices.Contains(steps[:slices.Index(steps, "MAIL")], step): // before that it is about us, not about the message
		return []string{"never"}
	}
	return []string{"later"}
}

// run sends a message by the server, and says what becomes of it.
func (s *stepServer) run(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talking sync.WaitGroup
	talking.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.talk(conn)
	})
	p := newPlace(t)
	j := p.write()
	j.To = []string{"bob@example.org", "c@example.org", "d@example.org"}
	p.add(j)
	trust := s.web.Client().Transport.(*http.Transport).TLSClientConfig
	w := p.worker(SMTP{Server: l.Addr().String(), TLS: conf.SubmitSTARTTLS, Name: "relay", Password: "secret", Config: trust})
	_, err = w.Run(context.Background())
	l.Close()
	talking.Wait()
	if err != nil {
		t.Fatal(err)
	}
	list, err := p.box.List()
	notices, err2 := p.box.Notices()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	sent, drafts := p.contents("Sent"), p.contents("Drafts")
	is := fmt.Sprintf("%d jobs, %d notices, %d copies, %d drafts", len(list), len(notices), len(sent), len(drafts))
	switch {
	case is == "0 jobs, 0 notices, 1 copies, 0 drafts":
		return "sent"
	case is == "1 jobs, 0 notices, 0 copies, 1 drafts" && list[0].Job.Attempts == 1 && list[0].Job.Last != "":
		return "later"
	case is == "0 jobs, 1 notices, 0 copies, 1 drafts":
		return map[string]string{"unknown": "unknown", "refused": "never"}[string(notices[0].Reason)]
	}
	return is
}

func tlsServer(conn net.Conn, web *httptest.Server) net.Conn { return tls.Server(conn, web.TLS) }
