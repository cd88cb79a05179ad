// Package webmail is the pages of webmail: one account's mail as HTML that needs no
// scripts. It runs as the account's user in a program of its own
// (webmail-session), which the front (package login/webfront) starts at login
// and speaks HTTP/2 to over a socketpair.
//
// A page is a row of routes (routes.go), a file named after it, and a template:
//
//	mailbox.go   /f/{mailbox}            the list of messages, newest first
//	message.go   /m/{id}                 a message and its conversation
//	body.go      /m/{id}/body            its HTML, for the frame in that page
//	part.go      /m/{id}/part/{n}/{name} an attachment
//	part.go      /m/{id}/raw, /eml       the message as stored
//	view.go      /m/{id}/view/{n}/{name} an attachment, to be looked at; also /image, /pdf
//	archive.go   /m/{id}/all.zip         all of them
//	headers.go   /m/{id}/headers         the fields of the header
//	pictures.go  /m/{id}/pictures        POST: whether pictures on other servers are loaded
//	unsubscribe.go /m/{id}/unsubscribe   POST: leave a mailing list
//	invitation.go /m/{id}/invitation     POST: answer an invitation
//	act.go       /act                    POST: what people do to messages
//	undo.go      /undo/{token}           POST: and taken back
//	settingspage.go /settings/{page}     what the account has chosen; POST changes it
//	exchange.go /folders/export, /folders/import  POST: folders as files
//	write.go     /compose, /compose/{draft}  a message that is written (writeform.go, drafts.go, uploads.go)
//	richtext.go   /compose/frame         the frame in which formatted text is written
//	outboxpage.go /outbox                what waits to be sent
//	notice.go    /notice                 POST, of the front alone: tell the owner what happened
//	events.go    /events                 what happens, for windows that are open
//
// What they share: request.go is a request with the settings and the language of
// whoever made it, mailboxes.go opens mailboxes and finds messages by id,
// folders.go lists them, relatives.go finds conversations, letter.go describes a message,
// authentic.go, warnings.go and senders.go judge who sent it, outgoing.go is the way out, summary.go reads what lists show, content.go chooses
// which parts of a message are shown, plain.go lays out plain text, page.go
// renders, reply.go turns errors into answers.
//
// Scripts (web/src/app) ask for the same pages at the same addresses, and get the part of
// them that they name in X-Wm-Fragment (page.go). Nothing needs them.
//
// All words that people read come from package locale; scripts, styles and pictures
// from package web.
//
// A message's id is 96 bits of a hash of its file's base name: stable over
// changes of flags, unguessable from outside, and no path. Message ids say
// nothing about the mailbox; links carry its name as a hint, and a message that
// somebody moved is looked for everywhere.
//
// Who may see a page was decided by the front: whoever can connect is the
// account's owner. Two things come from the front in headers that browsers
// cannot set there: the account's name to show, and the token that every form
// must send back.
//
// Hostile content never reaches a page as markup: text is escaped by
// html/template; HTML goes through package htmlsafe into a document of its own
// with a content security policy of its own, shown in a sandboxed frame.
package webmail

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	_ "github.com/emersion/go-message/charset" // in which messages may be

	"fantail/internal/store"
	_ "fantail/internal/store/zstd/linked" // of which they may be made
	"fantail/internal/webmail/devices"
	"fantail/internal/webmail/outbox"
	"fantail/internal/webmail/settings"
)

// Options are what a Site needs.
type Options struct {
	Account *store.Account
	Name    string // the account's, if no front tells it
	Log     *slog.Logger
	Clock   func() time.Time // nil: time.Now
	Zone    *time.Location   // nil: time.Local

	// Authority is the name by which our mail servers sign what they have found out about
	// a message (RFC 8601 section 2.5, authserv-id); "": nothing is believed.
	Authority string
	Outbox    Outbox // nil: nothing can be sent

	// Senders are the addresses that the account may write as (conf.SenderAddresses), and
	// Delimiters what begins the detail of one.
	Senders    []string
	Delimiters string
	// MessageSize is how large a message may be that is sent, in octets; 0: 25 MiB.
	MessageSize int64
	// SendLimit is to how many recipients the account may send within an hour; 0: any
	// number.
	SendLimit int
	// Due tells whoever sends that something is in the outbox. It does not wait. nil:
	// nobody sends.
	Due func() error
}

// Site is the webmail of one account. It is an http.Handler for many requests
// at once.
type Site struct {
	boxes       *mailboxes
	settings    *settings.Store
	devices     *devices.Store
	name        string
	undo        undos
	contactBook addressBook
	allowed     allowances
	outbox      Outbox
	watch       watcher
	patience    searchPatience

	authority string

	log   *slog.Logger
	clock func() time.Time
	zone  *time.Location

	box         *outbox.Box
	addresses   []string
	delimiters  string
	messageSize int64
	sendLimit   int
	due         func() error
	queueing    sync.Mutex // held while a draft becomes a job of the outbox

	routes http.Handler
}

// New returns the webmail of an account, which must stay open as long as
// requests run.
func New(o Options) *Site {
	s := &Site{boxes: newMailboxes(o.Account), settings: settings.Open(o.Account.Path()), devices: devices.Open(o.Account.Path()), name: o.Name, log: o.Log, clock: o.Clock, zone: o.Zone, authority: o.Authority, outbox: o.Outbox}
	s.watch.s, s.patience = s, usualPatience
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.zone == nil {
		s.zone = time.Local
	}
	s.box, s.addresses, s.delimiters, s.messageSize, s.due = outbox.Open(o.Account.Path()), o.Senders, o.Delimiters, o.MessageSize, o.Due
	s.sendLimit = o.SendLimit
	if s.messageSize == 0 {
		s.messageSize = 25 << 20
	}
	if s.outbox == nil && s.due != nil {
		s.outbox = posting{s}
	}
	s.resume()
	s.routes = s.mux()
	return s
}

func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }
