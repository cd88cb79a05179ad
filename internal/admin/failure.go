package admin

import (
	"errors"
	"io/fs"
	"strings"
)

// Exit statuses: those of sysexits.h, and two for verbs that look for something. Plugins
// for monitoring have the same two.
const (
	exitOK          = 0
	exitFound       = 1 // something is to be mended
	exitWrong       = 2 // and cannot wait
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
		exitOK, exitFound, exitWrong, exitUsage, exitData, exitNoUser, exitUnavailable, exitIO, exitTemporary, exitPermission, exitConfig,
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
	case errors.Is(err, errWrong):
		return exitWrong
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
	words := strings.Split(next, " ")
	for i, word := range words[:len(words)-1] {
		if word == "fantail" {
			words[i] = "fantail -c " + argumentOf(t.config)
		}
	}
	return strings.Join(words, " ")
}

// errFound and errWrong say that a verb has told what it found.
var (
	errFound = errors.New("something is to be mended")
	errWrong = errors.New("something is wrong")
)
