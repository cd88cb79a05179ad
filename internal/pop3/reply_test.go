package pop3

import (
	"slices"
	"strings"
	"testing"
)

func TestStatusLines(t *testing.T) {
	tests := []struct{ got, want string }{
		{string(AppendOK(nil, NoCode, "")), "+OK\r\n"},
		{string(AppendOK(nil, NoCode, "2 320")), "+OK 2 320\r\n"},
		{string(AppendErr([]byte("x"), InUse, "Try later.")), "x-ERR [IN-USE] Try later.\r\n"},
		{string(AppendErr(nil, SysTemp, "")), "-ERR [SYS/TEMP]\r\n"},
		{string(AppendErr(nil, NoCode, "a\r\n+OK b\x00\xc3\x9c")), "-ERR a??+OK b???\r\n"},
		{string(AppendErr(nil, NoCode, "[AUTH] no code")), "-ERR (AUTH] no code\r\n"},
		{string(AppendErr(nil, AuthFailed, "[x]")), "-ERR [AUTH] [x]\r\n"},
		{string(AppendContinue(nil, nil)), "+ \r\n"},
		{string(AppendContinue(nil, []byte("\x00a\x00b"))), "+ AGEAYg==\r\n"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestStatusLineLength(t *testing.T) {
	long := strings.Repeat("x", 2000)
	b := AppendErr(AppendOK(nil, NoCode, long), SysPerm, long)
	if len(b) != 2*maxStatus || strings.Count(string(b), "\r\n") != 2 {
		t.Errorf("%d octets: %q", len(b), b)
	}
}

func TestOffer(t *testing.T) {
	before := Offer{STLS: true, User: true, Mechanisms: []string{"PLAIN", "EXTERNAL"}}
	const want = "+OK Capability list follows.\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n" +
		"LANG\r\nEXPIRE NEVER\r\nSTLS\r\nUSER\r\nSASL PLAIN EXTERNAL\r\nIMPLEMENTATION Fantail\r\n.\r\n"
	if got := string(before.Append(nil)); got != want {
		t.Errorf("got %q", got)
	}
	least := Offer{}.Capabilities()
	for _, tag := range []string{STLS, USER, tagSASL} {
		if slices.ContainsFunc(least, func(line string) bool { return strings.HasPrefix(line, tag) }) {
			t.Errorf("%s is announced where it is not permitted", tag)
		}
	}
	for _, line := range before.Capabilities() {
		if len(line) > maxStatus-2 || line[0] == '.' {
			t.Errorf("%q is no capability line", line)
		}
	}
}

func TestValidUIDL(t *testing.T) {
	for s, want := range map[string]bool{
		"0000000a5e0b1c2d":         true,
		"!~":                       true,
		strings.Repeat("a", 70):    true,
		strings.Repeat("a", 71):    false,
		"":                         false,
		"a b":                      false,
		"a\x7f":                    false,
		"j\xc3\xbcrgen":            false,
		"whqtswO00WBw418f9t5JxYwZ": true,
	} {
		if got := ValidUIDL(s); got != want {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

// No text makes a status line that is not one.
func FuzzStatusLine(f *testing.F) {
	f.Add("[IN-USE] a\r\nb", true)
	f.Fuzz(func(t *testing.T, text string, code bool) {
		c := NoCode
		if code {
			c = SysTemp
		}
		b := AppendErr(nil, c, text)
		line, ended := strings.CutSuffix(string(b), "\r\n")
		if !ended || len(b) > maxStatus || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q: wrote %q", text, b)
		}
		if !code && strings.HasPrefix(line, "-ERR [") {
			t.Errorf("%q: wrote a response code: %q", text, b)
		}
	})
}
