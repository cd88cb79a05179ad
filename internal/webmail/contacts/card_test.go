package contacts

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var editTime = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// one parses a text with one vCard.
func one(t *testing.T, text string) *Card {
	t.Helper()
	cards, bad := Parse(text)
	if len(cards) != 1 || bad != 0 {
		t.Fatalf("%q: %d cards, %d bad", text, len(cards), bad)
	}
	return cards[0]
}

func card(lines ...string) string {
	return "BEGIN:VCARD\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

const google = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dr. Zoë van Dam\r\nN:van Dam;Zoë;Anna;Dr.;\r\nNICKNAME:Zo\r\n" +
	"EMAIL;TYPE=INTERNET;TYPE=HOME:zoe@example.org\r\nEMAIL;TYPE=INTERNET;TYPE=WORK;TYPE=PREF:zoe@work.example\r\n" +
	"TEL;TYPE=CELL:+31 6 1234\r\nORG:Works;Rivers\r\nTITLE:Engineer\r\nNOTE:One\\, two\\nthree\r\nCATEGORIES:myContacts,Sailing\\, fast\r\n" +
	"item1.X-ABDATE:2020-01-01\r\nitem1.X-ABLabel:_$!<Anniversary>!$_\r\nX-PHONETIC-FIRST-NAME:zo\r\nEND:VCARD\r\n"

const apple = "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Apple Inc.//macOS 14.0//EN\r\nN:Lee;Ann;;;\r\nFN:Ann Lee\r\n" +
	"item1.EMAIL;type=INTERNET;type=pref:ann@example.org\r\nitem1.X-ABLabel:School\r\nEMAIL;type=INTERNET;type=HOME:ann@home.example\r\n" +
	"item2.URL:https\\://example.org\r\nitem2.X-ABLabel:_$!<HomePage>!$_\r\n" +
	"PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\r\n SkZJRgAB\r\nUID:12AB-34CD:ABPerson\r\nEND:VCARD\r\n"

const outlook = "BEGIN:VCARD\nVERSION:2.1\nN;LANGUAGE=de;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg\n" +
	"FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=F6rg M=FCller; jr., Ulm\n" +
	"ORG:Werk \\; Söhne;Abteilung\nNOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Zeile=0D=0A=\nzwei =C3=BC=\n, drei\nTEL;WORK;VOICE:0731 1\nTEL;CELL:0170 2\n" +
	"EMAIL;PREF;INTERNET:joerg@example.org\nADR;WORK;PREF:;;Weg 1;Ulm;;89073\nPHOTO;TYPE=GIF;ENCODING=BASE64:\n R0lGODlh\n AQAB\n\nX-MS-OL-DESIGN;CHARSET=utf-8:<card/>\nEND:VCARD\n"

func TestContact(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Contact
	}{
		{"Google", google, Contact{
			Name: "Dr. Zoë van Dam", Prefix: "Dr.", Given: "Zoë", Additional: "Anna", Family: "van Dam", Nickname: "Zo",
			Emails: []Reach{{"zoe@example.org", []string{"home"}, false}, {"zoe@work.example", []string{"work"}, true}},
			Phones: []Reach{{"+31 6 1234", []string{"cell"}, false}},
			Org:    "Works; Rivers", Title: "Engineer", Note: "One, two\nthree", Groups: []string{"myContacts", "Sailing, fast"},
		}},
		{"Apple", apple, Contact{
			UID: "12AB-34CD:ABPerson", Name: "Ann Lee", Given: "Ann", Family: "Lee", Photo: true,
			Emails: []Reach{{"ann@example.org", nil, true}, {"ann@home.example", []string{"home"}, false}},
		}},
		{"Outlook", outlook, Contact{
			Name: "Jörg Müller; jr., Ulm", Given: "Jörg", Family: "Müller", Org: "Werk ; Söhne; Abteilung", Note: "Zeile\nzwei ü, drei", Photo: true,
			Emails: []Reach{{"joerg@example.org", nil, true}},
			Phones: []Reach{{"0731 1", []string{"work"}, false}, {"0170 2", []string{"cell"}, false}},
		}},
		{"4.0", card("VERSION:4.0", "FN:A\u0007 B", "EMAIL;TYPE=\"home,work\";PREF=1:a@b.org", "TEL;VALUE=uri;TYPE=cell:tel:+1-2;ext=3"), Contact{
			Name: "A B", Emails: []Reach{{"a@b.org", []string{"home", "work"}, true}}, Phones: []Reach{{"+1-2", []string{"cell"}, false}},
		}},
		{"group", card("VERSION:4.0", "KIND:group", "FN:Crew", "MEMBER:urn:uuid:1", "MEMBER:mailto:a@b.org"), Contact{
			Name: "Crew", IsGroup: true, Members: []string{"urn:uuid:1", "mailto:a@b.org"},
		}},
		{"Apple's group", card("VERSION:3.0", "X-ADDRESSBOOKSERVER-KIND:group", "FN:Crew", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1"), Contact{
			Name: "Crew", IsGroup: true, Members: []string{"urn:uuid:1"},
		}},
		{"no name", card("VERSION:3.0", "N:Lee;Ann"), Contact{Name: "Ann Lee", Given: "Ann", Family: "Lee"}},
		{"Latin-1 without a word", card("VERSION:3.0", "FN:J\xf6rg"), Contact{Name: "Jörg"}},
		{"UTF-16", "\xff\xfeB\x00E\x00G\x00I\x00N\x00:\x00V\x00C\x00A\x00R\x00D\x00\n\x00F\x00N\x00:\x00\xe4\x00\n\x00E\x00N\x00D\x00:\x00V\x00C\x00A\x00R\x00D\x00", Contact{Name: "ä"}},
	} {
		got := one(t, c.text).Contact()
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestParseMany(t *testing.T) {
	for text, want := range map[string][2]int{
		"":                       {0, 0},
		"hello":                  {0, 0},
		google + "\r\n" + apple:  {2, 0},
		google + "BEGIN:VCARD\n": {1, 1},
		"BEGIN:VCARD\nFN:a\nAGENT:\nBEGIN:VCARD\nFN:b\nEND:VCARD\nTEL:1\nEND:VCARD\n":           {1, 0},
		"BEGIN:VCARD\n" + strings.Repeat("X:y\n", maxLines+1) + "END:VCARD\n" + google:          {1, 1},
		"BEGIN:VCARD\nX:" + strings.Repeat("y", maxCard) + "\nY:z\nEND:VCARD\n" + google:        {1, 1},
		"begin:vcard\nfn:x\nend:vcard\n\n\nnoise\nBEGIN:VEVENT\nEND:VEVENT\n" + google + "END:": {2, 0},
	} {
		if cards, bad := Parse(text); len(cards) != want[0] || bad != want[1] {
			t.Errorf("%.60q: %d cards, %d bad, want %v", text, len(cards), bad, want)
		}
	}
}

// TestUntouched wants a card that nobody has changed to be what it was.
func TestUntouched(t *testing.T) {
	for _, text := range []string{google, strings.ReplaceAll(apple, "\r\n SkZ", "SkZ"), card("VERSION:4.0", `X-A;b="c;d";E=f^'g:\;h\,`, "g.TEL:1")} {
		if d := cmp.Diff(text, string(one(t, text).Append(nil))); d != "" {
			t.Error(d)
		}
		// Saved again as it is shown, only REV comes.
		c := one(t, text)
		c.Set(c.Contact(), editTime)
		want := strings.Replace(text, "END:VCARD", "REV:20260302T093000Z\r\nEND:VCARD", 1)
		if c.first("FN").Value == "" {
			want = strings.Replace(want, "REV:", "FN:\r\nREV:", 1)
		}
		if d := cmp.Diff(want, string(c.Append(nil))); d != "" {
			t.Error(d)
		}
	}
}

func TestEdit(t *testing.T) {
	for _, c := range []struct {
		name, text string
		edit       func(*Contact)
		want       []string // lines that come, "-" those that go
	}{
		{"a text", google, func(c *Contact) { c.Note = "a;b\n\"c\"" }, []string{"-NOTE:One\\, two\\nthree", `NOTE:a\;b\n"c"`}},
		{"a text goes", google, func(c *Contact) { c.Title = "" }, []string{"-TITLE:Engineer"}},
		{"the name", google, func(c *Contact) { c.Name, c.Family = "Zoë Dam", "Dam" }, []string{"-FN:Dr. Zoë van Dam", "-N:van Dam;Zoë;Anna;Dr.;", "FN:Zoë Dam", "N:Dam;Zoë;Anna;Dr.;"}},
		{"an address changes", apple, func(c *Contact) { c.Emails[0].Value = "ann@new.example" },
			[]string{"-item1.EMAIL;type=INTERNET;type=pref:ann@example.org", "item1.EMAIL;type=INTERNET;type=pref:ann@new.example"}},
		{"an address goes with its label", apple, func(c *Contact) { c.Emails = c.Emails[1:] },
			[]string{"-item1.EMAIL;type=INTERNET;type=pref:ann@example.org", "-item1.X-ABLabel:School"}},
		{"an address comes", google, func(c *Contact) { c.Emails = append(c.Emails, Reach{"z@new.example", []string{"other"}, false}) },
			[]string{"EMAIL;TYPE=other;TYPE=internet:z@new.example"}},
		{"another type", google, func(c *Contact) { c.Emails[0].Types = []string{"work"}; c.Emails[1].Preferred = false },
			[]string{"-EMAIL;TYPE=INTERNET;TYPE=HOME:zoe@example.org", "-EMAIL;TYPE=INTERNET;TYPE=WORK;TYPE=PREF:zoe@work.example",
				"EMAIL;TYPE=work;TYPE=internet:zoe@example.org", "EMAIL;TYPE=work;TYPE=internet:zoe@work.example"}},
		{"order is nothing", google, func(c *Contact) { c.Emails[0], c.Emails[1] = c.Emails[1], c.Emails[0] }, nil},
		{"groups", google, func(c *Contact) { c.Groups = []string{"a,b", "c"} }, []string{`-CATEGORIES:myContacts,Sailing\, fast`, `CATEGORIES:a\,b,c`}},
		{"organisation", google, func(c *Contact) { c.Org = "Works; Seas" }, []string{"-ORG:Works;Rivers", "ORG:Works;Seas"}},
		{"no injection", google, func(c *Contact) { c.Title = "x\r\nNOTE:y"; c.Phones[0].Value = "1\nTEL:2" },
			[]string{"-TEL;TYPE=CELL:+31 6 1234", "-TITLE:Engineer", "TEL;TYPE=CELL:1 TEL:2", `TITLE:x\nNOTE:y`}},
		{"a number of 4.0", card("VERSION:4.0", "FN:a", "TEL;VALUE=uri;TYPE=cell:tel:+1"), func(c *Contact) { c.Phones[0].Value = "+2" },
			[]string{"-TEL;VALUE=uri;TYPE=cell:tel:+1", "TEL;TYPE=cell:+2"}},
		{"a group", card("VERSION:4.0", "FN:a"), func(c *Contact) { c.IsGroup, c.Members = true, []string{"urn:uuid:1"} }, []string{"KIND:group", "MEMBER:urn:uuid:1"}},
		{"no group", card("VERSION:4.0", "FN:a", "KIND:group", "MEMBER:urn:uuid:1"), func(c *Contact) { c.IsGroup = false }, []string{"-KIND:group", "-MEMBER:urn:uuid:1"}},
	} {
		crd := one(t, c.text)
		v := crd.Contact()
		c.edit(&v)
		crd.Set(v, editTime)
		if d := cmp.Diff(append(c.want, "REV:20260302T093000Z"), lineDiff(c.text, string(crd.Append(nil)))); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// lineDiff returns the lines that only one of the texts has.
func lineDiff(before, after string) (diff []string) {
	unfold := func(s string) []string { return strings.Split(strings.ReplaceAll(s, "\r\n ", ""), "\r\n") }
	a, b := unfold(before), unfold(after)
	only := func(list, other []string, mark string) {
		for _, l := range list {
			if !strings.Contains("\r\n"+strings.Join(other, "\r\n")+"\r\n", "\r\n"+l+"\r\n") {
				diff = append(diff, mark+l)
			}
		}
	}
	only(a, b, "-")
	only(b, a, "")
	return diff
}

func TestUpgrade(t *testing.T) {
	want := "BEGIN:VCARD\r\nVERSION:3.0\r\nN;LANGUAGE=de:Müller;Jörg\r\nFN:Jörg Müller\\; jr.\\, Ulm\r\nORG:Werk \\; Söhne;Abteilung\r\n" +
		"NOTE:Zeile\\nzwei ü\\, drei\r\nTEL;TYPE=WORK;TYPE=VOICE:0731 1\r\nTEL;TYPE=CELL:0170 2\r\nEMAIL;TYPE=PREF;TYPE=INTERNET:joerg@example.org\r\n" +
		"ADR;TYPE=WORK;TYPE=PREF:;;Weg 1;Ulm;;89073\r\nPHOTO;TYPE=GIF;ENCODING=b:R0lGODlhAQAB\r\nX-MS-OL-DESIGN:<card/>\r\nEND:VCARD\r\n"
	if d := cmp.Diff(want, string(one(t, outlook).Append(nil))); d != "" {
		t.Error(d)
	}
}

func TestPhoto(t *testing.T) {
	for text, want := range map[string]string{
		apple:                                   "image/jpeg",
		outlook:                                 "image/gif",
		card("PHOTO;VALUE=uri:https://x.org/p"): "",
		card("PHOTO;ENCODING=b;TYPE=JPEG:PHNjcmlwdD4="):                                     "",
		card("PHOTO;ENCODING=b:%%%"):                                                        "",
		card("VERSION:4.0", "PHOTO:data:image/svg+xml;base64,iVBORw0KGgo="):                 "image/png",
		card("VERSION:4.0", "PHOTO:data:image/png,plain"):                                   "",
		card("PHOTO;ENCODING=b:iVBORw0KGgo" + strings.Repeat("A", maxPhoto/3*4+100)):        "",
		card("PHOTO;ENCODING=b:iVBORw0KGgp" + strings.Repeat("A", maxPhoto/3*4-100) + "=="): "image/png",
	} {
		got, _, ok := one(t, text).Photo()
		if ok != (want != "") || ok && got != want {
			t.Errorf("%.80q: %q, %v", text, got, ok)
		}
	}
	png := []byte("\x89PNG\r\n\x1a\nrest")
	for _, version := range []string{"3.0", "4.0"} {
		c := one(t, card("VERSION:"+version, "FN:a"))
		if err := c.SetPhoto(png); err != nil {
			t.Fatal(err)
		}
		again := one(t, string(c.Append(nil)))
		if typ, data, ok := again.Photo(); !ok || typ != "image/png" || !bytes.Equal(data, png) {
			t.Errorf("%s: %q %q %v", version, typ, data, ok)
		}
		if err := again.SetPhoto(nil); err != nil || again.Contact().Photo {
			t.Errorf("%s: photo stays, %v", version, err)
		}
		if err := c.SetPhoto([]byte("<svg/>")); err == nil {
			t.Error("SVG is taken")
		}
		if err := c.SetPhoto(append(png, make([]byte, maxPhoto)...)); err == nil {
			t.Error("a large picture is taken")
		}
	}
}

func FuzzCard(f *testing.F) {
	for _, s := range []string{google, apple, outlook, card("VERSION:4.0", "KIND:group", "MEMBER:mailto:a@b", "TEL;VALUE=uri;TYPE=\"a,b\":tel:1;x", "N:;;;;;;", "ORG:;")} {
		f.Add([]byte(s), "x\r\ny;,\\")
	}
	f.Fuzz(func(t *testing.T, text []byte, edit string) {
		cards, _ := Parse(string(text))
		for _, c := range cards {
			out := string(c.Append(nil))
			if !utf8.ValidString(out) {
				t.Fatalf("%q is no UTF-8", out)
			}
			again := one(t, out)
			v := c.Contact()
			if d := cmp.Diff(v, again.Contact()); d != "" {
				t.Errorf("%q written and read: %s", out, d)
			}
			if out2 := string(again.Append(nil)); out2 != out {
				t.Errorf("%q is written as %q", out, out2)
			}
			c.Photo()
			v.Note, v.Title = edit, edit
			v.Emails = append(v.Emails, Reach{Value: edit, Types: []string{edit}, Preferred: true})
			v.Groups = append(v.Groups, edit)
			c.Set(v, editTime)
			edited := one(t, string(c.Append(nil))).Contact()
			if edited.Note != shown(strings.ToValidUTF8(edit, "\ufffd")) && utf8.ValidString(edit) && !strings.Contains(edit, "\r") {
				t.Errorf("note %q is %q", edit, edited.Note)
			}
			if edited.Name != v.Name && v.Name != "" {
				t.Errorf("name %q is %q", v.Name, edited.Name)
			}
		}
	})
}

func TestLinearTime(t *testing.T) {
	for _, unit := range []string{"BEGIN:VCARD\n", "BEGIN:VCARD\nEND:VCARD\n", "A:b\n ", "EMAIL;TYPE=x:a\n", "N;QUOTED-PRINTABLE:=\n", "=C3", "CATEGORIES:a,", "PHOTO;BASE64:A\n A\n", "a.EMAIL:x\n"} {
		start := time.Now()
		cards, _ := Parse("BEGIN:VCARD\n" + strings.Repeat(unit, 1<<20/len(unit)) + "\nEND:VCARD")
		for _, c := range cards {
			v := c.Contact()
			v.Emails = nil
			c.Set(v, editTime)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
}
