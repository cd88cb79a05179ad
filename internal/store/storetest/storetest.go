// Package storetest is the conformance suite of the store: what every account
// promises to those who use it, whatever lies beneath.
//
// Each promise is one function. It is kept in every weather: when all is calm;
// when the account is closed and opened between any two steps; when the files
// that hold derived data are deleted, cut short or overwritten meanwhile; when
// another process has the same mailbox open and syncs between our steps. The
// promises themselves know nothing of the weather: the world they act in calls it
// before each step.
//
// Whatever a promise is about, every snapshot that is taken in its course must
// keep the rules of snapshots: UIDs ascend and are below UIDNEXT, a UID means one
// message for ever, arrivals come in at the end only, UIDVALIDITY and the GUID
// stay, and nothing leaves whose file is there.
package storetest

import (
	"testing"

	"fantail/internal/store"
)

// Opener opens the account at dir, which may not exist yet. Each call stands for
// a process of its own: it must return an account that shares nothing in memory
// with those returned before. The suite closes it.
type Opener func(t testing.TB, dir string) *store.Account

// promise is what an account promises.
type promise struct {
	name string
	keep func(*world)
}

// promises are kept in every weather.
var promises = []promise{
	{"Empty", empty},
	{"Append", appends},
	{"AppendAllOrNone", allOrNone},
	{"Dates", dates},
	{"Flags", flags},
	{"ManyKeywords", manyKeywords},
	{"ForeignDelivery", foreignDelivery},
	{"ForeignFlags", foreignFlags},
	{"ForeignMoves", foreignMoves},
	{"ForeignKeywords", foreignKeywords},
	{"ForeignRemoval", foreignRemoval},
	{"Returned", returned},
	{"StrangeNames", strangeNames},
	{"Read", readMessages},
	{"Copy", copies},
	{"Move", moves},
	{"MoveBesideLink", movesBesideLink},
	{"Expunge", expunges},
	{"FindText", findsText},
	{"ModSeqs", modseqs},
	{"Conditional", conditional},
	{"Claim", claims},
	{"ListRemoved", listRemoved},
	{"Mailboxes", mailboxes},
	{"Subscriptions", subscriptions},
	{"NewValidity", newValidity},
	{"RenameInbox", renameInbox},
	{"Model", model},
}

// alone are promises that make their own weather.
var alone = []promise{
	{"ClaimOnce", claimOnce},
	{"Converge", converge},
	{"Watch", watches},
	{"ReadOnly", readOnly},
	{"Torn", torn},
	{"Same", sameSnapshot},
}

// Run runs the suite on accounts that open opens.
func Run(t *testing.T, open Opener) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			for _, wr := range weathers {
				t.Run(wr.name, func(t *testing.T) {
					t.Parallel()
					p.keep(newWorld(t, open, wr))
				})
			}
		})
	}
	for _, p := range alone {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.keep(newWorld(t, open, weathers[0]))
		})
	}
}
