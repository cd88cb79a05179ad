package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"fantail/test/imapstorm/client"
)

// spoiler makes a bad server of a good one: now and then it changes what the server
// says. The storm must find it out.
type spoiler struct {
	rand *rand.Rand
	bad  func(s *spoiler, c *conn, r client.Response) []client.Response
	held []client.Response
}

// bads are the ways to be a bad server.
var bads = map[string]func(s *spoiler, c *conn, r client.Response) []client.Response{
	// One message too many remains.
	"lost-expunge": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if (r.Name == "EXPUNGE" || r.Name == "VANISHED") && s.now(2) {
			return nil
		}
		return []client.Response{r}
	},
	"wrong-expunge": func(s *spoiler, c *conn, r client.Response) []client.Response {
		if r.Name == "EXPUNGE" && c.view != nil && int(r.Number) < c.view.Len() && s.now(2) {
			return again(r, fmt.Sprintf("* %d EXPUNGE", r.Number+1))
		}
		return []client.Response{r}
	},
	// It is sent when no command is in progress.
	"late-expunge": func(s *spoiler, c *conn, r client.Response) []client.Response {
		if (r.Name == "EXPUNGE" || r.Name == "VANISHED") && len(c.running) == 1 {
			s.held = append(s.held, r)
			return nil
		}
		if r.Tag != "*" && r.Tag != "+" && len(c.running) == 1 {
			out := append([]client.Response{r}, s.held...)
			s.held = nil
			return out
		}
		return append(s.flush(), r)
	},
	"fewer-exist": func(s *spoiler, c *conn, r client.Response) []client.Response {
		if r.Name == "EXISTS" && r.Number > 1 && c.view != nil && c.view.Len() > 0 && s.now(2) {
			return again(r, fmt.Sprintf("* %d EXISTS", c.view.Len()-1))
		}
		return []client.Response{r}
	},
	"lost-flags": func(s *spoiler, c *conn, r client.Response) []client.Response {
		if r.Name == "FETCH" && len(c.running) > 0 && !strings.HasSuffix(c.running[0].name, "FETCH") {
			return nil
		}
		return []client.Response{r}
	},
	"stale-flags": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if f, ok := r.Item("FLAGS"); ok && len(f.List) > 0 && s.now(20) {
			return again(r, strings.Replace(r.Raw, "FLAGS "+f.Raw, "FLAGS ()", 1))
		}
		return []client.Response{r}
	},
	"other-size": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if v, ok := r.Item("RFC822.SIZE"); ok && s.now(5) {
			return again(r, strings.Replace(r.Raw, "RFC822.SIZE "+v.Text, "RFC822.SIZE "+v.Text+"0", 1))
		}
		return []client.Response{r}
	},
	"other-uid": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if v, ok := r.Item("UID"); ok && s.now(50) {
			return again(r, strings.Replace(r.Raw, "UID "+v.Text, "UID "+v.Text+"0", 1))
		}
		return []client.Response{r}
	},
	"wrong-place": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if args, ok := r.HasCode("APPENDUID"); ok && len(args) == 2 {
			return again(r, strings.Replace(r.Raw, " "+args[1].Text+"]", " "+args[1].Text+"7]", 1))
		}
		return []client.Response{r}
	},
	"lost-found": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if r.Name == "SEARCH" && len(r.Args) > 1 {
			r.Args = r.Args[1:]
		}
		return []client.Response{r}
	},
	"unannounced": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if r.Name == "FLAGS" {
			return again(r, `* FLAGS (\Answered \Flagged \Draft \Deleted \Seen)`)
		}
		return []client.Response{r}
	},
	"modseq-back": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if v, ok := r.Item("MODSEQ"); ok && s.now(10) {
			return again(r, strings.Replace(r.Raw, "MODSEQ "+v.Raw, "MODSEQ (7)", 1))
		}
		return []client.Response{r}
	},
	// What NOTIFY asks for is not told, and something else is.
	"lost-status": func(_ *spoiler, c *conn, r client.Response) []client.Response {
		if r.Name == "STATUS" && c.waits() {
			return nil
		}
		return []client.Response{r}
	},
	"lost-list": func(_ *spoiler, c *conn, r client.Response) []client.Response {
		if r.Name == "LIST" && c.waits() {
			return nil
		}
		return []client.Response{r}
	},
	"lost-new": func(_ *spoiler, c *conn, r client.Response) []client.Response {
		if n := c.mode.Notify; r.Name == "FETCH" && len(c.running) == 0 && n != nil && len(n.Fetch) > 0 {
			return nil
		}
		return []client.Response{r}
	},
	"early-expunge": func(_ *spoiler, c *conn, r client.Response) []client.Response {
		if n := c.mode.Notify; r.Name == "EXISTS" && len(c.running) == 0 && n != nil && n.Delayed && !c.mode.QResync {
			return append([]client.Response{r}, again(r, "* 1 EXPUNGE")...)
		}
		return []client.Response{r}
	},
	"unasked": func(_ *spoiler, c *conn, r client.Response) []client.Response {
		if n := c.mode.Notify; r.Name == "EXISTS" && len(c.running) == 0 && n != nil && !n.Flags && c.view.Message(1).UID != 0 {
			return append([]client.Response{r}, again(r, fmt.Sprintf("* 1 FETCH (UID %d FLAGS ())", c.view.Message(1).UID))...)
		}
		return []client.Response{r}
	},
	"other-status": func(s *spoiler, c *conn, r client.Response) []client.Response {
		if c.mode.Notify.Tells() && r.Name == "OK" && r.Tag != "*" && s.now(5) {
			return append([]client.Response{r}, again(r, "* STATUS Elsewhere (MESSAGES 1 UIDNEXT 2)")...)
		}
		return []client.Response{r}
	},
	"lost-uid": func(_ *spoiler, c *conn, r client.Response) []client.Response {
		if v, ok := r.Item("UID"); ok && len(c.running) == 0 {
			return again(r, strings.Replace(r.Raw, "UID "+v.Text+" ", "", 1))
		}
		return []client.Response{r}
	},
	"compressed-twice": func(_ *spoiler, _ *conn, r client.Response) []client.Response {
		if _, ok := r.HasCode("COMPRESSIONACTIVE"); ok {
			return again(r, r.Tag+" OK active")
		}
		return []client.Response{r}
	},
	"lost-vanished": func(s *spoiler, _ *conn, r client.Response) []client.Response {
		if r.Name == "VANISHED" && len(r.Args) == 2 {
			return nil
		}
		return []client.Response{r}
	},
}

// waits reports whether the client has asked for nothing that has an answer of its own.
func (c *conn) waits() bool {
	return len(c.running) == 0 || slices.Contains([]string{"IDLE", "NOOP", "UID FETCH", "UID STORE"}, c.running[0].name)
}

// badNames are the names of bads.
func badNames() []string { return slices.Sorted(maps.Keys(bads)) }

// now reports whether it is time, once in n times.
func (s *spoiler) now(n int) bool { return s.rand.IntN(n) == 0 }

// flush returns what was held back.
func (s *spoiler) flush() []client.Response {
	held := s.held
	s.held = nil
	return held
}

// again is the response with another text.
func again(r client.Response, text string) []client.Response {
	changed, err := client.Parse([]byte(text))
	if err != nil {
		return []client.Response{r}
	}
	return []client.Response{changed}
}

// spoil returns what the client is to hear.
func (s *spoiler) spoil(c *conn, r client.Response) []client.Response {
	if s == nil {
		return []client.Response{r}
	}
	return s.bad(s, c, r)
}
