package session

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
)

// TestCrossings: the starter is told of what waits when a session begins, if there is a
// program for it, and of what is crossed then; without a starter submitd is, by a file.
func TestCrossings(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "fantail-quota-told"), []byte(" 80\n0 80 800 1 1000 0 1700000000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, program := range [][]string{{"/bin/true"}, nil} {
		cfg, err := conf.Load(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Mail.Warnings.Command = program
		cross := new(crossings)
		m := &mail{name: "jane", maildir: root, settings: cfg.Mail, log: slog.New(slog.DiscardHandler), own: true, fence: &fence{entered: true}, cross: cross}
		s := sessiontest.Run(t, func(ctx context.Context, control *os.File) error {
			serve := func(ctx context.Context, s *Session) error {
				m.cross.tell(m)
				return nil
			}
			err := Program{Serve: serve}.serveFront(ctx, control, Session{User: "jane", Log: m.log, mail: m, cross: cross})
			return errors.Join(err, m.close())
		})
		s.Pass()
		want := []handover.Kind{handover.Taken, handover.Crossed, handover.Ended}
		if program != nil {
			want = []handover.Kind{handover.Taken, handover.Crossed, handover.Crossed, handover.Ended}
		}
		buf := make([]byte, handover.MaxTold)
		for _, kind := range want {
			b, _, err := s.Control.Receive(buf)
			if err != nil {
				t.Fatal(err)
			}
			heard, err := handover.ParseMessage(b)
			if err != nil || heard.Kind != kind || kind == handover.Crossed && heard.Account.Name != "jane" {
				t.Errorf("heard %+v, %v; want %c", heard, err, kind)
			}
		}
		if err := errors.Join(s.Control.CloseWrite(), s.Wait()); err != nil {
			t.Error(err)
		}
	}
	alone := &mail{name: "jane", log: slog.New(slog.DiscardHandler), cross: &crossings{directory: t.TempDir()}}
	alone.cross.tell(alone)
	list, err := filepath.Glob(filepath.Join(alone.cross.directory, "*"))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if text, err := os.ReadFile(list[0]); err != nil || string(text) != "jane\n" {
		t.Errorf("%q, %v", text, err)
	}
}
