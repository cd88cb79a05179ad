package search

import _ "github.com/emersion/go-message/charset"
