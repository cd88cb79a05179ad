package site

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"fantail/internal/daemon/conf"
	"fantail/internal/store/uidlist"
	"fantail/test/samplemail"
)

// A daemon that ignores SIGTERM is killed in the end.
func TestStopKills(t *testing.T) {
	g := &Group{Dir: t.TempDir()}
	if err := g.Start("deaf", "/bin/sh", "-c", `trap "" TERM; echo up; while :; do sleep 0.01; done`); err != nil {
		t.Fatal(err)
	}
	for g.Tail("deaf") != "deaf: up" {
		time.Sleep(time.Millisecond)
	}
	if killed := g.Stop(20 * time.Millisecond); len(killed) != 1 || killed[0] != "deaf" {
		t.Errorf("killed %v", killed)
	}
	if st := g.children[0].cmd.ProcessState.Sys().(syscall.WaitStatus); st.Signal() != syscall.SIGKILL {
		t.Errorf("ended by %v", st.Signal())
	}
}

// The port that a daemon chose is found in its log, and what answers there is
// looked at.
func TestReady(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "* OK hello\r\n")
			conn.Close()
		}
	}()
	g := &Group{Dir: t.TempDir()}
	script := `echo "level=INFO msg=listening proto=imaps address=127.0.0.1:1"; sleep 0.1
		echo "level=INFO msg=listening proto=imap address=$0"; exec sleep 60`
	if err := g.Start("imapd", "/bin/sh", "-c", script, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer g.Stop(time.Second)
	var c conf.Config
	c.IMAP.Listen = []string{"127.0.0.1:0"}
	got, err := g.Ready(t.Context(), Services(&c))
	if err != nil || len(got) != 1 || got[0].Address != l.Addr().String() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadyFails(t *testing.T) {
	g := &Group{Dir: t.TempDir()}
	if err := g.Start("pop3d", "/bin/sh", "-c", "echo no key; exit 3"); err != nil {
		t.Fatal(err)
	}
	defer g.Stop(time.Second)
	var c conf.Config
	c.POP3.Listen = []string{"127.0.0.1:0"}
	_, err := g.Ready(t.Context(), Services(&c))
	if err == nil || err.Error() != "pop3d has ended: exit status 3\npop3d: no key" {
		t.Errorf("got %v", err)
	}
}

func newSite(t *testing.T) *Site {
	t.Helper()
	s, err := New(filepath.Join(t.TempDir(), "run"), "bin")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPrepare(t *testing.T) {
	s := newSite(t)
	if err := s.Prepare(Ports{IMAP: 1}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(Ports{IMAP: 2}); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(s.Config())
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the configuration was changed: %v", err)
	}
	users, err := os.ReadFile(s.Users())
	if err != nil {
		t.Fatal(err)
	}
	field := strings.Split(string(users), ":")
	if len(field) != 8 || field[0] != "demo" || field[5] != s.Home() {
		t.Fatalf("users: %q", users)
	}
	d, err := shacrypt.Decode(strings.TrimPrefix(field[1], "{SHA512-CRYPT}"))
	if err != nil || !d.Match("demo") || d.Match("Demo") {
		t.Errorf("hash %q, %v", field[1], err)
	}
	if st, err := os.Stat(s.Users()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("users: %v, %v", st.Mode(), err)
	}
}

func TestWriteMail(t *testing.T) {
	s := newSite(t)
	if err := s.Prepare(Ports{}); err != nil {
		t.Fatal(err)
	}
	if has, err := s.HasMail(); has || err != nil {
		t.Errorf("mail before: %v, %v", has, err)
	}
	if err := s.WriteMail(samplemail.Generate(300, 1)); err != nil {
		t.Fatal(err)
	}
	if has, err := s.HasMail(); !has || err != nil {
		t.Errorf("mail: %v, %v", has, err)
	}
	names, err := uidlist.OpenSubscriptions(s.Home(), '.').List()
	if err != nil || len(names) != 9 {
		t.Errorf("subscribed to %q, %v", names, err)
	}
	if left, err := filepath.Glob(filepath.Join(s.Dir, "mail", "new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestConfigText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fantail.toml")
	if err := createFile(path, []byte(configText(Ports{1143, 1993, 1110, 1995, 8443}, "../bin"))); err != nil {
		t.Fatal(err)
	}
	c, err := conf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range Services(c) {
		got = append(got, v.Setting+"="+v.Address)
	}
	want := "imap.listen=127.0.0.1:1143 imap.listen_tls=127.0.0.1:1993 pop3.listen=127.0.0.1:1110 pop3.listen_tls=127.0.0.1:1995 webmail.listen_tls=127.0.0.1:8443"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	if home, err := c.MailPath("/somewhere"); home != "/somewhere" || err != nil {
		t.Errorf("mail of /somewhere: %s, %v", home, err)
	}
	if err := createFile(path, nil); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() == 0 {
		t.Errorf("an existing file was overwritten: %v", err)
	}
}

func TestWithHome(t *testing.T) {
	const other = "ann:{PLAIN}x:1:1::/home/ann::\n"
	got := withHome(other+"demo:{X}y:2:3:R:/old/demo::quota=1\n", "/new/demo")
	if want := other + "demo:{X}y:2:3:R:/new/demo::quota=1\n"; got != want {
		t.Errorf("got %q", got)
	}
}
