package samplemail

import (
	"bytes"
	"iter"
	"time"

	"fantail/internal/mail"
)

// LargeMedian is the size in octets that half of Large's messages exceed,
// roughly.
const LargeMedian = 7 << 10

// spread is how the sizes of Large lie: a share in per mille, up to a size.
var spread = []struct {
	share    int
	from, to int // octets of the message, roughly
}{
	{150, 1 << 10, 3 << 10},
	{320, 3 << 10, LargeMedian},
	{330, LargeMedian, 16 << 10},
	{150, 16 << 10, 60 << 10},
	{40, 60 << 10, 250 << 10},
	{9, 250 << 10, 1 << 20},
	{1, 1 << 20, 4 << 20},
}

// Large gives n messages of the inbox for measurements: a message every two
// minutes, half of them below LargeMedian octets, one in a thousand of
// several MB.
func Large(n int, seed uint64) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		g := newGen(seed)
		noise := base64Lines(g.noise(57 * 1024))
		for i := range n {
			g.date = last.Add(time.Duration(i-n) * 2 * time.Minute)
			if !yield(g.sized(noise)) {
				return
			}
		}
	}
}

// sized makes one message; noise is what its attachment is cut from, since
// making that anew each time would take longer than anything else.
func (g *gen) sized(noise []byte) Message {
	g.count++
	l := &letter{g: g, date: g.date, folder: mail.Inbox, id: g.messageID("mail.example.net")}
	size, share := 0, g.intn(1000)
	for _, s := range spread {
		if share -= s.share; share < 0 {
			size = s.from + g.intn(s.to-s.from)
			break
		}
	}
	text := func(n int) string {
		var b []byte
		for len(b) < n {
			b = append(b, wrap(g.paragraphs(pick(g, topics), 1)[0], 72)+"\n\n"...)
		}
		return string(b)
	}
	const header = 900 // octets, about
	class := "text"
	conversation(g, l)
	if l.folder != mail.Inbox {
		l.folder, l.local = mail.Inbox, false
	}
	switch {
	case size < 16<<10 || g.chance(30) && size < 100<<10:
		said := clip(string(l.body.data), max(4, (size-header)/60))
		l.body = textPart(said+text(size-header-len(said)), utf8Set, "quoted-printable")
	default:
		class = "attachment"
		file := attach("application/octet-stream", repeat(noise, size-header-1<<10), "; filename=data.bin")
		file.ready = true
		l.body = multipart("mixed", l.body, file)
	}
	if g.chance(60) {
		l.flags |= mail.Seen
	}
	return Message{Folder: l.folder, Flags: l.flags, Date: l.date, Class: class, Data: l.render()}
}

// repeat gives whole lines of data, again and again, n octets or a little
// less.
func repeat(data []byte, n int) []byte {
	out := make([]byte, 0, n)
	for {
		room := min(n-len(out), len(data))
		end := bytes.LastIndexByte(data[:room], '\n') + 1
		if end == 0 {
			return out
		}
		out = append(out, data[:end]...)
	}
}
