package maildir

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Origin identifies the content of a message: 32 hexadecimal digits that the
// message keeps when it is moved, and that its copies have too. It is a hash of the
// base with which the message came into the tree. A copy has a base of its own, so
// it carries the origin in it, as ",G=<origin>".
//
// A base without ",S=" may come from a program that counts its messages from 1 in
// each folder: the time of the file's last modification makes these differ, as it
// does their INTERNALDATE. For other bases it means nothing.
func (n Name) Origin(modified time.Time) string {
	if id, ok := n.carriedOrigin(); ok {
		return id
	}
	source := n.Base
	if n.OriginNeedsDate() {
		source += "\x00" + strconv.FormatInt(modified.Unix(), 10)
	}
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:originLen/2])
}

// OriginNeedsDate reports whether Origin looks at the time that it is given.
func (n Name) OriginNeedsDate() bool {
	if _, ok := n.carriedOrigin(); ok {
		return false
	}
	_, sized := n.Size()
	return !sized
}

const originLen = 32

// carriedOrigin finds the origin that the base carries.
func (n Name) carriedOrigin() (string, bool) {
	const key = ",G="
	for rest := n.Base; ; {
		i := strings.Index(rest, key)
		if i < 0 {
			return "", false
		}
		rest = rest[i+len(key):]
		id, _, _ := strings.Cut(rest, ",")
		if len(id) == originLen && strings.Trim(id, "0123456789abcdef") == "" {
			return id, true
		}
	}
}

// withOrigin makes a base carry an origin, if there is one.
func withOrigin(base, origin string) string {
	if origin == "" {
		return base
	}
	return base + ",G=" + origin
}
