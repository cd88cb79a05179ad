package dovecotauth

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	for _, c := range []struct {
		text string
		want Line // nil: ErrLine
	}{
		{"VERSION\t1\t0", Version{1, 0}},
		{"VERSION\t2\t7\tmore", Version{2, 7}},
		{"VERSION\t1", nil},
		{"VERSION\t1\tx", nil},
		{"CPID\t482", Process{482}},
		{"CPID\t4294967295", Process{4294967295}},
		{"CPID\t4294967296", nil},
		{"CPID\t-1", nil},
		{"CPID\t+1", nil},
		{"CPID\t", nil},
		{"CPID", nil},
		// As Postfix 3.7 writes it, as Exim 4.96 does with TLS, as chasquid does.
		{"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=127.0.0.1\tresp=AGFubgBw",
			&Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", Remote: loopback, Initial: &Response{Data: []byte("\x00ann\x00p")}}},
		{"AUTH\t2\tLOGIN\tservice=smtp\tsecured\trip=::ffff:127.0.0.1\tlip=127.0.0.1\tnologin",
			&Auth{ID: 2, Mechanism: "LOGIN", Service: "smtp", Remote: loopback, TLS: true}},
		{"AUTH\t1\tPLAIN\tservice=smtp\tsecured\tno-penalty\tnologin\tresp=AGFubgBw",
			&Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", TLS: true, Initial: &Response{Data: []byte("\x00ann\x00p")}}},
		{"AUTH\t1\tPLAIN\tservice=smtp\tsecured=tls\tsession=a\x011b\x01t\trip=fe80::1%eth0\tnew=\x01?\tresp=",
			&Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", TLS: true, Session: "a\x01b\t", Remote: netip.MustParseAddr("fe80::1")}},
		{"AUTH\t1\tPLAIN\tservice=smtp\tresp==", &Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", Initial: &Response{Data: []byte{}}}},
		{"AUTH\t1\tPLAIN\tservice=smtp\trip=unknown", &Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp"}},
		{"AUTH\t1\tPLAIN\tservice=smtp\tresp=AGFu\tsecured", &Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", Initial: &Response{Bad: true}}},
		{"AUTH\t1\tPLAIN\tservice=smtp\tresp=AG\rFu", &Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", Initial: &Response{Bad: true}}},
		{"AUTH\t1\tPLAIN\tservice=smtp\tresp=!", &Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", Initial: &Response{Bad: true}}},
		{"AUTH\t1\tPLAIN\tservice=smtp\tresp=YW5=", &Auth{ID: 1, Mechanism: "PLAIN", Service: "smtp", Initial: &Response{Bad: true}}},
		{"AUTH\t0\tPLAIN\tservice=smtp", nil},
		{"AUTH\tx\tPLAIN\tservice=smtp", nil},
		{"AUTH\t1\t\tservice=smtp", nil},
		{"AUTH\t1", nil},
		{"AUTH\t1\tPLAIN", nil},
		{"AUTH\t1\tPLAIN\tservice=", nil},
		{"AUTH\t1\tPLAIN\tservice=smtp\x01", nil},
		{"AUTH\t1\tPLAIN\tservice=smtp\x01x", nil},
		{"CONT\t7\tcGF1bA==", &Cont{7, Response{Data: []byte("paul")}}},
		{"CONT\t7\t", &Cont{7, Response{Data: []byte{}}}},
		{"CONT\t7\t=", &Cont{7, Response{Bad: true}}},
		{"CONT\t7\t*", &Cont{7, Response{Bad: true}}},
		{"CONT\t7", nil},
		{"CONT\t7\tcGF1bA==\tx", nil},
		{"CONT\t0\tcGF1bA==", nil},
		{"CANCEL\t7", Cancel{7}},
		{"CANCEL\t0", nil},
		{"CANCEL", nil},
		{"USER\t1\tann\tservice=smtp", nil},
		{"auth\t1\tPLAIN\tservice=smtp", nil},
		{"", nil},
		{"\t", nil},
	} {
		got, err := Parse([]byte(c.text))
		if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" && c.want != nil {
			t.Errorf("%q: %v\n%s", c.text, err, diff)
		}
		if (err == nil) != (c.want != nil) || err != nil && !errors.Is(err, ErrLine) {
			t.Errorf("%q: %#v, %v", c.text, got, err)
		}
	}
}

func TestReader(t *testing.T) {
	const hello = "VERSION\t1\t0\nCPID\t1\n"
	for _, c := range []struct {
		name, text string
		lines      int
		err        error
	}{
		{"nothing", "", 0, io.EOF},
		{"all", hello + "AUTH\t1\tPLAIN\tservice=smtp\nCONT\t1\t\nCANCEL\t1\n", 5, io.EOF},
		{"cut off", hello + "CANCEL\t1", 2, io.EOF},
		{"no version", "CPID\t1\n", 0, ErrLine},
		{"no process", "VERSION\t1\t0\nCANCEL\t1\n", 1, ErrLine},
		{"another version", "VERSION\t2\t0\nCPID\t1\n", 0, ErrLine},
		{"a later version", "VERSION\t1\t99\nCPID\t1\nCANCEL\t1\n", 3, io.EOF},
		{"two versions", "VERSION\t1\t0\nVERSION\t1\t0\n", 1, ErrLine},
		{"a second handshake", hello + hello, 2, ErrLine},
		{"a second process", hello + "CPID\t2\n", 2, ErrLine},
		{"lines end with LF", "VERSION\t1\t0\r\n", 0, ErrLine},
		{"longest", hello + "CONT\t1\t" + strings.Repeat("A", MaxLine-8) + "\n", 3, io.EOF},
		{"too long", hello + "CONT\t1\t" + strings.Repeat("A", MaxLine-7) + "\n", 2, ErrLine},
		{"endless", hello + strings.Repeat("A", 3*MaxLine), 2, ErrLine},
	} {
		r, lines := NewReader(strings.NewReader(c.text)), 0
		var err error
		for err == nil {
			if _, err = r.Next(); err == nil {
				lines++
			}
		}
		if lines != c.lines || !errors.Is(err, c.err) {
			t.Errorf("%s: %d lines, %v; want %d, %v", c.name, lines, err, c.lines, c.err)
		}
	}
}

func TestAnswers(t *testing.T) {
	hello := Handshake{Mechanisms: []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "EXTERNAL", "PLAIN"}, PID: 12, Connection: 3, Cookie: [16]byte{0xab, 15: 1}}
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"handshake", hello.Append(nil), "VERSION\t1\t2\nMECH\tSCRAM-SHA-256\tmutual-auth\nMECH\tPLAIN\tplaintext\nSPID\t12\nCUID\t3\n" +
			"COOKIE\tab000000000000000000000000000001\nDONE\n"},
		{"challenge", AppendCont(nil, 7, []byte("Username:")), "CONT\t7\tVXNlcm5hbWU6\n"},
		{"empty challenge", AppendCont(nil, 7, nil), "CONT\t7\t\n"},
		{"success", AppendOK(nil, 7, "ann"), "OK\t7\tuser=ann\n"},
		{"a name with everything", AppendOK(nil, 7, "a\x00\x01\t\r\nb"), "OK\t7\tuser=a\x010\x011\x01t\x01r\x01nb\n"},
		{"wrong", AppendFail(nil, 7, Failure{User: "ann"}), "FAIL\t7\tuser=ann\n"},
		{"nobody", AppendFail(nil, 7, Failure{}), "FAIL\t7\n"},
		{"later", AppendFail(nil, 7, Failure{User: "ann", Temporary: true, Code: CodeTemporary, Reason: "try\tagain"}),
			"FAIL\t7\tuser=ann\ttemp\tcode=temp_fail\treason=try\x01tagain\n"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("VERSION\t1\t0\nCPID\t1\nAUTH\t1\tPLAIN\tservice=smtp\tsecured\trip=::1\tsession=\x01t\tresp=AGFubgBw\nCONT\t1\tcA==\nCANCEL\t1\n"))
	f.Add([]byte("VERSION\t1\t0\nCPID\t1\nAUTH\t1\tPLAIN\tservice=smtp\tresp=a\tb\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in))
		for {
			l, err := r.Next()
			if err != nil {
				if !errors.Is(err, ErrLine) && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
			a, ok := l.(*Auth)
			if !ok {
				continue
			}
			if back, err := unescape(escape(a.Service)); err != nil || back != a.Service {
				t.Fatalf("%q came back as %q, %v", a.Service, back, err)
			}
			for _, answer := range [][]byte{AppendOK(nil, a.ID, a.Service), AppendFail(nil, a.ID, Failure{User: a.Session, Reason: a.Service})} {
				if bytes.IndexByte(answer, '\n') != len(answer)-1 || bytes.ContainsAny(answer, "\r\x00") {
					t.Fatalf("the answer is %q", answer)
				}
			}
		}
	})
}
