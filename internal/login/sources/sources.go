// Package sources makes the sources of accounts and passwords that the configuration
// names. Only authd links it: whatever speaks to directories, databases or modules is
// below here.
package sources

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/apppw"
	"fantail/internal/login/passdb/checkpassword"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/passdb/ldapdb"
	"fantail/internal/login/passdb/oauth"
	"fantail/internal/login/passdb/pam"
	"fantail/internal/login/passdb/shadow"
	"fantail/internal/login/passdb/sqldb"
	"fantail/internal/login/userdb"
	"fantail/internal/login/userdb/nss"
)

// makers make the sources, by their names in auth.sources.
var makers = map[string]func(*parts) (passdb.Source, error){
	"passwd-file": func(p *parts) (passdb.Source, error) {
		return passdb.NewFile(userdb.Open(p.Config.Auth.PasswdFile, p.Log), p.Hashing, p.Decoy), nil
	},
	"pam": func(p *parts) (passdb.Source, error) {
		helper, err := helper(p.Config, "pam-helper")
		return pam.New(helper, p.accounts()), err
	},
	"checkpassword": func(p *parts) (passdb.Source, error) {
		reply, err := helper(p.Config, "checkpassword-reply")
		if err != nil {
			return nil, err
		}
		return checkpassword.New(checkpassword.Options{
			Command: p.Config.Checkpassword.Command, Reply: reply, Lookup: p.Config.Checkpassword.Lookup, Users: p.accounts(),
		})
	},
	"shadow": func(p *parts) (passdb.Source, error) {
		return shadow.New(shadow.Path, p.accounts(), p.Hashing), nil
	},
	"oauth": func(p *parts) (passdb.Source, error) {
		return oauth.New(p.Config.OAuth, oauth.Accounts{
			Admit: func(ctx context.Context, q passdb.Query) (userdb.User, error) { return p.chain.Admit(ctx, q) },
			// Each with a home of its own, or they would share one.
			Others: p.Config.Auth.VirtualHome != "" && (p.Config.Auth.VirtualUID != "" || p.Own != nil),
		})
	},
	"sql":  func(p *parts) (passdb.Source, error) { return sqldb.New(p.Config.SQL, p.Hashing, p.Decoy) },
	"ldap": func(p *parts) (passdb.Source, error) { return ldapdb.New(p.Config.LDAP) },
}

// helperTime is how long a helper may take to say that it is there.
const helperTime = 5 * time.Second

// parts are what sources share.
type parts struct {
	authd.Means
	system *nss.DB
	chain  *passdb.Chain // once it is made
}

// accounts are the users of the system that may have mail.
func (p *parts) accounts() nss.Accounts {
	return nss.Accounts{DB: p.system, First: uint32(p.Config.Session.FirstUID)}
}

// New returns the chain of the configured sources.
func New(m authd.Means) (authd.Sources, error) {
	p := &parts{Means: m, system: nss.Open()}
	names := m.Config.Auth.Sources
	if len(names) == 0 {
		names = present(m.Config)
	}
	if !slices.Contains(names, "oauth") {
		if i := slices.IndexFunc(m.Config.Auth.Mechanisms, withToken); i >= 0 {
			return nil, fmt.Errorf("auth.mechanisms: %s needs the source oauth, which is not set", m.Config.Auth.Mechanisms[i])
		}
	}
	if slices.Contains(m.Config.Auth.Mechanisms, "EXTERNAL") && m.Config.TLS.ClientCA == "" {
		return nil, errors.New("auth.mechanisms: EXTERNAL needs certificates of clients: set tls.client_ca")
	}
	chain := make([]passdb.Source, len(names))
	for i, name := range names {
		maker, ok := makers[name]
		if !ok {
			known := strings.Join(slices.Sorted(maps.Keys(makers)), ", ")
			return nil, fmt.Errorf("auth.sources: %q is none of %s", name, known)
		}
		var err error
		if chain[i], err = maker(p); err != nil {
			return nil, fmt.Errorf("the source %s: %w", name, err)
		}
	}
	who := &identity{cfg: m.Config, own: m.Own, system: p.system}
	p.chain = passdb.NewChain(who.of, chain...)
	p.chain.Count(m.Metrics)
	p.chain.Prefer(apppw.Open(filepath.Join(m.Config.Auth.Directory, "apppw"), m.Log))
	p.chain.Guard(factor.Open(filepath.Join(m.Config.Auth.Directory, "totp")))
	return chained{p.chain, needs(m.Config, names)}, nil
}

// chained is the chain of sources, which knows what they need.
type chained struct {
	*passdb.Chain
	needs authd.Needs
}

// Needs implements authd.Sources.
func (c chained) Needs() authd.Needs { return c.needs }

// needs are what sources of these names need, besides what may be read: the name service
// of the system and app passwords all of them.
func needs(cfg *conf.Config, names []string) authd.Needs {
	n := authd.Needs{Programs: nss.Tools(), Writes: []string{cfg.Auth.Directory}, Own: cfg.Auth.Directory}
	for _, name := range names {
		switch name {
		case "pam", "checkpassword":
			n.Foreign = true
		case "ldap", "oauth":
			n.Network = true
		case "sql":
			if cfg.SQL.Driver != conf.SQLSQLite {
				n.Network = true
			} else if filepath.IsAbs(cfg.SQL.Source) {
				n.Writes = append(n.Writes, filepath.Dir(cfg.SQL.Source)) // readers lock, too
			}
		}
	}
	return n
}

// withToken reports whether clients show a token with a mechanism.
func withToken(mechanism string) bool { return mechanism == "OAUTHBEARER" || mechanism == "XOAUTH2" }

// present are the sources that there are, where the configuration names none: the
// passwd-file, unless it has its default path and is not there, then the directory,
// the database and the issuer that are set, then the program of checkpassword if that is
// set, or else the system's users by PAM, or by the shadow file.
func present(cfg *conf.Config) []string {
	var names []string
	if cfg.IsSet("auth.passwd_file") || exists(cfg.Auth.PasswdFile) {
		names = append(names, "passwd-file")
	}
	if cfg.LDAP.URI != "" {
		names = append(names, "ldap")
	}
	if cfg.SQL.Driver != conf.SQLNone {
		names = append(names, "sql")
	}
	if cfg.OAuth.IsSet() {
		names = append(names, "oauth")
	}
	if len(cfg.Checkpassword.Command) > 0 { // it decides about every name
		return append(names, "checkpassword")
	}
	if helper, err := helper(cfg, "pam-helper"); err == nil && works(helper) {
		names = append(names, "pam")
	} else if readable(shadow.Path) {
		names = append(names, "shadow")
	}
	if names == nil { // Check says what is missing
		names = append(names, "passwd-file")
	}
	return names
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// helper is the path of a program that a source starts: it is where authd is, unless the
// configuration says where programs are.
func helper(cfg *conf.Config, name string) (string, error) {
	directory := cfg.Programs.Directory
	if directory == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		directory = filepath.Dir(self)
	}
	return filepath.Join(directory, name), nil
}

// works reports whether a helper is there and has PAM.
func works(helper string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), helperTime)
	defer cancel()
	return pam.New(helper, nil).Check(ctx) == nil
}
