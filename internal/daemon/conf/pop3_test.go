package conf

import (
	"strings"
	"testing"
)

func TestUIDLFormats(t *testing.T) {
	s := UIDLSource{UID: 0x1f, UIDValidity: 0x5e0b482d, Filename: "1.M2P3.h,S=4", GUID: "g u"}
	for text, want := range map[string]string{
		"%{uid|hex(8)}%{uidvalidity|hex(8)}":      "0000001f5e0b482d",
		"%{ uid | hex(8) }%{ uidvalidity | hex }": "0000001f5e0b482d",
		"%08Xu%08Xv":            "0000001f5e0b482d",
		"%08Xv%08Xu":            "5e0b482d0000001f",
		"%v.%u":                 "1577797677.31",
		"%{uidvalidity}-%{uid}": "1577797677-31",
		"%u":                    "31",
		"%Xu":                   "1f",
		"%{uid|hex(1)}":         "1f",
		"%f":                    "1.M2P3.h,S=4",
		"%Mf":                   "a64fb59093098c9b9766b90bff954581",
		"%{filename|md5}":       "a64fb59093098c9b9766b90bff954581",
		"%{guid}":               "g u",
		"UID%u-%v":              "UID31-1577797677",
		"100%%%u":               "100%31",
	} {
		f, err := ParseUIDLFormat(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(f.Append(nil, &s)); got != want || f.String() != text {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"":                  "neither",
		"%v":                "neither",
		"x%%":               "neither",
		"%":                 "beginning",
		"%x":                "beginning",
		"%{uid":             "beginning",
		"%{user}":           "beginning",
		"%8Xu":              "beginning",
		"%08u":              "beginning",
		"%00Xu":             "width",
		"%09Xu":             "width",
		"%{uid|hex(9)}":     "width",
		"%{uid|hex()}":      "width",
		"%{uid|md5}":        "no filter",
		"%{uid|hex|hex}":    "no filter",
		"%{filename|hex}":   "no filter",
		"%{filename|upper}": "no filter",
		"%u %v":             "characters",
		"%u\u00e4":          "characters",
	} {
		if _, err := ParseUIDLFormat(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseUIDLFormat(f *testing.F) {
	for _, seed := range []string{"%{uid|hex(8)}%{uidvalidity|hex(8)}", "%08Xu%%", "%Mf", "%{guid|md5}x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		format, err := ParseUIDLFormat(text)
		if err != nil {
			return
		}
		a := format.Append(nil, &UIDLSource{UID: 1, UIDValidity: 7, Filename: "f1", GUID: "g1"})
		b := format.Append(nil, &UIDLSource{UID: 2, UIDValidity: 7, Filename: "f2", GUID: "g2"})
		if string(a) == string(b) {
			t.Errorf("%q tells no messages apart", text)
		}
	})
}

func TestExpire(t *testing.T) {
	for _, c := range []struct {
		expire, least int
		own           string
		want          int
		soonest       int
		differ        bool
	}{
		{0, 0, "", 0, 0, false},
		{30, 0, "", 30, 30, false},
		{30, 0, "5", 30, 30, false}, // accounts have no say
		{30, 7, "", 30, 7, true},
		{30, 7, "5", 7, 7, true},
		{30, 7, "90", 90, 7, true},
		{30, 7, "never", 0, 7, true},
		{30, 7, "soon", 0, 7, true},
		{0, 7, "", 0, 7, true},
		{0, 7, "14", 14, 7, true},
		{3, 7, "", 3, 3, true},
	} {
		s := POP3Settings{Expire: c.expire, ExpireLeast: c.least}
		if got := s.ExpireFor(c.own); got != c.want {
			t.Errorf("%+v: %d days", c, got)
		}
		if days, differ := s.ExpireSoonest(); days != c.soonest || differ != c.differ {
			t.Errorf("%+v: soonest %d, %v", c, days, differ)
		}
	}
	for _, text := range []string{"", "0", "-1", "1.5", "100001", "Never"} {
		if _, err := ParseDays(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestKeywords(t *testing.T) {
	for text, ok := range map[string]bool{"$POP3Deleted": true, "x": true, `\Deleted`: false, "a b": false, "a]": false, "\u00e4": false} {
		if err := checkKeyword(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
