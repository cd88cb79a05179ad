package webmail

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/htmlsafe"
	"fantail/internal/webmail/settings"
)

// Formatted text is written in a frame of its own (web/src/rich), whose document is served
// here: it has no scripts, and nothing it could load. What comes from it, and what goes into
// it, is rebuilt by htmlsafe and then by compose.Markup, however it came to be: whoever can
// send a form could send any HTML, and drafts come from other programs as well. Pictures are
// parts of the message, named by their Content-ID; the page fetches them and hands them to
// the frame.

// editorView is the document of the frame.
type editorView struct {
	Language, Direction string
	Theme               settings.Theme
}

// editor is the document in which formatted text is written.
func (s *Site) editor(w http.ResponseWriter, r *request) error {
	return s.render(w, r, http.StatusOK, "editor.html", editorView{r.lang.Tag, r.lang.Direction, r.prefs.Theme})
}

// editorTools are the buttons of the toolbar that turn something on and off, in groups; what
// they do is web/src/rich/toolbar.js.
var editorTools = [][]string{{"bold", "italic", "underline", "strike"}, {"bullets", "numbers", "quote"}}

// colour is one for text; without a value it is the usual one.
type colour struct{ Name, Value string }

// editorColours can be read on white and on black.
var editorColours = []colour{
	{"usual", ""}, {"grey", "#7a7f87"}, {"red", "#d0342c"}, {"orange", "#c25e00"}, {"green", "#2a8a4a"}, {"blue", "#3b78e7"}, {"purple", "#9a52d1"},
}

// cleanMarkup returns HTML as it is sent, and its pictures.
func cleanMarkup(src string, d *writing) (string, []compose.File, error) {
	safe, err := htmlsafe.Sanitize(src, htmlsafe.Options{KeepReferences: true})
	if err != nil {
		return "", nil, err
	}
	return compose.Markup(safe.HTML, d.Inline, d.From.Domain)
}

// setHTML takes formatted text from a form.
func (d *writing) setHTML(src string) error {
	html, inline, err := cleanMarkup(src, d)
	if errors.Is(err, htmlsafe.ErrTooComplex) || errors.Is(err, compose.ErrLong) {
		return &problem{http.StatusUnprocessableEntity, "compose.complex"}
	}
	if err != nil {
		return err
	}
	d.Rich, d.HTML, d.Text, d.Inline = true, html, "", inline
	return nil
}

// setText takes plain text from a form. Pictures that stood in the text have no place then.
func (d *writing) setText(text string) {
	d.Rich, d.HTML, d.Inline, d.Fixed = false, "", nil, false
	d.Text = strings.TrimRight(compose.CleanText(text), "\n")
}

// convert changes the format of the text, if the form wants it.
func (d *writing) convert(to string) error {
	switch {
	case to == "rich" && !d.Rich:
		return d.setHTML(compose.ToHTML(d.Text))
	case to == "plain" && d.Rich:
		d.setText(compose.ToText(d.HTML, compose.LinksInline))
	}
	return nil
}

// plain is the text as a field shows it that knows no formats.
func (d *writing) plain() string {
	if d.Rich {
		return compose.ToText(d.HTML, compose.LinksInline)
	}
	return d.Text
}

// composed sends a picture of the text that is written: of a draft, or of what an answer
// quotes. Only what browsers show as a picture by its octets is sent.
func (s *Site) composed(w http.ResponseWriter, r *request) error {
	begin := s.begin
	if r.PathValue("draft") != "" {
		begin = s.openDraft
	}
	d, err := begin(r)
	if err != nil {
		return err
	}
	defer d.Close() // it was only read
	for _, f := range d.Inline {
		if f.ID != r.URL.Query().Get("cid") {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		defer in.Close()
		data, err := io.ReadAll(io.LimitReader(in, maxPicture+1))
		if err != nil {
			return err
		}
		kind := htmlsafe.ImageType(data)
		if kind == "" || len(data) > maxPicture {
			break
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data) // an error says that nobody listens any more
		return nil
	}
	return notFound("error.noPart")
}
