//go:build !pam || !cgo

package main

import (
	"errors"

	"fantail/internal/login/passdb/pam/wire"
)

var errWithout = errors.New("this program is built without PAM")

// available reports why PAM cannot be asked.
func available() error { return errWithout }

// ask cannot.
func ask(string, *wire.Request) (wire.Answer, error) { return wire.Unavailable, errWithout }
