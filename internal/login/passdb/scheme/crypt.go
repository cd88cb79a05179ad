package scheme

import (
	"errors"
	"fmt"
	"strings"
)

var errSalt = errors.New("the salt is longer than the method takes")

// errDES is the answer to the oldest hashes of crypt(3): an attacker finds any
// password behind them within a day, so they are worth no code.
var errDES = fmt.Errorf("%w: DES looks at eight characters only; set the password again", ErrUnsupported)

// alphabet64 are the digits of crypt(3)'s own base 64.
const alphabet64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// crypt reads the hashes of crypt(3): "$id$" and what the method wants.
func crypt(text string) (Hash, error) {
	if !strings.HasPrefix(text, "$") {
		if isDES(text) {
			return Hash{}, errDES
		}
		return Hash{}, errHash
	}
	id, _, more := strings.Cut(text[1:], "$")
	if !more {
		return Hash{}, errHash
	}
	if strings.HasPrefix(id, "md5,") { // the one with a setting there
		id = "md5"
	}
	method, ok := methods[id]
	if !ok {
		return Hash{}, fmt.Errorf("the method between the first two $ is %w", ErrUnsupported)
	}
	h, err := method.parse(text, "")
	if err != nil {
		return Hash{}, fmt.Errorf("$%s$: %w", id, err)
	}
	return h, nil
}

// isDES knows the traditional form, two characters of salt and eleven of hash,
// and BSDI's, which begins with "_".
func isDES(text string) bool {
	traditional := len(text) == 13
	bsdi := len(text) == 20 && text[0] == '_'
	return traditional && digits64(text) || bsdi && digits64(text[1:])
}

func digits64(text string) bool { return strings.Trim(text, alphabet64) == "" }

// number64 is the number of at most five digits of base 64, the one of least weight
// first.
func number64(text string) uint32 {
	var n uint32
	for i := range len(text) {
		n |= uint32(strings.IndexByte(alphabet64, text[i])) << (6 * i)
	}
	return n
}

// settings reads "name=number" in the order of names, with commas between.
func settings(text string, names ...string) ([]uint32, error) {
	items := strings.Split(text, ",")
	if len(items) != len(names) {
		return nil, errHash
	}
	values := make([]uint32, len(names))
	for i, item := range items {
		digits, ok := strings.CutPrefix(item, names[i]+"=")
		if !ok {
			return nil, errHash
		}
		var err error
		if values[i], err = number(digits); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// number is a decimal number from 1 to 2^32-1 without leading zeros, which is how
// all formats write their numbers. A larger one could only be a cost.
func number(digits string) (uint32, error) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" || digits[0] == '0' {
		return 0, errHash
	}
	var n uint64
	for _, digit := range []byte(digits) {
		if n = n*10 + uint64(digit-'0'); n > 1<<32-1 {
			return 0, ErrCost
		}
	}
	return uint32(n), nil
}

// fields splits "$id$a$b" in its n parts after the first "$".
func fields(text string, n int) ([]string, error) {
	parts := strings.Split(text, "$")
	if len(parts) != n+1 || parts[0] != "" {
		return nil, errHash
	}
	return parts[1:], nil
}
