package sasl

import (
	"bytes"
	"context"
	"fmt"

	"fantail/internal/login/userdb"
)

// The challenges of LOGIN. The draft (draft-murchison-sasl-login-00) has "User
// Name" and "Password" with a NUL, and says that some clients want to read
// these; Microsoft's description of it (MS-XLOGIN) has them too, so Outlook gets
// what it knows.
const (
	promptName     = "Username:"
	promptPassword = "Password:"
)

// login is LOGIN, which no RFC describes and Outlook likes best: the name, then
// the password. The draft has no initial response; many clients send the name
// as one (Python's smtplib among them), and must not be asked for it again, or
// they answer with the password.
func login(x *Exchange) step {
	return func(_ context.Context, response []byte) ([]byte, step, error) {
		if err := x.claim(string(response)); err != nil {
			return nil, nil, err
		}
		return []byte(promptPassword), x.loginPassword, nil
	}
}

func (x *Exchange) loginPassword(ctx context.Context, response []byte) ([]byte, step, error) {
	if len(response) == 0 || bytes.IndexByte(response, 0) >= 0 {
		return nil, nil, fmt.Errorf("%w: not a password", ErrMalformed)
	}
	return x.checkPassword(ctx, userdb.Secret(response))
}
