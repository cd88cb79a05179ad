// Package contacts is an account's address book: a directory of vCards that other
// programs may read and write as well, and the addresses that were written to, for
// completion.
//
//	contacts/<id>.vcf    one vCard 4.0 (RFC 6350) or 3.0; id is the UID, or a hash of
//	                     it where that is no file name. Written as .new-<random>,
//	                     synced, renamed: at any moment a file is whole, or not there.
//	uses                 one line for each address that was written to:
//	                     <last use, Unix time> <score * 1000 then> <address> TAB <name>
//	uses.lock            held (flock) by who reads, changes and renames uses
//
// Who changes a card last wins. A directory whose time of change is older than two
// seconds, and the same as before, has not changed: then nothing is read. Everything
// is read with a budget; a file that is no vCard, or too large, is not a contact, and
// stays.
//
// A Card keeps every property of the vCard in its order. Contact is what of it people see
// and edit; Set changes those lines whose meaning has changed, and leaves the others,
// known or not, as they are. A vCard 2.1 is made 3.0 when it is read (legacy.go).
//
// A use counts 1, and half of that after 60 days. Completion (complete.go) ranks by
// what all uses of an address sum up to.
package contacts

import "errors"

// The limits.
const (
	maxCard     = 4 << 20 // octets of a vCard
	maxLines    = 5_000   // of a vCard
	maxParams   = 50
	maxContacts = 50_000   // in the directory
	maxImport   = 64 << 20 // octets of a file that is imported
	maxPhoto    = 2 << 20  // octets of a photo
	maxText     = 16 << 10 // octets of a text that is shown
	maxValues   = 500      // addresses, numbers, groups or members of a contact
	maxUses     = 5_000    // addresses in uses
)

// ErrNoCard tells that there is no vCard where one was expected.
var ErrNoCard = errors.New("no vCard")

// Contact is what of a vCard people see and edit. Its texts are no markup.
type Contact struct {
	ID   string // of the file; not written
	UID  string // not written
	Name string // FN

	Prefix, Given, Additional, Family, Suffix string // N

	Nickname string
	Emails   []Reach
	Phones   []Reach
	Org      string // with "; " between an organisation and its units
	Title    string
	Note     string // with line feeds
	Groups   []string

	IsGroup bool     // KIND:group
	Members []string // URIs of a group's members: their UID, or mailto:
	Photo   bool     // there is one
}

// Reach is a mail address or a phone number.
type Reach struct {
	Value     string
	Types     []string // in lower case: home, work, cell, ...
	Preferred bool
}
