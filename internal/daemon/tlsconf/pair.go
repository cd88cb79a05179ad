package tlsconf

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	warnBefore = 14 * 24 * time.Hour
	maxFile    = 1 << 20 // octets of one PEM file
)

// pair is a certificate and its key, in two files.
type pair struct {
	certificate, key string // paths
	setting          string // "tls." if settings name the files, for errors

	stamps [2]stamp         // of the files when they were last read
	inUse  *tls.Certificate // the last that could be used; nil: none yet

	complaint string // of the last read; "": there was none
}

// stamp tells whether a file was replaced or written.
type stamp struct {
	modified time.Time
	size     int64
	file     fs.FileInfo // for os.SameFile
}

func (s stamp) equal(t stamp) bool {
	if s.file == nil || t.file == nil {
		return s.file == t.file
	}
	return s.size == t.size && s.modified.Equal(t.modified) && os.SameFile(s.file, t.file)
}

// look returns the stamps of the files as they are now.
func (p *pair) look() (stamps [2]stamp) {
	for i, path := range []string{p.certificate, p.key} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size(), info}
		}
	}
	return stamps
}

// gone reports whether neither file is there.
func (p *pair) gone() bool {
	now := p.look()
	return now[0].file == nil && now[1].file == nil
}

// changed reports whether the files are others than those that were read.
func (p *pair) changed() bool {
	now := p.look()
	return !now[0].equal(p.stamps[0]) || !now[1].equal(p.stamps[1])
}

// read reads the files. Their stamps are kept even if they cannot be used, so that one
// bad pair is reported once. They were taken before reading: a file that changed since
// is read again. sign returns the key if it is not to be read.
func (p *pair) read(sign func(crypto.PublicKey) (crypto.Signer, error)) error {
	p.stamps = p.look()
	certificate, err := readFile(p.certificate)
	if err != nil {
		return fmt.Errorf("read %scertificate: %w", p.setting, err)
	}
	if sign != nil {
		read, err := chain(certificate)
		if err == nil {
			read.PrivateKey, err = sign(read.Leaf.PublicKey)
		}
		if err != nil {
			return fmt.Errorf("%scertificate %s: %w", p.setting, p.certificate, err)
		}
		p.inUse = read
		return nil
	}
	key, err := readFile(p.key)
	if err != nil {
		return fmt.Errorf("read %skey: %w", p.setting, err)
	}
	read, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("%[1]scertificate %[2]s with %[1]skey %[3]s: %[4]w", p.setting, p.certificate, p.key, err)
	}
	p.inUse = &read
	return nil
}

// chain reads a certificate and those behind it.
func chain(data []byte) (*tls.Certificate, error) {
	var c tls.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			c.Certificate = append(c.Certificate, block.Bytes)
		}
	}
	if c.Certificate == nil {
		return nil, errors.New("no certificate in it")
	}
	var err error
	c.Leaf, err = x509.ParseCertificate(c.Certificate[0])
	return &c, err
}

// expires reports whether the certificate in use does so soon.
func (p *pair) expires(now time.Time) bool {
	return p.inUse.Leaf.NotAfter.Before(now.Add(warnBefore))
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d octets", path, maxFile)
	}
	return data, err
}
