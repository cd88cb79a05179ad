package webmail

import (
	"context"
	"io"
	"slices"
	"strings"

	"fantail/internal/webmail/compose"
)

// Outbox takes what is to leave the account: a session cannot send anything itself. What it
// has taken it sends, also if the session ends; what it cannot send it tells the account's
// owner in its own way.
type Outbox interface {
	// Send takes a message, and keeps a copy of it where sent messages are.
	Send(ctx context.Context, from string, recipients []string, message io.WriterTo) error
	// Unsubscribe takes a request to leave a mailing list: a POST to an https URL, without
	// cookies and with the body List-Unsubscribe=One-Click (RFC 8058 section 3.1).
	Unsubscribe(ctx context.Context, url string) error
}

// ownAddresses are the mail addresses of the account's owner, as far as they are known: the
// first one is who writes.
func (s *Site) ownAddresses(r *request) []string {
	var list []string
	add := func(address string) {
		if strings.LastIndexByte(address, '@') > 0 && !slices.ContainsFunc(list, func(known string) bool { return strings.EqualFold(known, address) }) {
			list = append(list, address)
		}
	}
	for _, i := range r.prefs.Identities {
		add(i.Address)
	}
	name := r.Header.Get(headerAccount)
	if name == "" {
		name = s.name
	}
	add(name)
	for _, a := range s.addresses { // but for those of whole domains, which begin with @
		add(a)
	}
	return list
}

// sender is who writes with one of the own addresses.
func (s *Site) sender(r *request, address string) (compose.Address, bool) {
	good, _ := compose.ParseRecipients(address)
	if len(good) != 1 {
		return compose.Address{}, false
	}
	for _, i := range r.prefs.Identities {
		if strings.EqualFold(i.Address, address) {
			good[0].Name = i.Name
		}
	}
	return good[0], true
}
