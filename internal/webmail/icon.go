package webmail

import (
	"fmt"
	"html/template"
)

// icons are drawn on a square of 24 units with strokes of the text's colour.
var icons = map[string]template.HTML{
	"inbox":   `<path d="M4 13.5 6.7 5h10.6L20 13.5V19H4zM4 13.5h4.5l1.2 2.5h4.6l1.2-2.5H20"/>`,
	"draft":   `<path d="M4 20v-4L15.5 4.5l4 4L8 20zM13 7l4 4"/>`,
	"sent":    `<path d="M20.5 3.5 3 10.5l6.5 3 3 7zM9.5 13.5l5-4"/>`,
	"archive": `<path d="M3.5 4.5h17v4h-17zM5 8.5V19.5h14V8.5M10 12h4"/>`,
	"junk":    `<path d="M8.5 3.5h7l5 5v7l-5 5h-7l-5-5v-7zM12 8v5M12 16v.1"/>`,
	"trash":   `<path d="M4 6.5h16M9 6.5V4h6v2.5M6 6.5l1 13.5h10l1-13.5M10 10.5v6M14 10.5v6"/>`,
	"folder":  `<path d="M3.5 18.5V5.5h6l2 2.5h9v10.5z"/>`,
	"star":    `<path d="m12 3.5 2.600 5.5 6 .8-4.400 4.200 1.100 6-5.300-2.900-5.300 2.900 1.100-6L3.400 9.8l6-.8z"/>`,
	"clip":    `<path d="m19.5 11.5-7.600 7.600a4.600 4.600 0 0 1-6.5-6.5l8.300-8.300a3.100 3.100 0 0 1 4.400 4.400l-8.300 8.200a1.5 1.5 0 0 1-2.200-2.100l7.100-7.100"/>`,
	"reply":   `<path d="M9.5 5.5 4 11l5.5 5.5M4 11h10a6 6 0 0 1 6 6v1.5"/>`,
	"menu":    `<path d="M4 6.5h16M4 12h16M4 17.5h16"/>`,
	"close":   `<path d="m6 6 12 12M18 6 6 18"/>`,
	"back":    `<path d="m11 5.5-6.5 6.5 6.5 6.5M4.5 12h15"/>`,
	"up":      `<path d="m5.5 15 6.5-6.5 6.5 6.5"/>`,
	"down":    `<path d="m5.5 9 6.5 6.5L18.5 9"/>`,
	"newer":   `<path d="m15 5.5-6.5 6.5 6.5 6.5"/>`,
	"older":   `<path d="m9 5.5 6.5 6.5L9 18.5"/>`,
	"warn":    `<path d="M12 4 2.5 20h19zM12 10v4.5M12 17.300v.1"/>`,
	"image":   `<path d="M3.5 5h17v14h-17zM3.5 16l5-5 4 4 3-3 5 5M15.5 9v.1"/>`,
	"file":    `<path d="M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.5v5h5"/>`,
	"save":    `<path d="M12 4v11M7 10.5l5 5 5-5M4.5 19.5h15"/>`,
	"source":  `<path d="m8.5 7.5-5 4.5 5 4.5M15.5 7.5l5 4.5-5 4.5"/>`,
	"unread":  `<path d="M3.5 5.5h17v13h-17zM3.5 6.5l8.5 6.5 8.5-6.5"/>`,
	"logout":  `<path d="M10 4.5H5v15h5M15 8l4 4-4 4M19 12H9.5"/>`,
	"text":    `<path d="M4 6h16M4 10.5h16M4 15h10"/>`,
}

// icon returns a picture that says nothing by itself: the words beside it do.
func icon(name string) (template.HTML, error) {
	if icons[name] == "" {
		return "", fmt.Errorf("no icon %q", name)
	}
	return `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + icons[name] + `</svg>`, nil
}
