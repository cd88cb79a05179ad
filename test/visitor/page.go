package visitor

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Page is what a visitor is shown.
type Page struct {
	Status int
	Path   string // with the query, behind all redirections
	Header http.Header
	Body   string
}

// unexpected is the error of a page that should have been another one.
func (p *Page) unexpected() error {
	text := p.Text()
	return fmt.Errorf("%s: status %d: %.600s", p.Path, p.Status, text)
}

func (p *Page) parse() (*html.Node, error) {
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	return doc, nil
}

// Text is the words in the page's part for content, on one line.
func (p *Page) Text() string {
	doc, err := p.parse()
	if err != nil {
		return p.Body
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "main" {
			doc = n
			break
		}
	}
	return words(doc)
}

// words is the text in an element, on one line.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" && d.Parent.Data != "style" {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// File is one that a form sends.
type File struct {
	Name, Type string
	Data       []byte
}

type field struct{ name, value string }

type attached struct {
	File
	field string
}

// Form is one of a page, as it would be sent.
type Form struct {
	action    string
	multipart bool
	fields    []field
	inputs    []string // those that can be set
	files     []attached
}

// Form returns the first form of a page whose action begins so and that has these fields, as
// names and values.
func (p *Page) Form(action string, fields ...string) (*Form, error) {
	doc, err := p.parse()
	if err != nil {
		return nil, err
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.EqualFold(attribute(n, "method"), "post") {
			continue
		}
		where := attribute(n, "action")
		if !strings.HasPrefix(where, action) {
			continue
		}
		f := readForm(n, where)
		for i := 0; i < len(fields) && f != nil; i += 2 {
			if f.Value(fields[i]) != fields[i+1] {
				f = nil
			}
		}
		if f != nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no form for %s: %w", action, p.unexpected())
}

func readForm(form *html.Node, action string) *Form {
	f := &Form{action: action, multipart: attribute(form, "enctype") == "multipart/form-data"}
	for n := range form.Descendants() {
		name := attribute(n, "name")
		if n.Type != html.ElementNode || name == "" || has(n, "disabled") {
			continue
		}
		value, sent := attribute(n, "value"), true
		switch n.Data {
		case "input":
			switch attribute(n, "type") {
			case "checkbox", "radio":
				sent = has(n, "checked")
			case "file", "submit", "button", "image":
				sent = false
			}
		case "textarea":
			value = strings.TrimPrefix(rawText(n), "\n") // HTML Standard, section 13.1.2.5
		case "select":
			value = chosen(n)
		default:
			continue
		}
		f.inputs = append(f.inputs, name)
		if sent {
			f.fields = append(f.fields, field{name, value})
		}
	}
	return f
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// chosen is the value of a select.
func chosen(n *html.Node) string {
	first, found := "", false
	for d := range n.Descendants() {
		if d.Type != html.ElementNode || d.Data != "option" {
			continue
		}
		if has(d, "selected") {
			return attribute(d, "value")
		}
		if !found {
			first, found = attribute(d, "value"), true
		}
	}
	return first
}

// Set gives a field of the form a value.
func (f *Form) Set(name, value string) {
	f.fields = slices.DeleteFunc(f.fields, func(x field) bool { return x.name == name })
	f.Add(name, value)
}

// Add gives a field of the form one more value, as of boxes that are ticked.
func (f *Form) Add(name, value string) {
	if !slices.Contains(f.inputs, name) {
		panic(fmt.Sprintf("visitor: the form for %s has no field %q", f.action, name))
	}
	f.fields = append(f.fields, field{name, value})
}

// Value returns what is in a field.
func (f *Form) Value(name string) string {
	for _, x := range f.fields {
		if x.name == name {
			return x.value
		}
	}
	return ""
}

// Action is where the form goes.
func (f *Form) Action() string { return f.action }

// Attach puts a file into a field of the form.
func (f *Form) Attach(name string, file File) { f.files = append(f.files, attached{file, name}) }
