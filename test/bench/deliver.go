package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"fantail/test/dialogue"
)

// The deliveries on a pipe: a program is started for each message, as an MTA does it, by
// the account's user, with the sender's and the recipient's address, and has it on disk
// when it ends. Both programs have a configuration that says no more than it must. The
// processor time is all that the program takes, its start included, which is most of it:
// the disk decides about the time.

const (
	dovecotDeliver = "/usr/lib/dovecot/dovecot-lda"

	perDeliveries = 40 // deliveries of one measurement
)

// deliveries measures the lines of deliveries, of both servers in turn.
func deliveries(subjects []*subject, only *regexp.Regexp, bin string, rounds int) (err error) {
	if !only.MatchString(deliverPipe) && !only.MatchString(deliverPipeFull) {
		return nil
	}
	few := make([]dialogue.Box, len(subjects))
	defer func() {
		for _, b := range few {
			err = errors.Join(err, os.RemoveAll(b.Home))
		}
	}()
	for i := range few {
		if few[i], err = dialogue.NewBox(); err != nil {
			return err
		}
		if err := makeMaildir(few[i].Maildir(), few[i]); err != nil {
			return err
		}
	}
	for round := -1; round < rounds; round++ { // the first one warms up
		for i, s := range subjects {
			for _, to := range []struct {
				line string
				box  dialogue.Box
			}{{deliverPipe, few[i]}, {deliverPipeFull, s.box}} {
				a, err := s.deliverPipe(to.box, bin)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", s.peer.Name, to.line, err)
				}
				if round < 0 {
					continue
				}
				if err := s.note(to.line, a, nil); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// deliverPipe delivers messages to a box, and returns what one takes.
func (s *subject) deliverPipe(box dialogue.Box, bin string) (a answer, err error) {
	before, err := list(filepath.Join(box.Maildir(), "new"))
	if err != nil {
		return a, err
	}
	config := filepath.Join(box.Home, "deliver.conf")
	text, program := "", filepath.Join(bin, "deliver")
	args := []string{"-c", config, "-f", "sender@example.net", "-r", "nobody@example.org"}
	if s.peer.Name == dialogue.Dovecot().Name {
		text = fmt.Sprintf("mail_location = maildir:%s\nssl = no\npostmaster_address = p@example.org\nhostname = h\nlog_path = %s/log\n", box.Maildir(), box.Home)
		program = dovecotDeliver
	} else {
		text = fmt.Sprintf("mail.path = %q\n", box.Maildir())
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return a, err
	}
	message := strings.ReplaceAll(body, "\r\n", "\n")
	start := time.Now()
	for range perDeliveries {
		cmd := exec.Command(program, args...)
		cmd.Env = []string{"HOME=" + box.Home, "USER=nobody", "LOGNAME=nobody"}
		if box.UID >= 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(box.UID), Gid: uint32(box.GID)}}
		}
		var says bytes.Buffer
		cmd.Stdin, cmd.Stderr, cmd.Dir = strings.NewReader(message), &says, box.Home
		if err := cmd.Run(); err != nil {
			return a, fmt.Errorf("%w: %s", err, says.String())
		}
		a.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	a.time = time.Since(start) / perDeliveries
	a.cpu /= perDeliveries
	after, err := list(filepath.Join(box.Maildir(), "new"))
	if err == nil && len(after) != len(before)+perDeliveries {
		err = fmt.Errorf("%d messages are there, want %d", len(after), len(before)+perDeliveries)
	}
	return a, err
}
