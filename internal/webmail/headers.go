package webmail

import (
	"net/http"

	"fantail/internal/message"
)

// headersView is the page of all fields of a message's header.
type headersView struct {
	layout
	Subject, Back, Raw string
	Fields             []fieldView
	Cut                bool // there are more
}

type fieldView struct {
	Name, Value string
	Decoded     string // if it reads differently from how it is written
}

// maxFieldsShown is of how many fields the page tells.
const maxFieldsShown = 500

// headers shows the header of a message, field by field.
func (s *Site) headers(w http.ResponseWriter, r *request) error {
	f, root, err := s.findMessage(r)
	if err != nil {
		return err
	}
	defer f.Close()
	r.SetPathValue("mailbox", f.Name()) // for the sidebar
	subject := subjectOf(root)
	if subject == "" {
		subject = r.lang.Text("list.noSubject")
	}
	v := headersView{layout: s.layout(r, subject), Subject: subject, Back: f.path(""), Raw: f.path("/raw"), Cut: root.Clipped}
	for i := range root.Fields {
		if len(v.Fields) == maxFieldsShown {
			v.Cut = true
			break
		}
		x := fieldView{Name: oneLine(root.Fields[i].Name), Value: oneLine(root.Fields[i].Value())}
		if decoded := oneLine(message.DecodeHeader(root.Fields[i].Value())); decoded != x.Value {
			x.Decoded = decoded
		}
		v.Fields = append(v.Fields, x)
	}
	return s.render(w, r, http.StatusOK, "headers.html", v)
}
