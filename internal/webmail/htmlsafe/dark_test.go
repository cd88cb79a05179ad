package htmlsafe

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// Colours that say how they are written for dark screens.
func TestDark(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ink", `<p style="color:black">x`, `<p style="color:light-dark(black,#e8e8e8)">x</p>`},
		{"hex with alpha", `<p style="color:#00000080">x`, `<p style="color:light-dark(#00000080,#e8e8e880)">x</p>`},
		{"ground", `<p style="background:#fff">x`, `<p style="background:light-dark(#fff,#161616)">x</p>`},
		{"line", `<p style="border:1px solid #000">x`, `<p style="border:1px solid light-dark(#000,#dedede)">x</p>`},
		{"rgb", `<p style="color:rgb(0,0,0)">x`, `<p style="color:light-dark(rgb(0,0,0),#e8e8e8)">x</p>`},
		{"rgb with alpha", `<p style="color:rgb(0 0 0 / 50%)">x`, `<p style="color:light-dark(rgb(0 0 0 / 50%),#e8e8e880)">x</p>`},
		{"hsl", `<p style="background-color:hsl(0 0% 100%)">x`, `<p style="background-color:light-dark(hsl(0 0% 100%),#161616)">x</p>`},
		{"gradient", `<p style="background:linear-gradient(#fff,#000)">x`, `<p style="background:linear-gradient(light-dark(#fff,#161616),#000)">x</p>`},
		{"important", `<style>p{color:#000!important}</style>`, `<style>p{color:light-dark(#000,#e8e8e8)!important}</style>`},
		{"white letters stay", `<p style="color:#fff;background:#036">x`, `<p style="color:#fff;background:#036">x</p>`},
		{"nothing to compute", `<p style="color:lab(50 0 0);background:transparent;border-color:currentcolor;outline-color:inherit">x`,
			`<p style="color:lab(50 0 0);background:transparent;border-color:currentcolor;outline-color:inherit">x</p>`},
		{"shadows stay", `<p style="box-shadow:0 0 1px #fff">x`, `<p style="box-shadow:0 0 1px #fff">x</p>`},
		{"old attributes", `<table bgcolor=white><tr><td><font color=black face=Arial style="margin:1px">x</table>`,
			`<table style="background-color:light-dark(white,#161616)"><tbody><tr><td><font face="Arial" style="color:light-dark(black,#e8e8e8);margin:1px">x</font></td></tr></tbody></table>`},
		{"body", `<body bgcolor=white text=black>x`, `<div style="color:light-dark(black,#e8e8e8);background-color:light-dark(white,#161616)">x</div>`},
		{"one that knows dark screens", `<style>@media (prefers-color-scheme:dark){p{color:#fff}}</style><p style="color:#000">x`,
			`<style>@media (prefers-color-scheme:dark){p{color:#fff}}</style><p style="color:#000">x</p>`},
		{"one that knows them in another way", `<p style="color:light-dark(#000, #fff)">x`, `<p style="color:light-dark(#000,#fff)">x</p>`},
		{"no colours", `<p>x`, `<p>x</p>`},
	} {
		r, err := Sanitize(c.in, Options{Dark: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.HTML != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, r.HTML, c.want)
		}
		if changed := strings.Contains(r.HTML, "light-dark(") && !r.DarkAware; r.Coloured != changed {
			t.Errorf("%s: coloured: %v", c.name, r.Coloured)
		}
		if bad := violations(r.HTML); len(bad) > 0 {
			t.Errorf("%s: %q", c.name, bad)
		}
		settled(t, r.HTML)
	}
}

// What a message has for dark screens goes by the scheme of the document, if that is fixed.
func TestScheme(t *testing.T) {
	const in = `<style>@media (prefers-color-scheme:dark){p{color:#fff}}@media (prefers-color-scheme:light) and (max-width:9px){p{color:#000}}</style>`
	for scheme, want := range map[Scheme]string{
		AnyScheme: `<style>@media (prefers-color-scheme:dark){p{color:#fff}}@media (prefers-color-scheme:light) and (max-width:9px){p{color:#000}}</style>`,
		Dark:      `<style>@media (min-width:0px){p{color:#fff}}@media (max-width:0px) and (max-width:9px){p{color:#000}}</style>`,
		Light:     `<style>@media (max-width:0px){p{color:#fff}}@media (min-width:0px) and (max-width:9px){p{color:#000}}</style>`,
	} {
		r, err := Sanitize(in, Options{Dark: true, Scheme: scheme})
		if err != nil || r.HTML != want || !r.DarkAware {
			t.Errorf("%q: %v %v\n got %s\nwant %s", scheme, r.DarkAware, err, r.HTML, want)
		}
	}
}

func (c rgba) luminance() float64 {
	f := func(x float64) float64 {
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*f(c.r) + 0.7152*f(c.g) + 0.0722*f(c.b)
}

// contrast is that of WCAG 2.2.
func contrast(a, b rgba) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// Dark text that can be read on a light ground can be read on what becomes of both; so can
// light text on a dark ground.
func TestDarkCanBeRead(t *testing.T) {
	dark := func(r role, c rgba) rgba {
		s, ok := r.onDark(c.hex())
		if !ok {
			return c
		}
		d, _ := parseColour(s)
		return d
	}
	r := rand.New(rand.NewPCG(1, 2))
	some := func() rgba { return rgba{r.Float64(), r.Float64(), r.Float64(), 1} }
	worst, low, n := 21.0, 0, 0
	for range 20_000 {
		ink, ground := some(), some()
		if contrast(ink, ground) < 4.5 {
			continue
		}
		n++
		c := contrast(dark(inkRole, ink), dark(groundRole, ground))
		if c < worst {
			worst = c
		}
		if c < 4.5 {
			low++
		}
	}
	t.Logf("%d of %d below 4.5, worst %.1f", low, n, worst)
	if worst < 3 || low > n/20 {
		t.Errorf("%d of %d below 4.5, worst %.1f", low, n, worst)
	}
	paper, _ := parseColour("#14161a")
	for name, v := range namedColours {
		if ink, _ := parseColour(name); v != noColour && contrast(dark(inkRole, ink), paper) < 4.5 {
			t.Errorf("%s on a dark page: %.1f", name, contrast(dark(inkRole, ink), paper))
		}
	}
}

func TestParseColour(t *testing.T) {
	for in, want := range map[string]string{
		"#abc": "#aabbcc", "#abcd": "#aabbccdd", "#a1b2c3": "#a1b2c3", "#a1b2c3d4": "#a1b2c3d4", "rebeccapurple": "#663399",
		"rgb(1,2,3)": "#010203", "rgba(255,0,0,.5)": "#ff000080", "rgb(100% 0% 0% / 50%)": "#ff000080", "hsl(120 100% 50%)": "#00ff00", "hsla(240deg,100%,50%,1)": "#0000ff",
		"rgb(1,2)": "", "rgb(none 0 0)": "", "transparent": "", "currentcolor": "", "lab(1 2 3)": "", "#ab": "", "": "", "rgb(calc(1) 2 3)": "",
	} {
		c, ok := parseColour(in)
		if ok != (want != "") || ok && c.hex() != want {
			t.Errorf("%s: %v %v, want %s", in, c.hex(), ok, want)
		}
		if !ok {
			continue
		}
		l, a, b := oklab(c)
		if back, exists := fromOKLab(l, a, b, c.a); !exists || back.hex() != c.hex() {
			t.Errorf("%s: back from OKLab %s", in, back.hex())
		}
	}
}
