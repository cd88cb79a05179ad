package sasl

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"fantail/internal/login/userdb"
)

// hear gives responses to an exchange until it is over; "{}" in them is the
// nonce attribute of the last challenge, if it had one. It reports success, and
// fails the test if the exchange does not hold what it promises.
func hear(t *testing.T, mechanism string, a *accounts, responses ...string) bool {
	x := start(t, mechanism, secure, a)
	var challenge []byte
	for n := 0; ; n++ {
		var response []byte // what comes after the last of them is empty
		if n < len(responses) {
			response = []byte(responses[n])
			if nonce, _, ok := bytes.Cut(challenge, []byte(",s=")); ok {
				response = bytes.ReplaceAll(response, []byte("{}"), nonce)
			}
		}
		var done bool
		var err error
		failure := x.Failure()
		challenge, done, err = x.Next(t.Context(), response)
		switch {
		case n > maxRounds:
			t.Fatal("it does not end")
		case failure != nil && (!done || err != failure):
			t.Fatalf("failed (%v), then %t, %v", failure, done, err)
		case err != nil && (!done || x.Failure() != err):
			t.Fatalf("done %t, %v; failure %v", done, err, x.Failure())
		case (x.Account() != "") != (done && err == nil):
			t.Fatalf("done %t, %v; account %q", done, err, x.Account())
		case len(challenge) > MaxChallenge || !utf8.Valid(challenge):
			t.Fatalf("challenge %q", challenge)
		}
		if done {
			if err := x.Cancel(); err != x.Failure() {
				t.Fatalf("cancelled after the end: %v, failure %v", err, x.Failure())
			}
			return x.Account() != ""
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"\x00tim\x00pencil", "Ursel\x00Kurt\x00xipj3plmq", "tim\x00Tim\x00pencil", "\x00\x00", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, response string) {
		if hear(t, "PLAIN", newAccounts(t), response) && !strings.HasSuffix(response, "\x00"+password) {
			t.Errorf("%q succeeds", response)
		}
	})
}

func FuzzLogin(f *testing.F) {
	f.Add("tim", "pencil")
	f.Add("", "")
	f.Add("t\u00adim", "pencil\x00")
	f.Fuzz(func(t *testing.T, name, pass string) {
		if hear(t, "LOGIN", newAccounts(t), name, pass) && pass != password {
			t.Errorf("%q, %q succeeds", name, pass)
		}
	})
}

func FuzzExternal(f *testing.F) {
	f.Add("fred@example.com")
	f.Add("")
	f.Add("Fred")
	f.Fuzz(func(t *testing.T, authzid string) {
		if !hear(t, "EXTERNAL", newAccounts(t), authzid) || authzid == "" {
			return
		}
		name, err := Prepare(authzid)
		if err != nil || !strings.EqualFold(name, "fred") && !strings.EqualFold(name, "fred@example.com") {
			t.Errorf("%q succeeds", authzid)
		}
	})
}

func FuzzOAuthBearer(f *testing.F) {
	for _, s := range []string{
		"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer " + token + "\x01\x01",
		"n,,\x01auth=\x01\x01", "\x01", "n,user=x,\x01auth=Bearer x\x01\x01", "p=tls-exporter,a==2C,\x01\x01",
	} {
		f.Add(s, "\x01")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if hear(t, "OAUTHBEARER", newAccounts(t), first, second) && !strings.Contains(first, " "+token+"\x01") {
			t.Errorf("%q succeeds", first)
		}
	})
}

func FuzzXOAuth2(f *testing.F) {
	for _, s := range []string{
		"user=user@example.com\x01auth=Bearer " + token + "\x01\x01", "user=\x01auth=Bearer x\x01\x01", "\x01", "auth=\x01user=a\x01\x01",
	} {
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if hear(t, "XOAUTH2", newAccounts(t), first, second) && !strings.Contains(first, " "+token+"\x01") {
			t.Errorf("%q succeeds", first)
		}
	})
}

// FuzzSCRAM has nobody who knows a password: no attempt may succeed.
func FuzzSCRAM(f *testing.F) {
	mechanisms := []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}
	const proof = ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for _, s := range [][3]string{
		{"n,,n=user,r=nonce", "c=biws,{}" + proof, ""},
		{"n,a=u=2Cser,n=u=2Cser,r=nonce", "c=bixhPXU9MkNzZXIs,{}" + proof, ""},
		{"y,,n=nobody,r=nonce,x=1", "c=eSws,{},x=1" + proof, "more"},
		{"p=tls-exporter,,n=user,r=nonce", "c=biws,{}" + proof, ""},
		{"n,,m=1,n=user,r=nonce", "", ""},
		{"n,,n=user,r=" + strings.Repeat("x", maxNonce), "", ""},
	} {
		for i := range mechanisms {
			f.Add(uint8(i), s[0], s[1], s[2])
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, first, final, end string) {
		mechanism := mechanisms[int(which)%len(mechanisms)]
		if hear(t, mechanism, newAccounts(t), first, final, end) {
			t.Errorf("%s: %q, %q succeeds", mechanism, first, final)
		}
	})
}

// FuzzSCRAMMessage compares what is read from a message with the message.
func FuzzSCRAMMessage(f *testing.F) {
	f.Add("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")
	f.Add("p=tls-exporter,a=a=2C=3D,n=\u00e4,r=x,t=1,u==")
	f.Add("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
	f.Fuzz(func(t *testing.T, message string) {
		if m, err := scanClientFirst(message); err == nil {
			if m.gs2.text+m.bare != message || m.name == "" || m.nonce == "" || strings.ContainsAny(m.nonce, ", \x00") {
				t.Errorf("%q: %+v", message, m)
			}
		}
		if m, err := scanClientFinal(message); err == nil {
			if !strings.HasPrefix(message, m.withoutProof+",p=") || m.nonce == "" || len(m.proof) == 0 {
				t.Errorf("%q: %+v", message, m)
			}
		}
	})
}

func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"user", "I\u00adX", "\u2168", "\u0627\u0031", "\ufdfa", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		prepared, err := Prepare(name)
		if err != nil {
			return
		}
		if prepared == "" || len(prepared) > userdb.MaxName || !utf8.ValidString(prepared) || strings.ContainsAny(prepared, "\x00\r\n\x7f") {
			t.Errorf("%q: %q", name, prepared)
		}
	})
}
