package browser

import (
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestFirstLoad: what a browser that was never here before loads until the inbox is shown,
// as it comes over the wire: both pages, styles, scripts, icons. There are no fonts.
func TestFirstLoad(t *testing.T) {
	const most = 70_000
	s := start(t, mailbox()...)
	ctx := window(t, "en")
	var octets, requests atomic.Int64
	err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*network.EventLoadingFinished); ok {
			octets.Add(int64(e.EncodedDataLength))
			requests.Add(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, "visit", chromedp.EmulateViewport(1280, 844), chromedp.Navigate(s.url+"/"))
	until(t, ctx, "document.readyState === 'complete'")
	login := octets.Load()
	s.login(t, ctx)
	until(t, ctx, ready)
	// The icons are one file; that they are drawn says that it is here.
	until(t, ctx, "performance.getEntriesByType('resource').some(e => e.name.includes('icons.svg') && e.responseEnd > 0)")
	t.Logf("the page to log in takes %d octets, with the inbox it is %d, in %d requests", login, octets.Load(), requests.Load())
	if login < 3000 || octets.Load() < 25_000 {
		t.Error("that is not all")
	}
	if octets.Load() > most {
		t.Errorf("more than %d", most)
	}
}
