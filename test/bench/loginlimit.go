package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"time"
)

// loginBare is the limit of logins: connections over loopback on which as many lines
// are exchanged, within this process, and with TLS a handshake with an ECDSA key. No
// password is checked, no process changes, no mailbox is looked at.
func loginBare(secure bool) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	d := daemon{imap: l.Addr().String(), imaps: l.Addr().String()}
	line := loginLine{accounts: 1}
	if secure {
		config, err := bareTLS()
		if err != nil {
			return 0, err
		}
		l = tls.NewListener(l, config)
		line.secure = fullHandshake
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // it is closed
			}
			go func() {
				defer conn.Close()
				// What goes wrong here the client sees.
				_, _ = io.WriteString(conn, "* OK\r\n")
				lines := bufio.NewScanner(conn)
				for range 3 {
					if lines.Scan() {
						_, _ = io.WriteString(conn, tag+" OK\r\n")
					}
				}
			}()
		}
	}()
	a, err := d.logins(line, []string{"nobody"})
	return a.time, err
}

func bareTLS() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, nil
}
