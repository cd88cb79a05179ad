package webfront

import (
	"context"
	"net/http"
)

// A login has a name for logs from the request that begins it to the end of the session,
// and authd and the session program are told it: sidKey is that of the value in a context.
// It is worth nothing to who reads it.
type sidKey struct{}

// called returns a request of the login, or the session, that is called sid.
func called(r *http.Request, sid string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), sidKey{}, sid))
}

// sidOf returns how the login is called for which something is done, "" if that has not
// been said.
func sidOf(ctx context.Context) string {
	sid, _ := ctx.Value(sidKey{}).(string)
	return sid
}

// newSID returns the name of a new one.
func newSID() string { return secret()[:8] }
