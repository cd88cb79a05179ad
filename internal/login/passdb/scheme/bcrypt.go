package scheme

import "golang.org/x/crypto/bcrypt"

// maxBcrypt is how much of a password bcrypt looks at, in octets. What follows is
// ignored, as everywhere.
const maxBcrypt = 72

// bcryptHash is $2b$cost$ with 22 characters of salt and 31 of hash. 2a, 2b and 2y
// are the same function. (crypt(3) computes 2a differently for some passwords that
// have the octet FF in them, which no text in UTF-8 has.)
func bcryptHash(text string) (Hash, error) {
	const head = len("$2b$05$")
	if len(text) != 60 || text[head-1] != '$' || !digits64(text[head:]) {
		return Hash{}, errHash
	}
	tens, ones := text[4]-'0', text[5]-'0'
	if tens > 9 || ones > 9 {
		return Hash{}, errHash
	}
	log := int(tens)*10 + int(ones)
	if log < bcrypt.MinCost || log > bcrypt.MaxCost {
		return Hash{}, errHash
	}
	cost := rounds(1<<log, bcryptTime)
	return Hash{cost: cost, match: func(password string) bool {
		octets := []byte(password[:min(len(password), maxBcrypt)])
		return bcrypt.CompareHashAndPassword([]byte(text), octets) == nil
	}}, cost.check()
}
