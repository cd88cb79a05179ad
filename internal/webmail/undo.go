package webmail

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// step takes back one part of an action. What other programs have done to the messages
// since then stays done.
type step interface {
	undo(ctx context.Context, s *Site) error
}

// moveBack brings messages back to where they were.
type moveBack struct {
	from selection
	to   string
}

func (m moveBack) undo(ctx context.Context, s *Site) error {
	return s.actOn(ctx, operation{do: (*Site).moveNamed}, &action{to: m.to}, m.from)
}

// flagBack gives messages their flags back.
type flagBack struct {
	of     selection
	change store.FlagChange
}

func (f flagBack) undo(ctx context.Context, s *Site) error {
	do := func(s *Site, ctx context.Context, a *action, v view, uids []mail.UID) error {
		return s.change(ctx, a, v, uids, f.change)
	}
	return s.actOn(ctx, operation{do: do}, &action{}, f.of)
}

// undoable is an action that was done.
type undoable struct {
	text  string // what was done
	steps []step
	at    time.Time
}

// undos are the last actions of an account, by tokens. They are kept in memory alone: what
// was done an hour ago is undone by doing the opposite.
type undos struct {
	mu   sync.Mutex
	by   map[string]undoable
	list []string // tokens, the oldest first
}

// mostUndos are kept.
const mostUndos = 100

// keep remembers an action, also one that cannot be undone, for its text. It returns the
// token.
func (u *undos) keep(text string, steps []step) string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(b[:])
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by == nil {
		u.by = make(map[string]undoable)
	}
	u.by[token] = undoable{text, steps, time.Now()}
	u.list = append(u.list, token)
	if len(u.list) > mostUndos {
		delete(u.by, u.list[0])
		u.list = u.list[1:]
	}
	return token
}

// left is for how many seconds it can be taken back that was done; 0: for as long as the
// token is known.
func (x undoable) left(now time.Time) int {
	for _, step := range x.steps {
		if step, ok := step.(interface{ until() time.Time }); ok {
			if n := int(step.until().Sub(now).Seconds()); n <= maxCountdown {
				return max(1, n)
			}
		}
	}
	return 0
}

// maxCountdown is what people see counted down; a message that leaves later waits in the
// outbox.
const maxCountdown = 60

// look returns what was done.
func (u *undos) look(token string) (undoable, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	x, ok := u.by[token]
	return x, ok
}

// take is look, once.
func (u *undos) take(token string) (undoable, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	x, ok := u.by[token]
	delete(u.by, token)
	return x, ok
}

// takeBack undoes an action. All its steps are tried, the last one first.
func (s *Site) takeBack(w http.ResponseWriter, r *request) error {
	x, ok := s.undo.take(r.PathValue("token"))
	if !ok {
		return &problem{http.StatusGone, "error.tooLate"}
	}
	var err error
	for i := len(x.steps) - 1; i >= 0; i-- {
		err = errors.Join(err, x.steps[i].undo(r.Context(), s))
	}
	if err != nil {
		return err
	}
	leads := ""
	for _, x := range x.steps {
		if x, ok := x.(interface{ next() string }); ok {
			leads = x.next()
			r.PostForm.Set("next", leads)
		}
	}
	text := r.lang.Text("act.undone")
	return s.answerAt(w, r, text, s.undo.keep(text, nil), leads)
}
