package webmail

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
	"fantail/internal/webmail/htmlsafe"
)

// maxText is how much of a plain text part is shown.
const maxText = 512 << 10

// messageView is the page of one message.
type messageView struct {
	layout
	Subject      string
	From         []person
	To, Cc       []person
	ReplyTo      []person // if replies go elsewhere
	When         moment
	Flagged      bool
	Mailbox      string // as people call it
	Back         string
	Newer, Older string
	Parts        []partView
	Files        []fileView
	Warnings     []string
	Remote       int // images that were not loaded
	Other        string
	OtherName    string // of the other form of the same message
	Raw, Save    string
	Value        string // of the message, in forms
}

// partView is one text of the message: plain text, or the address of a frame.
type partView struct {
	Frame  string
	Title  string // of the frame
	Blocks []block
	Cut    bool // there is more than is shown
}

type fileView struct {
	file
	KindName, SizeName string
	Warn               bool // a program, or a page that can hold one
}

// message shows one message, and marks it as read if a person looks at it.
func (s *Site) message(w http.ResponseWriter, r *request) error {
	f, err := s.boxes.find(r.Context(), r.PathValue("id"), placeOf(r))
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := f.Structure(r.Context(), f.uid())
	if err != nil {
		return err
	}
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := s.markSeen(r, f); err != nil {
		return err
	}
	r.SetPathValue("mailbox", f.Name()) // for the sidebar
	subject := subjectOf(root)
	if subject == "" {
		subject = r.lang.Text("list.noSubject")
	}
	v := messageView{layout: s.layout(r, subject), Subject: subject}
	if err := s.header(r, &v, f, root); err != nil {
		return err
	}
	if err := s.parts(r, &v, f, root, raw); err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "message.html", v)
}

// markSeen sets \Seen for a visit: a page that a person opens in a window. What
// a browser fetches ahead of time, or another site makes it fetch, does not
// count: only the browser itself can send these headers, and one that sends
// none opens pages only for people. So a GET changes something here, as in
// every mail client, but no more than the person at the screen would expect,
// and it can be taken back.
func (s *Site) markSeen(r *request, f *found) error {
	if f.snap.Flags(f.at).Has(mail.Seen) || !isVisit(r.Request) {
		return nil
	}
	_, err := f.SetFlags(r.Context(), []mail.UID{f.uid()}, store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Seen}})
	if store.KindOf(err) == store.Denied {
		return nil // a mailbox that can only be read can still be read
	}
	return err
}

// isVisit judges by the Fetch Metadata headers and those that announce
// prefetching.
func isVisit(r *http.Request) bool {
	h := r.Header
	if h.Get("Sec-Purpose") != "" || h.Get("Purpose") != "" || h.Get("X-Moz") != "" || r.Method != http.MethodGet {
		return false
	}
	site, mode, dest := h.Get("Sec-Fetch-Site"), h.Get("Sec-Fetch-Mode"), h.Get("Sec-Fetch-Dest")
	return (site == "" || site == "same-origin" || site == "none") && (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// header fills in who wrote to whom and when, and the way to other messages.
func (s *Site) header(r *request, v *messageView, f *found, root *message.Part) error {
	env := root.Envelope()
	v.From, v.To, v.Cc = people(env.From), people(env.To), people(env.Cc)
	if replies := people(env.ReplyTo); len(replies) > 0 && !samePeople(replies, v.From) {
		v.ReplyTo = replies
	}
	date, ok := root.Date()
	if !ok {
		stat, err := f.Stat(r.Context(), f.uid())
		if err != nil {
			return err
		}
		date = stat.Date
	}
	v.When = r.when(date)
	v.Flagged = f.snap.Flags(f.at).Has(mail.Flagged)
	v.Mailbox = f.Name()
	for _, x := range v.Folders {
		if x.Current {
			v.Mailbox = x.Name
		}
	}
	v.Value = selection{f.Name(), f.snap.UIDValidity(), []mail.UID{f.uid()}}.String()
	v.Back = listOf(r, f.Name()).path()
	if f.at+1 < f.snap.Len() {
		v.Newer = f.view.path(f.at+1, "")
	}
	if f.at > 0 {
		v.Older = f.view.path(f.at-1, "")
	}
	v.Raw, v.Save = f.path("/raw"), f.path("/eml")
	return nil
}

// listOf is the list from which a message was opened, as its address says.
func listOf(r *request, mailbox string) wish {
	q, err := url.ParseQuery(r.URL.Query().Get("l"))
	if err == nil {
		if w, err := wishOf(mailbox, q); err == nil {
			return w
		}
	}
	return wish{Mailbox: mailbox, Page: 1}
}

func people(list []message.Address) []person {
	var out []person
	for _, a := range list {
		if a.Kind == message.Mailbox {
			out = append(out, correspondent(a))
		}
	}
	return out
}

func samePeople(a, b []person) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !strings.EqualFold(a[i].Address, b[i].Address) {
			return false
		}
	}
	return true
}

// parts fills in what the message says.
func (s *Site) parts(r *request, v *messageView, f *found, root *message.Part, raw *os.File) error {
	plain := r.URL.Query().Get("view") == "plain"
	c := contents(root, plain)
	var warnings []string
	for _, x := range c.shown {
		if !x.html {
			continue
		}
		ok, err := s.inspect(r, v, &warnings, x, raw)
		if err != nil {
			return err
		}
		if !ok && c.plain { // show the other form instead
			plain, c = true, contents(root, true)
			break
		}
	}
	v.Warnings = warnings
	for _, x := range c.shown {
		p, err := s.partView(r, f, v, x, raw)
		if err != nil {
			return err
		}
		if p.Frame != "" || len(p.Blocks) > 0 {
			v.Parts = append(v.Parts, p)
		}
	}
	for _, x := range c.files {
		x.Path = partPath(f, x)
		v.Files = append(v.Files, fileView{x, r.lang.Text("message.kind." + x.Kind), r.lang.Size(x.Size), dangerous(x.Name)})
	}
	switch {
	case c.plain && !plain:
		v.Other, v.OtherName = f.path("")+"&view=plain", r.lang.Text("message.plain")
	case c.html && plain:
		v.Other, v.OtherName = f.path(""), r.lang.Text("message.formatted")
	}
	return nil
}

// inspect looks at an HTML part ahead of the frame that will show it. ok is
// false if it cannot be shown.
func (s *Site) inspect(r *request, v *messageView, warnings *[]string, x shown, raw *os.File) (ok bool, err error) {
	res, err := sanitize(x.part, raw, nil)
	if errors.Is(err, htmlsafe.ErrTooComplex) {
		*warnings = append(*warnings, r.lang.Text("message.tooComplex"))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v.Remote += res.Remote
	for _, sus := range res.Suspicious {
		*warnings = append(*warnings, sus.Reason+".")
	}
	return true, nil
}

func (s *Site) partView(r *request, f *found, v *messageView, x shown, raw *os.File) (partView, error) {
	if x.html {
		frame := f.path("/body") + "&section=" + url.QueryEscape(x.section)
		return partView{Frame: frame, Title: r.lang.Text("message.frame", "subject", v.Subject)}, nil
	}
	text, err := io.ReadAll(x.part.Text(raw, maxText+1))
	if err != nil {
		return partView{}, fmt.Errorf("read text part: %w", err)
	}
	cut := len(text) > maxText
	if cut {
		text = text[:maxText]
	}
	format, _ := x.part.Param("format")
	delsp, _ := x.part.Param("delsp")
	return partView{Blocks: plainText(strings.ToValidUTF8(string(text), "\uFFFD"), strings.EqualFold(format, "flowed"), strings.EqualFold(delsp, "yes")), Cut: cut}, nil
}

// dangerous reports whether a file of that name can run something on the
// computers of most people.
func dangerous(name string) bool {
	const list = " .exe .com .scr .pif .bat .cmd .msi .msp .reg .vbs .vbe .js .jse .wsf .wsh .ps1 .psm1 .lnk .url .hta .cpl .jar .app .command .sh " +
		".html .htm .xhtml .shtml .svg .iso .img .vhd .docm .xlsm .pptm .one .chm .application .desktop "
	i := strings.LastIndexByte(name, '.')
	return i >= 0 && strings.Contains(list, " "+strings.ToLower(name[i:])+" ")
}
