package conf

import (
	"fmt"
	"time"
)

// DeliverSettings are for whatever delivers mail.
type DeliverSettings struct {
	RecipientDelimiter string // each character of it begins the detail of a local part
	DetailMailbox      bool

	MailboxAutocreate, MailboxAutosubscribe bool

	DeliveredTo bool
	Duplicates  Window
	QuotaFull   QuotaFull
}

// QuotaFull says what becomes of mail for which an account has no room.
type QuotaFull string

// The values of deliver.quota_full.
const (
	QuotaTemporary QuotaFull = "temporary"
	QuotaPermanent QuotaFull = "permanent"
)

// Window is a length of time; 0 is off.
type Window time.Duration

const windowOff = "off"

func (w Window) String() string {
	if w == 0 {
		return windowOff
	}
	return time.Duration(w).String()
}

func parseWindow(text string) (Window, error) {
	if text == windowOff {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		return 0, fmt.Errorf(`%q is neither "off" nor a duration such as "24h"`, text)
	}
	return Window(d), nil
}
