package pop3d

import (
	"math"
	"strings"
	"testing"
)

// naiveHead is TOP on a whole text with CRLF line ends.
func naiveHead(text string, lines int) string {
	var out strings.Builder
	body := false
	for _, l := range strings.SplitAfter(text, "\r\n") {
		if body {
			if lines == 0 {
				break
			}
			lines--
		}
		out.WriteString(l)
		body = body || l == "\r\n"
	}
	return out.String()
}

func cutAll(text string, lines, step int) string {
	h := head{lines: lines}
	var out strings.Builder
	for text != "" {
		part := text[:min(step, len(text))]
		text = text[len(part):]
		keep, done := h.cut([]byte(part))
		out.Write(keep)
		if done {
			break
		}
	}
	return out.String()
}

func TestHead(t *testing.T) {
	tests := []struct {
		text  string
		lines int
		want  string
	}{
		{"A: b\r\n\r\n1\r\n2\r\n", 0, "A: b\r\n\r\n"},
		{"A: b\r\n\r\n1\r\n2\r\n", 1, "A: b\r\n\r\n1\r\n"},
		{"A: b\r\n\r\n1\r\n2\r\n", 2, "A: b\r\n\r\n1\r\n2\r\n"},
		{"A: b\r\n\r\n1\r\n2\r\n", math.MaxInt, "A: b\r\n\r\n1\r\n2\r\n"},
		{"A: b\r\n\r\n1\r\n2", 2, "A: b\r\n\r\n1\r\n2"},
		{"A: b\r\n\r\n\r\n\r\n", 1, "A: b\r\n\r\n\r\n"},
		{"A: b\r\n", 0, "A: b\r\n"},
		{"A: b", 5, "A: b"},
		{"\r\n1\r\n", 0, "\r\n"},
		{"A: b\r\n\r\r\n1\r\n", 0, "A: b\r\n\r\r\n1\r\n"},
		{"A: b\r\n \r\n\r\n1\r\n", 0, "A: b\r\n \r\n\r\n"},
		{"", 3, ""},
	}
	for _, tt := range tests {
		if naive := naiveHead(tt.text, tt.lines); naive != tt.want {
			t.Errorf("the reference says %q for %q", naive, tt.text)
		}
		for step := 1; step <= len(tt.text)+1; step++ {
			if got := cutAll(tt.text, tt.lines, step); got != tt.want {
				t.Errorf("%q, %d lines in parts of %d: got %q, want %q", tt.text, tt.lines, step, got, tt.want)
			}
		}
	}
}

func FuzzHead(f *testing.F) {
	f.Add("A: b\n\n.1\n2", uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, text string, lines, step uint8) {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
		got := cutAll(text, int(lines), int(step)+1)
		if want := naiveHead(text, int(lines)); got != want {
			t.Errorf("%q, %d lines: got %q, want %q", text, lines, got, want)
		}
	})
}
