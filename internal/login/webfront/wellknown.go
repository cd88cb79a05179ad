package webfront

import (
	"encoding/json"
	"net/http"
)

// What programs that keep passwords ask every site for. Everything else below
// /.well-known/ is answered with 404, also without a login, so that they learn what there
// is not: passwords are changed elsewhere, and so is what change-password would lead to.

// passkeyEndpoints says where security keys and passkeys are added and removed (W3C, A
// Well-Known URL for Relying Party Passkey Endpoints).
func passkeyEndpoints(w http.ResponseWriter, r *http.Request) {
	page := originOf(r) + pathSecurity + "#keys"
	body, err := json.Marshal(map[string]string{"enroll": page, "manage": page})
	if err != nil {
		panic(err) // two strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=3600")
	respond(w, string(body))
}
