package apppw

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"fantail/internal/login/passdb/accountdir"
	"fantail/internal/login/userdb"
)

// owners says to which account an app password belongs: a directory with a file for each
// that is called as the SHA-256 of its secret, in hexadecimal digits, and has the name of
// the account in lower case and a newline. It only finds the account's file, which alone
// decides. One is written before the password is, and removed before it is revoked: what a
// crash leaves does no harm, and a password without one is known by its account's name.
type owners struct{ dir accountdir.Dir }

func openOwners(path string) owners {
	return owners{accountdir.Dir{Path: path, Most: userdb.MaxName + 1}}
}

// of returns the account of a password, "" if that is not known.
func (o owners) of(hash [sha256.Size]byte) (account string, err error) {
	name := hex.EncodeToString(hash[:])
	text, err := o.dir.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	account, ok := strings.CutSuffix(string(text), "\n")
	if !ok || userdb.CheckName(account) != nil || strings.ToLower(account) != account {
		return "", fmt.Errorf("a file of %s has no name of an account", o.dir.Path)
	}
	return account, nil
}

func (o owners) add(hash [sha256.Size]byte, account string) error {
	return o.dir.Change(hex.EncodeToString(hash[:]), true, func([]byte) ([]byte, error) {
		return []byte(account + "\n"), nil
	})
}

func (o owners) remove(hash [sha256.Size]byte) error {
	return o.dir.Change(hex.EncodeToString(hash[:]), true, func([]byte) ([]byte, error) { return nil, nil })
}
