package htmlsafe

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Colours for dark screens: of a message that was made for white paper, every colour c is
// written as light-dark(c, d), of which the browser takes what the document's scheme asks
// for. d has c's hue. Its lightness depends on what the colour is for: text becomes light
// if it is dark, what is behind text becomes dark if it is light, and lines come in
// between. So text that can be read on its ground can be read on a dark one, and a button
// with white letters stays what it is. Lightness is that of OKLab (CSS Color 4 section 9.2).

// role is what a colour is for.
type role uint8

const (
	noRole role = iota // it stays
	inkRole
	groundRole
	lineRole
)

// roleOf returns what the colours of a property are for. Shadows are dark everywhere.
func roleOf(property string) role {
	switch {
	case property == "color", strings.HasPrefix(property, "text-decoration"):
		return inkRole
	case strings.HasPrefix(property, "background"):
		return groundRole
	case strings.HasPrefix(property, "border"), strings.HasPrefix(property, "outline"):
		return lineRole
	}
	return noRole
}

// lightness returns that of a colour on a dark screen, both from 0 to 1.
func (r role) lightness(l float64) float64 {
	switch r {
	case inkRole:
		return max(l, 0.93-0.33*l)
	case groundRole:
		if l > 0.5 {
			return 0.5 - 0.6*(l-0.5)
		}
	case lineRole:
		return 0.9 - 0.57*l
	}
	return l
}

// rgba is a colour; its parts go from 0 to 1.
type rgba struct{ r, g, b, a float64 }

// onDark returns a colour, as CSS writes it, for dark screens; ok is false if it stays.
func (r role) onDark(colour string) (dark string, ok bool) {
	c, ok := parseColour(colour)
	if !ok || r == noRole || c.a == 0 {
		return "", false
	}
	l, a, b := oklab(c)
	to := r.lightness(l)
	if math.Abs(to-l) < 0.01 {
		return "", false
	}
	// What becomes dark would glow with all of its colour, and not every colour exists at
	// every lightness.
	pale := 1.0
	if to < l {
		pale = 0.8
	}
	out, exists := fromOKLab(to, a*pale, b*pale, c.a)
	for range 20 {
		if exists {
			break
		}
		pale *= 0.85
		out, exists = fromOKLab(to, a*pale, b*pale, c.a)
	}
	return out.hex(), true
}

func (c rgba) hex() string {
	octet := func(x float64) int { return int(math.Round(255 * min(max(x, 0), 1))) }
	s := fmt.Sprintf("#%02x%02x%02x", octet(c.r), octet(c.g), octet(c.b))
	if c.a < 1 {
		s += fmt.Sprintf("%02x", octet(c.a))
	}
	return s
}

// parseColour reads a name, #hex, rgb() or hsl() as this package writes them. Other
// functions are too rare in mail to be computed here.
func parseColour(s string) (rgba, bool) {
	if n, ok := namedColours[s]; ok {
		return rgba{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255, 1}, n != noColour
	}
	if hex, ok := strings.CutPrefix(s, "#"); ok {
		return parseHex(hex)
	}
	name, arguments, _ := strings.Cut(strings.TrimSuffix(s, ")"), "(")
	parts := strings.FieldsFunc(arguments, func(r rune) bool { return r == ' ' || r == ',' || r == '/' })
	if len(parts) != 3 && len(parts) != 4 {
		return rgba{}, false
	}
	if len(parts) == 3 {
		parts = append(parts, "1")
	}
	alpha, ok := channel(parts[3], 1)
	if !ok {
		return rgba{}, false
	}
	switch name {
	case "rgb", "rgba":
		r, ok1 := channel(parts[0], 255)
		g, ok2 := channel(parts[1], 255)
		b, ok3 := channel(parts[2], 255)
		return rgba{r, g, b, alpha}, ok1 && ok2 && ok3
	case "hsl", "hsla":
		h, ok1 := channel(strings.TrimSuffix(parts[0], "deg"), 360)
		s, ok2 := channel(parts[1], 100)
		l, ok3 := channel(parts[2], 100)
		return hsl(h, s, l, alpha), ok1 && ok2 && ok3
	}
	return rgba{}, false
}

// parseHex reads three, four, six or eight hexadecimal digits.
func parseHex(hex string) (rgba, bool) {
	if !isHexColor(hex) {
		return rgba{}, false
	}
	each, most := 2, 255.0
	if len(hex) < 6 {
		each, most = 1, 15
	}
	parts := [4]float64{3: 1}
	for i := 0; i*each < len(hex); i++ {
		n, err := strconv.ParseUint(hex[i*each:(i+1)*each], 16, 8)
		if err != nil {
			return rgba{}, false
		}
		parts[i] = float64(n) / most
	}
	return rgba{parts[0], parts[1], parts[2], parts[3]}, true
}

// channel reads a number or percentage, of which most is the whole, as a part of 1.
func channel(s string, most float64) (float64, bool) {
	number, percent := strings.CutSuffix(s, "%")
	if percent {
		most = 100
	}
	n, err := strconv.ParseFloat(number, 64)
	return min(max(n/most, 0), 1), err == nil
}

// hsl is CSS Color 4 section 7.1; all parts go from 0 to 1.
func hsl(h, s, l, alpha float64) rgba {
	f := func(n float64) float64 {
		k := math.Mod(n+h*12, 12)
		return l - s*min(l, 1-l)*max(-1, min(k-3, 9-k, 1))
	}
	return rgba{f(0), f(8), f(4), alpha}
}

// oklab is CSS Color 4 section 10.
func oklab(c rgba) (l, a, b float64) {
	linear := func(x float64) float64 {
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	r, g, blue := linear(c.r), linear(c.g), linear(c.b)
	x := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*blue)
	y := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*blue)
	z := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*blue)
	return 0.2104542553*x + 0.7936177850*y - 0.0040720468*z,
		1.9779984951*x - 2.4285922050*y + 0.4505937099*z,
		0.0259040371*x + 0.7827717662*y - 0.8086757660*z
}

// fromOKLab is the way back; exists is false if no screen has the colour.
func fromOKLab(l, a, b, alpha float64) (c rgba, exists bool) {
	cube := func(x float64) float64 { return x * x * x }
	x := cube(l + 0.3963377774*a + 0.2158037573*b)
	y := cube(l - 0.1055613458*a - 0.0638541728*b)
	z := cube(l - 0.0894841775*a - 1.2914855480*b)
	gamma := func(x float64) float64 {
		if x <= 0.0031308 {
			return 12.92 * x
		}
		return 1.055*math.Pow(x, 1/2.4) - 0.055
	}
	c = rgba{gamma(4.0767416621*x - 3.3077115913*y + 0.2309699292*z), gamma(-1.2684380046*x + 2.6097574011*y - 0.3413193965*z),
		gamma(-0.0041960863*x - 0.7034186147*y + 1.7076147010*z), alpha}
	within := func(x float64) bool { return x > -0.001 && x < 1.001 }
	return c, within(c.r) && within(c.g) && within(c.b)
}
