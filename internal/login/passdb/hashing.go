package passdb

import (
	"context"
	"crypto"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"fantail/internal/daemon/processors"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/sasl"
)

// HashingMemory is how much the checks that run at once may take together, in octets,
// where nothing else is said.
const HashingMemory = 512 << 20

// Hashing checks passwords against hashes, which is expensive by design: at most so
// many at once as there are processors for it, and so many as fit into the memory.
// Others wait until their context ends, each network for itself (queue), so that one
// who guesses does not make all others wait; what needs more than all of the memory
// waits until nobody else has any. All sources share one.
type Hashing struct {
	turns  *queue
	memory *semaphore.Weighted
	size   int64 // of memory
	slow   processors.Load
}

// NewHashing returns a Hashing for so many checks at once and so many octets.
func NewHashing(atOnce int, memory int64) *Hashing {
	return &Hashing{turns: newQueue(atOnce), memory: semaphore.NewWeighted(memory), size: memory}
}

// Match reports whether field, which is a hash with its scheme, is of the password.
// An empty field is of none. from is who asks. The error says that the field cannot be read, or that ctx
// ended before it was this check's turn.
func (h *Hashing) Match(ctx context.Context, from netip.Addr, field, password Secret) (bool, error) {
	if password == "" || len(password) > MaxPassword || strings.ContainsRune(string(password), 0) {
		return false, nil
	}
	var hash scheme.Hash // matches nothing
	if field != "" {
		var err error
		if hash, err = scheme.Parse(string(field)); err != nil {
			return false, err
		}
	}
	var ok bool
	err := h.run(ctx, from, hash.Cost(), func() { ok = hash.Verify(string(password)) })
	return ok, err
}

// mechanisms are those of SCRAM by their hash functions.
var mechanisms = map[crypto.Hash]string{crypto.SHA1: "SCRAM-SHA-1", crypto.SHA256: "SCRAM-SHA-256"}

// Keys returns the SCRAM keys of the account whose password field is: those that are
// in it, or those of a password in plain text, with the salt that decoy has for the
// account's name. From any other field there are none: the error is ErrWrong, and the
// keys have the account's name only. A field that cannot be read is such, too; it is
// told to who comes with a password.
func (h *Hashing) Keys(ctx context.Context, from netip.Addr, field Secret, hash crypto.Hash, account string, decoy sasl.Decoy) (sasl.Keys, error) {
	parsed, err := scheme.Parse(string(field))
	if err != nil {
		return sasl.Keys{Account: account}, ErrWrong
	}
	var keys scheme.Keys
	var ok bool
	derive := func() { keys, ok = parsed.Keys(mechanisms[hash], decoy.Salt(hash, account)) }
	if err := h.run(ctx, from, scheme.Cost{}, derive); err != nil {
		return sasl.Keys{}, fmt.Errorf("%w: SCRAM keys of %s: %w", ErrUnavailable, account, err)
	}
	if !ok {
		return sasl.Keys{Account: account}, ErrWrong
	}
	return sasl.Keys{Account: account, Salt: keys.Salt, Iterations: keys.Iterations, StoredKey: keys.StoredKey, ServerKey: keys.ServerKey}, nil
}

// slowTime is from which time on a check has a processor of its own: others are in the
// order of that of a message.
const slowTime = time.Millisecond

// run runs what takes cost when it is its turn. The memory is waited for last, by as
// many as there are turns: nobody overtakes there.
func (h *Hashing) run(ctx context.Context, from netip.Addr, cost scheme.Cost, do func()) error {
	if err := h.turns.acquire(ctx, from); err != nil {
		return fmt.Errorf("wait for a turn: %w", err)
	}
	defer h.turns.release()
	memory := min(cost.Memory, h.size)
	if h.memory.Acquire(ctx, memory) != nil { // what it says is less than the cause
		return fmt.Errorf("wait for memory: %w", context.Cause(ctx))
	}
	defer h.memory.Release(memory)
	if cost.Time >= slowTime {
		h.slow.Begin()
		defer h.slow.Done()
	}
	do()
	return nil
}
