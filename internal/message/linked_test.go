package message

import _ "github.com/emersion/go-message/charset"
