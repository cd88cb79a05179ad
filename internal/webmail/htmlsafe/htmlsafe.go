// Package htmlsafe turns the HTML and CSS of a stranger's mail into HTML and
// CSS that cannot run, load, submit or navigate by itself.
//
// Nothing of the input is edited: it is parsed, and a new document is written
// from the parsed nodes by tables of what may exist. What no table names does
// not appear. The work is done in this order:
//
//  1. limits: size, number of tags, attributes of one tag (limit.go)
//  2. html.Parse, the algorithm of the HTML standard, as browsers do
//  3. rebuild.go walks the tree: element.go says which elements stay, which are
//     replaced by their content and which vanish with it; attr.go, link.go and
//     image.go write the attributes that may stay
//  4. style sheets and style attributes go through css.go and its companions,
//     which read tokens and write declarations of known properties with typed
//     values; no url(), no unknown function, no attribute selector
//  5. the result is parsed and rebuilt again until nothing changes any more, so
//     that the tree we meant is the tree that a browser builds from our bytes
//
// Invariants, which FuzzSanitize states as code: the output holds only
// elements and attributes of the tables; the only URLs are http, https,
// mailto, tel and #fragments in <a href> and data: of raster images in
// <img src>, or https there if Options.Remote says so; no "url(" occurs; sanitising the output again changes nothing.
//
// The frame in which the result is shown has a sandbox and a content security
// policy of its own (package webmail). Each of the two is meant to suffice
// without the other.
//
// Linkify does the same service for plain text: it cuts text into segments,
// some of which are links, and writes no HTML at all.
package htmlsafe

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// ErrTooComplex says that a limit was passed; show the text part, or the
// source. No part of the HTML is safe to show.
var ErrTooComplex = errors.New("HTML too complex")

// Image gives the content of the inline image with this Content-ID (RFC 2392,
// without the angle brackets). ok is false if there is none.
type Image func(contentID string) (data []byte, ok bool)

// Options say how a message is to be shown.
type Options struct {
	// Image resolves cid: references. nil: none can be shown.
	Image Image
	// KeepReferences leaves cid: references as they are, whatever Image is: in HTML
	// that somebody writes, whose pictures are sent with it.
	KeepReferences bool
	// Remote leaves pictures on other hosts where they are, to be loaded over https. Those
	// that nobody can see, and those on hosts without a name of the Internet, never stay.
	Remote bool
	// Words says what is wrong with a link, in the reader's language: text, without a full
	// stop. nil: in English.
	Words func(Suspicion) string
	// Dark gives all colours another value for dark screens, unless the message does that
	// itself. Which of them shows is decided by the color-scheme of the document.
	Dark bool
	// Fold puts long quotations into elements <details class="wm-quote">, with this text as
	// their summary. "": they stay open. They are no part of what Sanitize accepts.
	Fold string
	// Scheme is that of the document, if it does not depend on the browser's. What the
	// message has for the other one goes.
	Scheme Scheme
}

// Scheme is a color-scheme (CSS Color Adjustment section 2).
type Scheme string

// The schemes.
const (
	AnyScheme Scheme = ""
	Light     Scheme = "light"
	Dark      Scheme = "dark"
)

// Result is a sanitised message.
type Result struct {
	// HTML is what goes into the body of a document: at most one style element
	// followed by the content.
	HTML string
	// Remote counts the images that lie on other hosts, and are not loaded unless the
	// options say so; Trackers those of them that are too small to be seen.
	Remote, Trackers int
	// Suspicious are links that do not lead where they seem to lead.
	Suspicious []Suspicion
	// DarkAware says that the message has its own colours for dark screens.
	DarkAware bool
	// Coloured says that colours got another value for dark screens.
	Coloured bool
}

// Sanitize rebuilds the HTML in src, which is UTF-8, of allowed parts only.
// The only error is ErrTooComplex, wrapped with the limit that was passed.
// Time and memory are linear in the limits of limit.go.
func Sanitize(src string, o Options) (Result, error) {
	if err := checkInput(src); err != nil {
		return Result{}, err
	}
	settled, first, err := stable(clean(src), Options{Remote: o.Remote, Words: o.Words})
	if err != nil {
		return Result{}, err
	}
	o.Dark = o.Dark && !first.DarkAware
	r, err := rebuild(settled, finalPass, o)
	if err != nil {
		return Result{}, err
	}
	// The first round saw all remote images; its output has none, or only some.
	r.Remote, r.Trackers, r.DarkAware = first.Remote, first.Trackers, first.DarkAware
	return r, nil
}

// stable rebuilds src until rebuilding changes nothing, and returns what the
// first round found beside the HTML. Normal mail needs two rounds; malformed
// nesting that the parser repairs differently each time may need one or two
// more, and what has not settled then is not shown.
func stable(src string, o Options) (settled string, first Result, err error) {
	for round := range maxRounds {
		r, err := rebuild(src, innerPass, o)
		if err != nil {
			return "", Result{}, err
		}
		if round == 0 {
			first = r
		}
		if r.HTML == src {
			return src, first, nil
		}
		src = r.HTML
	}
	return "", Result{}, fmt.Errorf("%w: nesting does not settle", ErrTooComplex)
}

// clean removes what has no business in a document and confuses parsers in
// different ways: NUL and bytes that are no UTF-8.
func clean(src string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(src, "\uFFFD"), "\x00", "")
}

// checkInput counts tags and attributes with the tokeniser before a tree is
// built, because building trees is where hostile input costs.
func checkInput(src string) error {
	if len(src) > maxInput {
		return fmt.Errorf("%w: more than %d bytes", ErrTooComplex, maxInput)
	}
	z := html.NewTokenizer(strings.NewReader(src))
	for tags := 0; ; {
		switch z.Next() {
		case html.ErrorToken: // a string reader has no error but its end
			return nil
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			if tags++; tags > maxTags {
				return fmt.Errorf("%w: more than %d tags", ErrTooComplex, maxTags)
			}
			_, more := z.TagName()
			for n := 0; more; n++ {
				if n > maxAttributes {
					return fmt.Errorf("%w: more than %d attributes", ErrTooComplex, maxAttributes)
				}
				_, _, more = z.TagAttr()
			}
		}
	}
}
