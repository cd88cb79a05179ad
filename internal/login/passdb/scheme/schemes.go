package scheme

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 the hashes are there, and are only read
)

// schemes is the table of names that may stand in braces.
var schemes = map[string]scheme{
	"PLAIN":     {read: plain},
	"CLEAR":     {read: plain},
	"CLEARTEXT": {read: plain},

	// crypt(3): what follows tells its own method by "$id$", and the name in the
	// braces adds nothing.
	"CRYPT":        {read: crypt},
	"MD5-CRYPT":    {read: crypt},
	"SHA256-CRYPT": {read: crypt},
	"SHA512-CRYPT": {read: crypt},
	"BLF-CRYPT":    {read: crypt},
	"DES-CRYPT":    {read: crypt},
	"ARGON2":       {read: crypt}, // OpenLDAP
	"ARGON2I":      {read: crypt},
	"ARGON2ID":     {read: crypt},

	"PBKDF2":        {read: pbkdf2Dovecot},
	"PBKDF2-SHA1":   {read: pbkdf2Adapted(sha1.New, sha1Time)}, // OpenLDAP, and the next two
	"PBKDF2-SHA256": {read: pbkdf2Adapted(sha256.New, sha256Time)},
	"PBKDF2-SHA512": {read: pbkdf2Adapted(sha512.New, sha512Time)},

	"SCRAM-SHA-1":   {read: scram("SCRAM-SHA-1")},
	"SCRAM-SHA-256": {read: scram("SCRAM-SHA-256")},

	// One round with a salt.
	"SMD5":    {read: salted(md5.New), decode: decodeBase64},
	"SSHA":    {read: salted(sha1.New), decode: decodeBase64},
	"SSHA256": {read: salted(sha256.New), decode: decodeBase64},
	"SSHA512": {read: salted(sha512.New), decode: decodeBase64},

	// One round, for accounts that come from elsewhere.
	"MD5":       {read: md5Any},
	"LDAP-MD5":  {read: bare(md5.New), decode: decodeDigest(md5.Size)},
	"PLAIN-MD5": {read: bare(md5.New), decode: decodeDigest(md5.Size)},
	"PLAIN-MD4": {read: bare(md4.New), decode: decodeDigest(md4.Size)},
	"SHA":       {read: bare(sha1.New), decode: decodeDigest(sha1.Size)},
	"SHA1":      {read: bare(sha1.New), decode: decodeDigest(sha1.Size)},
	"SHA256":    {read: bare(sha256.New), decode: decodeDigest(sha256.Size)},
	"SHA512":    {read: bare(sha512.New), decode: decodeDigest(sha512.Size)},
	"CRAM-MD5":  {read: cramMD5, decode: decodeDigest(cramSize)},
	"HMAC-MD5":  {read: cramMD5, decode: decodeDigest(cramSize)},

	"DIGEST-MD5":  {refused: "the hash depends on the account's name"},
	"OTP":         {refused: "the hash is of one-time passwords"},
	"PLAIN-TRUNC": {refused: "it takes passwords of which only the beginning is right"},
}

// methods is the table of crypt(3) methods, by what stands between the first two
// "$". crypt(5) has the formats.
var methods = map[string]scheme{
	"1":        {read: md5crypt},
	"md5":      {read: sunMD5},
	"sha1":     {read: sha1crypt},
	"5":        {read: shacrypt(sha256.New, sha256Time)},
	"6":        {read: shacrypt(sha512.New, sha512Time)},
	"2a":       {read: bcryptHash},
	"2b":       {read: bcryptHash},
	"2y":       {read: bcryptHash},
	"3":        {read: ntHash},
	"7":        {read: scryptHash},
	"y":        {read: yescryptHash},
	"argon2i":  {read: argon2Hash},
	"argon2id": {read: argon2Hash},

	// Python's passlib, and what has taken its formats over.
	"pbkdf2":        {read: pbkdf2Modular(sha1.New, sha1Time)},
	"pbkdf2-sha256": {read: pbkdf2Modular(sha256.New, sha256Time)},
	"pbkdf2-sha512": {read: pbkdf2Modular(sha512.New, sha512Time)},
	"scrypt":        {read: scryptPHC},

	"gy":      {refused: "gost-yescrypt is not there; set the password again with yescrypt"},
	"argon2d": {refused: "argon2d is not there; set the password again with argon2id"},
	"2x":      {refused: "it is of a bcrypt that takes wrong passwords with letters beyond ASCII; set the password again"},
	"2":       {refused: "bcrypt before version 2a has known faults; set the password again"},
}
