package outbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Reason is why the owner is told something.
type Reason string

// The reasons.
const (
	Refused Reason = "refused" // the transport will never take it
	Expired Reason = "expired" // nor has it in all the time that it was tried
	Unknown Reason = "unknown" // it may have been sent, or not
	NoCopy  Reason = "noCopy"  // it was sent; there is no copy in Sent
	Sender  Reason = "sender"  // not an address of the account
	Damaged Reason = "damaged" // what was to be done cannot be read any more
)

// notices is not the state of a job, but a directory beside those of the states.
const notices State = "notices"

// Notice is what the owner of a job is told.
type Notice struct {
	ID      string    `json:"-"`
	Kind    Kind      `json:"kind"`
	Reason  Reason    `json:"reason"`
	Said    string    `json:"said,omitempty"` // by the transport: hostile text
	Subject string    `json:"subject,omitempty"`
	To      []string  `json:"to,omitempty"`
	List    string    `json:"list,omitempty"`
	Time    time.Time `json:"time"`
	// Draft is where the message is that was not sent, and MessageID finds it where it is
	// another version now.
	Draft     Place  `json:"draft"`
	MessageID string `json:"messageId,omitempty"`
}

// maxSaid is how much is kept of what a transport says, in octets.
const maxSaid = 2000

// maxNotices is how many are kept. More of them say nothing new.
const maxNotices = 100

// Tell leaves a notice about the job. A second one takes the place of the first.
func (h *Held) Tell(reason Reason, said string) error {
	if len(said) > maxSaid {
		said = said[:maxSaid]
	}
	n := Notice{
		Kind: h.Job.Kind, Reason: reason, Said: strings.ToValidUTF8(said, "\uFFFD"), Subject: h.Job.Subject,
		To: h.Job.To, List: h.Job.List, Time: h.box.clock(), Draft: h.Job.Draft, MessageID: h.Job.MessageID,
	}
	if err := replaceJSON(h.box.path(notices, h.ID+".json"), n); err != nil {
		return fmt.Errorf("leave a notice: %w", err)
	}
	h.box.step("told")
	return nil
}

// notices returns the ids of the notices.
func (b *Box) notices() ([]string, error) {
	list, err := os.ReadDir(b.path(notices))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	var out []string
	for _, e := range list {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok && isID(id) {
			out = append(out, id)
		}
	}
	return out, nil
}

// Notices returns what the owner is to be told, the latest first.
func (b *Box) Notices() ([]Notice, error) {
	list, err := b.notices()
	if err != nil {
		return nil, err
	}
	var out []Notice
	for _, id := range list {
		var n Notice
		if err := readJSON(b.path(notices, id+".json"), &n); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue // dismissed meanwhile
			}
			return nil, fmt.Errorf("list notices: %w", err)
		}
		n.ID = id
		out = append(out, n)
	}
	slices.SortFunc(out, func(x, y Notice) int { return y.Time.Compare(x.Time) })
	return out[:min(len(out), maxNotices)], nil
}

// Dismiss removes a notice. One that is not there has been.
func (b *Box) Dismiss(id string) error {
	if !isID(id) {
		return nil
	}
	err := os.Remove(b.path(notices, id+".json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("dismiss a notice: %w", err)
	}
	return nil
}

// skipHeader reads a message up to and with the empty line behind its header.
func skipHeader(f *os.File) error {
	r := bufio.NewReader(f)
	var at int64
	within := false // a line that is longer than the buffer
	for {
		line, err := r.ReadSlice('\n')
		at += int64(len(line))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			within = true
			continue
		case errors.Is(err, io.EOF):
			_, err = f.Seek(0, io.SeekEnd)
			return err
		case err != nil:
			return err
		}
		if s := string(line); !within && (s == "\n" || s == "\r\n") {
			_, err := f.Seek(at, io.SeekStart)
			return err
		}
		within = false
	}
}
