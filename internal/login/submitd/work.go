package submitd

import (
	"encoding/json"
	"fmt"
	"time"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/userdb"
)

// Work is what there is to be done for an account.
type Work string

// The kinds of work.
const (
	Outbox Work = ""      // something in its outbox is to be sent
	Quota  Work = "quota" // it has crossed percentages of its limits, which wait for a program
)

// works are the programs that do it, and how they are held.
var works = map[Work]struct {
	program string
	most    int           // at once, of all accounts
	limit   time.Duration // of one run; 0: it is trusted to end
	rest    time.Duration // between two runs for an account
}{
	Outbox: {program: "webmail-submit", most: 20},
	// It runs one program for one crossing, for a minute at most. What anybody can have run
	// as often as he moves mail must not keep the machine busy.
	Quota: {program: "quota-command", most: 5, limit: 90 * time.Second, rest: time.Second},
}

// Program is the name of the program that does it.
func (w Work) Program() string { return works[w].program }

// told is a message: an account, and what there is to be done for it.
type told struct {
	wire.Account
	Work Work `json:",omitempty"`
}

// parseTold reads a message. Whether anything may be started for such an account is said
// by package launch.
func parseTold(b []byte) (told, error) {
	var t told
	if err := json.Unmarshal(b, &t); err != nil {
		return told{}, fmt.Errorf("a message that is no account: %w", err)
	}
	if err := userdb.CheckName(t.Name); err != nil {
		return told{}, fmt.Errorf("a message of no account: %w", err)
	}
	if _, ok := works[t.Work]; !ok {
		return told{}, fmt.Errorf("a message of unknown work: %.40q", t.Work)
	}
	return t, nil
}

// Among returns what tells of the one of these accounts that has a name, if one has: of
// others a session has nothing to say.
func Among(accounts []*wire.Account, tell func(wire.Account)) func(name string) bool {
	return func(name string) bool {
		for _, a := range accounts {
			if a.Name == name {
				tell(*a)
				return true
			}
		}
		return false
	}
}
