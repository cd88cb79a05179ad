package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fantail/test/samplemail"
)

// inFrame evaluates an expression about the document of the message, d.
func inFrame(t *testing.T, ctx context.Context, js string) string {
	t.Helper()
	return eval[string](t, ctx, "(d => String("+js+"))(document.querySelector('article iframe').contentDocument)")
}

func colour(selector, property string) string {
	return fmt.Sprintf("d.defaultView.getComputedStyle(d.querySelector(%q)).%s", selector, property)
}

// In the dark theme a message has dark paper and light ink, whatever it sets, and its own
// colours if somebody wants them. One that knows dark screens is left to itself.
func TestDarkMessages(t *testing.T) {
	at := time.Now().Add(-time.Hour)
	answer := strings.Replace(string(htmlMessage("Re: plan", `<p>Agreed, let us do that.</p><div class="gmail_quote"><div class="gmail_attr">On Monday Ann wrote:<br></div><blockquote class="gmail_quote">`+
		strings.Repeat("<p>Words that were read before, about a plan.</p>", 20)+`</blockquote></div><div class="gmail_signature">Mallory</div>`, at.Add(4*time.Minute)).Data), "To: demo", "In-Reply-To: <plan@example.org>\nTo: demo", 1)
	s := start(t,
		htmlMessage("bare", `<p id=x>words</p><p><a href="https://example.org/">a link</a></p>`, at),
		htmlMessage("coloured", `<body bgcolor="#ffffff"><p id=x style="color:#333333">words</p><table bgcolor="#eeeeee"><tr><td id=c>cell</table>`, at.Add(time.Minute)),
		htmlMessage("aware", `<style>@media (prefers-color-scheme:dark){p{color:#00ff00}}</style><p id=x style="background:#ffffff">words</p>`, at.Add(2*time.Minute)),
		htmlMessage("letter", newsletter, at.Add(3*time.Minute)),
		samplemail.Message{Folder: "INBOX", Date: at.Add(4 * time.Minute), Class: "extra", Data: []byte(answer)})
	ctx := window(t, "en")
	s.login(t, ctx)
	open := func(n int, subject string) {
		t.Helper()
		do(t, ctx, "list", chromedp.Navigate(s.url+"/f/INBOX"))
		do(t, ctx, "open", chromedp.Click(chromedp.CSS(fmt.Sprintf(".messages li:nth-child(%d) a", n))))
		until(t, ctx, fmt.Sprintf("document.querySelector('.reader h1')?.innerText === %q && document.querySelector('article iframe')?.contentDocument.readyState === 'complete' && document.querySelector('article iframe').contentDocument.URL !== 'about:blank'", subject))
	}
	wants := func(what, js, want string) {
		t.Helper()
		if got := inFrame(t, ctx, js); got != want {
			t.Errorf("%s is %s, want %s", what, got, want)
		}
	}
	const paper, ink = "rgb(20, 22, 26)", "rgb(230, 232, 235)"
	media(t, ctx, "dark")
	open(5, "bare")
	wants("paper", colour(":root", "backgroundColor"), paper)
	wants("ink", colour("#m-x", "color"), ink)
	open(4, "coloured")
	wants("paper", colour("body > div", "backgroundColor"), "rgb(22, 22, 22)")
	wants("ink", colour("#m-x", "color"), "rgb(197, 197, 197)")
	wants("a cell", colour("table", "backgroundColor"), "rgb(29, 29, 29)")
	do(t, ctx, "menu", chromedp.Click(chromedp.CSS("footer .views summary")))
	do(t, ctx, "own colours", chromedp.Click(chromedp.CSS("a.on-dark")))
	until(t, ctx, "document.querySelector('article iframe')?.src.includes('colours=own') && document.querySelector('article iframe').contentDocument.readyState === 'complete' && document.querySelector('article iframe').contentDocument.URL !== 'about:blank'")
	wants("its own paper", colour("body > div", "backgroundColor"), "rgb(255, 255, 255)")
	wants("its own ink", colour("#m-x", "color"), "rgb(51, 51, 51)")
	open(3, "aware")
	wants("what it says", colour("#m-x", "color"), "rgb(0, 255, 0)")
	wants("what it says", colour("#m-x", "backgroundColor"), "rgb(255, 255, 255)")

	for _, scheme := range []string{"light", "dark"} {
		media(t, ctx, scheme)
		for _, width := range []int64{1280, 390} {
			do(t, ctx, "width", chromedp.EmulateViewport(width, 900))
			for n, subject := range []string{"Re: plan", "Plant before the frost"} {
				if n == 1 {
					subject = "letter"
				}
				open(n+1, subject)
				look(t, ctx, "colours-"+subject, scheme, width, everything)
			}
		}
	}
	// The quotation is folded, and shows on request: without scripts in the frame.
	open(1, "Re: plan")
	wants("the quotation", "d.querySelector('details.wm-quote').open", "false")
	if !strings.Contains(inFrame(t, ctx, "d.querySelector('details.wm-quote > summary').textContent"), "Quoted text") {
		t.Error("the quotation is nameless")
	}
	before := eval[int](t, ctx, "document.querySelector('article iframe').offsetHeight")
	do(t, ctx, "unfold", chromedp.Evaluate[chromedp.Void]("void document.querySelector('article iframe').contentDocument.querySelector('summary').click()"))
	until(t, ctx, fmt.Sprintf("document.querySelector('article iframe').offsetHeight > %d", before+200))
}
