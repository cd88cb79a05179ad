package sasl

import "crypto"

// needs is what a mechanism wants before it is offered, mostly of a connection.
type needs uint

const (
	needsPrivacy     needs = 1 << iota // it sends the password: TLS, or a network that is trusted
	needsTLS                           // it sends what is as good as a password anywhere: TLS
	needsBinding                       // channel binding data
	needsCertificate                   // a client certificate
	needsDecoy                         // not of the connection: Config.Decoy
)

// plus ends the names of mechanisms with channel binding (RFC 5802 section 4).
const plus = "-PLUS"

// mechanism is a row of the table.
type mechanism struct {
	name   string
	needs  needs
	prompt string // challenge to a client that has sent no initial response
	start  func(*Exchange) step
	rfc    string
}

// mechanisms is the table, best first. The best are those in which the client
// gives away nothing; then those in which it proves to know the password; then
// tokens, which are of limited use to a thief; then passwords.
var mechanisms = []mechanism{
	{name: "EXTERNAL", needs: needsTLS | needsCertificate, start: external, rfc: "RFC 4422 appendix A"},
	{name: "SCRAM-SHA-256" + plus, needs: needsTLS | needsBinding | needsDecoy, start: scram(crypto.SHA256, true), rfc: "RFC 7677"},
	{name: "SCRAM-SHA-1" + plus, needs: needsTLS | needsBinding | needsDecoy, start: scram(crypto.SHA1, true), rfc: "RFC 5802"},
	{name: "SCRAM-SHA-256", needs: needsDecoy, start: scram(crypto.SHA256, false), rfc: "RFC 7677"},
	{name: "SCRAM-SHA-1", needs: needsDecoy, start: scram(crypto.SHA1, false), rfc: "RFC 5802"},
	{name: "OAUTHBEARER", needs: needsTLS, start: oauthBearer, rfc: "RFC 7628"},
	{name: "XOAUTH2", needs: needsTLS, start: xoauth2},
	{name: "PLAIN", needs: needsPrivacy, start: plain, rfc: "RFC 4616"},
	{name: "LOGIN", needs: needsPrivacy, prompt: promptName, start: login},
}
