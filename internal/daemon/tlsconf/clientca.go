package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"fantail/internal/daemon/conf"
)

// authorities are those who certify clients, in a file.
type authorities struct {
	path  string // "": clients are not asked
	stamp stamp
	inUse *x509.CertPool
}

// look returns the stamp of the file as it is now.
func (a *authorities) look() (now stamp) {
	if info, err := os.Stat(a.path); err == nil {
		now = stamp{info.ModTime(), info.Size(), info}
	}
	return now
}

func (a *authorities) changed() bool { return a.path != "" && !a.look().equal(a.stamp) }

// read reads the file, as a pair's are.
func (a *authorities) read() error {
	a.stamp = a.look()
	data, err := readFile(a.path)
	if err != nil {
		return fmt.Errorf("read tls.client_ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return fmt.Errorf("tls.client_ca %s: no certificate in it", a.path)
	}
	a.inUse = pool
	return nil
}

// CheckClientCA reports what is wrong with a file of those who certify clients.
func CheckClientCA(path string) error { return (&authorities{path: path}).read() }

// ask makes config one for connections whose clients are asked for certificates. One
// without is served all the same; one with a certificate that is not good is not. A
// session that is resumed brings the certificate of its first connection along, if that
// is still good for those who certify now; otherwise there is a new handshake.
func (a *authorities) ask(config *tls.Config) *tls.Config {
	config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, a.inUse
	return config
}

// maxName is the longest name of an account, in octets.
const maxName = 255

// ClientName returns the name of the account for which a verified certificate of a client
// is: the first of its kind. It is an error if there is none.
func ClientName(leaf *x509.Certificate, kind conf.CertificateName) (string, error) {
	var names []string
	switch kind {
	case conf.CertificateEmail:
		names = leaf.EmailAddresses
	case conf.CertificateDNS:
		names = leaf.DNSNames
	case conf.CertificateCommonName:
		names = []string{leaf.Subject.CommonName}
	}
	switch {
	case len(names) == 0 || names[0] == "":
		return "", fmt.Errorf("the certificate has no name of the kind %s", kind)
	case len(names[0]) > maxName || !utf8.ValidString(names[0]) || strings.ContainsFunc(names[0], unicode.IsControl):
		return "", errors.New("the certificate's name is none that an account can have")
	}
	return names[0], nil
}
