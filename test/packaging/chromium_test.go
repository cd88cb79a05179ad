package packaging

import (
	"context"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "keep screenshots in this `directory`")

// chromium: mail that Postfix has delivered is read in a browser, by whoever has the
// password of the system.
func chromium(h house) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		h.Fatal("chromium is not installed: run test/packages")
	}
	h.sh(`printf 'From: Bob Example <bob@example.org>\nTo: ann@host.example\nSubject: Lunch on Friday\n\nAt noon, where we always go?\n' | sendmail -i ann@host.example`)
	h.within(30*time.Second, "the mail", func() bool {
		return h.sh(`grep -l "^Subject: Lunch on Friday" /home/ann/Maildir/new/* 2>/dev/null || true`) != ""
	})
	defer h.sh(`grep -lE "^Subject: (Lunch on Friday|New login)" /home/ann/Maildir/*/* | xargs rm`)

	ctx, cancel := context.WithTimeout(h.Context(), 2*time.Minute)
	defer cancel()
	ctx, end := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("window-size", "1280,900"))...)
	defer end()
	ctx, end = chromedp.NewContext(ctx)
	defer end()
	do := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		h.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			h.Fatalf("%s: %v", what, err)
		}
	}
	shows := func(what, expression string) {
		h.Helper()
		h.within(30*time.Second, what, func() bool {
			yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && "+expression))
			return err == nil && yes
		})
		h.screenshot(ctx, what)
	}
	const link = "[...document.querySelectorAll('.messages li a')].find(a => a.innerText.includes('Lunch on Friday'))"
	at := "https://" + h.door("443")
	do("visit", chromedp.Navigate(at+"/"))
	shows("login", "document.querySelector('#password') !== null")
	do("log in", chromedp.SendKeys(chromedp.CSS("#name"), user), chromedp.SendKeys(chromedp.CSS("#password"), password+"\n"))
	shows("inbox", link+" !== undefined")
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](link+".click() === undefined")); err != nil {
		h.Fatalf("open: %v", err)
	}
	shows("message", "[...document.querySelectorAll('h1, h2')].some(e => e.innerText === 'Lunch on Friday') && document.body.innerText.includes('to ann@host.example')")
	h.within(10*time.Second, "the mail is marked as read", func() bool {
		return h.sh(`grep -l "^Subject: Lunch on Friday" /home/ann/Maildir/cur/*:2,*S 2>/dev/null || true`) != ""
	})
	do("log out", chromedp.Navigate(at+"/f/INBOX"), chromedp.Click(chromedp.CSS("form[action='/logout'] button")))
	shows("logout", "location.pathname === '/login'")
}

// screenshot keeps what a browser shows, if somebody wants to look.
func (h house) screenshot(ctx context.Context, name string) {
	h.Helper()
	if *shots == "" {
		return
	}
	shot, err := chromedp.Call(ctx, devtools.CaptureScreenshot, devtools.CaptureScreenshotParams{Format: devtools.CaptureScreenshotFormatPng})
	if err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, filepath.Base(h.Name())+"-"+name+".png"), shot.Data, 0o644); err != nil {
		h.Fatal(err)
	}
}

// door is an address of this machine at which a port of the house is.
func (h house) door(port string) string {
	h.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer near.Close()
				far, err := h.Dial("127.0.0.1:" + port)
				if err != nil {
					return // the browser says that nobody is there
				}
				defer far.Close()
				go func() {
					_, _ = io.Copy(far, near)
					far.Close()
				}()
				_, _ = io.Copy(near, far)
			}()
		}
	}()
	return l.Addr().String()
}
