package tlsconf

import (
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fantail/internal/daemon/tlsconf/tlstest"
)

// TestExamine: each pair that there is, and what clients would think of it.
func TestExamine(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	ca := tlstest.New(t)
	long := func(c *x509.Certificate) {
		c.NotAfter = time.Now().AddDate(0, 2, 0)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	o := Options{Certificate: path("own.pem"), Key: path("own.key"), Host: "mail.example.org", Clock: time.Now}
	if list, err := Examine(o); err != nil || len(list) != 0 {
		t.Errorf("nothing: %+v, %v", list, err)
	}
	tlstest.Write(t, ca.Client(t, "x@example.org", long), path("own.pem"), path("own.key"))
	if err := os.Mkdir(path("more"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.Directory = path("more")
	tlstest.Write(t, ca.Server(t, "www.example.org"), path("more/a.crt"), path("more/a.key"))
	if err := os.WriteFile(path("more/b.crt"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("more/b.key"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := Examine(o)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	own, a, b := list[0], list[1], list[2]
	if own.Err != nil || own.Certificate != o.Certificate || own.Key != o.Key || own.Soon || own.SelfSigned || own.Trusted == nil {
		t.Errorf("%+v", own)
	}
	if a.Err != nil || !a.Soon || a.Leaf.DNSNames[0] != "www.example.org" || a.Certificate != path("more/a.crt") {
		t.Errorf("%+v", a)
	}
	if b.Err == nil || b.Leaf != nil {
		t.Errorf("%+v", b)
	}
	if err := os.Remove(o.Key); err != nil {
		t.Fatal(err)
	}
	if list, err := Examine(o); err != nil || list[0].Err == nil {
		t.Errorf("half a pair: %+v, %v", list, err)
	}
	o.Directory = path("none")
	if _, err := Examine(o); err == nil {
		t.Error("a directory that is not there")
	}
}

// TestExamineSelfSigned: the pair that is made at the first start is one.
func TestExamineSelfSigned(t *testing.T) {
	dir := t.TempDir()
	o := Options{Certificate: filepath.Join(dir, "c.pem"), Key: filepath.Join(dir, "k.pem"), Host: "mail.example.org", Clock: time.Now, Log: slog.New(slog.DiscardHandler)}
	if _, err := Load(o); err != nil {
		t.Fatal(err)
	}
	list, err := Examine(o)
	if err != nil || len(list) != 1 || list[0].Err != nil || !list[0].SelfSigned || list[0].Soon {
		t.Errorf("%+v, %v", list, err)
	}
}
