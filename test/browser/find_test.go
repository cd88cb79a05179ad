package browser

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"fantail/test/samplemail"
)

// The rest of a search that could not look at everything comes by itself: the page is given
// a link as such a search has it, which leads to what is older.
func TestSearchGoesOn(t *testing.T) {
	at := time.Now().Add(-100 * time.Hour)
	var list []samplemail.Message
	for i := range 6 {
		list = append(list, htmlMessage(fmt.Sprintf("fjord %d", i+1), "<p>water", at.Add(time.Duration(i)*time.Hour)))
	}
	s := start(t, list...)
	ctx := window(t, "en")
	s.login(t, ctx)
	further := func(query string, before time.Time) {
		t.Helper()
		do(t, ctx, "search", chromedp.Navigate(s.url+"/search?q="+query))
		until(t, ctx, "document.documentElement.dataset.scripts === 'on'")
		eval[bool](t, ctx, fmt.Sprintf(`(() => {
			const form = document.querySelector('form.lines');
			form.querySelectorAll('.after').forEach(e => e.remove());
			const p = document.createElement('p'), a = document.createElement('a');
			p.className = 'after';
			a.href = '/search?q=fjord&before=%d';
			a.dataset.further = '';
			p.append(a);
			form.append(p);
			document.dispatchEvent(new CustomEvent('wm:show', {detail: {pane: document.querySelector('.pane.list'), kind: 'list'}}));
			return true;
		})()`, before.Unix()))
	}
	further(`%22fjord+6%22`, at.Add(3*time.Hour+time.Minute))
	until(t, ctx, "document.querySelectorAll('.results > li').length === 5 && !document.querySelector('[data-further]')")
	if got := subjects(t, ctx, 9); got != "fjord 6|fjord 4|fjord 3|fjord 2|fjord 1" {
		t.Errorf("rows: %s", got)
	}
	// What has come can be chosen and opened as the rest.
	do(t, ctx, "open", chromedp.Click(chromedp.CSS(".results li:nth-child(1) a")))
	until(t, ctx, "document.querySelector('.pane.reader h1')?.innerText === 'fjord 6'")
	press(t, ctx, "j")
	until(t, ctx, "document.querySelector('.pane.reader h1')?.innerText === 'fjord 4'")
	further("nobody-has-this", at.Add(2*time.Hour+time.Minute))
	until(t, ctx, "document.querySelectorAll('.results > li').length === 3 && !document.querySelector('.empty.none') && document.querySelector('.acts') !== null")
	if eval[bool](t, ctx, "document.querySelector('.lines .empty') !== null") {
		t.Error("it still says that nothing was found")
	}
	look(t, ctx, "search-goes-on", "light", 1280, everything)
}

// A message below the list: both are there, and the bar between them is moved by keys.
func TestBelow(t *testing.T) {
	s := start(t, numbered(6)...)
	ctx := window(t, "ar")
	s.login(t, ctx)
	do(t, ctx, "settings", chromedp.Navigate(s.url+"/settings/appearance"))
	eval[bool](t, ctx, "(document.querySelector('[name=layout][value=below]') ? document.querySelector('[name=layout][value=below]').click() : document.querySelector('select[name=layout]').value = 'below', document.querySelector('[name=layout]').form.requestSubmit(), true)")
	until(t, ctx, "document.documentElement.dataset.layout === 'below' && document.readyState === 'complete'")
	do(t, ctx, "list", chromedp.Navigate(s.url+"/f/INBOX"))
	until(t, ctx, ready)
	do(t, ctx, "open", chromedp.Click(chromedp.CSS(".messages li:nth-child(1) a")))
	until(t, ctx, "document.querySelector('.pane.reader h1')?.innerText === 'number 6'")
	const apart = "document.querySelector('.pane.reader').getBoundingClientRect().top - document.querySelector('.pane.list').getBoundingClientRect().bottom"
	if got := eval[float64](t, ctx, apart); got < 8 || got > 24 {
		t.Errorf("the message begins %g pixels below the list", got)
	}
	before := eval[float64](t, ctx, "document.querySelector('.pane.list').offsetHeight")
	eval[bool](t, ctx, "(document.querySelector('.sash').focus(), true)")
	press(t, ctx, kb.ArrowDown, kb.ArrowDown)
	if got := eval[float64](t, ctx, "document.querySelector('.pane.list').offsetHeight"); got <= before {
		t.Errorf("the list is %g high, %g before", got, before)
	}
	until(t, ctx, "document.querySelector('article iframe')?.contentDocument.readyState === 'complete'")
	for _, scheme := range []string{"light", "dark"} {
		media(t, ctx, scheme)
		look(t, ctx, "below", scheme, 1280, everything)
	}
}
