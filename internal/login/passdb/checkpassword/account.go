package checkpassword

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"fantail/internal/login/passdb/checkpassword/wire"
	"fantail/internal/login/userdb"
)

// account reads what a program says of the account that it has let in under a name. The
// account is called so, unless the program says how else.
func account(r wire.Reply, name string) (userdb.User, error) {
	d := userdb.Described{Name: name, Home: r["HOME"], UID: r["userdb_uid"], GID: r["userdb_gid"], Mail: r["userdb_mail"]}
	if user := r["USER"]; user != "" {
		d.Name = user
	}
	if home := r["userdb_home"]; home != "" {
		d.Home = home
	}
	if uid := r[wire.ProcessUID]; d.UID == "" && uid != strconv.Itoa(os.Getuid()) {
		d.UID = uid // the program has become that user
		if d.GID == "" {
			d.GID = r[wire.ProcessGID]
		}
	}
	for field := range r {
		if err := known(field); err != nil {
			return userdb.User{}, err
		}
	}
	return d.User()
}

// fields are those of a reply that are not in EXTRA.
var fields = map[string]bool{"USER": true, "HOME": true, "AUTHORIZED": true, wire.ProcessUID: true, wire.ProcessGID: true}

// known reports whether a field may be there: as in a passwd-file, those whose names
// begin with "userdb_" describe the account, perhaps for another server, and others
// restrict or redirect logins.
func known(field string) error {
	if fields[field] || field == "nodelay" || strings.HasPrefix(field, "userdb_") {
		return nil
	}
	return fmt.Errorf("EXTRA has %q, which is not supported", field)
}
