package main

import (
	"strings"

	"fantail/internal/deliver"
)

// telling is what an MTA says of a message in the environment of the program.
type telling struct {
	sender    *string
	recipient string // the address that is delivered to
	original  string // and the one before aliases
	detail    string // with the delimiter before it, or without
}

// tellingOf reads the environment. Who sets what:
//
//	             sender           recipient          original            detail
//	Postfix      SENDER           RECIPIENT          ORIGINAL_RECIPIENT  EXTENSION
//	qmail        SENDER, RPLINE   DTLINE, RECIPIENT                      EXT
//	Courier      SENDER, RPLINE   DTLINE, RECIPIENT                      EXT
//	Exim         SENDER           RECIPIENT                              LOCAL_PART_SUFFIX
//	OpenSMTPD    SENDER           RECIPIENT                              EXTENSION
//
// DTLINE and RPLINE are whole fields; what could not stand in one counts for nothing.
func tellingOf(lookup func(string) (string, bool)) telling {
	var t telling
	for _, name := range []string{"SENDER", "RPLINE"} {
		text, ok := lookup(name)
		text = value(text, "Return-Path:")
		if sender, err := deliver.CheckSender(text); ok && err == nil && t.sender == nil {
			t.sender = &sender
		}
	}
	first := func(names ...string) string {
		for _, name := range names {
			text, _ := lookup(name)
			if address, err := deliver.CheckRecipient(value(text, "Delivered-To:")); err == nil && address != "" {
				return address
			}
		}
		return ""
	}
	t.recipient = first("DTLINE", "RECIPIENT")
	t.original = first("ORIGINAL_RECIPIENT")
	t.detail = first("EXTENSION", "EXT", "LOCAL_PART_SUFFIX")
	return t
}

// value is the body of a line that is a field of this name, or the text if it is none.
func value(line, name string) string {
	if body, ok := strings.CutPrefix(line, name); ok {
		return strings.TrimSpace(body)
	}
	return line
}

// envelope joins what the command line and the environment say. The address that is
// delivered to may be the account's name, too.
func (a *arguments) envelope(own owner, t telling, delimiters string) (deliver.Envelope, deliver.Recipient) {
	env := deliver.Envelope{Sender: a.sender}
	if env.Sender == nil {
		env.Sender = t.sender
	}
	to := deliver.Recipient{Address: a.final, Original: a.original, Mailbox: a.mailbox}
	if to.Address == "" {
		to.Address = t.recipient
	}
	if to.Address == "" && strings.Contains(a.account, "@") {
		to.Address = a.account
	}
	if to.Original == "" {
		to.Original = t.original
	}
	details := []string{
		deliver.Detail(a.final, delimiters), deliver.Detail(a.original, delimiters), own.detail,
		strings.TrimLeft(t.detail, delimiters), deliver.Detail(t.recipient, delimiters), deliver.Detail(t.original, delimiters),
	}
	for _, detail := range details {
		if to.Detail == "" {
			to.Detail = detail
		}
	}
	return env, to
}
