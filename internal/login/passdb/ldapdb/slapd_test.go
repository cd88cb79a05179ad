package ldapdb

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
)

// slapd is a directory server with a configuration of its own.
type slapd struct {
	testing.TB
	dir    string
	tcp    string // address
	socket string // URI
	cmd    *exec.Cmd
	output bytes.Buffer
}

const slapdConf = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile pid
TLSCACertificateFile cert.pem
TLSCertificateFile cert.pem
TLSCertificateKeyFile key.pem
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=search,dc=example,dc=org" read by * none
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
directory data
overlay ppolicy
ppolicy_default "cn=policy,dc=example,dc=org"
ppolicy_use_lockout
`

const slapdData = `
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=policy,dc=example,dc=org
objectClass: pwdPolicy
objectClass: device
cn: policy
pwdAttribute: userPassword
pwdMaxAge: 86400
pwdLockout: TRUE
pwdMaxFailure: 1000
pwdMustChange: TRUE

dn: cn=search,dc=example,dc=org
objectClass: person
cn: search
sn: search
userPassword: looking
`

// person is an entry below dc=example,dc=org.
func person(dn, uid, more string) string {
	return fmt.Sprintf("\ndn: %s,dc=example,dc=org\nobjectClass: account\nobjectClass: posixAccount\ncn: x\nuid: %s\nuserPassword: secret\ngidNumber: 100\n%s\n", dn, uid, more)
}

func newSlapd(t testing.TB, data string) *slapd {
	t.Helper()
	s := &slapd{TB: t, dir: t.TempDir()}
	s.certificate()
	for name, text := range map[string]string{"conf": slapdConf, "ldif": slapdData + data} {
		s.must(os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600))
	}
	s.must(os.Mkdir(filepath.Join(s.dir, "data"), 0o700))
	add := exec.Command("/usr/sbin/slapadd", "-f", "conf", "-l", "ldif")
	add.Dir = s.dir
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.tcp = l.Addr().String()
	s.must(l.Close())
	s.socket = "ldapi://" + url.QueryEscape(filepath.Join(s.dir, "socket"))
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *slapd) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// start starts the server and waits until it listens.
func (s *slapd) start() {
	s.Helper()
	s.cmd = exec.Command("/usr/sbin/slapd", "-f", "conf", "-d", "0", "-h", s.socket+" ldap://"+s.tcp)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, &s.output, &s.output
	s.must(s.cmd.Start())
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", s.tcp)
		if err == nil {
			s.must(c.Close())
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("slapd does not listen: %v\n%s", err, s.output.String())
		}
	}
}

func (s *slapd) stop() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Error(err)
	}
	_ = s.cmd.Wait() // it ended because of the signal
	s.cmd = nil
}

// certificate makes the pair with which the server certifies itself.
func (s *slapd) certificate() {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "directory"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	s.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	s.must(os.WriteFile(filepath.Join(s.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// settings are those of an administrator of this directory.
func (s *slapd) settings() conf.LDAPSettings {
	s.Helper()
	password := filepath.Join(s.dir, "password")
	s.must(os.WriteFile(password, []byte("looking\n"), 0o600))
	return conf.LDAPSettings{
		URI: s.socket, StartTLS: true, Base: "dc=example,dc=org", Filter: "(&(objectClass=posixAccount)(uid=%{user}))",
		BindDN: "cn=search,dc=example,dc=org", BindPasswordFile: password,
		Attributes: conf.LDAPAttributes{User: "uid", UID: "uidNumber", GID: "gidNumber", Home: "homeDirectory"},
	}
}
