package dovecot

import (
	"fmt"
	"strings"
)

// TOML is the settings as a file fantail.toml has them.
func (r *Result) TOML() string {
	var b strings.Builder
	section := ""
	for _, s := range r.Settings {
		table, key, _ := strings.Cut(s.Name, ".")
		if table != section {
			if section != "" {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "[%s]\n", table)
			section = table
		}
		fmt.Fprintf(&b, "%s = %s  # %s\n", key, s.Value, s.From)
	}
	return b.String()
}
