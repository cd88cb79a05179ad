package pop3d

import (
	"bytes"

	"fantail/internal/daemon/conf"
)

// fixes are changes to a message on its way, for clients that cannot do with it as it
// is. The sizes of messages are those without.
type fixes struct {
	noNULs, endHeader bool

	header head // is looked for its end
	last   byte // octet of the message
}

func newFixes(set *conf.POP3Settings) fixes {
	return fixes{noNULs: set.Works(conf.OutlookNoNULs), endHeader: set.Works(conf.NoEndOfHeader), last: '\n'}
}

// apply changes the next part of the message in place.
func (x *fixes) apply(part []byte) []byte {
	if x.noNULs {
		noNULs(part)
	}
	if x.endHeader && len(part) > 0 {
		x.header.header(part)
		x.last = part[len(part)-1]
	}
	return part
}

// noNULs: Outlook and Outlook Express wait for ever for what stands behind a NUL.
// (Both by Microsoft; Dovecot has known this since 2006.)
func noNULs(part []byte) {
	for at := 0; ; {
		i := bytes.IndexByte(part[at:], 0)
		if i < 0 {
			return
		}
		at += i
		part[at] = 0x80
	}
}

// end returns what is to be sent behind the message: Outlook Express and Netscape Mail
// wait for the empty line that ends the header, also in a message that has no body.
func (x *fixes) end() []byte {
	switch {
	case !x.endHeader || x.header.body:
		return nil
	case x.last == '\n':
		return []byte("\r\n")
	}
	return []byte("\r\n\r\n")
}
