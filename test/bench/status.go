package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fantail/test/dialogue"
)

const (
	folders   = 200
	perFolder = 50 // messages
)

// status asks for many mailboxes in an account of its own.
func (s *subject) status() error {
	box, err := dialogue.NewBox()
	if err != nil {
		return err
	}
	defer os.RemoveAll(box.Home)
	if err := s.makeFolders(box); err != nil {
		return err
	}
	t := &subject{peer: s.peer, box: box}
	ask := func() (a answer, err error) {
		err = t.in(func(c *session) error {
			for i := range folders {
				b, err := c.do(fmt.Sprintf("STATUS %s (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)", folderName(i)))
				if err != nil {
					return err
				}
				a.time += b.time
				a.cpu += b.cpu
			}
			return nil
		})
		return a, err
	}
	a, err := ask()
	if err := s.note(statusFirst, a, err); err != nil {
		return err
	}
	time.Sleep(settled)
	if _, err := ask(); err != nil {
		return err
	}
	a, err = ask()
	return s.note(statusUnchanged, a, err)
}

func folderName(i int) string { return fmt.Sprintf("folder%d", i) }

func (s *subject) makeFolders(box dialogue.Box) error {
	if err := makeMaildir(box.Maildir(), box); err != nil {
		return err
	}
	for i := range folders {
		dir := filepath.Join(box.Maildir(), "."+folderName(i))
		if err := makeMaildir(dir, box); err != nil {
			return err
		}
		mark := filepath.Join(dir, "maildirfolder")
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			return err
		}
		if err := chown(mark, box); err != nil {
			return err
		}
		if err := linkAll(filepath.Join(s.source.Maildir(), "cur"), filepath.Join(dir, "cur"), perFolder); err != nil {
			return err
		}
	}
	return nil
}
