package handover

import (
	"errors"
	"strings"
	"testing"
)

var records = []record{
	{Hello: Hello{SID: "a1", Remote: "192.0.2.7", TLS: true, Tag: "a"}},
	{Hello: Hello{SID: "Zz-_9", Remote: "fe80::1%eth0", TLS: false, Tag: ""}},
	{Hello: Hello{SID: "x", Remote: "local", TLS: true, Tag: "tag=]=tls=no"}},
	{Hello: Hello{SID: "x", Remote: "local", Tag: "a"}, socket: true, ahead: MaxAhead},
	{Hello: Hello{SID: "x", Remote: "local", Tag: "a", Client: "M\x00ail \n/1%2", Without: "LITERAL+,COMPRESS=DEFLATE"}},
	{Hello: Hello{
		SID: strings.Repeat("s", maxSID), Remote: strings.Repeat("r", maxRemote), Tag: strings.Repeat("t", MaxTag),
		Client: strings.Repeat("c", MaxClient), Without: strings.Repeat("W", MaxWithout),
	}},
	{Hello: Hello{SID: strings.Repeat("s", maxSID), Remote: strings.Repeat("r", maxRemote), Tag: strings.Repeat("t", MaxTag)}},
}

func TestParseRecord(t *testing.T) {
	for _, want := range records {
		b, err := want.append(nil)
		if err != nil || len(b) > MaxHello {
			t.Fatalf("%+v: %d, %v", want, len(b), err)
		}
		if got, err := parseRecord(string(b)); err != nil || got != want {
			t.Errorf("%+v: %+v, %v", want, got, err)
		}
		for _, bad := range []string{string(b[:len(b)-1]), string(b) + "a2 SELECT INBOX\r\n", "\n" + string(b)} {
			if got, err := parseRecord(bad); !errors.Is(err, ErrHello) || got != (record{}) {
				t.Errorf("%q: %+v, %v", bad, got, err)
			}
		}
	}
}

func TestHelloRefused(t *testing.T) {
	for _, line := range []string{
		"", "\n", "fantail 3\n", "fantail 1 sid=a remote=b tls=yes tag= client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=yes\n",
		"fantail 3 sid=a remote=b tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0 more=1\n",
		"fantail 3 sid=a remote=b tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0 \n",
		"fantail 3  sid=a remote=b tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 remote=b sid=a tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a sid=a tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid= remote=b tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote= tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=maybe tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\r\n",
		"fantail 3 sid=a remote=b tls=yes tag=a+b client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a/b remote=b tls=yes tag=x client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=yes tag=" + strings.Repeat("x", MaxTag+1) + " client= without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=yes tag=x client=F0 without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=yes tag=x client=f without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=yes tag=x client= without=( mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=yes tag=x client=" + strings.Repeat("66", MaxClient+1) + " without= mechanisms= expire= utf8=no socket=no ahead=0\n",
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=maybe ahead=0\n",
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=-1\n",
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=01\n",
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=16385\n",
		"fantail 3 sid=a remote=b tls=yes tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=0\n",
		"fantail 3 sid=" + strings.Repeat("x", 100000),
	} {
		if h, err := parseRecord(line); !errors.Is(err, ErrHello) || h != (record{}) {
			t.Errorf("%.60q: %+v, %v", line, h, err)
		}
	}
	for _, h := range []Hello{{}, {SID: "a\n", Remote: "b"}, {SID: "a", Remote: "b c"}, {SID: "a", Remote: "b", Tag: "\xff"}} {
		if b, err := (record{Hello: h}).append(nil); !errors.Is(err, ErrHello) || len(b) > 0 {
			t.Errorf("%+v: wrote %q, %v", h, b, err)
		}
	}
}

// What is read is what was written, to the octet.
func FuzzParseRecord(f *testing.F) {
	for _, h := range records {
		b, err := h.append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, in string) {
		h, err := parseRecord(in)
		if err != nil {
			if !errors.Is(err, ErrHello) || h != (record{}) {
				t.Fatalf("%+v, %v", h, err)
			}
			return
		}
		b, err := h.append(nil)
		if err != nil || string(b) != in {
			t.Fatalf("%q became %q, %v", in, b, err)
		}
	})
}
