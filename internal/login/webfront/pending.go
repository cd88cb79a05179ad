package webfront

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// codeTime is how long a second factor is waited for. authd waits a little longer.
	codeTime = 4 * time.Minute
	// maxCode is the longest thing that is taken for a code, in octets.
	maxCode = 64
	// maxKey is the longest answer of a security key, in octets.
	maxKey = 8 << 10
)

// errOver says that a login waits no longer.
var errOver = errors.New("the login is over")

// pending is a login that waits for a second factor, one answer at a time.
type pending[T any] struct {
	mu     sync.Mutex // an answer is looked at
	second Second[T]
	over   bool
}

// asks is what is asked for now.
func (p *pending[T]) asks() Asks {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.second.Asks()
}

// end has the login wait no longer. It waits for the check of an answer.
func (p *pending[T]) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over = true
		p.second.Cancel()
	}
}

// answerOf returns the answer that a form has: that of a security key, or a code. It is ""
// if it can be neither.
func answerOf(r *http.Request) string {
	if key := r.PostForm.Get("key"); key != "" {
		if len(key) > maxKey || key[0] != '{' {
			return ""
		}
		return key
	}
	code := strings.TrimSpace(r.PostForm.Get("code"))
	if len(code) > maxCode || strings.HasPrefix(code, "{") {
		return ""
	}
	return code
}

// enter checks an answer, and gives what it opens to then. The error is ErrCode if
// another one may be tried.
func (p *pending[T]) enter(s *Server, r *http.Request, then func(*http.Request, T) error) error {
	answer := answerOf(r)
	if answer == "" {
		return ErrCode
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return errOver
	}
	ctx, done, err := s.turn(r)
	if err != nil {
		return err
	}
	defer done()
	opened, err := p.second.Enter(ctx, answer)
	if errors.Is(err, ErrCode) {
		return err
	}
	p.over = true
	if err != nil {
		return err
	}
	return then(r.WithContext(ctx), opened)
}
