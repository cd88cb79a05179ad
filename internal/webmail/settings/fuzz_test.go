package settings

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzLoad has anything stand in settings.json: what is loaded passes Check, is what is
// written again, and can be changed, whatever was there.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{
		`{}`, ``, `null`, `[]`, `{"theme":"dark","swipe":["star","none"],"undoSend":0}`, `{"theme":"pink","undoSend":-1}`, `{"swipe":["x","y","z"]}`, `{"undoSend":1e9}`,
		`{"identities":[{"name":"A\u0000","address":"a@b"}]}`, `{"identities":[{"name":"Ann","address":"a@b","signature":"x\ny"}],"templates":[{"name":"n","text":"t"}],"trusted":["@b"]}`,
		`{"language":"` + "\xff" + `"}`, `{"identities":null,"zone":"../../etc/passwd"}`, `{"theme":1}`, `{} {`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		maildir := t.TempDir()
		s := Open(maildir)
		if err := os.Mkdir(filepath.Join(maildir, Directory), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.path(), text, 0o600); err != nil {
			t.Fatal(err)
		}
		first, err := s.Load()
		if bad := first.Check(); bad != nil {
			t.Errorf("what is loaded is %v (%v)", bad, err)
		}
		if err := s.Change(func(x *Settings) error { return x.Set("theme", "light") }); err != nil {
			t.Fatalf("it cannot be changed: %v", err)
		}
		first.Theme = "light"
		again, err := s.Load()
		if err != nil || !cmp.Equal(normal(t, first), normal(t, again)) {
			t.Errorf("it is %+v, then %+v, %v", first, again, err)
		}
	})
}

// normal is settings as they are written.
func normal(t *testing.T, s Settings) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
