package message

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// showThread writes thread keys as "id <- first reference, second …".
func showThread(k ThreadKeys) string {
	var refs []string
	for ref := range k.References() {
		refs = append(refs, string(ref))
	}
	return string(k.ID) + " <- " + strings.Join(refs, ", ")
}

func TestThreadKeys(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", " <- "},
		{"Message-ID: <a@b>\nReferences: <c@d> <e@f>\nIn-Reply-To: <g@h>\n", "a@b <- c@d, e@f"},
		{"message-id:\n <a@b>\nreferences: <c@d>\n\t<e@f>\r\n <g@h>\n", "a@b <- c@d, e@f, g@h"},
		{"Message-ID: <A@b>\n", "A@b <- "},
		// RFC 5256 section 3: quoting makes no difference.
		{"Message-ID: <\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>\nReferences: <01KF8JCEOCBS0045PS@xxx.yyy.com>\n", "01KF8JCEOCBS0045PS@xxx.yyy.com <- 01KF8JCEOCBS0045PS@xxx.yyy.com"},
		{`Message-ID: <"a \"b\\ >"@c>` + "\n", `a "b\ >@c <- `},
		{`Message-ID: <a.b@[\1.2]>` + "\n", "a.b@[1.2] <- "},
		// The only reference is the first valid id of In-Reply-To.
		{"In-Reply-To: Your message of \"Mon, 1 Jan <x@y>\" (see <z@y>)\n <a@b> from <joe@c>\n", " <- a@b"},
		{"References: none\nIn-Reply-To: <bad> <a@b> <c@d>\n", " <- a@b"},
		{"References:\nIn-Reply-To: <a@b>\n", " <- a@b"},
		{"In-Reply-To: a@b\n", " <- "},
		{"In-Reply-To: <a@b>\nIn-Reply-To: <c@d>\nMessage-ID: <1@x>\nMessage-ID: <2@x>\n", "2@x <- c@d"},
		{"References: <a@b>\nReferences: <c@d>\n", " <- a@b, c@d"},
		// RFC 5322 section 4.5.4, and ids that mail programs broke.
		{"Message-ID: < a . b @ (comment <x@y>) c >\n", "a.b@c <- "},
		{"References: <a@b><c@d>,<e@f>;<long-\n id@b>\n", " <- a@b, c@d, e@f, long-id@b"},
		{"References: <a@b <c@d>\n", " <- c@d"},
		{"References: <a@b> <c@d\n", " <- a@b"},
		{"References: <a@b> <\"c@d> <e@f> (g <h@i>\n", " <- a@b, \"c@d, e@f, h@i"},
		{"References: <a(b@c> <d\\>@e>\n", " <- a(b@c, d>@e"},
		{"References: (unclosed <a@b> \"quote <c@d>\n", " <- a@b, c@d"},
		{"References: <a@b@c> <weird:/[1]=%@x>\n", " <- a@b@c, weird:/[1]=%@x"},
		// None of these is an id.
		{"References: <> <@> <a@> <@b> <ab> <\"\"@b> << a@b\n", " <- "},
	}
	for _, tt := range tests {
		k := parse(t, tt.in+"\n").ThreadKeys()
		if got := showThread(k); got != tt.want {
			t.Errorf("%q\n got %s\nwant %s", tt.in, got, tt.want)
		}
		again, err := ParseThreadKeys(k.Append([]byte("before"))[len("before"):])
		if err != nil || showThread(again) != tt.want {
			t.Errorf("%q encoded: %s: %v", tt.in, showThread(again), err)
		}
	}
}

// TestManyReferences keeps the first and the last ones, in order.
func TestManyReferences(t *testing.T) {
	for _, n := range []int{MaxReferences - 1, MaxReferences, MaxReferences + 1, 2*MaxReferences - 1, 2 * MaxReferences, 10_000} {
		var field strings.Builder
		var want []string
		for i := range n {
			fmt.Fprintf(&field, " <%d@x>\n", i)
			if i == 0 || i > n-MaxReferences {
				want = append(want, fmt.Sprintf("%d@x", i))
			}
		}
		got := showThread(parse(t, "References:"+field.String()+"\n").ThreadKeys())
		if got != " <- "+strings.Join(want, ", ") {
			t.Errorf("%d references: %s", n, got)
		}
	}
}

func TestLongID(t *testing.T) {
	id := strings.Repeat("x", 1000)
	k := parse(t, "Message-ID: <"+id+"1@b>\nReferences: <"+id+"1@b> <\""+id+"\"1@b> <"+id+"2@b>\n\n").ThreadKeys()
	refs := slices.Collect(k.References())
	if len(k.ID) != maxKey || len(refs) != 3 || !bytes.Equal(refs[0], k.ID) || !bytes.Equal(refs[1], k.ID) || bytes.Equal(refs[2], k.ID) {
		t.Errorf("%d octets, %d references", len(k.ID), len(refs))
	}
}

func TestParseThreadKeysErrors(t *testing.T) {
	k := parse(t, "Message-ID: <a@b>\nReferences: <c@d>\n\n").ThreadKeys()
	good := k.Append(nil)
	for i := range good {
		short, err := ParseThreadKeys(good[:i])
		if i == len(appendEncoded([]byte{KeysVersion}, k.ID)) {
			continue // without the reference, which is whole again
		}
		if err == nil {
			t.Errorf("the first %d octets of %d pass as %s", i, len(good), showThread(short))
		}
	}
	for name, b := range map[string][]byte{
		"other version":       append([]byte{KeysVersion + 1}, good[1:]...),
		"too many references": append(slices.Clone(good), bytes.Repeat([]byte{1, 'x'}, MaxReferences)...),
		"key beyond maxKey":   appendEncoded([]byte{KeysVersion}, make([]byte, maxKey+1)),
	} {
		if k, err := ParseThreadKeys(b); err == nil {
			t.Errorf("%s passes as %s", name, showThread(k))
		}
	}
}

func FuzzThreadKeys(f *testing.F) {
	for _, s := range []string{"<a@b>", `<"a"@b>(c)`, "< a . b @ c >", `"<(<\"`, `<a\>@b> <c@d`, "<a@b><c@d>"} {
		f.Add(s, ThreadKeys{}.Append(nil))
		f.Add("", parse(f, "References: "+s+"\n").ThreadKeys().Append(nil))
	}
	f.Fuzz(func(t *testing.T, field string, encoded []byte) {
		k := (&Part{Fields: []Field{{Name: "References", body: field}, {Name: "Message-ID", body: field}}}).ThreadKeys()
		again, err := ParseThreadKeys(k.Append(nil))
		if err != nil || showThread(again) != showThread(k) {
			t.Fatalf("%q gives %s, read as %s: %v", field, showThread(k), showThread(again), err)
		}
		refs := 0
		for ref := range k.References() {
			if refs++; len(ref) < 3 || len(ref) > maxKey {
				t.Fatalf("%q refers to %q", field, ref)
			}
		}
		if refs > MaxReferences || (refs > 0) != (len(k.ID) > 0) {
			t.Fatalf("%q gives %s", field, showThread(k))
		}
		if k, err := ParseThreadKeys(encoded); err == nil && !bytes.Equal(k.Append(nil), encoded) && len(k.Append(nil)) > len(encoded) {
			t.Fatalf("%q is read as %s", encoded, showThread(k))
		}
	})
}
