package htmlsafe

import (
	"fmt"
	"strings"

	"github.com/tdewolff/parse/v2/css"
)

// pseudoClasses are those that cannot tell anybody anything.
const pseudoClasses = "link visited hover active first-child last-child"

// selectorList filters a list of selectors; those that are not understood are
// left out. root reports whether one of them may select <body>.
func (s *styler) selectorList(toks []token) (list string, root bool) {
	var out []string
	for len(toks) > 0 {
		end := 0
		for end < len(toks) && toks[end].kind != css.CommaToken {
			end++
		}
		if s.selectors++; s.selectors > maxSelectors {
			s.err = fmt.Errorf("%w: more than %d selectors", ErrTooComplex, maxSelectors)
			return "", false
		}
		if sel, subject, ok := selector(trimSpace(toks[:end])); ok {
			out = append(out, sel)
			root = root || hasWord("body html *", subject)
		}
		toks = toks[min(end+1, len(toks)):]
	}
	return strings.Join(out, ","), root
}

// selector filters one selector: types, classes and ids joined by spaces or >.
// Attribute selectors read what is in a document, so there are none. subject is
// the last simple selector.
func selector(toks []token) (sel, subject string, ok bool) {
	var out strings.Builder
	glue := "" // between the last compound and the next; "" inside a compound
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		part := ""
		switch {
		case t.kind == css.WhitespaceToken:
			if glue == "" {
				glue = " "
			}
			continue
		case t.kind == css.DelimToken && t.text == ">":
			if out.Len() == 0 || glue == ">" {
				return "", "", false
			}
			glue = ">"
			continue
		case t.kind == css.DelimToken && t.text == "*" && (glue != "" || out.Len() == 0):
			part = "*"
		case t.kind == css.IdentToken && (glue != "" || out.Len() == 0) && isSelectable(t.name):
			part = t.name
		case t.kind == css.HashToken:
			part, ok = ownName(t.name)
			part = "#" + part
			if !ok {
				return "", "", false
			}
		case i+1 < len(toks) && toks[i+1].kind == css.IdentToken && (t.text == "." || t.kind == css.ColonToken):
			i++
			if part, ok = classOrPseudo(t, toks[i]); !ok {
				return "", "", false
			}
		default:
			return "", "", false
		}
		out.WriteString(glue + part)
		glue, subject = "", part
	}
	return out.String(), subject, out.Len() > 0 && glue != ">"
}

func classOrPseudo(sign, name token) (string, bool) {
	if sign.kind == css.ColonToken {
		return ":" + name.name, hasWord(pseudoClasses, name.name)
	}
	// Class names keep their case.
	own, ok := ownName(decodeEscapes(name.text))
	return "." + own, ok
}

// isSelectable reports whether elements of that name can be in the output.
func isSelectable(name string) bool {
	return name == "body" || name == "html" || elements[name].fate == keep
}
