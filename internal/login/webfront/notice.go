package webfront

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fantail/internal/login/broker/wire"
)

// The session program tells the account's owner by mail what happens here that others
// would like to keep from him: a login in a new place, and changes of how one logs in. The
// front says what it is by a request that browsers cannot make.

// headerNotice is the header of that request: what has happened.
const headerNotice = "Wm-Notice"

// deviceCookie makes a device of somebody's own known again, also after he has logged out.
// It opens nothing.
const deviceCookie = "__Host-wm-device"

// deviceLife is how long that is, from the last login.
const deviceLife = 400 * 24 * time.Hour

// noticeTime is how long telling may take, and the end of a session wait for it.
const noticeTime = 5 * time.Second

// notices are what is told of changes of how one logs in.
var notices = map[wire.Verb]string{
	wire.AddPassword: "passwordMade", wire.RevokePassword: "passwordRevoked", wire.ConfirmCodes: "appOn", wire.EndCodes: "appOff",
	wire.ConfirmKey: "keyAdded", wire.RemoveKey: "keyRemoved", wire.RenewRecovery: "recoveryRenewed",
}

// recoveryUsed is what is told of a login by a recovery code.
const recoveryUsed = "recoveryUsed"

// isRecovery reports whether an answer that was right was a recovery code: there is nothing
// else of that length.
func isRecovery(answer string) bool {
	return !strings.HasPrefix(answer, "{") && len(strings.NewReplacer(" ", "", "-", "").Replace(answer)) > 8
}

// markOf is the mark of a device of somebody's own, "" if r is not from one.
func markOf(cookie string) string {
	if len(cookie) != 43 {
		return ""
	}
	sum := sha256.Sum256([]byte(cookie))
	return hex.EncodeToString(sum[:16])
}

// tell has the session program tell that something has happened: about what, if it has a
// name, and on which device, if that is known. Nobody waits for it but the end of the
// session: who logs out at once is told of as well.
func (s *Server) tell(r *http.Request, v *session, what, about, device string) {
	form := url.Values{
		"token": {v.token}, "about": {about}, "device": {device}, "agent": {v.agent}, "host": {hostOf(r.RemoteAddr)},
	}.Encode()
	if !v.telling.TryRLock() {
		s.log.Error("tell the owner", "user", v.account, "sid", v.sid, "notice", what, "err", "the session has ended")
		return
	}
	accept := r.Header.Get("Accept-Language")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), noticeTime)
	go func() {
		defer v.telling.RUnlock()
		defer cancel()
		if err := s.post(ctx, v, what, form, accept); err != nil {
			s.log.Error("tell the owner", "user", v.account, "sid", v.sid, "notice", what, "err", err)
		}
	}()
}

// post makes the request.
func (s *Server) post(ctx context.Context, v *session, what, form, accept string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+programHost+"/notice", strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", accept)
	r.Header.Set(headerAccount, v.account)
	r.Header.Set(headerToken, v.token)
	r.Header.Set(headerNotice, what)
	answer, err := v.program.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the session program said %s", answer.Status)
	}
	return nil
}
