package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/test/site"
)

// TestMain makes the test binary one of the programs that the demo starts, if
// a script of fakes calls it.
func TestMain(m *testing.M) {
	role := os.Getenv("DEMO_ROLE")
	if role == "" {
		os.Exit(m.Run())
	}
	log.SetFlags(0)
	switch role {
	case "dies":
		log.Print("no certificate")
		os.Exit(3)
	case "deliver":
		if err := fakeDeliver(os.Args); err != nil {
			log.Fatal(err)
		}
	default:
		if err := fakeDaemon(role, os.Args); err != nil {
			log.Fatal(err)
		}
	}
}

func fakeDeliver(args []string) error {
	if len(args) != 5 || args[1] != "-c" || args[3] != "-d" || args[4] != site.Account {
		return fmt.Errorf("called as %q", args)
	}
	message, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	dir := filepath.Join(filepath.Dir(args[2]), "mail", site.Account, "new")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, fmt.Sprint(time.Now().UnixNano())), message, 0o600)
}

// fakeDaemon listens where the configuration says and greets.
func fakeDaemon(role string, args []string) error {
	if len(args) != 3 || args[1] != "-c" {
		return fmt.Errorf("called as %q", args)
	}
	c, err := conf.Load(args[2])
	if err != nil {
		return err
	}
	kind, how, _ := strings.Cut(role, " ")
	pair, err := certificate()
	if err != nil {
		return err
	}
	for _, s := range site.Services(c) {
		greeting := s.Greets + " hello\r\n"
		if kind == "rude" && s.Program == "imapd" {
			greeting = "220 who are you?\r\n"
		} else if s.Program != kind {
			continue
		}
		l, err := net.Listen("tcp", s.Address)
		if err != nil {
			return err
		}
		if s.TLS {
			l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}})
		}
		go serve(l, s.Greets == "", greeting)
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	switch {
	case how == "later":
		time.Sleep(time.Second)
		os.Exit(4)
	case kind == "rude":
		time.Sleep(100 * time.Millisecond)
		return fmt.Errorf("rude, and gone")
	}
	<-stopped
	return nil
}

func serve(l net.Listener, http bool, greeting string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if !http {
				io.WriteString(conn, greeting)
				return
			}
			r := bufio.NewScanner(conn)
			for r.Scan() && r.Text() != "" {
			}
			io.WriteString(conn, "HTTP/1.1 303 See Other\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n")
		}()
	}
}

func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
