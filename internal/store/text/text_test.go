package text

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"fantail/internal/message"
	"fantail/test/samplemail"
)

// plain is the text of a message, taken and searched in the plainest way there is.
type plain struct {
	root         *message.Part
	header, body []string // folded
}

func plainText(t testing.TB, msg []byte) plain {
	t.Helper()
	f := bytes.NewReader(msg)
	root, err := message.Parse(f, message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	p := plain{root: root}
	fields := func(to *[]string, p *message.Part) {
		for i := range p.Fields {
			f := &p.Fields[i]
			*to = append(*to, fold(f.Name+": "+message.DecodeHeader(f.Value())))
		}
	}
	root.Walk(func(part *message.Part) bool {
		fields(&p.header, part)
		if part.Message != nil {
			fields(&p.body, part.Message)
		}
		if part.Type == "text" {
			b, err := io.ReadAll(part.Text(f, MaxPart))
			if err != nil {
				t.Fatal(err)
			}
			p.body = append(p.body, fold(string(b)))
		}
		return true
	})
	return p
}

func (p plain) matches(q Query) bool {
	needle := fold(q.Needle)
	has := func(s string) bool { return strings.Contains(s, needle) }
	switch q.In {
	case OneField:
		return isASCII(q.Field) && slices.ContainsFunc(p.root.Fields, func(f message.Field) bool {
			return f.Is(q.Field) && has(fold(message.DecodeHeader(f.Value())))
		})
	case BodyOnly:
		return needle == "" || slices.ContainsFunc(p.body, has)
	}
	return needle == "" || slices.ContainsFunc(p.header, has) || slices.ContainsFunc(p.body, has)
}

func fold(s string) string { return string(message.AppendCasemap(nil, s)) }

// ask answers a query as the store does that reads the message.
func ask(t testing.TB, r *Reader, msg []byte, q Query) bool {
	t.Helper()
	m := Compile(q)
	found := false
	text, err := r.Read(bytes.NewReader(msg), m.Overlap(), func(p []byte) { found = found || m.MatchBody(p) })
	if err != nil {
		t.Fatal(err)
	}
	return found || m.Match(text)
}

var fieldNames = []string{"From", "to", "SUBJECT", "Cc", "Bcc", "Message-ID", "Received", "Content-Type", "X-Mailer", "Subj", "List-Id", "", "Größe"}

// someQuery makes a query that often has hits: mostly a piece of the message.
func someQuery(t testing.TB, r *rand.Rand, msg []byte) Query {
	q := Query{In: Scope(r.IntN(3))}
	if q.In == OneField {
		q.Field = fieldNames[r.IntN(len(fieldNames))]
	}
	root, err := message.Parse(bytes.NewReader(msg), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var pieces []string
	root.Walk(func(p *message.Part) bool {
		for i := range p.Fields {
			pieces = append(pieces, p.Fields[i].Name+": "+message.DecodeHeader(p.Fields[i].Value()))
		}
		if p.Type == "text" {
			b, _ := io.ReadAll(p.Text(bytes.NewReader(msg), 1<<20))
			pieces = append(pieces, string(b), string(b))
		}
		return true
	})
	if len(pieces) == 0 {
		return q
	}
	s := pieces[r.IntN(len(pieces))]
	if s == "" {
		return q
	}
	from := r.IntN(len(s))
	to := from + 1 + r.IntN(1+r.IntN(40))
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	for to = min(to, len(s)); to < len(s) && !utf8.RuneStart(s[to]); to++ {
	}
	q.Needle = s[from:to]
	switch r.IntN(6) {
	case 0:
		q.Needle = strings.ToLower(q.Needle)
	case 1:
		q.Needle = strings.ToUpper(q.Needle)
	case 2:
		q.Needle += string(rune('a' + r.IntN(26)))
	}
	return q
}

func TestAgainstPlainSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	reader := NewReader()
	hits := 0
	for m := range samplemail.Generate(300, 3) {
		p := plainText(t, m.Data)
		for range 20 {
			q := someQuery(t, r, m.Data)
			want := p.matches(q)
			if got := ask(t, reader, m.Data, q); got != want {
				t.Fatalf("%+q: %v, want %v in\n%s", q, got, want, m.Data)
			}
			if want {
				hits++
			}
		}
	}
	if hits < 1000 || hits > 5500 {
		t.Errorf("%d hits: the queries prove nothing", hits)
	}
}

// A long body comes in pieces, and what lies on a border between two is found.
func TestLongBody(t *testing.T) {
	for name, unit := range map[string]string{
		"lines":   "the river rises\n",
		"no line": "the river rises. ",
		"greek":   "ποταμός",
		"marks":   "e\u0323\u0301\u0316",
	} {
		t.Run(name, func(t *testing.T) {
			msg := []byte("Subject: long\nContent-Type: text/plain; charset=utf-8\n\n" +
				strings.Repeat(unit, 3*maxBody/2/len(unit)) + "END" + strings.Repeat(unit, 1000) + "\n")
			r, p := NewReader(), plainText(t, msg)
			for _, q := range []Query{
				{Needle: "end"}, {Needle: unit + "END" + unit, In: BodyOnly}, {Needle: "absent"}, {Needle: "subject: long"},
				{Needle: strings.Repeat(unit, 5000), In: BodyOnly}, {Needle: "end", In: OneField, Field: "subject"},
				{Needle: strings.Repeat(unit, 5000) + "x", In: BodyOnly},
			} {
				if got, want := ask(t, r, msg, q), p.matches(q); got != want {
					t.Errorf("%.40q in %d: %v, want %v", q.Needle, q.In, got, want)
				}
			}
		})
	}
}

// Folding piece by piece is folding the whole.
func TestFoldInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	alphabet := []rune("aZ \n\r09ßéÉ\u0301\u0323\u0316ﬃ각\u1100\u1161\u11a8ſΣςİı日本Ａ½\U0001f600\ufffd\u0345ǆ")
	for range 3000 {
		var b []byte
		for range 1 + r.IntN(60) {
			b = utf8.AppendRune(b, alphabet[r.IntN(len(alphabet))])
		}
		if got, want := string(appendFolded(nil, b)), fold(string(b)); got != want {
			t.Fatalf("%+q: %+q, want %+q", b, got, want)
		}
		long := bytes.Repeat(b, longLine/len(b)+1)
		n := divide(long)
		if n <= 0 || n > len(long) {
			t.Fatalf("%+q: divided at %d", b, n)
		}
		if r.IntN(100) == 0 {
			if got, want := string(appendFolded(appendFolded(nil, long[:n]), long[n:])), fold(string(long)); got != want {
				t.Fatalf("%+q, divided at %d of %d, has another form", b, n, len(long))
			}
		}
	}
}

func TestUpper(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := []byte("qX{`[@zaAZ /09.qX{za")
			b[at] = byte(c)
			want := len(b)
			if c >= utf8.RuneSelf {
				want = at
			}
			dst := make([]byte, len(b))
			if n := upper(dst, b); n != want || string(dst[:n]) != strings.ToUpper(string(b[:n])) {
				t.Fatalf("%q: %d octets, want %d: %q", b, n, want, dst[:n])
			}
		}
	}
}

func TestNeedle(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	some := func(n int, alphabet string) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return b
	}
	hits := 0
	for range 20_000 {
		alphabet := []string{"AQ", "ETX ", "THE QUICK", "\xd0\x91\x92"}[r.IntN(4)]
		b := some(r.IntN(300), alphabet)
		octets := some(r.IntN(6), alphabet)
		n := newNeedle(octets)
		want := bytes.Index(b, octets)
		if got := n.index(b); got != want {
			t.Fatalf("%q in %q: %d, want %d", octets, b, got, want)
		}
		if want >= 0 {
			hits++
		}
	}
	if hits < 2000 || hits > 18_000 {
		t.Errorf("%d hits prove nothing", hits)
	}
}

// BenchmarkFind looks for words in text such as people write.
func BenchmarkFind(b *testing.B) {
	var text []byte
	for m := range samplemail.Large(300, 9) {
		p := plainText(b, m.Data)
		for _, s := range p.body {
			text = append(append(text, otherRun), s...)
		}
	}
	for _, word := range []string{"absent", "the river", "quarterly", "in", "x"} {
		b.Run(word, func(b *testing.B) {
			n := newNeedle([]byte(fold(word)))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for rest := text; ; {
					i := n.index(rest)
					if i < 0 {
						break
					}
					rest = rest[i+1:]
				}
			}
		})
		b.Run(word+"/limit", func(b *testing.B) { // of the library
			octets := []byte(fold(word))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				bytes.Count(text, octets)
			}
		})
	}
}
