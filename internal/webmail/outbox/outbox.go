// Package outbox is what an account has sent that has not left yet: jobs on disk, in
// fantail-webmail/outbox of its Maildir. The session of webmail puts them there and may
// take them back; webmail-submit, which runs as the same user, sends them.
//
// A job is a directory with three files: job.json says what is to be done, message is
// what the transport gets, head is the header of the sender's own copy, which names those
// in Bcc, too. Which directory it is in is its state, so every change of state is one
// rename(2), of which exactly one wins:
//
//	writing/ID    being written, or being removed. Nobody reads it
//	queued/ID     waits until job.NotBefore. Cancel and Change are for this state alone
//	claimed/ID    webmail-submit has it; nobody else knows of it yet
//	sending/ID    the transport may have got all of it
//	sent/ID       the transport has said yes. What is left: the copy in Sent, the draft
//	              that it was, the flag on what it answers
//	failed/ID     it will not be sent; the draft that it was is told so
//	damaged/ID    its job.json makes no sense: nothing is done with it any more, its owner is
//	              told, and the draft that it was stays
//	notices/ID.json  what its owner is to be told, until it is dismissed
//
//	writing ─Add─► queued ─Claim─► claimed ─Sending─► sending ─Sent─► sent ─Done─► gone
//	                  │ ▲              │                  │
//	           Cancel │ ╰────Retry─────┴──────────────────┤ (a clear "not now")
//	                  ▼                                   ╰─Fail─► failed ─Done─► gone
//	                 gone
//
// # What a crash leaves
//
// Files and directories are synced before the rename that tells of them, and the two
// directories of a rename after it, so the state on disk is never ahead of what happened.
// One process at a time works on the jobs of an account (Lock). What it finds when it
// begins is from one that died:
//
//	claimed   nothing has left: queued again
//	sending   nobody can know whether it has left. It is never sent again by itself: it
//	          fails, with the reason Unknown, and the draft stays for its owner to decide
//	sent      it has left: what is left to do is done, which can be done twice
//	failed    likewise
//	writing   older than a day: nobody writes it any more, and it is removed
//
// The draft of a message stays in Drafts until its job is sent, so nothing that was
// written depends on this directory alone.
package outbox

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/webmail/settings"
)

// Kind is what a job does.
type Kind string

// The kinds.
const (
	Message     Kind = "message"
	Unsubscribe Kind = "unsubscribe" // one-click (RFC 8058)
)

// Mark is what the message does to the one that it answers or passes on.
type Mark string

// The marks.
const (
	NoMark    Mark = ""
	Answered  Mark = "answered"  // \Answered
	Forwarded Mark = "forwarded" // $Forwarded
)

// Place is a message in a mailbox. The zero Place is none.
type Place struct {
	Mailbox  string `json:"mailbox"`
	Validity uint32 `json:"validity"`
	UID      uint32 `json:"uid"`
}

// Job is something to be done.
type Job struct {
	Kind      Kind      `json:"kind"`
	Created   time.Time `json:"created"`
	NotBefore time.Time `json:"notBefore"`
	Attempts  int       `json:"attempts,omitempty"`
	Last      string    `json:"last,omitempty"` // what the transport said to the last attempt

	// Of a message.
	From      string   `json:"from,omitempty"` // of the envelope
	To        []string `json:"to,omitempty"`   // of the envelope: all recipients
	Subject   string   `json:"subject,omitempty"`
	MessageID string   `json:"messageId,omitempty"`
	SMTPUTF8  bool     `json:"smtputf8,omitempty"` // only a transport with RFC 6531 can take it
	EightBit  bool     `json:"eightBit,omitempty"` // or with RFC 6152
	Notify    bool     `json:"notify,omitempty"`   // delivery reports are wanted (RFC 3461)
	Copy      bool     `json:"copy,omitempty"`     // into Sent
	Draft     Place    `json:"draft"`
	Source    Place    `json:"source"` // what it answers or passes on
	Mark      Mark     `json:"mark,omitempty"`

	// Of an unsubscription.
	URL  string `json:"url,omitempty"`
	List string `json:"list,omitempty"` // as people call it
}

// State is where a job is.
type State string

// The states. Those of one in writing nobody sees.
const (
	writing State = "writing"
	Queued  State = "queued"
	Claimed State = "claimed"
	Sending State = "sending"
	Sent    State = "sent"
	Failed  State = "failed"
	// damaged is of what only people look at.
	damaged State = "damaged"
)

var states = []State{writing, Queued, Claimed, Sending, Sent, Failed}

// Entry is a job in the outbox.
type Entry struct {
	ID    string
	State State
	Job   Job
}

// ErrTooLate says that a job is not there any more, or that nothing about it can be
// changed, since it is on its way.
var ErrTooLate = errors.New("the message is on its way")

// ErrFull says that there are too many jobs.
var ErrFull = errors.New("too many messages wait to be sent")

const (
	maxJobs = 1000
	maxJSON = 1 << 20
)

// Box is the outbox of one account. It is safe for many goroutines and processes.
type Box struct {
	dir   string
	clock func() time.Time
	// step is called between any two steps that a crash could come between.
	step func(name string)
}

// Open returns the outbox of the account whose Maildir is at path. Directories are made
// when they are needed.
func Open(maildir string) *Box {
	return &Box{dir: filepath.Join(maildir, settings.Directory, "outbox"), clock: time.Now, step: func(string) {}}
}

// SetSteps has f called between any two steps that a crash could come between, for tests.
func (b *Box) SetSteps(f func(name string)) { b.step = f }

// Step tells of a step of a caller's.
func (b *Box) Step(name string) { b.step(name) }

func (b *Box) path(s State, name ...string) string {
	return filepath.Join(append([]string{b.dir, string(s)}, name...)...)
}

// make makes the directories.
func (b *Box) make() error {
	for _, s := range append(slices.Clone(states), notices, damaged) {
		if err := os.MkdirAll(b.path(s), 0o700); err != nil {
			return fmt.Errorf("make the outbox: %w", err)
		}
	}
	return nil
}

// Add puts a job into the queue. message writes what the transport gets, and head the
// header of the sender's copy; they are nil for a job without a message. When it returns,
// the job survives a power cut.
func (b *Box) Add(j Job, message, head func(io.Writer) error) (id string, err error) {
	if err := b.make(); err != nil {
		return "", err
	}
	list, err := b.names(Queued)
	if err != nil {
		return "", err
	}
	if len(list) >= maxJobs {
		return "", ErrFull
	}
	id = strings.ToLower(rand.Text())
	dir := b.path(writing, id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("queue a message: %w", err)
	}
	err = b.fill(dir, j, message, head)
	if err == nil {
		err = b.move(id, writing, Queued)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("queue a message: %w", err), os.RemoveAll(dir))
	}
	return id, nil
}

func (b *Box) fill(dir string, j Job, message, head func(io.Writer) error) error {
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{{"message", message}, {"head", head}} {
		if f.write == nil {
			continue
		}
		if err := writeFile(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
		b.step("written " + f.name)
	}
	if err := writeJSON(filepath.Join(dir, "job.json"), j); err != nil {
		return err
	}
	b.step("written job")
	return syncDir(dir)
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Sync(), f.Close())
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFile(path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// replaceJSON replaces a file as a whole.
func replaceJSON(path string, v any) error {
	temporary := path + "." + strings.ToLower(rand.Text())
	if err := writeJSON(temporary, v); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		_ = os.Remove(temporary) // it may have gone with its directory
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// move brings a job from one state to another, durably.
func (b *Box) move(id string, from, to State) error {
	b.step("before " + string(to))
	if err := os.Rename(b.path(from, id), b.path(to, id)); err != nil {
		return err
	}
	b.step("after " + string(to))
	return errors.Join(syncDir(b.path(to)), syncDir(b.path(from)))
}

// isID reports whether a name can be one of a job.
func isID(name string) bool {
	return name != "" && len(name) <= 40 && !strings.ContainsFunc(name, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
}

// names returns the ids of the jobs in a state.
func (b *Box) names(s State) ([]string, error) {
	list, err := os.ReadDir(b.path(s))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the outbox: %w", err)
	}
	var out []string
	for _, e := range list {
		if e.IsDir() && isID(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// errDamaged is wrapped by what read says of a job that makes no sense.
var errDamaged = errors.New("the job is damaged")

// read reads the job of an id in a state. The error is that of the file, fs.ErrNotExist if
// the job is not in that state any more, or errDamaged.
func (b *Box) read(s State, id string) (Job, error) {
	var j Job
	err := readJSON(b.path(s, id, "job.json"), &j)
	if err == nil && j.Kind != Message && j.Kind != Unsubscribe {
		err = fmt.Errorf("%w: it is a %.40q", errDamaged, j.Kind)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, gone := os.Stat(b.path(s, id)); gone == nil { // the directory stays while it has no job
			if _, again := os.Stat(b.path(s, id, "job.json")); errors.Is(again, fs.ErrNotExist) {
				err = fmt.Errorf("%w: it has no file", errDamaged)
			}
		}
	}
	return j, err
}

func readJSON(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxJSON))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %s: %w", errDamaged, path, err)
	}
	return nil
}

// List returns all jobs, those that are due first at the beginning. A job that leaves its
// state meanwhile may be missing, and one that is damaged is, which Recover sets aside.
func (b *Box) List() ([]Entry, error) {
	var out []Entry
	for _, s := range states[1:] {
		list, err := b.names(s)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			j, err := b.read(s, id)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errDamaged) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("list the outbox: %w", err)
			}
			out = append(out, Entry{id, s, j})
		}
	}
	slices.SortStableFunc(out, func(x, y Entry) int { return x.Job.NotBefore.Compare(y.Job.NotBefore) })
	return out, nil
}

// Count counts what its owner may want to look at: the jobs that have not been sent, and
// the notices. It is cheap.
func (b *Box) Count() (int, error) {
	n := 0
	for _, s := range []State{Queued, Claimed, Sending} {
		list, err := b.names(s)
		if err != nil {
			return 0, err
		}
		n += len(list)
	}
	list, err := b.notices()
	return n + min(len(list), maxNotices), err
}

// Cancel takes a job out of the queue and returns it. With ErrTooLate it is being sent, or
// was.
func (b *Box) Cancel(id string) (Job, error) {
	if !isID(id) {
		return Job{}, ErrTooLate
	}
	gone := strings.ToLower(rand.Text())
	err := os.Rename(b.path(Queued, id), b.path(writing, gone))
	if errors.Is(err, fs.ErrNotExist) {
		return Job{}, ErrTooLate
	}
	if err == nil {
		err = errors.Join(syncDir(b.path(Queued)), syncDir(b.path(writing)))
	}
	if err != nil {
		return Job{}, fmt.Errorf("cancel a message: %w", err)
	}
	j, err := b.read(writing, gone)
	if err != nil {
		err = fmt.Errorf("cancel a message: %w", err)
	}
	return j, errors.Join(err, os.RemoveAll(b.path(writing, gone)))
}

// Change changes when a job that waits is due.
func (b *Box) Change(id string, notBefore time.Time) error {
	if !isID(id) {
		return ErrTooLate
	}
	// In place: if it is claimed between any two of these steps, either the claim sees the
	// change, or the path is not there any more.
	j, err := b.read(Queued, id)
	if err == nil {
		j.NotBefore = notBefore
		err = replaceJSON(b.path(Queued, id, "job.json"), j)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return ErrTooLate
	}
	if err != nil {
		return fmt.Errorf("change a message: %w", err)
	}
	return nil
}

// Lock waits until no other process works on the jobs, and keeps others from it until
// release is called or this one ends.
func (b *Box) Lock() (release func() error, err error) {
	if err := b.make(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(b.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the outbox: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the outbox: %w", err), f.Close())
	}
	return f.Close, nil
}
