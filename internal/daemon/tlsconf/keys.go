package tlsconf

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Keys are the private keys of the Options, for a process that has nothing else of the
// certificates. Another one has those, and no keys (Options.Sign). It is safe for many
// goroutines.
//
// Files are looked at when a key is asked for that is not known, at most once a second,
// since a key is asked for when its certificate is there. One that was replaced is good
// for a while longer: who asks may not have seen its new certificate yet.
type Keys struct {
	o  Options
	id func(crypto.PublicKey) ([32]byte, error)

	mu     sync.Mutex // guards what follows
	files  []*keyFile
	looked time.Time
}

// keyFile is a file with a private key.
type keyFile struct {
	path      string
	stamp     stamp
	now, last *key // in the file, and before it was replaced
}

type key struct {
	id     [32]byte
	signer crypto.Signer
}

// LoadKeys reads the keys, or makes the self-signed pair if there is neither certificate
// nor key. id names a key by its public part. That one of the directory cannot be used is
// logged.
func LoadKeys(o Options, id func(crypto.PublicKey) ([32]byte, error)) (*Keys, error) {
	k := &Keys{o: o, id: id}
	if _, err := os.Lstat(o.Key); errors.Is(err, fs.ErrNotExist) {
		if err := newServer(o).ensure(); err != nil {
			return nil, err
		}
	}
	if err := k.Reload(); err != nil {
		if !k.has(o.Key) {
			return nil, err
		}
		o.Log.Error("key not read", "err", err)
	}
	return k, nil
}

// CheckKeys reports what LoadKeys would have to say about the files, and makes none.
func CheckKeys(o Options, id func(crypto.PublicKey) ([32]byte, error)) error {
	if _, err := os.Lstat(o.Key); errors.Is(err, fs.ErrNotExist) {
		certificate, noKey, err := newServer(o).missing()
		if err != nil || certificate && noKey {
			return err
		}
	}
	o.Log = slog.New(slog.DiscardHandler)
	return (&Keys{o: o, id: id}).Reload()
}

// Reload reads all keys now, and forgets those that were replaced. Of one that cannot be
// read the last one stays.
func (k *Keys) Reload() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	errs := k.look(true)
	for _, f := range k.files {
		f.last = nil
	}
	return errors.Join(errs...)
}

// Find returns the key of that name.
func (k *Keys) Find(id [32]byte) (crypto.Signer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.find(id); ok {
		return s, true
	}
	if now := k.o.Clock(); !now.Before(k.looked) && now.Sub(k.looked) < lookEvery {
		return nil, false
	}
	for _, err := range k.look(false) {
		k.o.Log.Error("key not read", "err", err)
	}
	return k.find(id)
}

func (k *Keys) find(id [32]byte) (crypto.Signer, bool) {
	for _, f := range k.files {
		for _, one := range []*key{f.now, f.last} {
			if one != nil && one.id == id {
				return one.signer, true
			}
		}
	}
	return nil, false
}

// has reports whether there is the key of a file.
func (k *Keys) has(path string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.files, func(f *keyFile) bool { return f.path == path && f.now != nil })
}

// look reads the files that have changed, or all.
func (k *Keys) look(all bool) (errs []error) {
	k.looked = k.o.Clock()
	paths := []string{k.o.Key}
	if k.o.Directory != "" {
		pairs, err := findPairs(k.o.Directory)
		if err != nil && all {
			errs = append(errs, fmt.Errorf("read tls.directory: %w", err))
		}
		for _, p := range pairs {
			paths = append(paths, p.key)
		}
	}
	var files []*keyFile
	for _, path := range paths {
		i := slices.IndexFunc(k.files, func(f *keyFile) bool { return f.path == path })
		f := &keyFile{path: path}
		if i >= 0 {
			f = k.files[i]
		}
		if err := f.look(all, k.id); err != nil {
			errs = append(errs, err)
		}
		files = append(files, f)
	}
	k.files = files
	return errs
}

// look reads the file if it has changed.
func (f *keyFile) look(always bool, id func(crypto.PublicKey) ([32]byte, error)) error {
	var now stamp
	if info, err := os.Stat(f.path); err == nil {
		now = stamp{info.ModTime(), info.Size(), info}
	}
	if !always && now.equal(f.stamp) {
		return nil
	}
	f.stamp = now
	one, err := readKey(f.path)
	if err == nil {
		one.id, err = id(one.signer.Public())
	}
	if err != nil {
		return fmt.Errorf("key %s: %w", f.path, err)
	}
	if f.now == nil || f.now.id != one.id {
		f.now, f.last = one, f.now
	}
	return nil
}

// readKey reads a file with a private key, in PEM.
func readKey(path string) (*key, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	for {
		block, rest := pem.Decode(data)
		switch {
		case block == nil:
			return nil, errors.New("no private key in it")
		case block.Type == "PRIVATE KEY" || strings.HasSuffix(block.Type, " PRIVATE KEY"):
			signer, err := parseKey(block.Bytes)
			if err != nil {
				return nil, err
			}
			return &key{signer: signer}, nil
		}
		data = rest
	}
}

// parseKey reads a key in one of the forms in which they are written.
func parseKey(der []byte) (crypto.Signer, error) {
	var parsed any
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		parsed, err = x509.ParsePKCS1PrivateKey(der)
	}
	if err != nil {
		parsed, err = x509.ParseECPrivateKey(der)
	}
	if err != nil {
		return nil, errors.New("a private key of an unknown form")
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key that signs nothing: %T", parsed)
	}
	return signer, nil
}
