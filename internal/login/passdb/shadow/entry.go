package shadow

import (
	"fmt"
	"strconv"
	"strings"

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// entry is a line of shadow(5):
//
//	name:hash:changed:min:max:warn:inactive:expire:reserved
type entry struct {
	name string
	hash userdb.Secret

	// In days, none where the field is empty.
	changed  int64 // when the password was changed last, from 1970; 0: it must be
	max      int64 // how old it may become
	inactive int64 // for how long it is accepted after that
	expire   int64 // when the account ends, from 1970
}

// none is what an empty number reads as, and -1, which some tools write for it.
const none = -1

// maxDays is the highest number that is read. Sums of three fit.
const maxDays = 1 << 40

// parse reads a line without LF. Its errors hold nothing of the hash.
func parse(line string) (e entry, err error) {
	f := strings.Split(line, ":")
	if len(f) != 9 || f[0] == "" {
		return entry{}, errLine
	}
	e.name, e.hash = f[0], userdb.Secret(f[1])
	for _, n := range []struct {
		to   *int64
		what string
		text string
	}{
		{&e.changed, "last change", f[2]},
		{&e.max, "maximum", f[4]},
		{&e.inactive, "inactivity", f[6]},
		{&e.expire, "expiration", f[7]},
	} {
		if *n.to, err = days(n.text); err != nil {
			return entry{}, fmt.Errorf("the field of the %s: %w", n.what, err)
		}
	}
	return e, nil
}

func days(text string) (int64, error) {
	if text == "" {
		return none, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < none || n > maxDays {
		return 0, errLine
	}
	return n, nil
}

// locked reports whether the field of the password can match none: it is empty, locked
// ("!", "*"), or not what crypt(3) reads.
func (e entry) locked() bool {
	return e.hash == "" || strings.ContainsAny(string(e.hash[:1]), "!*{") || len(e.hash) == 1
}

// expired reports what the line says of time: nil or ErrExpired. Of the password only
// if that was used.
func (e entry) expired(today int64, password bool) error {
	switch {
	case e.expire != none && today >= e.expire:
		return fmt.Errorf("%w: so has the account %s", passdb.ErrExpired, e.name)
	case !password:
	case e.changed == 0:
		return fmt.Errorf("%w: %s must change it first", passdb.ErrExpired, e.name)
	case e.changed != none && e.max != none && today > e.changed+e.max+max(e.inactive, 0):
		return fmt.Errorf("%w: that of %s is too old", passdb.ErrExpired, e.name)
	}
	return nil
}
