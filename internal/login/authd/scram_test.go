package authd

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/xdg-go/scram"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// fileEngine is an engine over a passwd-file, with a secret of 32 octets c.
func fileEngine(t *testing.T, passwd string, c byte) *Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, []byte(passwd), 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	decoy := sasl.Decoy{Secret: bytes.Repeat([]byte{c}, secretSize), Iterations: scheme.SCRAMIterations, SaltSize: scheme.SCRAMSalt}
	hashing := passdb.NewHashing(2, passdb.HashingMemory)
	e, err := New(Options{Log: log}, Setup{
		Accounts: passdb.NewChain(nil, passdb.NewFile(userdb.Open(path, log), hashing, decoy)),
		SASL:     sasl.Config{Enabled: sasl.Mechanisms(), Decoy: decoy},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// logIn logs in with SCRAM by the client of others. first is what the server says first, without the nonces.
func logIn(t *testing.T, e *Engine, mechanism, name, password string) (first string, step Step) {
	t.Helper()
	hash := map[string]scram.HashGeneratorFcn{"SCRAM-SHA-1": scram.SHA1, "SCRAM-SHA-256": scram.SHA256}[mechanism]
	client, err := hash.NewClient(name, password, "")
	if err != nil {
		t.Fatal(err)
	}
	talk := client.NewConversation()
	x, step := e.Begin(Client{Service: wire.IMAP, Remote: home, Conn: sasl.Conn{TLS: true}}, mechanism)
	said := ""
	for !step.Done {
		response, err := talk.Step(said)
		if err != nil {
			t.Fatalf("%s %s: %v", mechanism, name, err)
		}
		step = x.Next(t.Context(), []byte(response))
		if said = string(step.Challenge); first == "" {
			_, first, _ = strings.Cut(said, ",")
		}
	}
	return first, step
}

// TestSCRAMFromFile wants fields with keys and fields in plain text to do for SCRAM,
// and any other name, there or not, to look like them. Penalties are waited for.
func TestSCRAMFromFile(t *testing.T) { synctest.Test(t, testSCRAMFromFile) }

func testSCRAMFromFile(t *testing.T) {
	keys := make(map[string]string)
	for _, m := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
		field, err := scheme.Make(m, "secret")
		if err != nil {
			t.Fatal(err)
		}
		keys[m] = field
	}
	passwd := fmt.Sprintf("ann:{PLAIN}secret:1:1\nbob:%s:1:1\neve:%s:1:1\nfay:{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=:1:1\ngil:{PLAIN}secret:1:1::::allow_nets=10.0.0.1\nhal:x:1:1\nida::1:1\n",
		keys["SCRAM-SHA-1"], keys["SCRAM-SHA-256"])
	e, again, other := fileEngine(t, passwd, 1), fileEngine(t, passwd, 1), fileEngine(t, passwd, 2)
	for _, c := range []struct {
		name  string
		hash  string // "": any
		wins  bool
		fixed bool // the salt does not come from the secret
	}{
		{"ann", "", true, false},
		{"ANN", "", true, false},
		{"bob", "SCRAM-SHA-1", true, true},
		{"bob", "SCRAM-SHA-256", false, false},
		{"eve", "SCRAM-SHA-256", true, true},
		{"eve", "SCRAM-SHA-1", false, false},
		{"fay", "", false, false}, // no keys in a digest
		{"gil", "", false, false}, // may not log in
		{"hal", "", false, false}, // cannot be read
		{"ida", "", false, false}, // no password
		{"nobody", "", false, false},
	} {
		for mechanism := range keys {
			if c.hash != "" && c.hash != mechanism {
				continue
			}
			first, step := logIn(t, e, mechanism, c.name, "secret")
			if won := step.Failed == 0; won != c.wins || won && (step.User.Name != strings.ToLower(c.name) || step.User.UID != 1) || !won && step.Failed != wire.Wrong {
				t.Errorf("%s %s: %+v", mechanism, c.name, step)
			}
			if f, step := logIn(t, e, mechanism, c.name, "wrong"); step.Failed != wire.Wrong || f != first {
				t.Errorf("%s %s, wrong: %+v, %q and %q", mechanism, c.name, step, f, first)
			}
			if len(first) != len("s=,i=16384")+24 || !strings.HasSuffix(first, ",i=16384") {
				t.Errorf("%s %s: %q", mechanism, c.name, first)
			}
			if f, _ := logIn(t, again, mechanism, c.name, "secret"); f != first {
				t.Errorf("%s %s: %q, and in another process %q", mechanism, c.name, first, f)
			}
			if f, _ := logIn(t, other, mechanism, c.name, "secret"); (f == first) != c.fixed {
				t.Errorf("%s %s: %q, and with another secret %q", mechanism, c.name, first, f)
			}
		}
	}
}
