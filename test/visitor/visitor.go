// Package visitor is a person who uses webmail in a browser without scripts: for tests of
// webmail as a whole, which need no picture of a page.
//
// A Visitor keeps cookies, follows links and redirections, and sends the forms that pages
// have, with what they have in them: what a page does not offer cannot be done. It talks
// HTTP/2 over TLS and believes every certificate. What it is shown (page.go) it reads as a
// browser parses it; mail.go is what people do with it, events.go what windows hear.
package visitor

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Dial connects to an address.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Visitor is one. It is safe for many goroutines.
type Visitor struct {
	base string
	http *http.Client
}

// patience is how long an answer may take.
const patience = time.Minute

// New returns somebody who has not logged in to the webmail at base, such as
// https://127.0.0.1:443. dial is nil where that can be reached from here.
func New(base string, dial Dial) *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic("visitor: " + err.Error()) // it has no options that could be wrong
	}
	t := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	return &Visitor{base, &http.Client{Jar: jar, Transport: t}}
}

// Close closes the connections.
func (v *Visitor) Close() { v.http.CloseIdleConnections() }

// Login logs in.
func (v *Visitor) Login(ctx context.Context, name, password string) error {
	p, err := v.Get(ctx, "/login")
	if err != nil {
		return err
	}
	f, err := p.Form("/login")
	if err != nil {
		return err
	}
	f.Set("name", name)
	f.Set("password", password)
	if p, err = v.Submit(ctx, f, ""); err != nil {
		return err
	}
	if p.Status != http.StatusOK || !strings.HasPrefix(p.Path, "/f/INBOX") {
		return fmt.Errorf("log in as %s: %w", name, p.unexpected())
	}
	return nil
}

// Get fetches a page; the error says that there was no answer.
func (v *Visitor) Get(ctx context.Context, path string) (*Page, error) {
	return v.do(ctx, http.MethodGet, path, "", nil)
}

// Open fetches a page that must be there.
func (v *Visitor) Open(ctx context.Context, path string) (*Page, error) {
	p, err := v.Get(ctx, path)
	if err == nil && p.Status != http.StatusOK {
		err = p.unexpected()
	}
	return p, err
}

// Post sends a form that no page has shown.
func (v *Visitor) Post(ctx context.Context, path string, form url.Values) (*Page, error) {
	return v.do(ctx, http.MethodPost, path, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

// Submit sends a form by the button op with a value; "" if it has but one button.
func (v *Visitor) Submit(ctx context.Context, f *Form, op string) (*Page, error) {
	fields := f.fields
	if op != "" {
		fields = append(fields[:len(fields):len(fields)], field{"op", op})
	}
	if !f.multipart {
		var pairs []string
		for _, x := range fields {
			pairs = append(pairs, url.QueryEscape(x.name)+"="+url.QueryEscape(x.value))
		}
		return v.do(ctx, http.MethodPost, f.action, "application/x-www-form-urlencoded", []byte(strings.Join(pairs, "&")))
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, x := range fields {
		if err := w.WriteField(x.name, x.value); err != nil {
			return nil, err
		}
	}
	for _, x := range f.files {
		h := textproto.MIMEHeader{"Content-Type": {x.Type}}
		h.Set("Content-Disposition", multipart.FileContentDisposition(x.field, x.Name))
		part, err := w.CreatePart(h)
		if err != nil {
			return nil, err
		}
		if _, err := part.Write(x.Data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return v.do(ctx, http.MethodPost, f.action, w.FormDataContentType(), b.Bytes())
}

func (v *Visitor) do(ctx context.Context, method, path, kind string, body []byte) (*Page, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, v.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		req.Header.Set(name, value)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() // it is read to its end below
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return &Page{Status: resp.StatusCode, Path: resp.Request.URL.RequestURI(), Header: resp.Header, Body: string(text)}, nil
}
