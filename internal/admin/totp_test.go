package admin

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/passdb/factor"
)

// app is an authenticator app that reads what is written to it, and answers once.
type app struct {
	bytes.Buffer
	answer func(secret string) string
	to     *os.File
	err    error
}

func (a *app) Write(p []byte) (int, error) {
	n, err := a.Buffer.Write(p)
	if m := regexp.MustCompile(`otpauth://\S*[?&]secret=([A-Z2-7]+)`).FindSubmatch(p); m != nil {
		_, a.err = io.WriteString(a.to, a.answer(string(m[1]))+"\n")
	}
	return n, err
}

// codeOf is the code of a secret now (RFC 6238).
func codeOf(secret string) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()/30)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&(1<<31-1)%1000000)
}

// adds runs totp add with an app that gives an answer.
func (s *site) adds(status int, answer func(secret string) string, args ...string) string {
	s.Helper()
	in, w, err := os.Pipe()
	if err != nil {
		s.Fatal(err)
	}
	defer in.Close()
	defer w.Close()
	a := &app{answer: answer, to: w}
	var says bytes.Buffer
	got := Program{}.Main(append([]string{"-c", s.path("fantail.toml"), "totp", "add", "-stdin"}, args...), in, a, &says)
	if got != status || a.err != nil {
		s.Errorf("%q: status %d, want %d; %v\n%s%s", args, got, status, a.err, a.String(), &says)
	}
	return a.String()
}

// checks runs doctor on an account, whatever else is wrong with it.
func (s *site) checks(name string) string {
	var out bytes.Buffer
	Program{}.Main([]string{"-c", s.path("fantail.toml"), "doctor", name}, os.Stdin, &out, &out)
	return out.String()
}

// TestSecondFactors: authd takes what is made here, when a code has confirmed it.
func TestSecondFactors(t *testing.T) {
	s := open(t, odd, `auth.virtual_uid = "1000"`, `auth.virtual_gid = "1000"`)
	state := func(want string) {
		t.Helper()
		out, _ := s.runs(exitOK, "", "totp", "show", "Bob", "-j")
		var got shownFactor
		if err := json.Unmarshal([]byte(out), &got); err != nil || got.Name != "bob" || got.State != want || (got.Created == "") != (want == "none") {
			t.Errorf("%s, %v, want %s", out, err, want)
		}
	}
	state("none")
	s.runs(exitData, "", "totp", "codes", "bob")
	s.runs(exitData, "", "totp", "del", "bob")
	s.adds(exitData, func(string) string { return "no code" }, "bob")
	state("pending")
	s.adds(exitUsage, codeOf, "bob", "-issuer", "a:b")
	s.adds(exitNoUser, codeOf, "nobody-here")

	out := s.adds(exitOK, codeOf, "Bob", "-issuer", "A house")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 2+factor.RecoveryCodes || !strings.HasPrefix(lines[1], "otpauth://totp/A%20house:bob?secret="+strings.ReplaceAll(lines[0], " ", "")+"&") {
		t.Errorf("%q", out)
	}
	state("active")
	s.adds(exitData, codeOf, "bob")
	if out := s.checks("bob"); !strings.Contains(out, "ok       account        it has a second factor") {
		t.Error(out)
	}
	store := factor.Open(s.path("auth/totp"))
	if ok, err := store.Verify(t.Context(), "bob", lines[2]); !ok || err != nil {
		t.Errorf("a recovery code: %t, %v", ok, err)
	}
	if out, _ := s.runs(exitOK, "", "totp", "show", "bob"); !strings.Contains(out, " active ") || !strings.HasSuffix(out, fmt.Sprintf(" %d\n", factor.RecoveryCodes-1)) {
		t.Error(out)
	}

	out, _ = s.runs(exitOK, "", "totp", "codes", "BOB", "-j")
	var renewed recoveryCodes
	if err := json.Unmarshal([]byte(out), &renewed); err != nil || renewed.Name != "bob" || len(renewed.Recovery) != factor.RecoveryCodes {
		t.Fatalf("%s, %v", out, err)
	}
	for code, want := range map[string]bool{lines[3]: false, renewed.Recovery[0]: true} {
		if ok, err := store.Verify(t.Context(), "bob", code); ok != want || err != nil {
			t.Errorf("%s: %t, %v", code, ok, err)
		}
	}
	s.runs(exitOK, "", "totp", "del", "bob")
	state("none")

	// A script has it line by line.
	d := json.NewDecoder(strings.NewReader(s.adds(exitOK, codeOf, "bob", "-j")))
	var key shownKey
	var codes recoveryCodes
	if err := d.Decode(&key); err != nil || key.Name != "bob" || !strings.HasPrefix(key.URI, "otpauth://") {
		t.Errorf("%+v, %v", key, err)
	}
	if err := d.Decode(&codes); err != nil || len(codes.Recovery) != factor.RecoveryCodes {
		t.Errorf("%+v, %v", codes, err)
	}
	whole := s.read("auth/totp/bob")
	s.write("auth/totp/bob", "broken")
	if out := s.checks("bob"); !strings.Contains(out, "nobody can log in with its password") || !strings.Contains(out, "rm "+s.path("auth/totp/bob")) {
		t.Error(out)
	}
	s.write("auth/totp/bob", whole)
	// Another account of that name does not have it.
	s.runs(exitOK, "", "user", "del", "bob")
	if out, _ := s.runs(exitOK, "", "totp", "show", "bob"); !strings.Contains(out, " none ") {
		t.Error(out)
	}
	s.runs(exitNoUser, "", "totp", "show", "a/b")
}

// TestConfirmed: at a terminal a wrong code is not the end.
func TestConfirmed(t *testing.T) {
	s := open(t, odd, `auth.virtual_uid = "1000"`, `auth.virtual_gid = "1000"`)
	c := onTerminal(t, s, "totp", "add", "bob")
	uri, err := c.said.ReadString('&')
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(strings.TrimSuffix(uri, "&"), "secret=")
	for _, answer := range []string{"000", codeOf(secret)} {
		for said := ""; !strings.HasSuffix(said, "shows now:"); {
			part, err := c.said.ReadString(':')
			if err != nil {
				t.Fatalf("%q, %v", said, err)
			}
			said += part
		}
		if _, err := io.WriteString(c.master, answer+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if out, _ := s.runs(exitOK, "", "totp", "show", "bob", "-j"); !strings.Contains(out, `"state":"active"`) {
		t.Error(out)
	}
}
