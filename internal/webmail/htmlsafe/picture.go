package htmlsafe

import (
	"bytes"
	"encoding/binary"
)

// points returns how many points a browser has to paint for a picture of that type: a file
// of some kilobytes can ask for gigabytes of memory. It reads the head of the file only.
// Where that is cut off or broken browsers show nothing, and the answer is 0.
func points(kind string, data []byte) int64 {
	switch kind {
	case "image/png":
		return pngPoints(data)
	case "image/gif":
		return gifPoints(data)
	case "image/jpeg":
		return jpegPoints(data)
	case "image/webp":
		return webpPoints(data)
	}
	return 0
}

// pngPoints reads the first chunk, which must be IHDR (PNG section 11.2.1).
func pngPoints(data []byte) int64 {
	if len(data) < 24 || string(data[12:16]) != "IHDR" {
		return 0
	}
	return product(int64(binary.BigEndian.Uint32(data[16:])), int64(binary.BigEndian.Uint32(data[20:])))
}

// gifPoints reads the size of the screen and that of the first frame, for which browsers
// enlarge the screen (GIF89a sections 18, 20).
func gifPoints(data []byte) int64 {
	if len(data) < 13 {
		return 0
	}
	size := func(at []byte) (w, h int64) {
		return int64(binary.LittleEndian.Uint16(at)), int64(binary.LittleEndian.Uint16(at[2:]))
	}
	w, h := size(data[6:])
	at := 13
	if data[10]&0x80 != 0 { // a table of colours
		at += 3 << (data[10]&7 + 1)
	}
	for at < len(data) && data[at] == 0x21 { // an extension: a label, then blocks up to an empty one
		at += 2
		for at < len(data) && data[at] != 0 {
			at += int(data[at]) + 1
		}
		at++
	}
	if at+9 > len(data) || data[at] != 0x2C {
		return 0
	}
	left, top := size(data[at+1:])
	fw, fh := size(data[at+5:])
	return product(max(w, left+fw), max(h, top+fh))
}

// jpegPoints looks for the frame header (ITU-T T.81 section B.2.2).
func jpegPoints(data []byte) int64 {
	for at := 2; ; {
		i := bytes.IndexByte(data[min(at, len(data)):], 0xFF)
		if i < 0 {
			return 0
		}
		at += i
		for at < len(data) && data[at] == 0xFF {
			at++
		}
		if at+8 > len(data) {
			return 0
		}
		marker := data[at]
		switch {
		case marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC:
			h, w := int64(binary.BigEndian.Uint16(data[at+4:])), int64(binary.BigEndian.Uint16(data[at+6:]))
			if h == 0 { // to be told at the end
				h = 0xFFFF
			}
			return product(w, h)
		case marker == 0 || marker == 1 || marker >= 0xD0 && marker <= 0xD8: // without a length
			at++
		default:
			at += 1 + max(int(binary.BigEndian.Uint16(data[at+1:])), 2)
		}
	}
}

// webpPoints reads the first chunk (RFC 9649 section 2).
func webpPoints(data []byte) int64 {
	if len(data) < 30 && (len(data) < 25 || string(data[12:16]) != "VP8L") {
		return 0
	}
	body := data[20:]
	switch string(data[12:16]) {
	case "VP8X":
		u24 := func(b []byte) int64 { return int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16 }
		return product(u24(body[4:])+1, u24(body[7:])+1)
	case "VP8L":
		bits := int64(binary.LittleEndian.Uint32(body[1:]))
		return product(bits&0x3FFF+1, bits>>14&0x3FFF+1)
	case "VP8 ":
		return product(int64(binary.LittleEndian.Uint16(body[6:])&0x3FFF), int64(binary.LittleEndian.Uint16(body[8:])&0x3FFF))
	}
	return 0
}

// product multiplies two sizes of at most 32 bits; what is beyond the limits does not
// overflow.
func product(w, h int64) int64 {
	if w > maxPoints || h > maxPoints {
		return maxPoints + 1
	}
	return w * h
}
