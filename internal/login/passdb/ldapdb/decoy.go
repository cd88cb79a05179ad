package ldapdb

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// nobody is the name of an entry that no directory has.
const nobody = "cn=there is no such entry"

// Decoy implements passdb.Decoy: it takes as long as one of the last refusals. As long as
// there was none an entry is bound that is not there, which the directory refuses
// without hashing.
func (d *DB) Decoy(ctx context.Context, _ passdb.Query, password userdb.Secret) {
	if password == "" || len(password) > passdb.MaxPassword {
		return // nor is anybody bound with that
	}
	if took, ok := d.refusals.one(); ok {
		select {
		case <-time.After(took):
		case <-ctx.Done():
		}
		return
	}
	dn := nobody
	if d.s.Base != "" {
		dn += "," + d.s.Base
	}
	_ = d.bind(ctx, dn, password) // it is known to be wrong
}

// refusals are how long the last ones took. Its zero value has none.
type refusals struct {
	mu   sync.Mutex
	last [64]time.Duration
	n    int // that were noted, ever
}

func (r *refusals) note(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[r.n%len(r.last)] = took
	r.n++
}

// one returns one of them, by chance; false if there was none.
func (r *refusals) one() (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == 0 {
		return 0, false
	}
	return r.last[rand.IntN(min(r.n, len(r.last)))], true
}
