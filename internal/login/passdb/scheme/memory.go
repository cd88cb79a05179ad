package scheme

import (
	"strings"
	"time"

	"github.com/go-crypt/x/yescrypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/scrypt"
)

// minHash is the shortest hash that is taken where the field names its length, in
// octets: fewer would match passwords by chance.
const minHash = 16

// argon2Hash is $argon2id$v=19$m=KiB,t=passes,p=lanes$salt$hash, RFC 9106.
func argon2Hash(text string) (Hash, error) {
	parts, err := fields(text, 5)
	if err != nil || parts[1] != "v=19" {
		return Hash{}, errHash // there was a version 16, too
	}
	values, err := settings(parts[2], "m", "t", "p")
	if err != nil {
		return Hash{}, err
	}
	memory, passes, lanes := values[0], values[1], values[2]
	if lanes > 255 || memory < 8*lanes {
		return Hash{}, errHash
	}
	salt, err := decodeBase64(parts[3])
	if err != nil || len(salt) < 8 {
		return Hash{}, errHash
	}
	want, err := decodeBase64(parts[4])
	if err != nil || len(want) < minHash {
		return Hash{}, errHash
	}
	cost := Cost{Memory: int64(memory) << 10}
	if err := cost.check(); err != nil || passes > 1<<20 {
		return Hash{}, ErrCost
	}
	cost.Time = time.Duration(memory) * time.Duration(passes) * argon2Time
	key := argon2.IDKey
	if parts[0] == "argon2i" {
		key = argon2.Key
	}
	return Hash{cost: cost, match: func(password string) bool {
		return same(string(key([]byte(password), []byte(salt), passes, memory, uint8(lanes), uint32(len(want)))), want)
	}}, cost.check()
}

// yescryptHash is $y$flags, N, r$salt$hash, as libxcrypt writes it: the library
// reads the default flags and no further parameters.
func yescryptHash(text string) (Hash, error) {
	parts, err := fields(text, 4)
	if err != nil || len(parts[1]) != 3 || parts[1][0] != 'j' || !digits64(parts[1]) {
		return Hash{}, errHash
	}
	log, r := number64(parts[1][1:2])+1, number64(parts[1][2:])+1
	if log < 10 || r > 32 || len(parts[3]) != 43 || yescrypt.Decode64([]byte(parts[2])) == nil {
		return Hash{}, errHash
	}
	cost, err := blocks(log, r, 1, yescryptTime)
	return Hash{cost: cost, match: func(password string) bool {
		got, err := yescrypt.Hash([]byte(password), []byte(text))
		return err == nil && same(string(got), text)
	}}, err
}

// scryptHash is $7$, N, r and p in base 64, salt$hash, as libxcrypt writes it. The
// salt stands for itself.
func scryptHash(text string) (Hash, error) {
	parts, err := fields(text, 3)
	const head = 1 + 5 + 5
	if err != nil || len(parts[1]) < head || !digits64(parts[1][:head]) {
		return Hash{}, errHash
	}
	setting, salt := parts[1][:head], parts[1][head:]
	want := yescrypt.Decode64([]byte(parts[2]))
	if len(want) != 32 {
		return Hash{}, errHash
	}
	return scryptKey(number64(setting[:1]), number64(setting[1:6]), number64(setting[6:]), salt, want)
}

// scryptPHC is $scrypt$ln=14,r=8,p=1$salt$hash.
func scryptPHC(text string) (Hash, error) {
	parts, err := fields(text, 4)
	if err != nil {
		return Hash{}, err
	}
	values, err := settings(parts[1], "ln", "r", "p")
	if err != nil {
		return Hash{}, err
	}
	salt, err := decodeBase64(strings.ReplaceAll(parts[2], ".", "+"))
	if err != nil {
		return Hash{}, errHash
	}
	want, err := decodeBase64(strings.ReplaceAll(parts[3], ".", "+"))
	if err != nil || len(want) < minHash {
		return Hash{}, errHash
	}
	return scryptKey(values[0], values[1], values[2], salt, []byte(want))
}

// scryptKey is RFC 7914 with N = 2^log.
func scryptKey(log, r, p uint32, salt string, want []byte) (Hash, error) {
	if log < 1 || r < 1 || p < 1 {
		return Hash{}, errHash
	}
	cost, err := blocks(log, r, p, scryptTime)
	return Hash{cost: cost, match: func(password string) bool {
		got, err := scrypt.Key([]byte(password), []byte(salt), 1<<log, int(r), int(p), len(want))
		return err == nil && same(got, want)
	}}, err
}

// blocks is the cost of scrypt and what has come of it: 2^log blocks of 128*r
// octets, p times one after the other.
func blocks(log, r, p uint32, each time.Duration) (Cost, error) {
	if log > 24 || r > 1<<16 || p > 1<<10 { // so that nothing overflows
		return Cost{}, ErrCost
	}
	n := int64(r) << log
	cost := Cost{Memory: 128 * (n + int64(r)*int64(p)), Time: time.Duration(n) * time.Duration(p) * each}
	return cost, cost.check()
}
