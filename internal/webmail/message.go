package webmail

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
	"fantail/internal/webmail/htmlsafe"
)

// maxText is how much of a plain text part is shown.
const maxText = 512 << 10

// messageView is the page of a message and the conversation that it belongs to.
type messageView struct {
	layout
	Subject      string
	Mailbox      string // as people call it
	Back         string
	Newer, Older string
	Value        string // of the conversation's messages in this mailbox, in forms
	Flagged      bool   // the message that was asked for
	Letters      []letter
	Folded       bool // there are several: each can be folded
	Inside       bool // it is part of another message: nothing can be done with it
}

// partView is one text of the message: plain text, or the address of a frame.
type partView struct {
	Frame    string
	Title    string // of the frame
	Passages []passage
	Cut      bool // there is more than is shown
}

type fileView struct {
	file
	KindName, SizeName string
	View               string // the address of a page that shows it; "" if none can
	Tab                bool   // View is no page of ours, but a window of its own
	Warn               bool   // a program, or a page that can hold one
}

// message shows a message with its conversation, and marks as read what a person can read
// then.
func (s *Site) message(w http.ResponseWriter, r *request) error {
	f, err := s.boxes.find(r.Context(), r.PathValue("id"), placeOf(r))
	if err != nil {
		return err
	}
	defer f.Close()
	c := &relatives{list: []*found{f}}
	if r.prefs.Grouping != "messages" {
		if c, err = s.relatives(r.Context(), f); err != nil {
			return err
		}
		defer c.Close()
	}
	letters, err := s.letters(r, c, f)
	if err != nil {
		return err
	}
	if err := s.seen(r, letters); err != nil {
		return err
	}
	asked := &letters[slices.IndexFunc(letters, func(l letter) bool { return l.f == f })]
	r.SetPathValue("mailbox", f.Name()) // for the sidebar
	subject := subjectOf(asked.root)
	if subject == "" {
		subject = r.lang.Text("list.noSubject")
	}
	v := messageView{layout: s.layout(r, subject), Subject: subject, Flagged: asked.Flagged, Folded: len(letters) > 1}
	for i := range letters {
		if err := s.fill(r, &letters[i], f.Name()); err != nil && (letters[i].f == f || !missing(err)) {
			return err
		}
	}
	if first, err := s.isFirst(r, asked); err != nil {
		s.log.Warn("look for earlier messages of a sender", "err", err)
	} else if first {
		asked.First = oneLine(senderOf(asked.root))
	}
	v.Letters = letters
	if err := s.around(r, &v, f); err != nil {
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

// headerVisit is set by our scripts when they show a page to a person. No other site can
// make a browser send it.
const headerVisit = "X-Wm-Visit"

// isVisit judges by the Fetch Metadata headers and those that announce
// prefetching.
func isVisit(r *http.Request) bool {
	h := r.Header
	if h.Get(headerVisit) != "" {
		return h.Get("Sec-Fetch-Site") == "" || h.Get("Sec-Fetch-Site") == "same-origin"
	}
	if h.Get("Sec-Purpose") != "" || h.Get("Purpose") != "" || h.Get("X-Moz") != "" || r.Method != http.MethodGet {
		return false
	}
	site, mode, dest := h.Get("Sec-Fetch-Site"), h.Get("Sec-Fetch-Mode"), h.Get("Sec-Fetch-Dest")
	return (site == "" || site == "same-origin" || site == "none") && (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// around fills in the way to other messages, and what can be done with all of these.
func (s *Site) around(r *request, v *messageView, f *found) error {
	v.Mailbox = f.Name()
	for _, x := range v.Folders {
		if x.Current {
			v.Mailbox = x.Name
		}
	}
	here := selection{mailbox: f.Name(), validity: f.snap.UIDValidity()}
	for _, l := range v.Letters {
		here.uids = append(here.uids, l.uids(f.Name())...)
	}
	slices.Sort(here.uids)
	v.Value = here.String()
	want := listOf(r, f.Name())
	v.Back = want.path()
	if from := r.URL.Query().Get("s"); from != "" {
		v.Back, v.Mailbox = "/search?"+from, r.lang.Text("find.results")
	}
	newer, older, err := s.neighbours(r, f, want)
	if newer >= 0 {
		v.Newer = f.view.path(newer, "") + want.link()
	}
	if older >= 0 {
		v.Older = f.view.path(older, "") + want.link()
	}
	return err
}

// neighbours returns the messages before and behind a line of a list; -1 if there is none.
// Where lists show conversations it is the newest one of each.
func (s *Site) neighbours(r *request, f *found, want wish) (newer, older int, err error) {
	if want.Sort != "" || want.Filter != "" || r.prefs.Grouping == "messages" {
		newer, older = f.at+1, f.at-1
		if newer == f.snap.Len() {
			newer = -1
		}
		return newer, older, nil
	}
	c, err := s.boxes.conversations(r.Context(), f.view)
	if err != nil {
		return -1, -1, err
	}
	newest := func(g int) int {
		if g < 0 || g >= c.Len() {
			return -1
		}
		uids := c.at(g)
		i, ok := f.snap.Find(uids[len(uids)-1])
		if !ok {
			return -1
		}
		return i
	}
	g := c.group(f.uid())
	if g < 0 {
		return -1, -1, nil
	}
	return newest(g + 1), newest(g - 1), nil
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

// parts fills in what the message at a place of the stored one says, and counts the
// pictures on other servers.
func (s *Site) parts(r *request, l *letter, root *message.Part, at []int, raw *os.File) (remote int, err error) {
	plain := r.prefs.Plain.On(false)
	if view := r.URL.Query().Get("view"); view != "" {
		plain = view == "plain"
	}
	c := contents(root, at, plain)
	for _, x := range c.shown {
		if !x.html {
			continue
		}
		n, ok, err := s.inspect(r, l, x, raw)
		if err != nil {
			return 0, err
		}
		remote += n
		if !ok && c.plain { // show the other form instead
			plain, c = true, contents(root, at, true)
			break
		}
	}
	for _, x := range c.shown {
		p, err := s.partView(r, l, x, raw)
		if err != nil {
			return 0, err
		}
		if p.Frame != "" || len(p.Passages) > 0 {
			l.Parts = append(l.Parts, p)
		}
	}
	for _, x := range c.files {
		x.Path = partPath(l.f, x)
		v := fileView{file: x, KindName: r.lang.Text("message.kind." + x.Kind), SizeName: r.lang.Size(x.Size), Warn: dangerous(x.Name)}
		v.View, v.Tab = viewPath(l.f, x)
		l.Files = append(l.Files, v)
	}
	if len(l.Files) > 1 {
		l.All = l.f.path("/all.zip")
	}
	if r.URL.Query().Get("colours") != "" {
		l.Colours, l.OwnColours = l.Path, true
	}
	switch here := l.Path + "&view="; {
	case c.plain && !plain:
		l.Other, l.OtherName = here+"plain", r.lang.Text("message.plain")
	case c.html && plain:
		l.Other, l.OtherName = here+"rich", r.lang.Text("message.formatted")
	}
	return remote, nil
}

// inspect looks at an HTML part ahead of the frame that will show it. ok is
// false if it cannot be shown.
func (s *Site) inspect(r *request, l *letter, x shown, raw *os.File) (remote int, ok bool, err error) {
	res, err := r.sanitize(x.part, raw, nil, false)
	if errors.Is(err, htmlsafe.ErrTooComplex) {
		l.Warnings = append(l.Warnings, r.lang.Text("message.tooComplex"))
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if res.Coloured || res.DarkAware {
		l.Colours = l.Path + "&colours=own"
	}
	for _, sus := range res.Suspicious {
		l.Warnings = append(l.Warnings, sus.Reason+".")
	}
	return res.Remote - res.Trackers, true, nil
}

func (s *Site) partView(r *request, l *letter, x shown, raw *os.File) (partView, error) {
	if x.html {
		frame := l.f.path("/body") + "&section=" + url.QueryEscape(x.section)
		l.Print = frame + "&print=1"
		if r.URL.Query().Get("colours") != "" {
			frame += "&colours=own"
		}
		subject := subjectOf(l.root)
		if subject == "" {
			subject = r.lang.Text("list.noSubject")
		}
		return partView{Frame: frame, Title: r.lang.Text("message.frame", "subject", subject)}, nil
	}
	blocks, cut, err := readPlain(x.part, raw, isAnswer(l.root))
	return partView{Passages: passages(blocks), Cut: cut}, err
}

// readPlain lays out a part of a message, which is an answer or none, as plain text; cut
// tells that there is more.
func readPlain(p *message.Part, raw *os.File, answer bool) (blocks []block, cut bool, err error) {
	text, err := io.ReadAll(p.Text(raw, maxText+1))
	if err != nil {
		return nil, false, fmt.Errorf("read text part: %w", err)
	}
	if cut = len(text) > maxText; cut {
		text = text[:maxText]
	}
	format, _ := p.Param("format")
	delsp, _ := p.Param("delsp")
	return plainText(strings.ToValidUTF8(string(text), "\uFFFD"), strings.EqualFold(format, "flowed"), strings.EqualFold(delsp, "yes"), answer), cut, nil
}

// dangerous reports whether a file of that name can run something on the
// computers of most people.
func dangerous(name string) bool {
	const list = " .exe .com .scr .pif .bat .cmd .msi .msp .reg .vbs .vbe .js .jse .wsf .wsh .ps1 .psm1 .lnk .url .hta .cpl .jar .app .command .sh " +
		".scf .inf .ws .wsc .sct .ps2 .ps1xml .gadget .library-ms .search-ms .settingcontent-ms .appref-ms .appinstaller .appx .msix .msu .scpt .workflow .pkg .dmg .deb .rpm .appimage .run " +
		".html .htm .xht .xhtml .shtml .mht .mhtml .svg .svgz .swf .iso .img .vhd .vhdx .docm .dotm .xlsm .xlam .xll .xlsb .slk .iqy .pptm .ppam .accdb .mdb .one .chm .application .desktop "
	i := strings.LastIndexByte(name, '.')
	return i >= 0 && strings.Contains(list, " "+strings.ToLower(name[i:])+" ")
}
