package loglines

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// copied returns what is in the log of what a program says.
func copied(says string, may func(key, value string) bool) string {
	var log bytes.Buffer
	l := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	Program{Log: l.With("user", "ann", "pid", 7), Message: "it says", Says: may}.Copy(strings.NewReader(says))
	return log.String()
}

func TestPieces(t *testing.T) {
	log := copied("a\n\n"+strings.Repeat("x", 3*max)+"\nlast", nil)
	if n := strings.Count(log, "it says"); n < 5 || n > 6 || !strings.Contains(log, "text=last") {
		t.Errorf("%d lines", n)
	}
	// The end of a long line is no record of its own.
	log = copied(strings.Repeat("x", max)+"level=INFO msg=hidden\n", nil)
	if strings.Contains(log, "msg=hidden\n") || !strings.Contains(log, `text="level=INFO msg=hidden"`) {
		t.Errorf("%.200q", log[max:])
	}
}

func TestRecords(t *testing.T) {
	notUser := func(key, _ string) bool { return key != "user" }
	tests := []struct{ says, log string }{
		{`level=WARN msg="close mailbox" mailbox=INBOX err="no \"room\""`, `level=WARN msg="close mailbox" user=ann pid=7 mailbox=INBOX err="no \"room\""`},
		{`time=2026-01-02T03:04:05.678Z level=INFO msg=client name=x`, `level=INFO msg=client user=ann pid=7 name=x`},
		{`level=ERROR msg=panic`, `level=ERROR msg=panic user=ann pid=7`},
		{`level=ERROR+2 msg=""`, `level=ERROR+2 msg="" user=ann pid=7`},
		// Who says it, the log knows.
		{`level=INFO msg=client user=bob pid=1 x=y`, `level=INFO msg=client user=ann pid=7 x=y`},
		// These are the daemon's events, not a program's.
		{`level=INFO msg="login failed" sid=1`, `level=INFO msg="it says" user=ann pid=7 text="level=INFO msg=\"login failed\" sid=1"`},
		{`level=INFO msg=login user=bob`, `level=INFO msg="it says" user=ann pid=7 text="level=INFO msg=login user=bob"`},
		// What is no record.
		{`starting up`, `level=INFO msg="it says" user=ann pid=7 text="starting up"`},
		{`msg=x level=INFO`, `level=INFO msg="it says" user=ann pid=7 text="msg=x level=INFO"`},
		{`level=LOUD msg=x`, `level=INFO msg="it says" user=ann pid=7 text="level=LOUD msg=x"`},
		{`level=INFO msg=x y`, `level=INFO msg="it says" user=ann pid=7 text="level=INFO msg=x y"`},
		{`level=INFO msg=x y="a`, `level=INFO msg="it says" user=ann pid=7 text="level=INFO msg=x y=\"a"`},
		{`level=INFO msg=x y="a"b=c`, `level=INFO msg="it says" user=ann pid=7 text="level=INFO msg=x y=\"a\"b=c"`},
		{"level=INFO msg=x y=\xff", `level=INFO msg="it says" user=ann pid=7 text="level=INFO msg=x y=\xff"`},
		{`level=INFO msg=x` + strings.Repeat(" a=b", mostAttributes+1), `level=INFO msg="it says" user=ann pid=7 text="level=INFO msg=x` + strings.Repeat(" a=b", mostAttributes+1) + `"`},
	}
	for _, tt := range tests {
		if got := copied(tt.says+"\n", notUser); got != tt.log+"\n" {
			t.Errorf("%s\nis logged as %swant          %s", tt.says, got, tt.log)
		}
	}
}

func TestForeign(t *testing.T) {
	var log bytes.Buffer
	Program{Log: slog.New(slog.NewTextHandler(&log, nil)), Message: "it says", Foreign: true}.Copy(strings.NewReader("level=ERROR msg=x\n"))
	if !strings.HasSuffix(log.String(), ` level=INFO msg="it says" text="level=ERROR msg=x"`+"\n") {
		t.Errorf("%q", &log)
	}
}

// FuzzParse: what a record is made of comes back as it was, whatever a program says; and
// what it says is one line of the log.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`level=INFO msg=login user=ann`, `time=x level=WARN msg="a b" err="c\nd"`, `level= msg=`, `a="`, `level=INFO msg=x "=y`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if log := copied(line, nil); strings.Count(log, "\n") > strings.Count(line, "\n")+1+len(line)/max {
			t.Errorf("%q becomes the lines %q", line, log)
		}
		r, attrs, ok := parse(line, make([]slog.Attr, 0, mostAttributes))
		if !ok {
			return
		}
		var b bytes.Buffer
		record := slog.Record{Level: r.level, Message: r.message}
		record.AddAttrs(attrs...)
		if err := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: r.level}).Handle(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		again, same, ok := parse(strings.TrimSuffix(b.String(), "\n"), make([]slog.Attr, 0, mostAttributes))
		if !ok || again != r || !slices.EqualFunc(attrs, same, slog.Attr.Equal) {
			t.Errorf("%q is %v %v, and again %v %v", line, r, attrs, again, same)
		}
	})
}
