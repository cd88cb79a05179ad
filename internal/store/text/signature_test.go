package text

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
)

// A signature never rules out what is there.
func TestSignatureOfAllThatIsThere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var g signer
	for _, size := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 100, 5000, 200_000} {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(r.IntN(1 << (1 + size%8)))
		}
		signature := g.sign(nil, b)
		if !isSignatureSize(uint32(len(signature))) || (len(signature) == 0) != (size == 0) {
			t.Errorf("the signature of %d octets has %d", size, len(signature))
		}
		for range min(20_000, size*size) {
			at := r.IntN(size)
			needle := b[at : at+r.IntN(min(size-at, 12)+1)]
			if rulesOut(signature, gramsOf(needle)) {
				t.Fatalf("of %d octets: %q at %d is ruled out", size, needle, at)
			}
		}
	}
}

// It rules out most of what is not there: of words in half a megabyte of words.
func TestSignatureRulesOut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	word := func() []byte {
		w := make([]byte, 0, 10)
		for range 2 + r.IntN(2) { // of syllables
			w = append(w, "BCDFGHKLMNPRSTVZ"[r.IntN(16)], "AEIOU"[r.IntN(5)], "NRSTLM"[r.IntN(6)])
		}
		return w
	}
	var words [][]byte
	for range 10_000 {
		words = append(words, word())
	}
	var b []byte
	for len(b) < batchSize {
		n := int(float64(len(words)) * r.Float64() * r.Float64() * r.Float64())
		b = append(append(b, words[n]...), ' ')
	}
	var g signer
	signature := g.sign(nil, b)
	out, absent := 0, 0
	for range 1000 {
		if w := word(); len(w) > 6 && !bytes.Contains(b, w) {
			absent++
			if rulesOut(signature, gramsOf(w)) {
				out++
			}
		}
	}
	t.Logf("%d octets; %d of %d words that are not there are ruled out", len(signature), out, absent)
	if absent < 100 || out < absent*9/10 {
		t.Errorf("%d of %d are ruled out", out, absent)
	}
}

// A frame that cannot have the needle is not unpacked; one that has it is.
func TestSignatureSavesUnpacking(t *testing.T) {
	dir := t.TempDir()
	write(t, lock(t, openView(t, dir)), 100, 1, []byte("Subject: brook\n\nthe river rises\n"))
	for _, c := range []struct {
		q        Query
		unpacked [sections]bool
		hit      bool
	}{
		{Query{Needle: "waterfall"}, [sections]bool{}, false},
		{Query{Needle: "fal"}, [sections]bool{}, false},
		{Query{Needle: "fa"}, [sections]bool{Address: true, Body: true}, false},
		{Query{Needle: "the river rises"}, [sections]bool{Body: true}, true},
		{Query{Needle: "Brook", In: OneField, Field: "Subject"}, [sections]bool{Address: true}, true},
		{Query{Needle: "the river rises", In: OneField, Field: "Subject"}, [sections]bool{}, false},
		{Query{Needle: "", In: OneField, Field: "Subject"}, [sections]bool{Address: true}, true},
	} {
		v := openView(t, dir)
		var f Frame
		if err := v.Next(&f); err != nil {
			t.Fatal(err)
		}
		hits := make([]bool, 1)
		if err := f.Find(Compile(c.q), []bool{true}, hits); err != nil {
			t.Fatal(err)
		}
		if f.loaded != c.unpacked || hits[0] != c.hit {
			t.Errorf("%+v: unpacked %v, found %v", c.q, f.loaded, hits[0])
		}
		f.Close()
	}
}

// A signature that is damaged is noticed, and compacting makes it anew.
func TestDamagedSignature(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	w := lock(t, openView(t, dir))
	var all [][]byte
	for i := range maxMessages {
		all = append(all, fmt.Appendf(nil, "Subject: %d\n\nthe river rises %d times\n", i, i))
	}
	write(t, w, maxMessages, 1, all...)
	w.Close()
	v := openView(t, dir)
	var f Frame
	defer f.Close()
	if err := v.Next(&f); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[headerSize+f.head.at(Body):][:f.head.signed[Body].size])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	q := Query{Needle: "river", In: BodyOnly}
	if hits, decided := find(t, openView(t, dir), q); len(hits)+len(decided) > 0 {
		t.Fatalf("%d found, %d decided", len(hits), len(decided))
	}
	w = lock(t, openView(t, dir))
	if err := w.Compact(func(mail.UID, Lack) bool { return true }, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if hits, decided := find(t, openView(t, dir), q); len(hits) != maxMessages || len(decided) != maxMessages {
		t.Errorf("after compacting %d found, %d decided", len(hits), len(decided))
	}
}

func FuzzSignature(f *testing.F) {
	f.Add([]byte("THE RIVER RISES"), 4, 5)
	f.Add([]byte("\xffSUBJECT: A\xfeB"), 0, 12)
	f.Add([]byte("ABC"), 0, 3)
	f.Fuzz(func(t *testing.T, b []byte, at, n int) {
		if at < 0 || n < 0 || at > len(b) || n > len(b)-at {
			return
		}
		var g signer
		if s := g.sign(nil, b); !isSignatureSize(uint32(len(s))) || rulesOut(s, gramsOf(b[at:at+n])) {
			t.Errorf("%q in %q, signed by %d octets", b[at:at+n], b, len(s))
		}
	})
}
