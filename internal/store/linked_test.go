package store

import (
	_ "github.com/emersion/go-message/charset"

	_ "fantail/internal/store/zstd/linked"
)
