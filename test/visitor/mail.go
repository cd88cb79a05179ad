package visitor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Letter is a message that somebody writes.
type Letter struct {
	To, Cc, Bcc, Subject, Text string
	Files                      []File
}

// Send writes a new message and sends it. The error is that of an answer that did not
// come, or what the page says that is shown instead of the list.
func (v *Visitor) Send(ctx context.Context, l Letter) error {
	p, err := v.Open(ctx, "/compose")
	if err != nil {
		return err
	}
	f, err := Fill(p, l)
	if err != nil {
		return err
	}
	if p, err = v.Submit(ctx, f, "send"); err != nil {
		return err
	}
	if p.Status != http.StatusOK || strings.HasPrefix(p.Path, "/compose") {
		return fmt.Errorf("send %q: %w", l.Subject, p.unexpected())
	}
	return nil
}

// Fill fills in the form of a page on which somebody writes.
func Fill(p *Page, l Letter) (*Form, error) {
	f, err := p.Form("/compose")
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"to": l.To, "cc": l.Cc, "bcc": l.Bcc, "subject": l.Subject} {
		f.Set(name, value)
	}
	f.Set("text", strings.ReplaceAll(l.Text, "\n", "\r\n")) // as browsers do
	for _, file := range l.Files {
		f.Attach("files", file)
	}
	return f, nil
}

// Row is a message in a list.
type Row struct {
	Subject string
	Link    string
	Value   string // as forms name it
	Unread  bool
	Starred bool
	Labels  []string
}

// List returns the first page of a folder.
func (v *Visitor) List(ctx context.Context, mailbox string) ([]Row, error) {
	p, err := v.Open(ctx, "/f/"+url.PathEscape(mailbox))
	if err != nil {
		return nil, err
	}
	return p.Rows()
}

// Rows returns the messages of a list.
func (p *Page) Rows() ([]Row, error) {
	doc, err := p.parse()
	if err != nil {
		return nil, err
	}
	var out []Row
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "li" || n.Parent.Data != "ul" || attribute(n.Parent, "class") != "messages" {
			continue
		}
		classes := strings.Fields(attribute(n, "class"))
		r := Row{Unread: slices.Contains(classes, "unread"), Starred: slices.Contains(classes, "starred")}
		for d := range n.Descendants() {
			switch {
			case d.Type != html.ElementNode:
			case d.Data == "input" && attribute(d, "name") == "m":
				r.Value = attribute(d, "value")
			case d.Data == "a" && r.Link == "":
				r.Link = attribute(d, "href")
			case attribute(d, "class") == "subject":
				r.Subject = words(d)
			case d.Data == "span" && attribute(d, "class") == "label":
				r.Labels = append(r.Labels, words(d))
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// Find returns the messages of a folder with a subject.
func (v *Visitor) Find(ctx context.Context, mailbox, subject string) ([]Row, error) {
	list, err := v.List(ctx, mailbox)
	return slices.DeleteFunc(list, func(r Row) bool { return r.Subject != subject }), err
}

// Raw returns a message of a list as it is stored.
func (v *Visitor) Raw(ctx context.Context, r Row) (string, error) {
	path, query, _ := strings.Cut(r.Link, "?")
	p, err := v.Open(ctx, path+"/eml?"+query)
	if err != nil {
		return "", err
	}
	return p.Body, nil
}

// Act does something to the messages with a subject in a folder; set are further fields.
// It returns the page that says so.
func (v *Visitor) Act(ctx context.Context, mailbox, subject, op string, set ...string) (*Page, error) {
	p, err := v.Open(ctx, "/f/"+url.PathEscape(mailbox))
	if err != nil {
		return nil, err
	}
	rows, err := p.Rows()
	if err != nil {
		return nil, err
	}
	f, err := p.Form("/act")
	if err != nil {
		return nil, err
	}
	found := false
	for _, r := range rows {
		if r.Subject == subject {
			f.Add("m", r.Value)
			found = true
		}
	}
	if !found {
		return nil, fmt.Errorf("%s a message: %q is not in %s: %w", op, subject, mailbox, p.unexpected())
	}
	return v.press(ctx, f, op, set)
}

// Undo takes back what a page says was done.
func (v *Visitor) Undo(ctx context.Context, p *Page) error {
	f, err := p.Form("/undo/")
	if err != nil {
		return err
	}
	_, err = v.press(ctx, f, "", nil)
	return err
}

// MakeFolder makes a folder.
func (v *Visitor) MakeFolder(ctx context.Context, name string) error {
	return v.manage(ctx, "/folders", "create", []string{"f", ""}, "name", name)
}

// RenameFolder gives a folder another name on its level.
func (v *Visitor) RenameFolder(ctx context.Context, mailbox, name string) error {
	return v.manage(ctx, "/folders", "rename", []string{"f", mailbox}, "name", name)
}

// DeleteFolder deletes a folder, which asks before.
func (v *Visitor) DeleteFolder(ctx context.Context, mailbox string) error {
	return v.manage(ctx, "/folders?ask=delete&f="+url.QueryEscape(mailbox), "delete", []string{"f", mailbox})
}

// EmptyFolder empties a folder, which asks before.
func (v *Visitor) EmptyFolder(ctx context.Context, mailbox string) error {
	return v.manage(ctx, "/folders?ask=empty&f="+url.QueryEscape(mailbox), "empty", []string{"f", mailbox})
}

func (v *Visitor) manage(ctx context.Context, path, op string, of []string, set ...string) error {
	p, err := v.Open(ctx, path)
	if err != nil {
		return err
	}
	f, err := p.Form("/folders", of...)
	if err != nil {
		return err
	}
	_, err = v.press(ctx, f, op, set)
	return err
}

// press sends a form with these fields.
func (v *Visitor) press(ctx context.Context, f *Form, op string, set []string) (*Page, error) {
	for i := 0; i < len(set); i += 2 {
		f.Set(set[i], set[i+1])
	}
	p, err := v.Submit(ctx, f, op)
	if err == nil && p.Status != http.StatusOK {
		err = fmt.Errorf("%s: %w", op, p.unexpected())
	}
	return p, err
}
