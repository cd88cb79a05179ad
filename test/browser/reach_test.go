package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestReflow: at 320 px, which is a window of 1280 at 400 %, and at 200 %, nothing is read by
// scrolling sideways (WCAG 2.2, 1.4.10), in the language with the longest words; nor with
// lines close together.
func TestReflow(t *testing.T) {
	s := start(t, mailbox()...)
	ctx := window(t, "de")
	s.login(t, ctx)
	for _, sc := range append([]screen{{"keys", "/f/INBOX", ".messages li:nth-child(9) a", "document.querySelector('.reader article') !== null"}}, screens...) {
		if sc.name == "empty" || sc.path == "" {
			continue
		}
		do(t, ctx, sc.name, chromedp.EmulateViewport(640, 422), chromedp.Navigate(s.url+sc.path))
		if sc.name == "formatted" || sc.name == "conversation" || sc.name == "plain" || sc.name == "keys" {
			chromiumHand{t, ctx}.click(sc.click)
		}
		if sc.click == "" || sc.name == "conversation" {
			until(t, ctx, sc.until)
		}
		for _, width := range []int64{640, 320} {
			do(t, ctx, "resize", chromedp.EmulateViewport(width, 800))
			for _, e := range eval[[]string](t, ctx, cutOff) {
				t.Errorf("%s at %d px: cut off is %s", sc.name, width, e)
			}
			if got := eval[int64](t, ctx, "document.documentElement.scrollWidth"); got > width {
				widest := eval[string](t, ctx, fmt.Sprintf("[...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && Math.max(e.getBoundingClientRect().right, -e.getBoundingClientRect().left) > %d + 1).slice(0, 4).map(e => e.outerHTML.slice(0, 120)).join(' | ')", width))
				t.Errorf("%s at %d px is %d wide: %s", sc.name, width, got, widest)
			}
		}
	}
}

// cutOff are things to click on that a narrow window cuts off.
const cutOff = `[...document.querySelectorAll('main :is(a, button, input, select, summary)')].filter(e => { const r = e.getBoundingClientRect(); return e.checkVisibility({visibilityProperty: true}) && r.width > 2 && (r.right > innerWidth + 1 || r.left < -1); }).slice(0, 4).map(e => e.outerHTML.slice(0, 140))`

// TestKeyboard: the first key leads past the folders; every place that Tab leads to is to be
// seen, and has a ring; and Tab leads out again (WCAG 2.2, 2.1.1, 2.1.2, 2.4.1, 2.4.7, 2.4.11).
func TestKeyboard(t *testing.T) {
	s := start(t, mailbox()...)
	ctx := window(t, "en")
	s.login(t, ctx)
	do(t, ctx, "wide", chromedp.EmulateViewport(1280, 844))
	for _, path := range []string{"/f/INBOX", "/folders", "/compose", "/settings/appearance"} {
		do(t, ctx, path, chromedp.Navigate(s.url+path))
		until(t, ctx, "document.documentElement.dataset.scripts === 'on'")
		eval[bool](t, ctx, "(document.activeElement.blur(), getSelection().removeAllRanges(), true)")
		if path != "/compose" { // where one begins to write
			press(t, ctx, kb.Tab)
			if !eval[bool](t, ctx, "document.activeElement.matches('.skip') && document.activeElement.getBoundingClientRect().top >= 0") {
				t.Errorf("%s: the first key leads to %s", path, eval[string](t, ctx, "document.activeElement.outerHTML.slice(0, 200)"))
			}
			press(t, ctx, kb.Enter)
			until(t, ctx, "document.activeElement.matches('main')")
		}
		seen, out := 0, false
		for range 150 {
			press(t, ctx, kb.Tab)
			if eval[bool](t, ctx, "document.activeElement === document.body || document.activeElement.matches('.skip')") {
				out = true
				break
			}
			seen++
			if bad := eval[string](t, ctx, badFocus); bad != "" {
				t.Errorf("%s: %s", path, bad)
			}
		}
		if !out && path != "/f/INBOX" { // the list is long
			t.Errorf("%s: Tab does not lead out", path)
		}
		if seen < 3 {
			t.Errorf("%s: only %d places", path, seen)
		}
	}
}

// badFocus says what is wrong with the element that has the focus.
const badFocus = `(() => {
  const e = document.activeElement, r = e.getBoundingClientRect(), name = e.outerHTML.slice(0, 160);
  const drawn = x => { const s = getComputedStyle(x); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 || s.boxShadow !== 'none'; };
  if (e.tagName === 'IFRAME') return '';
  if (!drawn(e) && !(e.parentElement && drawn(e.parentElement))) return 'no ring: ' + name;
  if (r.bottom < 1 || r.top > innerHeight - 1 || r.right < 1 || r.left > innerWidth - 1) return 'out of sight: ' + name + ' ' + JSON.stringify(r);
  return '';
})()`
