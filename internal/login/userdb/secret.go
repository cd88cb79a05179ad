package userdb

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a password or the hash of one. However it is printed or logged, it
// reads as [redacted]; string(s) is what it holds.
type Secret string

const redacted = "[redacted]"

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// String hides the secret.
func (Secret) String() string { return redacted }

// Format hides the secret from every verb of package fmt.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
