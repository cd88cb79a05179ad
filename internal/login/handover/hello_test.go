package handover

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

var hellos = []Hello{
	{SID: "a1", Remote: "192.0.2.7", TLS: true, Tag: "a"},
	{SID: "Zz-_9", Remote: "fe80::1%eth0", TLS: false, Tag: ""},
	{SID: "x", Remote: "local", TLS: true, Tag: "tag=]=tls=no"},
	{SID: "x", Remote: "local", Tag: "a", Client: "M\x00ail \n/1%2", Without: "LITERAL+,COMPRESS=DEFLATE"},
	{
		SID: strings.Repeat("s", maxSID), Remote: strings.Repeat("r", maxRemote), Tag: strings.Repeat("t", MaxTag),
		Client: strings.Repeat("c", MaxClient), Without: strings.Repeat("W", MaxWithout),
	},
	{SID: strings.Repeat("s", maxSID), Remote: strings.Repeat("r", maxRemote), Tag: strings.Repeat("t", MaxTag)},
}

func TestHelloLeavesTheRest(t *testing.T) {
	for _, h := range hellos {
		var b strings.Builder
		n, err := h.WriteTo(&b)
		if err != nil || int(n) != b.Len() || n > MaxHello {
			t.Fatalf("%+v: %d, %v", h, n, err)
		}
		const rest = "a2 SELECT INBOX\r\n"
		for _, r := range []io.Reader{strings.NewReader(b.String() + rest), iotest.DataErrReader(strings.NewReader(b.String() + rest))} {
			got, err := ReadHello(r)
			if err != nil || got != h {
				t.Errorf("%+v: %+v, %v", h, got, err)
			}
			if left, err := io.ReadAll(r); err != nil || string(left) != rest {
				t.Errorf("left: %q, %v", left, err)
			}
		}
	}
}

func TestHelloRefused(t *testing.T) {
	for _, line := range []string{
		"", "\n", "fantail 1\n", "fantail 2 sid=a remote=b tls=yes tag= client= without=\n",
		"fantail 1 sid=a remote=b tls=yes\n",
		"fantail 1 sid=a remote=b tls=yes tag=x client= without= more=1\n",
		"fantail 1 sid=a remote=b tls=yes tag=x client= without= \n",
		"fantail 1  sid=a remote=b tls=yes tag=x client= without=\n",
		"fantail 1 remote=b sid=a tls=yes tag=x client= without=\n",
		"fantail 1 sid=a sid=a tls=yes tag=x client= without=\n",
		"fantail 1 sid= remote=b tls=yes tag=x client= without=\n",
		"fantail 1 sid=a remote= tls=yes tag=x client= without=\n",
		"fantail 1 sid=a remote=b tls=maybe tag=x client= without=\n",
		"fantail 1 sid=a remote=b tls=yes tag=x client= without=\r\n",
		"fantail 1 sid=a remote=b tls=yes tag=a+b client= without=\n",
		"fantail 1 sid=a/b remote=b tls=yes tag=x client= without=\n",
		"fantail 1 sid=a remote=b tls=yes tag=" + strings.Repeat("x", MaxTag+1) + " client= without=\n",
		"fantail 1 sid=a remote=b tls=yes tag=x client=F0 without=\n",
		"fantail 1 sid=a remote=b tls=yes tag=x client=f without=\n",
		"fantail 1 sid=a remote=b tls=yes tag=x client= without=(\n",
		"fantail 1 sid=a remote=b tls=yes tag=x client=" + strings.Repeat("66", MaxClient+1) + " without=\n",
		"fantail 1 sid=" + strings.Repeat("x", 100000),
	} {
		r := strings.NewReader(line)
		if h, err := ReadHello(r); err == nil {
			t.Errorf("%.60q: %+v", line, h)
		} else if read := len(line) - r.Len(); read > MaxHello {
			t.Errorf("%.60q: read %d octets", line, read)
		}
	}
	for _, h := range []Hello{{}, {SID: "a\n", Remote: "b"}, {SID: "a", Remote: "b c"}, {SID: "a", Remote: "b", Tag: "\xff"}} {
		var b strings.Builder
		if _, err := h.WriteTo(&b); !errors.Is(err, ErrHello) || b.Len() > 0 {
			t.Errorf("%+v: wrote %q, %v", h, b.String(), err)
		}
	}
	if _, err := ReadHello(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// What is read is what was written, to the octet, and nothing behind the line
// is touched.
func FuzzReadHello(f *testing.F) {
	for _, h := range hellos {
		var b strings.Builder
		if _, err := h.WriteTo(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.String() + "rest")
	}
	f.Fuzz(func(t *testing.T, in string) {
		r := strings.NewReader(in)
		h, err := ReadHello(r)
		if err != nil {
			return
		}
		var b strings.Builder
		if _, err := h.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if line, _, _ := strings.Cut(in, "\n"); b.String() != line+"\n" || len(in)-r.Len() != b.Len() {
			t.Fatalf("%q became %q", in, b.String())
		}
	})
}
