package scheme

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const right = "pässwörd 1"

// hashes are those of right, made by doveadm pw, mkpasswd, slappasswd, crypt(3) and
// passlib.
var hashes = []string{
	"{PLAIN}" + right,
	"{CLEAR}" + right,
	"{CLEARTEXT}" + right,
	"{plain}" + right,
	"{PLAIN.b64}cMOkc3N3w7ZyZCAx",
	"{PLAIN.BASE64}cMOkc3N3w7ZyZCAx",
	"{PLAIN.hex}70c3a4737377c3b672642031",

	"{CRYPT}$2y$05$KqIIRa2ynS.KHOE/sq5B2eCcy10b/KzQ3Js2OCN7Kc/./zn.Wc.xC",
	"{BLF-CRYPT}$2y$05$GiR2.HoOxarm/MWkKKTnJenRHeFsl1h.vsXf8LufsAStC4KFbOWA6",
	"{SHA512-CRYPT}$1$OBuyFMZ5$/4tyJ48kOT4h3SOAoCfIj0", // any method
	"$2b$05$SC6//fnoqHDYyMP3ml/Pfe9o2.oBmmMok5MacJhwWm68Ib.6d9896",
	"$2a$05$tmLyMq6pq5GjpI0rOd5sHe7YE2z1uqOKN4P6JWXMCawOiIxpJPOxy",
	"$2a$04$abcdefghijklmnopqrstuuttEEnz76zm7MjVN//MHDv0G89wKAxhO",
	"{MD5-CRYPT}$1$OBuyFMZ5$/4tyJ48kOT4h3SOAoCfIj0",
	"{MD5}$1$OBuyFMZ5$/4tyJ48kOT4h3SOAoCfIj0",
	"$1$$bmqOCprmAt3z4lIQ9vmDA0",
	"{SHA256-CRYPT}$5$t8E2JEHfNbY/P9mn$nIypVX1kuFlqREd7f96Zz6hjfdkx.E.7fdCk/yAL.w5",
	"$5$rounds=1000$$EJZo/1.D2g2ez8Y31ray3ZeHpI5JVbqRWUvPOVtr0mB",
	"{SHA512-CRYPT}$6$a7EUXW67A8gnqcGM$5ZLsPLrWCn5atSvkOjHYQPltt44M66HqCuuo6EPKDwWrT5YkYNl5HXoNgtglQFQ9sBQJJlqfOd5SOBPBWWi1Q0",
	"$6$a7EUXW67A8gnqcGM$5ZLsPLrWCn5atSvkOjHYQPltt44M66HqCuuo6EPKDwWrT5YkYNl5HXoNgtglQFQ9sBQJJlqfOd5SOBPBWWi1Q0",
	"$6$rounds=5000$abcdefgh$JS0C7qF90oW5YhCPGBVaDdqSktD6ZKUasub5AG5TZOmGaIKq0Q2racNetPqyrc2eqzHnXWf.vJZah3LZyj4w9/",
	"$sha1$100$abcd$TOIylhBXW2w1d7xngV/WnDcftfGB",
	"$sha1$1$abc$zc3yuyJbH8MYHAwFDhfoygd3s9Lw",
	"$md5,rounds=53398$4tW99dqF$$uXIFHdIUoOdzAkiCGayct.",
	"$md5$abcd$$Oh2tun1XMJm5ONu7r6S0M1",
	"$3$$90461d4bf19b7f2c39bc01b371748061",
	"$y$j9T$eKojkvzJVcFYohzILCL5j1$GjJu7ftj5tiYt6WeVig.E6hmk2OiL4oizzo8PvNVWE6",
	"$y$j9T$$pDPpKzX0W2yDs6ki4NpHoJ13D7Y12GsM2LcF/9NoCO3",
	"$7$CU..../....MKsIn/McA2piHR8oj0ik71$.dceoGEKGU7kxETdGx3iosHSZKkoaUCGXSmJpSrMUz4",
	"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8",
	"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$DJGvKZmWqYW5Klw3hy2M1Q$/f+cpEgIjGK5jdYBJORQcn7RO+MbCCxwCSAlhHeczSM",

	"$pbkdf2$1000$rLV2rtW6l3Ku9X5PSQmhtA$Why2Ba8SEnnN0EypFi4GmkFCAnA",
	"$pbkdf2-sha256$1000$9t7b.9.bc87ZG.P8n7N2jg$avy7anShVsXpRZLecddsMhz30cRvW5.BhzBnK8lFyq0",
	"$pbkdf2-sha512$1000$JUQIQUjJuffe27v3HgNAiA$uT8MWVHJM31q1meBNPXH.zHizJ6HYgDP0YVaq9MFcIxKnPhwQ9eREDW.8szGDn3ZZXGIQS6rJ9N/uIqxMo2ZCw",
	"$scrypt$ln=6,r=8,p=1$TimltHaudU6plbLWupeSsg$zqoeKjS0MUbrqIdfTuQz7tcf3CQoif5QPlYBqvjslgI",
	"{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$YXPYS2FlYCPsucV19hugqQ$gG99vqyXjoqQOKvXwxROAFw+GiOsDxitWyYAkhTmC3Y",
	"{PBKDF2}10000$klVpGd2FvQ4wYrfQ34Qhbg$TdrakehUcojavCAUGCGReiFHMK4",
	"{PBKDF2-SHA512}10000$E8NJ4ls5EkKSnLaUlbwBhg$00MLrWOBjnRyItFWpoJWe1YJHXAmuKf1dWd4QOAA33seQMUcN3AqrL5OcyLD5wUMW9olwZvE4snzMBCobN7ICA",
	"{PBKDF2}$1$YdaN8Msi/FGUN.TX$5000$d7a09d0a1712bb4f4b19a8504087b94505b086b1",
	"{SHA}/Hrn08gEogcgvDjo5YNQSGibZVE=",
	"{SHA}/Hrn08gEogcgvDjo5YNQSGibZVE",
	"{SHA}fc7ae7d3c804a20720bc38e8e5835048689b6551",
	"{SHA1.hex}fc7ae7d3c804a20720bc38e8e5835048689b6551",
	"{SHA256}UODX5JZHe18JVwv9yvMbAoeS719Y7fwn28vMuM/OHRU=",
	"{SHA512}MGrCWX/OaIyw5xBZ0RrM2vwe1YHoo2MD/NKt2+vkfLiudEOMnHxXTsVXCSooO5eehIdUJFylnTmr3TTyK23wMw==",
	"{SSHA}AVsGsFqt8qFfYKHxCMl82r0djo5+6G/m",
	"{SSHA256}f24/z9aI3cMT3iFyvBjmA1VGihUv9fQV4OkstJup2a8Ff6zq",
	"{SSHA512}DXMDPPnET/cixy2c0NHn8LLOhudQ0WuqhWaJ1Be03UL+WWH2g9keMtcwviniqPNJDFi+DcClUynrEHubUid2vrj74m0=",
	"{SMD5}ekaWhRefhv3vjjd3yiWzrelYGcM=",
	"{LDAP-MD5}znS4ktpEGwD0thUjhyvGtA==",
	"{MD5}znS4ktpEGwD0thUjhyvGtA==",
	"{MD5}ce74b892da441b00f4b61523872bc6b4",
	"{PLAIN-MD5}ce74b892da441b00f4b61523872bc6b4",
	"{PLAIN-MD5.b64}znS4ktpEGwD0thUjhyvGtA==",
	"{PLAIN-MD4}7696cf16a0416112087deab6695ae980",
	"{CRAM-MD5}52088da9670cd71eb1a28e47c53cd529f0dab67d4b8b55f1cf849141d512452f",
	"{HMAC-MD5}52088da9670cd71eb1a28e47c53cd529f0dab67d4b8b55f1cf849141d512452f",
	"{SCRAM-SHA-1}4096,ph/L7emcHRDYvzOD0PfjpQ==,Rfmu4NvhNtDk/1AnFb2lMo275z0=,VGTUktN9aBo8FBBtiKJOYmE4PBo=",
	"{SCRAM-SHA-256}4096,XaV6xyzr2T8P7vRIwUNO8w==,jZVh30aKCecfGdnC98kpFnYyUCKAat4KShEPFGjJ21Q=,d4fwRrOPmGxB555VHDF8N/+zDkXMPo3Pqy1Pf2lAh7k=",
}

func TestVerify(t *testing.T) {
	for _, field := range hashes {
		h, err := Parse(field)
		if err != nil {
			t.Errorf("%.14s: %v", field, err)
			continue
		}
		if !h.Verify(right) {
			t.Errorf("%s does not match", field)
		}
		for _, wrong := range []string{"", right[:len(right)-1], right + "x", right + "\x00", strings.Repeat("z", MaxPassword+1)} {
			if h.Cost().Time > 20*time.Millisecond && wrong == right+"x" {
				continue // one wrong password is enough for the expensive ones
			}
			if h.Verify(wrong) {
				t.Errorf("%s matches %.20q", field, wrong)
			}
		}
		if c := h.Cost(); c.Time < 0 || c.Time > 2*time.Second || c.Memory < 0 || c.Memory > 65<<20 {
			t.Errorf("%s costs %+v", field, c)
		}
		if shown := fmt.Sprintf("%v %+v %#v", h, h, h); strings.Contains(shown, field[len(field)-5:]) {
			t.Errorf("printing shows the field: %s", shown)
		}
	}
	if (Hash{}).Verify(right) || (Hash{}).Verify("") {
		t.Error("the zero Hash matches")
	}
}

// A salt as long as makes base64 as long as the digest in hex.
func TestSaltLengths(t *testing.T) {
	for name, function := range map[string]func() hash.Hash{"SSHA": sha1.New, "SSHA256": sha256.New} {
		for n := 1; n <= 40; n++ {
			salt := strings.Repeat("s", n)
			h := function()
			h.Write([]byte(right + salt))
			sum := append(h.Sum(nil), salt...)
			for _, field := range []string{
				"{" + name + "}" + base64.StdEncoding.EncodeToString(sum),
				fmt.Sprintf("{%s.hex}%x", name, sum),
			} {
				if ok, err := Verify(field, right); !ok {
					t.Errorf("%s with a salt of %d octets: %v", name, n, err)
				}
			}
		}
	}
}

// unreadable are fields that match nothing, each with what its error wraps, if
// that has a name.
var unreadable = map[string]error{
	"":                  nil,
	"x":                 nil,
	"*":                 ErrLocked,
	"!":                 ErrLocked,
	"!!":                ErrLocked,
	"*LK*":              ErrLocked,
	"!" + hashes[20]:    ErrLocked,
	"{PLAIN" + right:    nil,
	"{PLAIN}":           nil,
	"{PLAIN.rot13}cnff": nil,
	"{PLAIN.hex}7":      nil,
	"{}" + right:        ErrUnsupported,
	"{ROT13}cnff":       ErrUnsupported,
	"{my password}":     ErrUnsupported,
	"{DIGEST-MD5}c9557acb712fb138434ef47c1bd5e43b":                 ErrUnsupported,
	"{OTP}sha1 1024 4aec720eace0af52 c6bb733674bc44a0":             ErrUnsupported,
	"{PLAIN-TRUNC}3-" + right:                                      ErrUnsupported,
	"abzp3RXJm5gNA":                                                ErrUnsupported, // DES
	"{CRYPT}abzp3RXJm5gNA":                                         ErrUnsupported,
	"{DES-CRYPT}abzp3RXJm5gNA":                                     ErrUnsupported,
	"_J9..abcdSbLx3nCYrBs":                                         ErrUnsupported,
	"$gy$j9T$abcd$pt1pi1XtN2I4flmgXGO06ozSUfpTctxoVnt2t3tzU0B":     ErrUnsupported,
	"$2$05$abcdefghijklmnopqrstuu9zkq65eNjJ/pyWJYBzBge4LrMqMXEd6":  ErrUnsupported,
	"$2x$05$abcdefghijklmnopqrstuu8oCHnJmQO6c./lTjyVQJd0K1rbfEqGS": ErrUnsupported,
	"$apr1$abcdefgh$bmqOCprmAt3z4lIQ9vmDA0":                        ErrUnsupported,
	"$plaintext$" + right:                                          ErrUnsupported,
	"$argon2d$v=19$m=32768,t=4,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8": ErrUnsupported,
	"$": nil, "$1": nil, "$1$": nil, "$1$a": nil, "$5$": nil, "$6": nil, "$3$": nil, "$7$": nil, "$y$": nil, "$md5$": nil, "$md5,": nil, "$6,x": nil, "$pbkdf2-sha256,": nil,
	"$1$abcdefghi$bmqOCprmAt3z4lIQ9vmDA0":                                                              nil,
	"$1$abc$bmqOCprmAt3z4lIQ9vmDA":                                                                     nil,
	"$5$abcdefghijklmnopq$EJZo/1.D2g2ez8Y31ray3ZeHpI5JVbqRWUvPOVtr0mB":                                 nil,
	"$5$rounds=999$abcd$EJZo/1.D2g2ez8Y31ray3ZeHpI5JVbqRWUvPOVtr0mB":                                   nil,
	"$5$rounds=01000$ab$EJZo/1.D2g2ez8Y31ray3ZeHpI5JVbqRWUvPOVtr0mB":                                   nil,
	"$5$rounds=$ab$EJZo/1.D2g2ez8Y31ray3ZeHpI5JVbqRWUvPOVtr0mB":                                        nil,
	"$sha1$100$$TOIylhBXW2w1d7xngV/WnDcftfGB":                                                          nil,
	"$md5$abcd$abi7ZfKkp1Kl3JG7A69Yu/":                                                                 nil,
	"$2b$03$abcdefghijklmnopqrstuu9zkq65eNjJ/pyWJYBzBge4LrMqMXEd6":                                     nil,
	"$2b$32$abcdefghijklmnopqrstuu9zkq65eNjJ/pyWJYBzBge4LrMqMXEd6":                                     nil,
	"$2b$-5$abcdefghijklmnopqrstuu9zkq65eNjJ/pyWJYBzBge4LrMqMXEd6":                                     nil,
	"$2b$05$abcdefghijklmnopqrstuu9zkq65eNjJ/pyWJYBzBge4LrMqMXEd":                                      nil,
	"$2b$05$abcdefghijklmnopqrst+u9zkq65eNjJ/pyWJYBzBge4LrMqMXEd6":                                     nil,
	"$3$$90461d4bf19b7f2c39bc01b3717480":                                                               nil,
	"$y$j9T$eKojk!zJVcFYohzILCL5j1$GjJu7ftj5tiYt6WeVig.E6hmk2OiL4oizzo8PvNVWE6":                        nil,
	"$y$./.$abcd$7.aNTDpiFFm9PD8TDQblgmJ0hUelZ5W9t2.CIHBHio2":                                          nil,
	"$argon2i$m=32768,t=4,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":      nil,
	"$argon2i$v=16$m=32768,t=4,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8": nil,
	"$argon2i$v=19$m=32768,t=0,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8": nil,
	"$argon2i$v=19$m=32768,t=4,p=0$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8": nil,
	"$argon2i$v=19$m=32768,t=4$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":     nil,
	"$argon2i$v=19$m=32768,t=4,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMG":                                        nil,
	"$argon2i$v=19$m=7,t=4,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":     nil,
	"{SSHA}AAAA":                                                 nil,
	"{SSHA}/Hrn08gEogcgvDjo5YNQSGibZVE=":                         nil, // no salt
	"{SHA}?":                                                     nil,
	"{SHA}AVsGsFqt8qFfYKHxCMl82r0djo5+6G/m":                      nil,
	"{PLAIN-MD5}ce74b892da441b00f4b61523872bc6":                  nil,
	"{CRAM-MD5}52088da9670cd71eb1a28e47c53cd529":                 nil,
	"{PBKDF2}$1$salt$0$d7a09d0a1712bb4f4b19a8504087b94505b086b1": nil,
	"{PBKDF2}$2$salt$1$d7a09d0a1712bb4f4b19a8504087b94505b086b1": nil,
	"{PBKDF2}$1$salt$5000$d7a09d0a":                              nil,
	"{PBKDF2-SHA256}10000$AAAA$AAAA":                             nil,
	"{SCRAM-SHA-256}4096,/K6YQX+9hEOXGrQC+RRFcQ==,vN6c,sdcl":     nil,
	"{SCRAM-SHA-1}4095,ph/L7emcHRDYvzOD0PfjpQ==,Rfmu4NvhNtDk/1AnFb2lMo275z0=,VGTUktN9aBo8FBBtiKJOYmE4PBo=": nil,
	"{SCRAM-SHA-1}4096,,Rfmu4NvhNtDk/1AnFb2lMo275z0=,VGTUktN9aBo8FBBtiKJOYmE4PBo=":                         nil,
	"{PLAIN}" + strings.Repeat("x", 1<<13):                                                                 nil,

	// What a hash may not ask for.
	"$2b$31$abcdefghijklmnopqrstuu9zkq65eNjJ/pyWJYBzBge4LrMqMXEd6":                                                                                 ErrCost,
	"$2b$17$abcdefghijklmnopqrstuu9zkq65eNjJ/pyWJYBzBge4LrMqMXEd6":                                                                                 ErrCost,
	"$5$rounds=999999999$ab$EJZo/1.D2g2ez8Y31ray3ZeHpI5JVbqRWUvPOVtr0mB":                                                                           ErrCost,
	"$5$rounds=99999999999999999999999$ab$EJZo/1.D2g2ez8Y31ray3ZeHpI5JVbqRWUvPOVtr0mB":                                                             ErrCost,
	"$sha1$4294967295$abcd$TOIylhBXW2w1d7xngV/WnDcftfGB":                                                                                           ErrCost,
	"$md5,rounds=4294967295$4tW99dqF$$uXIFHdIUoOdzAkiCGayct.":                                                                                      ErrCost,
	"$y$jET$eKojkvzJVcFYohzILCL5j1$GjJu7ftj5tiYt6WeVig.E6hmk2OiL4oizzo8PvNVWE6":                                                                    ErrCost,
	"$y$jzT$eKojkvzJVcFYohzILCL5j1$GjJu7ftj5tiYt6WeVig.E6hmk2OiL4oizzo8PvNVWE6":                                                                    ErrCost,
	"$7$GU..../....abcdefgh$4pVd5d8RjgP8uOhPS3.BC5RjLmFAp3hWignrQ3y7UD6":                                                                           ErrCost,
	"$7$zzzzzzzzzzzMKsIn$.dceoGEKGU7kxETdGx3iosHSZKkoaUCGXSmJpSrMUz4":                                                                              ErrCost,
	"$7$CU....zzzzzMKsIn$.dceoGEKGU7kxETdGx3iosHSZKkoaUCGXSmJpSrMUz4":                                                                              ErrCost,
	"$scrypt$ln=4294967295,r=4294967295,p=4294967295$aaaaaaaa$FwOwsGfSMAKyWI4bJP0kfQ":                                                              ErrCost,
	"$argon2id$v=19$m=4294967295,t=4294967295,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":                              ErrCost,
	"$argon2id$v=19$m=8,t=4294967295,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":                                       ErrCost,
	"$argon2id$v=19$m=262145,t=1,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":                                           ErrCost,
	"$argon2id$v=19$m=262144,t=99,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":                                          ErrCost,
	"$argon2id$v=19$m=99999999999999999999,t=1,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8":                             ErrCost,
	"{PBKDF2}$1$salt$99999999999$d7a09d0a1712bb4f4b19a8504087b94505b086b1":                                                                         ErrCost,
	"{PBKDF2}$1$salt$999999999$d7a09d0a1712bb4f4b19a8504087b94505b086b1":                                                                           ErrCost,
	"{SCRAM-SHA-1}2000000000,ph/L7emcHRDYvzOD0PfjpQ==,Rfmu4NvhNtDk/1AnFb2lMo275z0=,VGTUktN9aBo8FBBtiKJOYmE4PBo=":                                   ErrCost,
	"{SCRAM-SHA-256}4294967295,XaV6xyzr2T8P7vRIwUNO8w==,jZVh30aKCecfGdnC98kpFnYyUCKAat4KShEPFGjJ21Q=,d4fwRrOPmGxB555VHDF8N/+zDkXMPo3Pqy1Pf2lAh7k=": ErrCost,
}

func TestUnreadable(t *testing.T) {
	for field, want := range unreadable {
		h, err := Parse(field)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", field, err, want)
			continue
		}
		if want == nil && (errors.Is(err, ErrCost) || errors.Is(err, ErrLocked) || errors.Is(err, ErrUnsupported)) {
			t.Errorf("%q: %v", field, err)
		}
		if h.match != nil || h.keys != nil {
			t.Errorf("%q: a Hash beside the error", field)
		}
		if ok, again := Verify(field, "x"); ok || again == nil {
			t.Errorf("%q: %v, %v", field, ok, again)
		}
		if quotes(err, field) {
			t.Errorf("%q is quoted: %v", field, err)
		}
	}
}

// quotes reports whether an error holds six letters of what follows the scheme and
// the method.
func quotes(err error, field string) bool {
	if _, rest, ok := strings.Cut(field, "}"); ok {
		field = rest
	}
	if parts := strings.SplitN(field, "$", 3); len(parts) == 3 {
		field = parts[2]
	}
	for at := 0; at+6 <= len(field); at++ {
		if strings.Contains(err.Error(), field[at:at+6]) {
			return true
		}
	}
	return false
}

// bcrypt looks at 72 octets, as everywhere.
func TestBcryptCuts(t *testing.T) {
	long := strings.Repeat("ä", 50)
	made, err := bcrypt.GenerateFromPassword([]byte(long[:72]), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	field := string(made)
	for password, want := range map[string]bool{long: true, long[:72]: true, long[:72] + "x": true, long[:71]: false, "x" + long[1:]: false} {
		if ok, err := Verify(field, password); ok != want || err != nil {
			t.Errorf("%d octets: %v, %v", len(password), ok, err)
		}
	}
}

// The examples of RFC 5802 section 5 and RFC 7677 section 3.
func TestSCRAMExamples(t *testing.T) {
	for _, test := range []struct {
		mechanism, salt, authMessage, proof, signature string
		function                                       func() hash.Hash
	}{
		{"SCRAM-SHA-1", "QSXCR+Q6sek8bf92",
			"n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
			"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ=", sha1.New},
		{"SCRAM-SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==",
			"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
			"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", sha256.New},
	} {
		salt, err := base64.StdEncoding.DecodeString(test.salt)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := DeriveKeys(test.mechanism, "pencil", salt, 4096)
		if err != nil || keys.Iterations != 4096 || string(keys.Salt) != string(salt) {
			t.Fatalf("%s: %+v, %v", test.mechanism, keys, err)
		}
		mac := hmac.New(test.function, keys.ServerKey)
		mac.Write([]byte(test.authMessage))
		if got := base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != test.signature {
			t.Errorf("%s: the server's signature is %s", test.mechanism, got)
		}
		mac = hmac.New(test.function, keys.StoredKey)
		mac.Write([]byte(test.authMessage))
		clientKey, err := base64.StdEncoding.DecodeString(test.proof)
		if err != nil {
			t.Fatal(err)
		}
		for i, octet := range mac.Sum(nil) {
			clientKey[i] ^= octet
		}
		h := test.function()
		h.Write(clientKey)
		if string(h.Sum(nil)) != string(keys.StoredKey) {
			t.Errorf("%s: the client's proof does not fit", test.mechanism)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
		field, err := Make(mechanism, right)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Parse(field)
		if err != nil {
			t.Fatal(err)
		}
		keys, ok := h.Keys(mechanism, []byte("not this salt"))
		want, err := DeriveKeys(mechanism, right, keys.Salt, keys.Iterations)
		if !ok || err != nil || string(keys.StoredKey) != string(want.StoredKey) || string(keys.ServerKey) != string(want.ServerKey) {
			t.Errorf("%s: %v, %v", mechanism, ok, err)
		}
		for _, other := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", ""} {
			if _, ok := h.Keys(other, nil); ok != (other == mechanism) {
				t.Errorf("%s has keys for %q: %v", mechanism, other, ok)
			}
		}
	}
	for _, field := range []string{"{SSHA}AVsGsFqt8qFfYKHxCMl82r0djo5+6G/m", "$1$$bmqOCprmAt3z4lIQ9vmDA0"} {
		h, err := Parse(field)
		if _, ok := h.Keys("SCRAM-SHA-1", []byte("salt")); ok || err != nil {
			t.Errorf("%s has keys: %v", field, err)
		}
	}
	if _, err := DeriveKeys("SCRAM-MD5", right, nil, 4096); err == nil {
		t.Error("keys for a mechanism that does not exist")
	}
	if _, err := DeriveKeys("SCRAM-SHA-1", right, nil, 0); err == nil {
		t.Error("keys without iterations")
	}
}

// The examples of RFC 4013 section 3, and what it does not take.
func TestPrepare(t *testing.T) {
	for password, want := range map[string]string{
		"I\u00adX":   "IX",
		"user":       "user",
		"USER":       "USER",
		"\u00aa":     "a",
		"\u2168":     "IX",
		"\u0007":     "\u0007",
		"\u06271":    "\u06271",
		"\u00a0":     " ",
		"pa\u0308ss": "päss",
		"\u00ad":     "\u00ad",
		"\xff":       "\xff",
		"🐧":          "🐧",
	} {
		if got := Prepare(password); got != want {
			t.Errorf("%+q becomes %+q", password, got)
		}
	}
}

// A client that does not prepare a password, or in another way, logs in by PLAIN.
func TestSCRAMVerifyPrepares(t *testing.T) {
	field, err := Make("SCRAM-SHA-256", "pa\u0308ss\u00a0\u2168")
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"pa\u0308ss\u00a0\u2168", "päss IX", "päss\u2003IX"} {
		if ok, err := Verify(field, password); !ok {
			t.Errorf("%+q: %v", password, err)
		}
	}
}
