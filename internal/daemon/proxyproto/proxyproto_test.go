package proxyproto

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// v2 is a header of version 2.
func v2(command, family byte, rest string) string {
	b := append([]byte(signature2), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rest)))
	return string(b) + rest
}

const (
	addresses4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xc3\x50\x03\xe1"             // 192.0.2.1:50000 to 198.51.100.2:993
	documented = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" // 2001:db8::
	addresses6 = documented + "\x01" + documented + "\x02\xc3\x50\x03\xe1"
	mapped6    = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" + documented + "\x02\xc3\x50\x03\xe1"
)

func TestScan(t *testing.T) {
	four := Header{Source: netip.MustParseAddrPort("192.0.2.1:50000"), Destination: netip.MustParseAddrPort("198.51.100.2:993")}
	six := Header{Source: netip.MustParseAddrPort("[2001:db8::1]:50000"), Destination: netip.MustParseAddrPort("[2001:db8::2]:993")}
	paths := strings.Repeat("/tmp/s"+strings.Repeat("\x00", 102), 2)
	for _, tt := range []struct {
		name, in string
		want     Header
	}{
		{"v1 4", "PROXY TCP4 192.0.2.1 198.51.100.2 50000 993\r\n", four},
		{"v1 6", "PROXY TCP6 2001:db8::1 2001:db8:0::2 50000 993\r\n", six},
		{"v1 mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 50000 993\r\n", four},
		{"v1 longest", "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", Header{}},
		{"v1 unknown", "PROXY UNKNOWN\r\n", Header{}},
		{"v1 port 0", "PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n", Header{
			Source: netip.AddrPortFrom(four.Source.Addr(), 0), Destination: netip.AddrPortFrom(four.Destination.Addr(), 0)}},
		{"v2 4", v2(0x21, 0x11, addresses4), four},
		{"v2 6", v2(0x21, 0x21, addresses6), six},
		{"v2 mapped", v2(0x21, 0x21, mapped6), Header{Source: four.Source, Destination: six.Destination}},
		{"v2 TLVs", v2(0x21, 0x11, addresses4+"\x20\x00\x05\x01\x00\x00\x00\x00"), four},
		{"v2 broken TLV", v2(0x21, 0x11, addresses4+"\x20\xff"), four},
		{"v2 longest", v2(0x21, 0x11, addresses4+strings.Repeat("x", MaxHeader-fixed2-len(addresses4))), four},
		{"v2 local", v2(0x20, 0x00, ""), Header{Local: true}},
		{"v2 local with addresses", v2(0x20, 0x11, addresses4), Header{Local: true}},
		{"v2 local of any family", v2(0x20, 0xff, "xx"), Header{Local: true}},
		{"v2 unspecified", v2(0x21, 0x00, "xxx"), Header{}},
		{"v2 unix", v2(0x21, 0x31, paths), Header{}},
	} {
		for _, behind := range []string{"", "a001 NOOP\r\n", "\r\n"} {
			h, n, err := Scan([]byte(tt.in + behind))
			if err != nil || n != len(tt.in) || h != tt.want {
				t.Errorf("%s: %+v, %d, %v", tt.name, h, n, err)
			}
		}
		for i := range tt.in {
			if h, n, err := Scan([]byte(tt.in[:i])); !errors.Is(err, errShort) || h != (Header{}) || n != 0 && n != len(tt.in) {
				t.Errorf("%s: %d octets of it are %+v, %d, %v", tt.name, i, h, n, err)
			}
		}
	}
}

func TestScanRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"a LOGIN a b\r\n":                  ErrNone,
		"\x16\x03\x01\x02\x00":             ErrNone, // TLS
		"proxy TCP4 1.2.3.4 1.2.3.4 1 1\r": ErrNone,
		"PROXY\tTCP4":                      ErrNone,
		"\r\n\r\n\x00\r\nQUIT\r":           ErrNone,

		"PROXY TCP4\r\n": ErrMalformed,
		"PROXY TCP4 192.0.2.1 198.51.100.2 50000 993\n":          ErrMalformed,
		"PROXY  TCP4 192.0.2.1 198.51.100.2 50000 993\r\n":       ErrMalformed,
		"PROXY TCP4 192.0.2.1 198.51.100.2 50000 993 \r\n":       ErrMalformed,
		"PROXY TCP4 192.0.2.1 198.51.100.2 50000 65536\r\n":      ErrMalformed,
		"PROXY TCP4 192.0.2.1 198.51.100.2 50000 0993\r\n":       ErrMalformed,
		"PROXY TCP4 192.0.2.1 198.51.100.2 50000 +993\r\n":       ErrMalformed,
		"PROXY TCP4 192.0.2.01 198.51.100.2 50000 993\r\n":       ErrMalformed,
		"PROXY TCP4 2001:db8::1 2001:db8::2 50000 993\r\n":       ErrMalformed,
		"PROXY TCP6 192.0.2.1 198.51.100.2 50000 993\r\n":        ErrMalformed,
		"PROXY TCP6 fe80::1%eth0 fe80::2 50000 993\r\n":          ErrMalformed,
		"PROXY UDP4 192.0.2.1 198.51.100.2 50000 993\r\n":        ErrMalformed,
		"PROXY UNKNOWN " + strings.Repeat("x", maxLine) + "\r\n": ErrMalformed,
		v2(0x11, 0x11, addresses4):                               ErrMalformed,
		v2(0x31, 0x11, addresses4):                               ErrMalformed,
		v2(0x22, 0x11, addresses4):                               ErrMalformed,
		v2(0x21, 0x12, addresses4):                               ErrMalformed, // UDP
		v2(0x21, 0x41, addresses4):                               ErrMalformed,
		v2(0x21, 0x11, addresses4[1:]):                           ErrMalformed,
		v2(0x21, 0x21, addresses6[1:]):                           ErrMalformed,
		v2(0x21, 0x31, strings.Repeat("x", 215)):                 ErrMalformed,
		v2(0x21, 0x11, strings.Repeat("x", MaxHeader-fixed2+1)):  ErrTooLong,
		v2(0x20, 0x00, strings.Repeat("x", MaxHeader)):           ErrTooLong,
		v2(0x20, 0x00, strings.Repeat("x", 1<<16-1))[:fixed2]:    ErrTooLong,
	} {
		if h, n, err := Scan([]byte(in)); !errors.Is(err, want) || n != 0 || h != (Header{}) {
			t.Errorf("%q: %+v, %d, %v", in, h, n, err)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"PROXY TCP4 192.0.2.1 198.51.100.2 50000 993\r\n", "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "PROXY UNKNOWN\r\n",
		v2(0x21, 0x11, addresses4), v2(0x21, 0x21, addresses6), v2(0x20, 0, ""), v2(0x21, 0x31, ""),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := Scan(b)
		if err != nil {
			if h != (Header{}) || n > MaxHeader || n != 0 && !errors.Is(err, errShort) {
				t.Fatalf("%+v, %d, %v", h, n, err)
			}
			return
		}
		if n <= 0 || n > min(len(b), MaxHeader) {
			t.Fatalf("%d octets of %d", n, len(b))
		}
		if h.Source.IsValid() != h.Destination.IsValid() || h.Local && h.Source.IsValid() || h.Source.Addr().Is4In6() {
			t.Fatalf("%+v", h)
		}
		// It depends on nothing that is behind it.
		if again, m, err := Scan(b[:n]); again != h || m != n || err != nil {
			t.Fatalf("%+v, %d, %v", again, m, err)
		}
	})
}

func TestInclude(t *testing.T) {
	p := Proxies{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/64")}
	for a, want := range map[string]bool{
		"192.0.2.1": true, "::ffff:192.0.2.1": true, "192.0.2.2": false, "2001:db8::5": true, "2001:db8::5%eth0": true, "2001:db8:1::5": false,
	} {
		if got := p.Include(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
	if p.Include(netip.Addr{}) || (Proxies)(nil).Include(netip.MustParseAddr("192.0.2.1")) {
		t.Error("a proxy that nobody has listed")
	}
}

// pair is a connection.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	if err := server.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// What is behind a header stays in the socket, however the header arrives.
func TestReceive(t *testing.T) {
	long := v2(0x21, 0x11, addresses4+strings.Repeat("x", 3000))
	for _, header := range []string{"PROXY TCP4 192.0.2.1 198.51.100.2 50000 993\r\n", v2(0x21, 0x11, addresses4), long} {
		for _, step := range []int{len(header) + 10, 13, len(header) - 1} {
			client, server := pair(t)
			go func() {
				for text := header + "behind it"; text != ""; {
					n := min(step, len(text))
					if _, err := io.WriteString(client, text[:n]); err != nil {
						t.Error(err)
						return
					}
					if text = text[n:]; text != "" && step < 1000 {
						time.Sleep(time.Millisecond)
					}
				}
				client.Close()
			}()
			h, err := Receive(server)
			if err != nil || h.Source.String() != "192.0.2.1:50000" {
				t.Fatalf("%+v, %v", h, err)
			}
			if rest, err := io.ReadAll(server); string(rest) != "behind it" || err != nil {
				t.Errorf("%q, %v", rest, err)
			}
		}
	}
}

func TestReceiveFails(t *testing.T) {
	for in, want := range map[string]error{
		"":                      io.EOF,
		"PROXY TC":              io.ErrUnexpectedEOF,
		v2(0x21, 0x11, "")[:14]: io.ErrUnexpectedEOF,
		v2(0x21, 0x11, addresses4+strings.Repeat("x", 500))[:400]: io.ErrUnexpectedEOF,
		"a LOGIN": ErrNone,
	} {
		client, server := pair(t)
		if _, err := io.WriteString(client, in); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(5 * time.Millisecond)
			client.Close()
		}()
		if h, err := Receive(server); !errors.Is(err, want) || h != (Header{}) {
			t.Errorf("%q: %+v, %v", in, h, err)
		}
	}
	client, server := pair(t)
	if err := server.SetDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(client, "PROXY "); err != nil {
		t.Fatal(err)
	}
	if _, err := Receive(server); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a slow proxy: %v", err)
	}
}
