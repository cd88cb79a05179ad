package admin

import (
	"errors"
	"io/fs"
	"strings"
)

// Exit statuses: those of sysexits.h, and exitFound for a check that has found
// something.
const (
	exitOK          = 0
	exitFound       = 1
	exitUsage       = 64
	exitData        = 65 // a file or an input is not as it should be
	exitNoUser      = 67
	exitUnavailable = 69 // a daemon or a source cannot be asked
	exitIO          = 74
	exitTemporary   = 75 // it goes on longer than it should
	exitPermission  = 77
	exitConfig      = 78
)

// Statuses are all of them, and behind these the statuses of fsck, for the manual.
func Statuses() []int {
	return []int{
		exitOK, exitFound, exitUsage, exitData, exitNoUser, exitUnavailable, exitIO, exitTemporary, exitPermission, exitConfig,
		exitOK, fsckMended, fsckLeft, fsckFailed, fsckUsage,
	}
}

// failure is an error with its exit status.
type failure struct {
	code int
	err  error
	next string // what to type; "" if there is nothing
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// tell tells why a verb has failed, and returns the exit status.
func (t *tool) tell(err error) int {
	if err == nil {
		return exitOK
	}
	var f *failure
	switch {
	case errors.Is(err, errTold):
		return exitUsage
	case errors.Is(err, errFound):
		return exitFound
	case errors.As(err, &f):
	case errors.Is(err, fs.ErrPermission):
		f = &failure{exitPermission, err, "as root: the same again"}
	default:
		f = &failure{exitIO, err, ""}
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		t.warn("%s", line)
	}
	if f.next != "" {
		t.warn("    %s", t.typed(f.next))
	}
	return f.code
}

// typed is what to type, with the configuration file that this call has.
func (t *tool) typed(next string) string {
	if t.config == "" {
		return next
	}
	return strings.ReplaceAll(next, "fantail ", "fantail -c "+argumentOf(t.config)+" ")
}

// errFound says that a check has told what it found.
var errFound = errors.New("something is wrong")
