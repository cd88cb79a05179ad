package samplemail

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
)

// picture is a small PNG: a hill, a sun and a sky, each time others.
func (g *gen) picture(size int) []byte {
	palette := color.Palette{}
	for range 4 {
		palette = append(palette, color.RGBA{uint8(g.intn(256)), uint8(g.intn(256)), uint8(g.intn(256)), 255})
	}
	img := image.NewPaletted(image.Rect(0, 0, size, size), palette)
	sunX, sunY, hill := g.intn(size), g.intn(size/2), size/2+g.intn(size/4)
	for y := range size {
		for x := range size {
			dx, dy, slope := x-sunX, y-sunY, (x-size/2)*(x-size/2)/size
			switch {
			case y > hill+slope:
				img.SetColorIndex(x, y, 1)
			case dx*dx+dy*dy < size*size/36:
				img.SetColorIndex(x, y, 2)
			case y%7 == 0:
				img.SetColorIndex(x, y, 3)
			}
		}
	}
	var b bytes.Buffer
	// Uncompressed, so that the octets do not depend on the compressor.
	enc := png.Encoder{CompressionLevel: png.NoCompression}
	if err := enc.Encode(&b, img); err != nil {
		panic("samplemail: write to memory: " + err.Error())
	}
	return b.Bytes()
}

// pdf is a document of one page with a few lines of text.
func pdf(lines []string) []byte {
	var text strings.Builder
	text.WriteString("BT /F1 12 Tf 72 770 Td 16 TL\n")
	for _, l := range lines {
		l = strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(l)
		fmt.Fprintf(&text, "(%s) Tj T*\n", l)
	}
	text.WriteString("ET\n")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// table is a CSV file of n rows.
func (g *gen) table(n int) []byte {
	var b bytes.Buffer
	b.WriteString("date;station;\"level, cm\";note\r\n")
	day := g.date.AddDate(0, 0, -n)
	for range n {
		day = day.AddDate(0, 0, 1)
		note := ""
		if g.chance(15) {
			note = `"read by hand; ""ice"" on the gauge"`
		}
		fmt.Fprintf(&b, "%s;%s;%d.%d;%s\r\n", day.Format("2006-01-02"), pick(g, []string{"Mill", "Bridge", "Lock 3"}),
			80+g.intn(140), g.intn(10), note)
	}
	return b.Bytes()
}

// noise is n octets without any order, as compressed files have.
func (g *gen) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if i%8 == 0 {
			x := g.src.Uint64()
			for j := i; j < min(i+8, n); j++ {
				b[j] = byte(x >> (8 * (j - i)))
			}
		}
	}
	return b
}
