package main

import (
	"fmt"
	"time"
)

// welcome is the message of each start.
func welcome(now time.Time) []byte {
	return fmt.Appendf(nil, `From: Fantail <postmaster@example.org>
To: Robin Demo <demo@example.org>
Subject: Fantail was started on %s
Date: %s
Message-ID: <%d.start@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Welcome!

This message came in through "deliver" a moment ago, as a mail server would
hand it over. It lies as one file in the Maildir of the account, and every
program shows the same: IMAP, POP3 and webmail.

Mark it as read in one of them and watch the others.
`, now.Format("2 January 2006 at 15:04:05"), now.Format(time.RFC1123Z), now.UnixNano())
}
