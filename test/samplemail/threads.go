package samplemail

import (
	"fmt"
	"strings"

	"fantail/internal/mail"
)

// thread is a conversation that goes on.
type thread struct {
	topic   topic
	members []person
	ids     []string
	text    string // of the last message
	author  person // of the last message
	started int    // g.count
}

// maxThread is how many messages a conversation has at most.
const maxThread = 14

// next gives a thread of the list to continue, or a new one.
func (g *gen) next(list *[]*thread, from []topic) *thread {
	live := (*list)[:0]
	for _, t := range *list {
		if len(t.ids) < maxThread && g.count-t.started < 150 {
			live = append(live, t)
		}
	}
	*list = live
	if len(live) > 2 && g.chance(75) || len(live) > 6 {
		return pick(g, live)
	}
	t := &thread{topic: pick(g, from), members: some(g, people, 2+g.intn(3)), started: g.count}
	*list = append(*list, t)
	return t
}

// answer writes the next message of t into l.
func (g *gen) answer(l *letter, t *thread, from person) {
	l.from = from
	l.subject = t.topic.subject
	var b strings.Builder
	if n := len(t.ids); n > 0 {
		l.refs = append(l.refs, t.ids...)
		if n > 2 && g.chance(30) {
			l.refs = l.refs[:n-1] // in answer to the one before the last
		}
		l.subject = pick(g, []string{"Re: ", "Re: ", "Re: ", "RE: ", "AW: ", "re: "}) + l.subject
		b.WriteString(wrap(pick(g, t.topic.say), 72) + "\n\n")
		fmt.Fprintf(&b, "On %s, %s wrote:\n", g.date.AddDate(0, 0, -1).Format("2 January 2006 at 15:04"), t.author.given())
		b.WriteString(clip(quote(t.text), 40))
		b.WriteString("\n" + wrap(strings.Join(g.paragraphs(t.topic, 1), " "), 72) + "\n\n-- \n" + from.signature() + "\n")
	} else {
		b.WriteString(g.letterText(from, person{}, t.topic, 2))
	}
	t.text, t.author = b.String(), from
	t.ids = append(t.ids, l.id)
	l.charset = utf8Set
	l.body = textPart(t.text, utf8Set, "quoted-printable")
}

// clip gives the first n lines of s.
func clip(s string, n int) string {
	lines := strings.SplitAfter(s, "\n")
	if len(lines) <= n {
		return s
	}
	return strings.Join(lines[:n], "") + "> [...]\n"
}

// conversation goes on among friends; the owner's own part is in Sent.
func conversation(g *gen, l *letter) {
	t := g.next(&g.threads, topics)
	if len(t.ids) > 0 && g.chance(30) {
		l.fromOwner("Sent", mail.Seen)
		g.answer(l, t, owner)
		l.to = t.members
		return
	}
	g.answer(l, t, pick(g, t.members))
	l.to = []person{owner}
	for _, m := range t.members {
		if m != l.from {
			l.to = append(l.to, m)
		}
	}
	if g.chance(20) {
		l.body.mediaType = "text/plain; charset=UTF-8; format=flowed"
	}
}

var developersList = person{"Fantail developers", "fantail-devel@lists.example.org"}

// listMessage is of a mailing list, with the fields of RFC 2369 and RFC 2919.
func listMessage(g *gen, l *letter) {
	t := g.next(&g.lists, developers)
	g.answer(l, t, pick(g, people[:len(people)-1]))
	l.folder = "Projects.Fantail"
	l.to = []person{developersList}
	l.sender = person{"", "fantail-devel-bounces@lists.example.org"}
	l.replyTo = "Fantail developers <fantail-devel@lists.example.org>"
	l.extra = append(l.extra,
		field{"Precedence", "list"},
		field{"List-Id", "Fantail developers <fantail-devel.lists.example.org>"},
		field{"List-Post", "<mailto:fantail-devel@lists.example.org>"},
		field{"List-Help", "<mailto:fantail-devel-request@lists.example.org?subject=help>"},
		field{"List-Unsubscribe", "<https://lists.example.org/fantail-devel>, <mailto:fantail-devel-request@lists.example.org?subject=unsubscribe>"},
		field{"List-Archive", "<https://lists.example.org/archives/fantail-devel/>"})
	text := string(l.body.data) + "_______________________________________________\nfantail-devel mailing list\nfantail-devel@lists.example.org\n"
	l.body.data = []byte(text)
	if strings.Contains(t.topic.subject, "Patch") && len(t.ids) == 1 {
		l.body = multipart("mixed", l.body, &part{mediaType: `text/x-patch; charset=us-ascii; name="count.patch"`, encoding: "7bit",
			extra: []field{{"Content-Disposition", `attachment; filename="count.patch"`}}, data: []byte(patch)})
	}
}

const patch = `--- a/count.go
+++ b/count.go
@@ -12,7 +12,9 @@ func lines(r io.Reader) (int, error) {
 	n := 0
-	for _, b := range all {
-		if b == '\n' {
+	for {
+		k, err := r.Read(buf)
+		n += bytes.Count(buf[:k], newline)
+		if err != nil {
 			n++
 		}
 	}
`
