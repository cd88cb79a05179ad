package authd

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/sasl"
)

const secretSize = 32

// decoy makes the decoys for accounts that have no SCRAM keys, if one of the mechanisms
// needs any. Their secret is in a file: salts of accounts do not change when authd is
// started anew, and neither must those of decoys.
func decoy(cfg *conf.Config) (sasl.Decoy, error) {
	if !slices.ContainsFunc(cfg.Auth.Mechanisms, func(m string) bool { return strings.HasPrefix(m, "SCRAM-") }) {
		return sasl.Decoy{}, nil
	}
	secret, err := loadSecret(filepath.Join(cfg.Auth.Directory, "decoy"))
	if err != nil {
		return sasl.Decoy{}, fmt.Errorf("the secret of decoys for SCRAM: %w", err)
	}
	return sasl.Decoy{Secret: secret, Iterations: scheme.SCRAMIterations, SaltSize: scheme.SCRAMSalt}, nil
}

// loadSecret reads a secret, and makes it if there is none. Of several who make it at
// once one wins, and all have the same.
func loadSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		secret, err = os.ReadFile(path)
	}
	if err == nil && len(secret) != secretSize {
		err = fmt.Errorf("%s has %d octets, not %d", path, len(secret), secretSize)
	}
	return secret, err
}

func makeSecret(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // its content has another name then
	var secret [secretSize]byte
	rand.Read(secret[:]) // never fails
	_, err = f.Write(secret[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
