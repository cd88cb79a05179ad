package packed

import _ "fantail/internal/store/zstd/linked"
