package authd

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"fantail/internal/daemon/command"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// Answer is what authd knows of an account, in JSON.
type Answer struct {
	Source string   `json:"source"` // as in auth.sources
	Name   string   `json:"name"`   // as the source spells it
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"`
	Home   string   `json:"home,omitempty"`
	Mail   string   `json:"mail"` // the Maildir
	// IMAPWithout are capabilities that it is not offered, with commas between them.
	IMAPWithout string `json:"imap_without,omitempty"`
	// POP3Expire is how many days POP3 leaves mail, or "never", if it says.
	POP3Expire string `json:"pop3_expire,omitempty"`
	// Quota is what counts in place of mail.quota, if it says.
	Quota string `json:"quota,omitempty"`
	// Refused says why it may not log in although its password is right; "" if it may.
	Refused string `json:"refused,omitempty"`
}

// query asks the sources for an account, without a password.
func query(ctx context.Context, s Sources, name string) (Answer, error) {
	source, user, err := s.Find(ctx, name)
	if err != nil {
		return Answer{}, err
	}
	a, err := s.Resolve(ctx, user)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{
		Source: source, Name: a.Name, UID: a.UID, GID: a.GID, Groups: a.Groups, Home: a.Home, Mail: a.Mail,
		IMAPWithout: user.IMAPWithout, POP3Expire: user.POP3Expire, Quota: a.Quota,
	}
	_, err = s.Admit(ctx, passdb.Query{Name: name, Service: wire.IMAP})
	if errors.Is(err, passdb.ErrExpired) || errors.Is(err, passdb.ErrDisabled) || errors.Is(err, userdb.ErrWrong) {
		answer.Refused, err = err.Error(), nil
	}
	return answer, err
}

// answer writes what is known of the account that was asked for, and returns the exit
// status.
func (a arguments) answer(s Sources, out io.Writer) int {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	answer, err := query(ctx, s, a.account)
	if err == nil {
		err = json.NewEncoder(out).Encode(answer)
	}
	switch {
	case err == nil:
		return command.OK
	case errors.Is(err, userdb.ErrUnknown):
		return a.Fail(command.NoUser, err)
	}
	return a.Fail(command.Unavailable, err)
}
