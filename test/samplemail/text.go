package samplemail

import (
	"fmt"
	"slices"
	"strings"
)

// topic is something that people write about: a subject, and sentences that
// make sense in any order.
type topic struct {
	subject string
	say     []string
}

var topics = []topic{
	{"Garden plot on Saturday", []string{
		"The beans have taken over the fence again and somebody should have a word with them.",
		"I can bring the wheelbarrow, but it needs air in the tyre.",
		"Could you check whether the tap at plot 14 works before we all turn up with empty cans?",
		"The forecast says rain until ten, so let us start at eleven.",
		"There is a crate of seedlings left over from the school, free for whoever wants them.",
		"Please keep the gate shut: the neighbours' goat has learned how to open the latch.",
	}},
	{"Minutes of Tuesday's meeting", []string{
		"We agreed to move the release by one week and to freeze the texts on Friday.",
		"Amara will ask the printers for a second quote.",
		"Nobody objected to the new opening hours; the door sign is still wrong.",
		"The budget line for travel is used up, so the autumn visit becomes a video call.",
		"Next meeting: two weeks from now, same room, and Søren brings the adapter this time.",
		"Open question: who answers the phone on Thursdays?",
	}},
	{"Train to Rotterdam", []string{
		"The 8:14 has a change in Utrecht with six minutes between platforms 5 and 18.",
		"I booked two seats in the quiet coach, so no phone calls, please.",
		"If we miss it, the next one arrives just in time for the second talk.",
		"The hotel is ten minutes on foot from the station, along the water.",
		"Shall I keep the receipts together for both of us?",
	}},
	{"Recipe you asked for", []string{
		"Soak the lentils overnight; an hour is not enough, whatever the packet says.",
		"Fry the onions slowly until they are the colour of a violin.",
		"My grandmother used twice the cumin and never wrote anything down.",
		"Salt at the very end, and a squeeze of lemon when nobody is looking.",
		"It is better on the second day, provided that there is a second day.",
	}},
	{"Backup of the archive server", []string{
		"Last night's run took four hours instead of one, and the log is full of retries.",
		"The second disk reports 24 reallocated sectors, up from 8 last week.",
		"I have ordered a replacement; it should be here on Wednesday.",
		"Restoring the test directory worked, and the checksums agree.",
		"Until the disk is swapped, please keep a copy of anything you cannot make again.",
		"The old tapes can go once the audit is over.",
	}},
	{"Choir: change of rehearsal room", []string{
		"The heating in the parish hall has given up, so we sing in the school until further notice.",
		"Altos, bring pencils: bars 40 to 62 are different in the new edition.",
		"We still need someone who turns pages for the organist on the 12th.",
		"The concert poster has the wrong year on it; a sticker is on its way.",
		"Coffee afterwards at the usual place, if it is open again.",
	}},
	{"Flat handover", []string{
		"The meter readings are in the photo; the water meter is behind the washing machine.",
		"There are three keys for the front door and only one for the cellar.",
		"The landlord has promised to repaint the window frames by the end of the month.",
		"The neighbour below likes to hear before anyone drills, and brings cake if asked nicely.",
		"I left the manual for the boiler in the top drawer.",
	}},
	{"Proofs of chapter four", []string{
		"The footnotes jump from 17 to 19, and the missing one is not in the manuscript either.",
		"I would rather keep the longer sentence on page 88; it breathes.",
		"The map needs a scale, and the river flows the wrong way.",
		"Can we settle on one spelling of the village? I counted four.",
		"The index is due ten days after the last correction.",
	}},
	{"Bicycle found?", []string{
		"It is a green touring bicycle with a dented bell and one new pedal.",
		"The number under the frame ends in 4471.",
		"I locked it beside the library at about six and the rack was empty at eight.",
		"The camera above the entrance turned out to be a bird box.",
		"If you see it, do not argue with anyone, just tell me where.",
	}},
	{"Quarterly figures", []string{
		"Sales in the north are up by 4.2 per cent, mostly because of the long winter.",
		"The column headed 'other' is now larger than two of the named ones, and I would like to know what is in it.",
		"Please look at rows 31 to 40: the units changed in March.",
		"I have left the currency conversion at the January rate, as agreed.",
		"A short comment for the board would be enough, half a page at most.",
	}},
	{"Telescope evening", []string{
		"The moon sets early enough to leave a dark hour for the cluster.",
		"Bring a red lamp, warm shoes and somebody who has not seen Saturn yet.",
		"The last road sign is hidden by a hedge: turn left after the chapel.",
		"If it clouds over we shall tell stories about the comet that nobody saw either.",
		"The club's mirror is freshly coated, so please no fingers.",
	}},
	{"Reading group: next book", []string{
		"Three votes for the lighthouse novel, two for the one about salt, and one for a cookery book.",
		"The library has four copies and I have put my name down for two of them.",
		"Let us stop at the end of part one, so that nobody gives away the ferry.",
		"I liked the translator's note better than the first chapter.",
		"We meet at Grace's; the dog is friendly but has opinions about hats.",
	}},
	{"Visit of the inspectors", []string{
		"They want to see the fire doors, the first-aid box and the list of who was trained when.",
		"Room 2.07 must be empty by nine; the boxes can go to the lift lobby for one morning.",
		"The extinguisher beside the kitchen is a month overdue.",
		"Somebody who knows the alarm panel should be in the house all day.",
		"Last time it took two hours and they praised the plants.",
	}},
	{"Photos from the lake", []string{
		"The ones with the heron came out best, although you can only see half of it.",
		"I have thrown away forty pictures of the same wave.",
		"Do you mind if I use the one of you and the umbrella for the calendar?",
		"The full-size files are too large for mail; tell me if you want them on a stick.",
		"It was warmer than it looks.",
	}},
}

// developers is what the mailing list talks about.
var developers = []topic{
	{"[fantail] Folding of long header lines", []string{
		"A fold between an encoded word and a comment is legal, and two clients put one there.",
		"The octets of the header must stay as they are in the file; only the view unfolds them.",
		"I have a message with a 14 kB References field that shows the problem.",
		"Could the test compare with what a second parser says about the same octets?",
	}},
	{"[fantail] Watching directories on network file systems", []string{
		"A rename by another machine raises no event here, so something has to look from time to time.",
		"Looking at two time stamps costs next to nothing; listing the directory is what hurts.",
		"How about looking more often just after something changed?",
		"With four hundred mailboxes open I measured less than one per cent of one core.",
	}},
	{"[fantail] Wording of the manual page", []string{
		"The paragraph on quotas says 'may' where it means 'will'.",
		"An example with two accounts would have saved me an hour.",
		"mandoc is silent about it now, also with warnings turned on.",
		"I would move the list of exit codes to the end, where people look for it.",
	}},
	{"[fantail] Patch: count lines without copying", []string{
		"The attached change reads the body once and needs no second buffer.",
		"On my machine it is a third faster for messages above 1 MB and makes no difference below.",
		"There is a test for a last line without an end.",
		"Comments on the name are welcome; I am not fond of it either.",
	}},
}

var greetings = []string{"Hello %s,", "Hi %s,", "Dear %s,", "Good morning %s,", "%s,"}

var farewells = []string{"Best wishes,", "Regards,", "See you soon,", "Cheers,", "Many thanks,", "All the best,", "Until then,"}

var asides = []string{
	"No hurry with the answer.",
	"Tell me if I have forgotten anything.",
	"I am away from Monday, but I do read my mail in the evening.",
	"If that does not suit you, just suggest something else.",
	"More when I know more.",
	"Please pass this on to anyone I have left out.",
}

// paragraphs gives n paragraphs of the topic, or less if there is no more to
// say.
func (g *gen) paragraphs(t topic, n int) []string {
	var out []string
	say := slices.Clone(t.say)
	shuffle(g, say)
	for len(out) < n && len(say) > 0 {
		k := min(2+g.intn(2), len(say))
		p := say[:k:k]
		say = say[k:]
		if g.chance(30) {
			p = append(p, pick(g, asides))
		}
		out = append(out, strings.Join(p, " "))
	}
	return out
}

// letterText is a whole text in English, wrapped at 72 columns.
func (g *gen) letterText(from, to person, t topic, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, pick(g, greetings)+"\n\n", to.given())
	for _, p := range g.paragraphs(t, n) {
		b.WriteString(wrap(p, 72) + "\n\n")
	}
	b.WriteString(pick(g, farewells) + "\n" + from.signature() + "\n")
	return b.String()
}

// wrap breaks a paragraph into lines of at most width characters where its
// words allow that.
func wrap(s string, width int) string {
	var b strings.Builder
	col := 0
	for _, w := range strings.Fields(s) {
		n := len([]rune(w))
		switch {
		case col == 0:
		case col+1+n > width:
			b.WriteByte('\n')
			col = 0
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += n
	}
	return b.String()
}

// quote puts "> " before each line of what is answered.
func quote(s string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(s, "\n")) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "":
			b.WriteString(">\n")
		case strings.HasPrefix(line, ">"):
			b.WriteString(">" + line + "\n")
		default:
			b.WriteString("> " + line + "\n")
		}
	}
	return b.String()
}
