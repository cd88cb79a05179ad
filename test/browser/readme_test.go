package browser

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// TestReadme takes the two pictures of README, with -shots: a wide window by day, and a
// narrow one by night.
func TestReadme(t *testing.T) {
	if *shots == "" {
		t.Skip("nobody wants pictures: there is no -shots")
	}
	s := start(t, mailbox()...)
	mb, snap := inbox(t, s.another(t), mail.Inbox)
	labels := []mail.Keyword{"Library", "Garden"}
	for i, label := range labels {
		change := store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Keywords: []mail.Keyword{label}}}
		if _, err := mb.SetFlags(t.Context(), []mail.UID{snap.UID(snap.Len() - 3 - 2*i)}, change); err != nil {
			t.Fatal(err)
		}
	}
	ctx := window(t, "en")
	do(t, ctx, "wide", chromedp.EmulateViewport(1280, 800))
	s.login(t, ctx)
	until(t, ctx, ready)
	chromiumHand{t, ctx}.click(".messages li:nth-child(4) a")
	until(t, ctx, "document.querySelectorAll('details.letter').length > 1")
	picture(t, ctx, "webmail-wide")

	do(t, ctx, "narrow", chromedp.EmulateViewport(390, 800, chromedp.EmulateScale(1.5)), chromedp.Navigate(s.url+"/f/INBOX"))
	media(t, ctx, "dark")
	until(t, ctx, ready)
	picture(t, ctx, "webmail-narrow")
}

// picture keeps what is shown, small enough for a page that people load to see whether
// they want more.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	until(t, ctx, settled)
	const most = 120_000
	quality := int64(80)
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
	if err != nil {
		t.Fatal(err)
	}
	if len(shot.Data) > most {
		t.Errorf("%s has %d octets", name, len(shot.Data))
	}
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".webp"), shot.Data, 0o644); err != nil {
		t.Fatal(err)
	}
}
