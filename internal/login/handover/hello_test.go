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

func TestScanRecord(t *testing.T) {
	const more = "a2 SELECT INBOX\r\n"
	for _, want := range records {
		b, err := want.append(nil)
		if err != nil || len(b) > MaxHello {
			t.Fatalf("%+v: %d, %v", want, len(b), err)
		}
		got, rest, ok, err := scanRecord(append(b, more...))
		if err != nil || !ok || got != want || string(rest) != more {
			t.Errorf("%+v: %+v, %q, %t, %v", want, got, rest, ok, err)
		}
		if got, rest, ok, err := scanRecord(b[:len(b)-1]); err != nil || ok || got != (record{}) || rest != nil {
			t.Errorf("half: %+v, %q, %t, %v", got, rest, ok, err)
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
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=no ahead=1\n",
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=-1\n",
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=01\n",
		"fantail 3 sid=a remote=b tls=no tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=16385\n",
		"fantail 3 sid=a remote=b tls=yes tag= client= without= mechanisms= expire= utf8=no socket=yes ahead=0\n",
		"fantail 3 sid=" + strings.Repeat("x", 100000),
	} {
		if h, _, ok, err := scanRecord([]byte(line)); ok || err == nil && strings.Contains(line, "\n") {
			t.Errorf("%.60q: %+v, %t, %v", line, h, ok, err)
		}
	}
	if _, _, _, err := scanRecord(make([]byte, MaxHello)); !errors.Is(err, ErrHello) {
		t.Errorf("endless: %v", err)
	}
	for _, h := range []Hello{{}, {SID: "a\n", Remote: "b"}, {SID: "a", Remote: "b c"}, {SID: "a", Remote: "b", Tag: "\xff"}} {
		if b, err := (record{Hello: h}).append(nil); !errors.Is(err, ErrHello) || len(b) > 0 {
			t.Errorf("%+v: wrote %q, %v", h, b, err)
		}
	}
}

// What is read is what was written, to the octet.
func FuzzScanRecord(f *testing.F) {
	for _, h := range records {
		b, err := h.append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(b, "rest"...))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h, rest, ok, err := scanRecord(in)
		if ok == (err != nil) && (ok || len(in) >= MaxHello) {
			t.Fatalf("%t, %v", ok, err)
		}
		if !ok {
			return
		}
		b, err := h.append(nil)
		if err != nil || string(b)+string(rest) != string(in) {
			t.Fatalf("%q became %q and %q, %v", in, b, rest, err)
		}
	})
}
