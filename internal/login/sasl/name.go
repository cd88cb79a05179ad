package sasl

import (
	"fmt"
	"unicode/utf8"

	"github.com/xdg-go/stringprep"

	"fantail/internal/login/userdb"
)

// queryPrep is SASLprep (RFC 4013 section 2) of strings that are looked up and
// not stored: code points that Unicode 3.2 does not know are let through (RFC
// 3454 section 7). So it is stringprep.SASLprep without table A.1.
var queryPrep = stringprep.Profile{
	Mappings:  stringprep.SASLprep.Mappings,
	Normalize: true,
	Prohibits: []stringprep.Set{
		stringprep.TableC1_2, stringprep.TableC2_1, stringprep.TableC2_2,
		stringprep.TableC3, stringprep.TableC4, stringprep.TableC5, stringprep.TableC6,
		stringprep.TableC7, stringprep.TableC8, stringprep.TableC9,
	},
	CheckBiDi: true,
}

// Prepare returns a login name, or an identity to act as, in the form in which
// it is looked up and compared (SASLprep: RFC 4616 section 2, RFC 5802 section
// 5.1, RFC 3501 section 6.2.2). Its errors wrap ErrMalformed: not UTF-8, a
// character that no name has, longer than userdb.MaxName before or after, or
// nothing left.
func Prepare(name string) (string, error) {
	if len(name) > userdb.MaxName || !utf8.ValidString(name) {
		return "", fmt.Errorf("%w: not a name", ErrMalformed)
	}
	prepared := name
	if !printable(name, ' ') {
		var err error
		if prepared, err = queryPrep.Prepare(name); err != nil {
			return "", fmt.Errorf("%w: a character that no name has", ErrMalformed)
		}
	}
	if prepared == "" || len(prepared) > userdb.MaxName {
		return "", fmt.Errorf("%w: not a name", ErrMalformed)
	}
	return prepared, nil
}

// printable reports whether s is of ASCII characters from "from" to "~".
func printable(s string, from byte) bool {
	for i := range len(s) {
		if s[i] < from || s[i] > '~' {
			return false
		}
	}
	return true
}
