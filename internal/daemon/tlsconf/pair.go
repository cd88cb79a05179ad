package tlsconf

import (
	"crypto/tls"
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
// is read again.
func (p *pair) read() error {
	p.stamps = p.look()
	certificate, err := readFile(p.certificate)
	if err != nil {
		return fmt.Errorf("read %scertificate: %w", p.setting, err)
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
