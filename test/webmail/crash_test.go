package webmail

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"fantail/test/visitor"
)

// looks is what somebody sees who goes on reading: the page that he asked for, the page to
// log in with a word about why, an error page, or nothing.
func looks(t *testing.T, v *visitor.Visitor) string {
	t.Helper()
	p, err := v.Get(t.Context(), "/f/INBOX")
	switch {
	case err != nil:
		return "no answer"
	case p.Status == 200 && strings.HasPrefix(p.Path, "/f/INBOX"):
		return "the page"
	case p.Status == 200 && strings.HasPrefix(p.Path, "/login") && strings.Contains(p.Path, "note=ended"):
		return "the login, which says that the session has ended"
	}
	return fmt.Sprintf("%s: %d %.200s", p.Path, p.Status, p.Text())
}

// TestCrash kills each of the daemons while ann and bob read, and says what they see. What
// is not theirs goes on without them, and who has lost his session logs in again.
func TestCrash(t *testing.T) {
	const page, login = "the page", "the login, which says that the session has ended"
	for _, separate := range []bool{true, false} {
		name := "together"
		if separate {
			name = "separate"
		}
		t.Run(name, func(t *testing.T) {
			if separate && os.Geteuid() != 0 {
				t.Skip("becoming other users needs root")
			}
			h := buildAs(t, separate)
			for _, c := range []struct {
				victim, ann, bob string
				stream           bool // of ann goes on
			}{
				{"webmail-session -u ann", login, page, false}, {"webmaild", login, login, false}, {"sessiond", page, page, true}, {"authd", page, page, true}, {"submitd", page, page, true},
			} {
				ann, bob := h.visit("ann"), h.visit("bob")
				windows, err := ann.Events(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if a, b := looks(t, ann), looks(t, bob); a != page || b != page {
					t.Fatalf("before: %s, %s", a, b)
				}
				program, whose, _ := strings.Cut(c.victim, " -u ")
				if h.killOf(program, whose) == 0 && (separate || program != "sessiond") {
					t.Errorf("no %s runs", c.victim)
				}
				began := time.Now()
				var saw []string
				for _, who := range []struct {
					v    *visitor.Visitor
					want string
				}{{ann, c.ann}, {bob, c.bob}} {
					h.until("an answer after "+c.victim, func() error {
						is := looks(t, who.v)
						saw = append(saw, is)
						if is != who.want && is != "no answer" {
							t.Errorf("after %s was killed: %s, want %s", c.victim, is, who.want)
						}
						if is != who.want {
							return fmt.Errorf("%s", is)
						}
						return nil
					})
				}
				if !c.stream {
					h.until("the window hears that the stream has ended", func() error {
						select {
						case e, ok := <-windows:
							if !ok {
								return nil
							}
							return fmt.Errorf("%+v", e)
						default:
							return fmt.Errorf("nothing")
						}
					})
				}
				if c.ann != page {
					h.until("ann can log in", func() error { return ann.Login(t.Context(), "ann", password) })
				} else {
					h.visit("ann") // in another window
				}
				if is := looks(t, ann); is != page {
					t.Errorf("logged in again: %s", is)
				}
				t.Logf("%s: ann and bob see %q; ann has a session after %v", c.victim, saw, time.Since(began).Round(time.Millisecond))
			}
		})
	}
}
