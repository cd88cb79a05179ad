package htmlsafe

import "strings"

// fate is what becomes of an element.
type fate uint8

const (
	unwrap fate = iota // not in the table: its content stays
	keep               // it stays, with the attributes that its row allows
	drop               // it vanishes with all its content
	sheet              // its text goes to the CSS filter
)

// element is a row of the table of elements.
type element struct {
	fate  fate
	void  bool   // no content, no end tag (HTML standard section 13.1.2)
	attrs string // beside those of every kept element
}

// everyElement are the attributes that each kept element may have.
const everyElement = "title dir lang class id style align"

// cellAttrs are those of table cells.
const cellAttrs = "width height valign bgcolor colspan rowspan nowrap"

// elements is the whole law about elements: what is not here is replaced by
// its content.
var elements = buildElements()

func buildElements() map[string]element {
	m := make(map[string]element)
	put := func(names string, e element) {
		for name := range strings.FieldsSeq(names) {
			m[name] = e
		}
	}
	put("p div span h1 h2 h3 h4 h5 h6 thead tbody tfoot tr dl dt dd blockquote pre code tt kbd samp b strong i em u s strike "+
		"del ins sub sup small big center address abbr cite q dfn mark time var caption", element{fate: keep})
	put("blockquote", element{fate: keep, attrs: "type"})
	put("br wbr", element{fate: keep, void: true})
	put("hr", element{fate: keep, void: true, attrs: "width size color"})
	put("a", element{fate: keep, attrs: "href"})
	put("img", element{fate: keep, void: true, attrs: "src alt width height border"})
	put("table", element{fate: keep, attrs: "width height bgcolor border cellpadding cellspacing"})
	put("thead tbody tfoot tr", element{fate: keep, attrs: "valign bgcolor height"})
	put("td th", element{fate: keep, attrs: cellAttrs})
	put("col", element{fate: keep, void: true, attrs: "width span valign"})
	put("colgroup", element{fate: keep, attrs: "width span valign"})
	put("ul", element{fate: keep, attrs: "type"})
	put("ol", element{fate: keep, attrs: "type start"})
	put("li", element{fate: keep, attrs: "type"})
	put("font", element{fate: keep, attrs: "color size face"})

	put("style", element{fate: sheet})

	// No exception for svg and math: every hole that mail sanitisers had in the
	// last years went through their animation, filters or name spaces.
	put("script svg math template noscript noembed noframes xmp plaintext iframe object embed applet audio video canvas "+
		"input button textarea select optgroup option datalist output progress meter keygen "+
		"title meta link base basefont bgsound frame frameset marquee dialog slot portal fencedframe menuitem param source track "+
		"map area", element{fate: drop})
	return m
}
