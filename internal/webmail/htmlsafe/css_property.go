package htmlsafe

import "strings"

// kind is a set of kinds of values.
type kind uint16

const (
	aColor kind = 1 << iota
	aLength
	aPercent
	aNumber
	anAngle
	aTime // no property takes it: nothing moves
	aFont
	anImage // a gradient
	aSlash
	aSum // + - * in calc()

	size = aLength | aPercent | aNumber
)

// property is the law about the value of a property: kinds of values, and
// words beside those of everyProperty.
type property struct {
	kinds kind
	words string
}

// everyProperty are the words that every property takes.
const everyProperty = "inherit initial unset"

// Words that several properties share.
const (
	lineStyles  = "none hidden dotted dashed solid double groove ridge inset outset"
	lineWidths  = "thin medium thick"
	directions  = "left right center top bottom"
	repeats     = "repeat no-repeat repeat-x repeat-y"
	fit         = "auto none max-content min-content fit-content"
	alignments  = "normal stretch center start end flex-start flex-end left right baseline space-between space-around space-evenly"
	listMarkers = "none disc circle square decimal decimal-leading-zero lower-roman upper-roman lower-alpha upper-alpha lower-latin upper-latin lower-greek inside outside"
)

// properties is the whole law about properties. What is missing is missing on
// purpose: z-index, content, cursor, filter, behavior, transform, animation,
// transition, the offsets of positioned boxes, and everything that loads.
var properties = buildProperties()

func buildProperties() map[string]property {
	m := make(map[string]property)
	put := func(names string, kinds kind, words string) {
		for name := range strings.FieldsSeq(names) {
			m[name] = property{kinds, words}
		}
	}
	put("color background-color border-color border-top-color border-right-color border-bottom-color border-left-color "+
		"outline-color text-decoration-color", aColor, "")
	put("background", aColor|anImage|size|aSlash, "none scroll border-box padding-box content-box cover contain auto "+directions+" "+repeats)
	put("background-image", anImage, "none")
	put("background-repeat", 0, repeats)
	put("background-position", size, directions)
	put("background-size", size, "auto cover contain")
	put("background-clip background-origin", 0, "border-box padding-box content-box")

	put("border border-top border-right border-bottom border-left outline", aColor|aLength|aNumber, lineStyles+" "+lineWidths)
	put("border-style border-top-style border-right-style border-bottom-style border-left-style outline-style", 0, lineStyles)
	put("border-width border-top-width border-right-width border-bottom-width border-left-width outline-width", aLength|aNumber, lineWidths)
	put("border-radius border-top-left-radius border-top-right-radius border-bottom-left-radius border-bottom-right-radius", size|aSlash, "")
	put("border-collapse", 0, "collapse separate")
	put("border-spacing", aLength|aNumber, "")
	put("box-shadow text-shadow", aColor|aLength|aNumber, "none inset")
	put("box-sizing", 0, "content-box border-box")

	put("margin margin-top margin-right margin-bottom margin-left margin-inline margin-block", size, "auto")
	put("padding padding-top padding-right padding-bottom padding-left padding-inline padding-block", size, "")
	put("width height max-width max-height min-width min-height", size, fit)
	put("aspect-ratio", aNumber|aSlash, "auto")

	put("display", 0, "none block inline inline-block table inline-table table-row table-cell table-column table-column-group "+
		"table-row-group table-header-group table-footer-group table-caption list-item flex inline-flex")
	put("position", 0, "static relative")
	put("float", 0, "left right none")
	put("clear", 0, "left right both none")
	put("overflow overflow-x overflow-y", 0, "visible hidden auto scroll clip")
	put("visibility", 0, "visible hidden collapse")
	put("opacity", aNumber|aPercent, "")
	put("vertical-align", size, "baseline sub super top text-top middle bottom text-bottom")
	put("object-fit", 0, "fill contain cover none scale-down")

	put("flex", size, "auto none")
	put("flex-direction", 0, "row row-reverse column column-reverse")
	put("flex-wrap", 0, "nowrap wrap wrap-reverse")
	put("flex-grow flex-shrink order", aNumber, "")
	put("flex-basis", size, fit)
	put("gap row-gap column-gap", size, "normal")
	put("align-items align-content align-self justify-content justify-items", 0, alignments)

	put("font", aFont|size|aSlash, "")
	put("font-family", aFont, "")
	put("font-size", size, "xx-small x-small small medium large x-large xx-large smaller larger")
	put("font-style", 0, "normal italic oblique")
	put("font-variant", 0, "normal small-caps")
	put("font-weight", aNumber, "normal bold bolder lighter")
	put("font-stretch", aPercent, "normal condensed expanded")
	put("line-height", size, "normal")
	put("letter-spacing word-spacing", aLength|aNumber, "normal")

	put("text-align text-align-last", 0, "left right center justify start end")
	put("text-decoration", aColor|aLength, "none underline overline line-through solid double dotted dashed wavy")
	put("text-decoration-line", 0, "none underline overline line-through")
	put("text-decoration-style", 0, "solid double dotted dashed wavy")
	put("text-decoration-thickness text-underline-offset", aLength|aPercent, "auto from-font")
	put("text-indent", size, "")
	put("text-overflow", 0, "clip ellipsis")
	put("text-transform", 0, "none capitalize uppercase lowercase")
	put("white-space", 0, "normal nowrap pre pre-wrap pre-line break-spaces")
	put("word-break", 0, "normal break-all keep-all break-word")
	put("word-wrap overflow-wrap", 0, "normal break-word anywhere")
	put("hyphens", 0, "none manual auto")
	put("tab-size", aNumber|aLength, "")
	put("direction", 0, "ltr rtl")
	put("unicode-bidi", 0, "normal embed isolate plaintext bidi-override isolate-override")
	put("writing-mode", 0, "horizontal-tb vertical-rl vertical-lr")

	put("list-style list-style-type", 0, listMarkers)
	put("list-style-position", 0, "inside outside")
	put("table-layout", 0, "auto fixed")
	put("caption-side", 0, "top bottom")
	put("empty-cells", 0, "show hide")
	put("page-break-before page-break-after page-break-inside break-before break-after break-inside", 0, "auto always avoid left right page")
	put("orphans widows", aNumber, "")
	return m
}

// mediaFeatures are the conditions of @media.
var mediaFeatures = map[string]property{
	"width": {aLength, ""}, "min-width": {aLength, ""}, "max-width": {aLength, ""},
	"min-device-width": {aLength, ""}, "max-device-width": {aLength, ""},
	"prefers-color-scheme": {0, "light dark"},
	"orientation":          {0, "portrait landscape"},
}

// function is the law about a function: what it stands for, and what it takes.
type function struct {
	gives, takes kind
	words        string
}

const (
	channels  = size | anAngle | aSlash | aSum
	gradients = aColor | size | anAngle
	towards   = "to at circle ellipse closest-side closest-corner farthest-side farthest-corner " + directions
	anyNumber = aLength | aPercent | aNumber | anAngle
)

// functions are those that compute. Note that url, var, env, attr, image-set,
// cross-fade, element and expression are not here, and never will be.
var functions = map[string]function{
	"rgb": {aColor, channels, "none"}, "rgba": {aColor, channels, "none"},
	"hsl": {aColor, channels, "none"}, "hsla": {aColor, channels, "none"}, "hwb": {aColor, channels, "none"},
	"lab": {aColor, channels, "none"}, "lch": {aColor, channels, "none"},
	"oklab": {aColor, channels, "none"}, "oklch": {aColor, channels, "none"}, "light-dark": {aColor, aColor, ""},
	"linear-gradient": {anImage, gradients, towards}, "repeating-linear-gradient": {anImage, gradients, towards},
	"radial-gradient": {anImage, gradients, towards}, "repeating-radial-gradient": {anImage, gradients, towards},
	"calc": {anyNumber, anyNumber | aSlash | aSum, ""}, "min": {anyNumber, anyNumber | aSlash | aSum, ""},
	"max": {anyNumber, anyNumber | aSlash | aSum, ""}, "clamp": {anyNumber, anyNumber | aSlash | aSum, ""},
}

// unit says what kind of value a unit makes, and the largest that we let pass.
type unit struct {
	kind kind
	most float64
}

var units = map[string]unit{
	"": {aNumber, 10_000}, "%": {aPercent, 1_000},
	"px": {aLength, 5_000}, "pt": {aLength, 3_750}, "pc": {aLength, 300}, "in": {aLength, 50}, "cm": {aLength, 130}, "mm": {aLength, 1_300}, "q": {aLength, 5_000},
	"em": {aLength, 300}, "rem": {aLength, 300}, "ex": {aLength, 600}, "ch": {aLength, 600},
	"vw": {aLength, 200}, "vh": {aLength, 200}, "vmin": {aLength, 200}, "vmax": {aLength, 200},
	"deg": {anAngle, 3_600}, "rad": {anAngle, 63}, "grad": {anAngle, 4_000}, "turn": {anAngle, 10},
}
