package conf

import (
	"errors"
	"fmt"
	"strings"
)

// LDAPSettings say how authd asks a directory.
type LDAPSettings struct {
	URI              string // ldap, ldaps or ldapi; "": there is no directory
	StartTLS         bool   // with ldap
	CAFile           string // PEM; "": the system's
	Base             string
	Filter           string
	BindDN           string // "": search without a name
	BindPasswordFile string
	Attributes       LDAPAttributes
}

// LDAPAttributes are the names of attributes that describe an account; "": none does.
type LDAPAttributes struct{ User, UID, GID, Home, Mail, Quota string }

// fields are what the attributes say, in the order in which they are shown.
func (a *LDAPAttributes) fields() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{{"user", &a.User}, {"uid", &a.UID}, {"gid", &a.GID}, {"home", &a.Home}, {"mail", &a.Mail}, {"quota", &a.Quota}}
}

// String is a as it stands in the configuration.
func (a LDAPAttributes) String() string {
	var list []string
	for _, f := range a.fields() {
		if *f.value != "" {
			list = append(list, f.name+"="+*f.value)
		}
	}
	return strings.Join(list, ", ")
}

// parseAttributes reads what String writes, in any order.
func parseAttributes(text string) (a LDAPAttributes, err error) {
	for item := range strings.SplitSeq(text, ",") {
		name, attribute, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || !isAttribute(attribute) {
			return LDAPAttributes{}, fmt.Errorf(`%q is not of the form "uid=uidNumber"`, strings.TrimSpace(item))
		}
		known := false
		for _, f := range a.fields() {
			if f.name != name {
				continue
			}
			if known = true; *f.value != "" {
				return LDAPAttributes{}, fmt.Errorf("%q stands there twice", name)
			}
			*f.value = attribute
		}
		if !known {
			return LDAPAttributes{}, fmt.Errorf("%q is none of user, uid, gid, home, mail, quota", name)
		}
	}
	if a.User == "" {
		return LDAPAttributes{}, errors.New("no attribute is the name of the user")
	}
	return a, nil
}

// isAttribute is the description of an attribute without options (RFC 4512 section
// 2.5).
func isAttribute(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' {
			return false
		}
	}
	return s != ""
}
