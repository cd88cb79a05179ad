package text

import _ "fantail/internal/store/zstd/linked"
