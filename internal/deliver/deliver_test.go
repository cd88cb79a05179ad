package deliver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/store"
)

func account(t *testing.T) *store.Account {
	t.Helper()
	a, err := store.OpenAccount(filepath.Join(t.TempDir(), "Maildir"), store.Options{Host: "host"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

var discard = slog.New(slog.DiscardHandler)

// mailIn returns the messages in new of a directory, and wants tmp to be empty.
func mailIn(t *testing.T, dir string) []string {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err == nil && len(left) > 0 {
		t.Errorf("%d files in tmp", len(left))
	}
	entries, err := os.ReadDir(filepath.Join(dir, "new"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, "new", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(b))
	}
	return list
}

func sender(s string) *string { return &s }

// What changes in a message, and what does not.
func TestContent(t *testing.T) {
	long := strings.Repeat("x", bufferSize+5)
	huge := "Subject: x\n" + strings.Repeat("X-Line: "+strings.Repeat("y", 70)+"\n", maxHead/70) + "Return-Path: <old@example.org>\n\nbody\n"
	type test struct {
		name     string
		sender   *string
		address  string
		top      string
		in, want string
	}
	tests := []test{
		{"as it is", nil, "", "", "Subject: a\n\nb\r\nc\x00\n", "Subject: a\n\nb\r\nc\x00\n"},
		{"dots are no ends", sender("a@b"), "", "", "Subject: a\n\n.\n..\n.b\n", "Return-Path: <a@b>\nSubject: a\n\n.\n..\n.b\n"},
		{"dots in CRLF", nil, "", "", "Subject: a\r\n\r\n.\r\n..\r\n", "Subject: a\n\n.\n..\n"},
		{"NUL and CR in the header", sender("a@b"), "", "", "Sub\x00ject: a\rb\x00\nX\r: y\n\nb\n", "Return-Path: <a@b>\nSub\x00ject: a\rb\x00\nX\r: y\n\nb\n"},
		{"commands behind a dot", nil, "", "", "Subject: a\r\n\r\n.\r\nMAIL FROM:<c@d>\r\n", "Subject: a\n\n.\nMAIL FROM:<c@d>\n"},
		{"no header", nil, "", "", "\n", "\n"},
		{"no end", nil, "", "", "Subject: a", "Subject: a"},
		{"no fields", nil, "", "", "nothing\nat all\n", "nothing\nat all\n"},
		{"sender", sender("a@b"), "", "", "Subject: a\n\n", "Return-Path: <a@b>\nSubject: a\n\n"},
		{"null sender", sender(""), "", "", "Subject: a\n\n", "Return-Path: <>\nSubject: a\n\n"},
		{"in place of others", sender("a@b"), "", "", "return-path: <c@d>\nSubject: a\nReturn-Path:\n  <e@f>\nTo: c\n\nReturn-Path: g\n",
			"Return-Path: <a@b>\nSubject: a\nTo: c\n\nReturn-Path: g\n"},
		{"of the MTA", nil, "", "", "Return-Path: <c@d>\nReceived: x\nReturn-Path: <old@d>\n\n", "Return-Path: <c@d>\nReceived: x\n\n"},
		{"of others", nil, "", "", "Received: x\nReturn-Path: <c@d>\n\n", "Received: x\nReturn-Path: <c@d>\n\n"},
		{"that is none", nil, "", "", "Return-Path: <c\x01@d>\nReceived: x\n\n", "Return-Path: <c\x01@d>\nReceived: x\n\n"},
		{"recipient", sender("a@b"), "c@d", "", "Subject: a\n\n", "Return-Path: <a@b>\nDelivered-To: c@d\nSubject: a\n\n"},
		{"recipient that the MTA has told", nil, "c@d", "", "Delivered-To: C@d\nReceived: x\n\n", "Delivered-To: C@d\nReceived: x\n\n"},
		{"another that it has told", nil, "c@d", "", "Delivered-To: e@d\nReceived: x\n\n", "Delivered-To: c@d\nDelivered-To: e@d\nReceived: x\n\n"},
		{"top alone", sender("a@b"), "", "Received: y\n", "", "Return-Path: <a@b>\nReceived: y\n"},
		{"top", sender("a@b"), "c@d", "Received: y\n", "Subject: a\n\n", "Return-Path: <a@b>\nDelivered-To: c@d\nReceived: y\nSubject: a\n\n"},
		{"no field before it", sender("a@b"), "", "", " continued\n\nbody\n", "Return-Path: <a@b>\n\n continued\n\nbody\n"},
		{"no field and nothing added", nil, "", "", " continued\n\nbody\n", " continued\n\nbody\n"},
		{"endless line of an mbox", nil, "", "", "From " + strings.Repeat("x", 2*maxHead) + "\n\n", "From " + strings.Repeat("x", 2*maxHead) + "\n\n"},
		{"mbox of nobody", nil, "", "", "From \nSubject: a\n\n", "Subject: a\n\n"},
		{"mbox", nil, "", "", "From a@b Thu Jan  1 00:00:00 1970\nSubject: a\n\nFrom x\n", "Return-Path: <a@b>\nSubject: a\n\nFrom x\n"},
		{"mbox of a bounce", nil, "", "", "From MAILER-DAEMON Thu Jan  1\nSubject: a\n\n", "Return-Path: <>\nSubject: a\n\n"},
		{"mbox of a user", nil, "", "", "From root Thu Jan  1\nSubject: a\n\n", "Subject: a\n\n"},
		{"mbox and sender", sender("c@d"), "", "", "From a@b Thu\nSubject: a\n\n", "Return-Path: <c@d>\nSubject: a\n\n"},
		{"CRLF", sender("a@b"), "", "", "Subject: a\r\n b\r\n\r\nc\rd\r\r\ne\nf\r\n\r", "Return-Path: <a@b>\nSubject: a\n b\n\nc\rd\r\ne\nf\n\r"},
		{"mbox and CRLF", nil, "", "", "From x\nSubject: a\r\n\r\nb\r\n", "Subject: a\n\nb\n"},
		{"long line", nil, "", "", "Subject: a\n\n" + long + "\r\n" + long, "Subject: a\n\n" + long + "\r\n" + long},
		{"long in CRLF", nil, "", "", "Subject: a\r\n\r\n" + long + "\r\n" + long, "Subject: a\n\n" + long + "\n" + long},
		{"long header", nil, "", "", "X: " + long + "\n y\nSubject: a\n\n", "X: " + long + "\n y\nSubject: a\n\n"},
		{"header without end", sender("a@b"), "", "", huge, "Return-Path: <a@b>\n" + huge},
		{"endless field name", nil, "", "", long + ": x\n\n", long + ": x\n\n"},
	}
	// What is searched ends within something.
	filled := func(before, end string) string {
		return before + strings.Repeat("y", maxHead-len(before)-len(end)) + end
	}
	for _, tt := range []struct{ name, before, end, rest string }{
		{"a field that would go", "X: ", "\nReturn-Path: <c@d>", "\n\nbody\n"},
		{"a field that goes on", "X: ", "\nReturn-Path:\n", " <c@d>\n\nbody\n"},
	} {
		in := filled(tt.before, tt.end) + tt.rest
		tests = append(tests, test{tt.name, sender("a@b"), "", "", in, "Return-Path: <a@b>\n" + in})
	}
	in := filled("A: b\r\nX: ", "\r") + "\n\r\nbody\r\n"
	tests = append(tests, test{"a line end", nil, "", "", in, strings.ReplaceAll(in, "\r\n", "\n")})
	agent := &Agent{Settings: conf.DeliverSettings{DeliveredTo: true}}
	for _, tt := range tests {
		for _, by := range []struct {
			name string
			of   func(io.Reader) io.Reader
		}{
			{"whole", func(r io.Reader) io.Reader { return r }},
			{"with the end", iotest.DataErrReader},
			{"octet by octet", iotest.OneByteReader},
		} {
			if len(tt.in) > bufferSize && by.name == "octet by octet" {
				continue
			}
			t.Run(tt.name+" "+by.name, func(t *testing.T) {
				a := account(t)
				to := []Recipient{{Account: a, Address: tt.address, Log: discard}}
				if err := agent.Deliver(t.Context(), Envelope{Sender: tt.sender, Top: tt.top}, to, by.of(strings.NewReader(tt.in)))[0]; err != nil {
					t.Fatal(err)
				}
				got := mailIn(t, a.Path())
				if len(got) != 1 || got[0] != tt.want {
					t.Errorf("%.300q, want %.300q", got, tt.want)
				}
			})
		}
	}
}

// What is not delivered is nowhere.
func TestNotDelivered(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name string
		in   io.Reader
		want error
	}{
		{"nothing", strings.NewReader(""), ErrEmpty},
		{"a line of an mbox alone", strings.NewReader("From a@b\n"), ErrEmpty},
		{"broken in the header", io.MultiReader(strings.NewReader("Subject: a\n"), iotest.ErrReader(broken)), broken},
		{"broken in the body", io.MultiReader(strings.NewReader("Subject: a\n\nb\n"), iotest.ErrReader(broken)), broken},
		{"broken in CRLF", io.MultiReader(strings.NewReader("Subject: a\r\n\r\nb\n"), iotest.ErrReader(broken)), broken},
		{"a loop", strings.NewReader("Received: a\nDelivered-To: <C@d>\n\n"), ErrLoop},
	}
	agent := &Agent{Settings: conf.DeliverSettings{DeliveredTo: true}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := account(t), account(t)
			to := []Recipient{{Account: a, Address: "c@d", Log: discard}, {Account: b, Address: "c@d", Log: discard}}
			for i, err := range agent.Deliver(t.Context(), Envelope{}, to, tt.in) {
				if !errors.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if o := agent.Outcome(err); o.Exit == OK || o.Permanent() != (tt.want == ErrLoop) {
					t.Errorf("%+v", o)
				}
				if got := mailIn(t, to[i].Account.Path()); len(got) > 0 {
					t.Errorf("there is %q", got)
				}
			}
		})
	}
}

// A message that is as it will be stored stays so.
func TestStored(t *testing.T) {
	a := account(t)
	in := "From a@b\r\nSubject: a\r\n\r\nb\n"
	if err := new(Agent).Deliver(t.Context(), Envelope{Stored: true}, []Recipient{{Account: a, Log: discard}}, strings.NewReader(in))[0]; err != nil {
		t.Fatal(err)
	}
	if got := mailIn(t, a.Path()); len(got) != 1 || got[0] != in {
		t.Errorf("%q", got)
	}
}

// The field is neither looked for nor made where the setting says so.
func TestNoDeliveredTo(t *testing.T) {
	a := account(t)
	to := []Recipient{{Account: a, Address: "c@d", Log: discard}}
	in := "Received: a\nDelivered-To: c@d\n\n"
	if err := new(Agent).Deliver(t.Context(), Envelope{}, to, strings.NewReader(in))[0]; err != nil {
		t.Fatal(err)
	}
	if got := mailIn(t, a.Path()); len(got) != 1 || got[0] != in {
		t.Errorf("%q", got)
	}
}

// Several recipients have one file, which names none of them, and each has his own error.
func TestSeveral(t *testing.T) {
	a, b, c := account(t), account(t), account(t)
	to := []Recipient{
		{Account: a, Address: "loop@d", Log: discard},
		{Account: b, Address: "b@d", Log: discard},
		{Account: c, Address: "c@d", Log: discard},
	}
	agent := &Agent{Settings: conf.DeliverSettings{DeliveredTo: true}}
	in := "Received: a\nDelivered-To: loop@d\n\nbody\n"
	errs := agent.Deliver(t.Context(), Envelope{Sender: sender("s@d")}, to, strings.NewReader(in))
	if !errors.Is(errs[0], ErrLoop) || errs[1] != nil || errs[2] != nil {
		t.Fatal(errs)
	}
	if got := mailIn(t, a.Path()); len(got) > 0 {
		t.Errorf("%q", got)
	}
	var files []os.FileInfo
	for _, acct := range []*store.Account{b, c} {
		if got := mailIn(t, acct.Path()); len(got) != 1 || got[0] != "Return-Path: <s@d>\n"+in {
			t.Errorf("%q", got)
		}
		entries, err := filepath.Glob(filepath.Join(acct.Path(), "new", "*"))
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		info, err := os.Stat(entries[0])
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, info)
	}
	if !os.SameFile(files[0], files[1]) {
		t.Error("it is written twice")
	}
}

func TestTarget(t *testing.T) {
	a := account(t)
	for _, name := range []string{"Lists", "Two", "two", "Deep.Er"} {
		if err := a.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	plain := conf.DeliverSettings{}
	detail := conf.DeliverSettings{DetailMailbox: true, MailboxAutocreate: true}
	subscribe := conf.DeliverSettings{MailboxAutocreate: true, MailboxAutosubscribe: true}
	tests := []struct {
		name            string
		settings        conf.DeliverSettings
		mailbox, detail string
		want            string
	}{
		{"neither", plain, "", "", "INBOX"},
		{"mailbox", plain, "Lists", "", "Lists"},
		{"none such", plain, "None", "", "INBOX"},
		{"impossible", plain, "a/../b", "", "INBOX"},
		{"impossible to make", subscribe, "..", "", "INBOX"},
		{"made", subscribe, "Made.Now", "", "Made.Now"},
		{"a name without mailbox is made one", subscribe, "Deep", "", "Deep"},
		{"INBOX by another spelling", subscribe, "inbox", "", "INBOX"},
		{"detail off", plain, "", "lists", "INBOX"},
		{"detail", detail, "", "Lists", "Lists"},
		{"detail in small letters", detail, "", "lists", "Lists"},
		{"detail exactly", detail, "", "two", "two"},
		{"detail of two", detail, "", "TWO", "INBOX"},
		{"detail of none is not made", detail, "", "other", "INBOX"},
		{"detail that no mailbox can have", detail, "", "../x", "INBOX"},
		{"both", detail, "Two", "lists", "Two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agent := &Agent{Settings: tt.settings}
			m, err := agent.target(t.Context(), &Recipient{Account: a, Detail: tt.detail, Log: discard}, tt.mailbox)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Name() != tt.want {
				t.Errorf("%s, want %s", m.Name(), tt.want)
			}
		})
	}
	subs, err := a.Subscriptions(t.Context())
	if err != nil || strings.Join(subs, " ") != "Deep Made.Now" && strings.Join(subs, " ") != "Made.Now Deep" {
		t.Error(subs, err)
	}
}

// filter is a Filter that says the same of every message.
type filter struct {
	keep Keep
	err  error
	got  *Filtered
}

func (f *filter) Filter(_ context.Context, m *Filtered) (Keep, error) {
	f.got = &Filtered{append([]byte(nil), m.Header...), m.Sender, m.Recipient}
	return f.keep, f.err
}

func TestFilter(t *testing.T) {
	tests := []struct {
		name    string
		filter  filter
		mailbox string
		want    string
	}{
		{"elsewhere", filter{keep: Keep{Mailbox: "Elsewhere"}}, "Named", "Elsewhere"},
		{"kept", filter{}, "Named", "Named"},
		{"an error", filter{keep: Keep{Mailbox: "Elsewhere"}, err: errors.New("no")}, "Named", "Named"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := account(t)
			agent := &Agent{Settings: conf.DeliverSettings{MailboxAutocreate: true}}
			to := []Recipient{{Account: a, Mailbox: tt.mailbox, Filter: &tt.filter, Log: discard}}
			if err := agent.Deliver(t.Context(), Envelope{}, to, strings.NewReader("Return-Path: <a@b>\r\nSubject: a\r\n\r\nbody"))[0]; err != nil {
				t.Fatal(err)
			}
			if got := mailIn(t, filepath.Join(a.Path(), "."+tt.want)); len(got) != 1 {
				t.Errorf("%q", got)
			}
			if got := tt.filter.got; string(got.Header) != "Subject: a\n\n" || got.Sender == nil || *got.Sender != "a@b" || got.Recipient != &to[0] {
				t.Errorf("it was asked about %+v", got)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		err       error
		permanent bool
		line      string
		exit      int
	}{
		{&store.Error{Kind: store.OverQuota, Err: errors.New("x")}, false, "4.2.2 The mailbox is full.", 75},
		{&store.Error{Kind: store.OverQuota, Err: errors.New("x")}, true, "5.2.2 The mailbox is full.", 77},
		{&store.Error{Kind: store.OverQuota, Err: syscall.ENOSPC}, true, "4.3.1 There is no space on the disk of the mailbox.", 75},
		{&store.Error{Kind: store.Denied, Err: os.ErrPermission}, true, "4.3.5 The mailbox cannot be written by who delivers.", 75},
		{errors.New("anything"), true, "4.3.0 The message cannot be delivered now.", 75},
		{context.Canceled, true, "4.3.0 The message cannot be delivered now.", 75},
	}
	for _, tt := range tests {
		a := &Agent{}
		if tt.permanent {
			a.Settings.QuotaFull = conf.QuotaPermanent
		}
		o := a.Outcome(tt.err)
		if o.Line() != tt.line || o.Exit != tt.exit {
			t.Errorf("%v: %d %q", tt.err, o.Exit, o.Line())
		}
	}
	// Every status fits its class, and nothing but what is meant is permanent.
	for _, o := range []Outcome{Delivered, Misused, Misconfigured, NoAccounts, Broken, UnknownUser, loop, full, fullForBad, diskFull, denied, busy, damaged, empty, failed} {
		if int(o.Reply.Status.Class) != o.Reply.Code/100 {
			t.Errorf("%+v", o)
		}
		if keeps := o.Exit == TempFail || o.Exit == Usage; keeps != (o.Reply.Code/100 == 4) {
			t.Errorf("%+v", o)
		}
	}
}

func TestDetail(t *testing.T) {
	for _, tt := range [][3]string{
		{"ann+lists@example.org", "+", "lists"},
		{"ann+a-b", "+-", "a-b"},
		{"ann-a+b", "+-", "a+b"},
		{"ann", "+", ""},
		{"ann+", "+", ""},
		{"+ann", "+", ""},
		{"ann@a+b", "+", ""},
		{"ann+lists", "", ""},
	} {
		if got := Detail(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%q: %q", tt, got)
		}
	}
}

func FuzzHead(f *testing.F) {
	for _, s := range []string{"Return-Path: <a@b>\nReceived: x\nDelivered-To: c@d\n\nbody", "From a@b\nX: y\r\n z\r\n\r\n\r", "\n", ":\n", "Message-ID: <x>\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := read(strings.NewReader(string(in)), Envelope{}, make([]byte, 16))
		if err != nil {
			return
		}
		var out strings.Builder
		o := &output{to: &out}
		if err := m.copy(o, "", make([]byte, 16)); err != nil || o.err != nil || o.n != int64(out.Len()) {
			t.Fatal(err, o.err, o.n)
		}
		got := out.String()
		if m.sender == nil && !m.wire && !strings.HasPrefix(string(in), "From ") && got != string(in) {
			t.Errorf("%q from %q", got, in)
		}
		if m.wire {
			rest := m.skipFromLine(in)
			if want := strings.ReplaceAll(string(rest), "\r\n", "\n"); m.sender == nil && got != want {
				t.Errorf("%q from %q, want %q", got, in, want)
			}
		}
		if m.sender != nil {
			if _, err := CheckSender(*m.sender); err != nil {
				t.Error(err)
			}
			if again, err := read(strings.NewReader(new(Agent).top(m, nil)+got), Envelope{}, make([]byte, 16)); err != nil || again.sender == nil || *again.sender != *m.sender {
				t.Errorf("%q: the sender %q is lost", got, *m.sender)
			}
		}
	})
}

func at(seconds int64) func() time.Time { return func() time.Time { return time.Unix(seconds, 0) } }
