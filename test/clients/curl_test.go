package clients

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/test/site"
)

// curl calls curl, which verifies the server's certificate.
func (in *installation) curl(ctx context.Context, args ...string) ([]byte, error) {
	args = append([]string{"--silent", "--show-error", "--cacert", in.certificate(), "--user", site.Account + ":" + site.Password}, args...)
	return in.try(ctx, "curl", args...)
}

func TestCurlIMAP(t *testing.T) {
	needs(t, "curl")
	t.Parallel()
	in := install(t)
	for _, transport := range []struct {
		name, url string
		args      []string
	}{
		{"imaps", "imaps://" + in.imaps, nil},
		{"starttls", "imap://" + in.imap, []string{"--ssl-reqd"}},
		{"cleartext", "imap://" + in.imap, nil},
	} {
		t.Run(transport.name, func(t *testing.T) {
			get := func(path string, args ...string) string {
				t.Helper()
				out, err := in.curl(t.Context(), append(append(transport.args, args...), transport.url+path)...)
				if err != nil {
					t.Fatal(err)
				}
				return string(out)
			}
			all := in.mailboxes(t)
			list := get("/")
			// Projects is there only for the sake of Projects.Fantail.
			if n := strings.Count(list, "* LIST "); n != len(all)+1 || strings.Count(list, `\Noselect`) != 1 {
				t.Errorf("%d mailboxes listed, there are %d:\n%s", n, len(all), list)
			}
			for name := range all {
				// curl shows what the server wrote: an atom or a quoted string.
				if !strings.Contains(list, ` "." `+name+"\r\n") && !strings.Contains(list, ` "." "`+name+"\"\r\n") {
					t.Errorf("%s is not in\n%s", name, list)
				}
			}
			// UIDs are given in the order of arrival.
			for i, m := range all[mail.Inbox] {
				if i%20 == 0 {
					if got := get(fmt.Sprintf("/INBOX;UID=%d", i+1)); got != wire(m.data) {
						t.Errorf("UID %d is not %s", i+1, m.file)
					}
				}
			}
			first := all["Archive.2024"][0]
			if got := get("/Archive.2024;MAILINDEX=1"); got != wire(first.data) {
				t.Errorf("message 1 is not %s", first.file)
			}
			header, body, _ := strings.Cut(wire(first.data), "\r\n\r\n")
			if got := get("/Archive.2024;MAILINDEX=1;SECTION=HEADER"); got != header+"\r\n\r\n" {
				t.Errorf("header of message 1 is %q", got)
			}
			if got := get("/Archive.2024;MAILINDEX=1;SECTION=TEXT"); got != body {
				t.Errorf("text of message 1 is %q", got)
			}
			flagged := "* SEARCH"
			for i, m := range all[mail.Inbox] {
				if strings.Contains(m.flags, "F") {
					flagged += fmt.Sprint(" ", i+1)
				}
			}
			if got := get("/INBOX?FLAGGED"); got != flagged+"\r\n" || flagged == "* SEARCH" {
				t.Errorf("SEARCH FLAGGED gives %q, not %q", got, flagged)
			}
		})
	}
}

// Reading with curl sets \Seen, as RFC 3501 section 6.4.5 wants of BODY[].
func TestCurlSetsSeen(t *testing.T) {
	needs(t, "curl")
	t.Parallel()
	in := install(t)
	before := read(t, in.Home())
	unseen := -1
	for i, m := range before {
		if m.flags == "" {
			unseen = i
			break
		}
	}
	if unseen < 0 {
		t.Fatal("no unseen message")
	}
	if _, err := in.curl(t.Context(), fmt.Sprintf("imaps://%s/INBOX;UID=%d", in.imaps, unseen+1)); err != nil {
		t.Fatal(err)
	}
	for i, m := range read(t, in.Home()) {
		want := before[i]
		if i == unseen {
			want.flags, want.file = "S", "cur/"+want.base+":2,S"
		}
		if m != want {
			t.Errorf("%s has become %s", want.file, m.file)
		}
	}
}

func TestCurlAppend(t *testing.T) {
	needs(t, "curl")
	t.Parallel()
	in := install(t)
	text := "From: a@example.org\nSubject: through curl\n\nGrüße, 8-bit.\n.\n..\n"
	file := in.write(t, "message", wire(text))
	if _, err := in.curl(t.Context(), "--upload-file", file, "imaps://"+in.imaps+"/Drafts"); err != nil {
		t.Fatal(err)
	}
	m := only(t, in.mailboxes(t)["Drafts"], "with the subject", withText("Subject: through curl\n"))
	if m.data != text {
		t.Errorf("stored %q", m.data)
	}
	if m.flags != "S" { // curl appends with \Seen
		t.Errorf("flags %q", m.flags)
	}
}

func TestCurlPOP3(t *testing.T) {
	needs(t, "curl")
	t.Parallel()
	in := install(t)
	for _, transport := range []struct {
		name, url string
		args      []string
	}{
		{"pop3s", "pop3s://" + in.pop3s, nil},
		{"stls", "pop3://" + in.pop3, []string{"--ssl-reqd"}},
		{"cleartext", "pop3://" + in.pop3, nil},
	} {
		t.Run(transport.name, func(t *testing.T) {
			get := func(path string) string {
				t.Helper()
				out, err := in.curl(t.Context(), append(transport.args, transport.url+path)...)
				if err != nil {
					t.Fatal(err)
				}
				return string(out)
			}
			inbox := read(t, in.Home())
			var want strings.Builder
			for i, m := range inbox {
				fmt.Fprintf(&want, "%d %d\r\n", i+1, len(wire(m.data)))
			}
			if got := get("/"); got != want.String() {
				t.Errorf("LIST gives\n%swant\n%s", got, want.String())
			}
			for i, m := range inbox {
				// RFC 1939 section 5: RETR adds a line end where there is none.
				data := wire(m.data)
				if i%20 == 0 && get(fmt.Sprintf("/%d", i+1)) != data && strings.HasSuffix(data, "\r\n") {
					t.Errorf("message %d is not %s", i+1, m.file)
				}
			}
		})
	}
}

// A password that is wrong is refused in words that the client understands:
// curl exits with 67 for "login denied".
func TestCurlWrongPassword(t *testing.T) {
	needs(t, "curl")
	t.Parallel()
	in := install(t)
	for _, url := range []string{"imaps://" + in.imaps, "imap://" + in.imap, "pop3s://" + in.pop3s, "pop3://" + in.pop3} {
		for _, user := range []string{"demo:Demo", "nobody:demo"} {
			t.Run(url[:strings.IndexByte(url, ':')]+" "+user, func(t *testing.T) {
				t.Parallel() // the refusal takes its time
				_, err := in.curl(t.Context(), "--user", user, url+"/")
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 67 {
					t.Errorf("%s as %q: %v", url, user, err)
				}
			})
		}
	}
}
