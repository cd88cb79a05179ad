package launch

import (
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lookEvery is how often files are looked at whether they have changed. So a login that
// comes later than that after a change gets a program that knows of it.
const lookEvery = time.Second

// files is what was found of the files that programs depend on.
type files struct {
	clock func() time.Time // nil: time.Now

	mu    sync.Mutex // guards what follows
	found map[string]found
}

// found is the state of one thing, in words, and when that was looked at.
type found struct {
	state string
	at    time.Time
}

// state returns what look says of a thing, or has said a moment ago.
func (f *files) state(name string, look func() string) string {
	clock := f.clock
	if clock == nil {
		clock = time.Now
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := clock()
	if s, ok := f.found[name]; ok && now.Sub(s.at) < lookEvery {
		return s.state
	}
	if f.found == nil {
		f.found = make(map[string]found)
	}
	s := found{look(), now}
	f.found[name] = s
	return s.state
}

// stampOf identifies the state of a program's file.
func stampOf(path string) string {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil { // that there is none is found out when it is started
		return err.Error()
	}
	var b []byte
	for _, n := range []int64{int64(st.Dev), int64(st.Ino), st.Size, st.Ctim.Sec, st.Ctim.Nsec} {
		b = append(strconv.AppendInt(b, n, 10), ' ')
	}
	return string(b)
}

// edition is what a program depends on that can change while it runs: as whom, its
// command line, its own file, the configuration. A login after a change gets a program
// that knows of it, if it comes not at once (lookEvery).
func (o *Options) edition(args []string, home string, who *syscall.Credential) string {
	var b strings.Builder
	part := func(s string) {
		b.WriteString(s)
		b.WriteByte(0) // which is in no argument
	}
	part(as(who))
	part(home)
	for _, a := range args {
		part(a)
	}
	part(o.files.state(args[0], func() string { return stampOf(args[0]) }))
	part(o.files.state("", o.ConfigStamp)) // no program has that name
	return b.String()
}

// as is as whom a program runs, in words.
func as(who *syscall.Credential) string {
	if who == nil {
		return ""
	}
	b := strconv.AppendUint(nil, uint64(who.Uid), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(who.Gid), 10)
	for _, g := range who.Groups {
		b = strconv.AppendUint(append(b, ' '), uint64(g), 10)
	}
	return string(b)
}
