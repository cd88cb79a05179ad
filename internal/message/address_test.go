package message

import (
	"strings"
	"testing"
)

// list writes addresses as name|route|mailbox|host, group markers as "(name"
// and ")".
func list(as []Address) string {
	var out []string
	for _, a := range as {
		switch a.Kind {
		case GroupStart:
			out = append(out, "("+a.Mailbox)
		case GroupEnd:
			out = append(out, ")")
		default:
			s := strings.Join([]string{a.Name, a.Route, a.Mailbox, a.Host}, "|")
			s = strings.NewReplacer(MissingMailbox, "-", MissingDomain, "-", SyntaxError, "!", InvalidRoute, "!").Replace(s)
			out = append(out, s)
		}
	}
	return strings.Join(out, " ; ")
}

func TestParseAddresses(t *testing.T) {
	tests := []struct{ in, want string }{
		// RFC 5322 section 3.4.
		{"", ""},
		{"Joe <joe@example.com>", "Joe||joe|example.com"},
		{`"Quoted, Name" <q@x>, plain@y`, "Quoted, Name||q|x ; ||plain|y"},
		{"(first) c@z (Real Name)", "Real Name||c|z"},
		{`a@b (foo "bar" (nested) \) x)`, `foo "bar" (nested) ) x||a|b`},
		{"<bare@b> (no name)", "||bare|b"},
		{"John (nick) Doe <j@d>", "John Doe||j|d"},
		{`"A" "B" <a@b>, "Name \"Q\" \\ x" <a@b>`, `A B||a|b ; Name "Q" \ x||a|b`},
		{`"quoted local"@host, "esc\"aped"@host`, `||quoted local|host ; ||esc"aped|host`},
		{"a@[127.0.0.1], b@[IPv6:::1]", "||a|[127.0.0.1] ; ||b|[IPv6:::1]"},
		{"=?utf-8?q?f=C3=B6?= Bar <f@b>", "=?utf-8?q?f=C3=B6?= Bar||f|b"},
		{"\"Folded\r\n name\" <x@y>,\r\n\tFold\n  ed <y@z>", "Folded name||x|y ; Fold ed||y|z"},
		{"fö@bär, Fö <x@y>", "||fö|bär ; Fö||x|y"},
		// Groups.
		{`Group: a@b, "c d" <c@d>; , Empty:;, undisclosed-recipients: ;`, "(Group ; ||a|b ; c d||c|d ; ) ; (Empty ; ) ; (undisclosed-recipients ; )"},
		{"Open: a@b", "(Open ; ||a|b ; )"},
		{"Grp: Inner: a@b;;, after@x", "(Grp ; ||Inner|- ; ) ; ||after|x"},
		{":;", "( ; )"},
		// RFC 5322 section 4.4.
		{"<@r1,@r2:u@h>, <@ a . b : u@h>", "|@r1,@r2|u|h ; |@a.b|u|h"},
		{"Name < x @ y >, a . b @ c . d, a(c1)@(c2)b(c3)", "Name||x|y ; ||a.b|c.d ; c3||a|b"},
		{"J. R. Public <jr@x>", "J. R. Public||jr|x"},
		{`"x".y@z, x."y"@z`, "||x.y|z ; ||x.y|z"},
		{",,, a@b,,(only comment),", "||a|b"},
		// Broken.
		{"user, <user>, John Doe, @b, a@, <>, Name <>", "||user|- ; ||user|- ; John Doe||-|- ; ||-|b ; ||a|- ; ||-|- ; Name||-|-"},
		{"a@b <c@d>, a@b <>, John Doe a@b", "a@b||c|d ; ||a|b ; John Doe||a|b"},
		{"a@b; c@d", "||a|b ; ||c|d"},
		{"a@b@c, Name <x@y> trailing, next@z", "||a|b ; Name||x|y ; ||next|z"},
		{"Name <x@y", "Name||x|y"},
		{"<a@b, c@d", "||a|b ; ||c|d"},
		{`"unterminated <x@y>, "b" <c@d>`, "unterminated <x@y>, b||c|d"},
		{`"unterminated <x@y>, b@c`, "unterminated||x|y ; ||b|c"},
		{"a@b (unterminated, c@d", "||a|b"},
		{"Doe, John <j@d>, [Ext] Bob <b@c>", "||Doe|- ; John||j|d ; [Ext] Bob||b|c"},
		{"=?utf-8?q?a,b?= <a@b>", "=?utf-8?q?a,b?=||a|b"},
		{"a..b@c, .a@c, a.@c, a@b.", "||a..b|c ; ||.a|c ; ||a.|c ; ||a|b"},
		{"<@a@b>, <a b@c>, <mailto:x@y>, <<x@y>>", "|!|-|- ; ||a|! ; ||mailto|! ; ||-|!"},
		{"a@[1.2.3.4, <b@[1.2.3.4>, c@d", "||a|[1.2.3.4 ; ||b|[1.2.3.4 ; ||c|d"},
		{"\"tab\tx\" <a@b>", "tab x||a|b"},
	}
	for _, tt := range tests {
		if got := list(ParseAddresses(tt.in, 100)); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func TestAddressLimit(t *testing.T) {
	for _, in := range []string{strings.Repeat("a@b,", 1000), "g:" + strings.Repeat("a@b,", 1000), strings.Repeat(":;", 1000)} {
		if n := len(ParseAddresses(in, 10)); n < 10 || n > 11 {
			t.Errorf("%.10q: %d addresses", in, n)
		}
	}
}
