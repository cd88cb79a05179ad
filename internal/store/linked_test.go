package store

import _ "fantail/internal/store/zstd/linked"
