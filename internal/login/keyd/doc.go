// Package keyd has the private keys of the certificates, so that the processes to which
// strangers speak have none: with tls.key_process fronts ask it for the signature of each
// handshake.
//
//	front ─ Sign(key, scheme, hash) ──► keyd     a full handshake of a client
//	front ◄ Signed, or Refused ──────── keyd
//
// Invariants: no key leaves the process, in no form. What is signed is what TLS signs: a
// key by its name (broker.KeyID), one of the schemes of TLS 1.2 and later, and a hash of
// the scheme's length; nothing is ever decrypted. A front that was taken over can have
// handshakes signed as long as it can ask, and has nothing afterwards. At most as many
// signatures are made at once as there are processors, and questions of one front are
// bounded; who breaks the rules loses his connection.
package keyd
