package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A visit from login to logout, in a browser without JavaScript.
func TestJourney(t *testing.T) {
	ctx := window(t, "en")
	at := time.Now().Add(-5 * time.Minute)
	s := start(t, htmlMessage("The newest of all", "<p>Hello <b>there</b>", at))
	withoutScripts(t, ctx)

	do(t, ctx, "visit", chromedp.Navigate(s.url+"/f/INBOX?p=2"))
	until(t, ctx, "location.pathname === '/login'")
	do(t, ctx, "wrong password", chromedp.SendKeys(chromedp.CSS("#name"), userName), chromedp.SendKeys(chromedp.CSS("#password"), "wrong\n"))
	until(t, ctx, "document.querySelector('[role=alert]') !== null")
	if got := pageText(t, ctx); !strings.Contains(got, "This name and password do not match.") {
		t.Errorf("wrong password: %s", got)
	}
	if got := eval[string](t, ctx, "document.querySelector('#name').value + '|' + document.querySelector('#password').value"); got != userName+"|" {
		t.Errorf("the form after a wrong password: %q", got)
	}
	do(t, ctx, "right password", chromedp.SendKeys(chromedp.CSS("#password"), password+"\n"))
	until(t, ctx, "location.pathname + location.search === '/f/INBOX?p=2'") // where the visit was going

	do(t, ctx, "newer messages", chromedp.Click(chromedp.CSS("a[rel=prev]")))
	until(t, ctx, "document.querySelector('.messages li .subject').innerText === 'The newest of all'")
	if got := eval[string](t, ctx, "document.querySelector('.messages li').className"); got != "unread" {
		t.Errorf("a new message is %q", got)
	}
	unread := eval[string](t, ctx, "document.title")
	do(t, ctx, "open", chromedp.Click(chromedp.CSS(".messages li a")))
	until(t, ctx, "document.querySelector('h1').innerText === 'The newest of all'")
	until(t, ctx, "document.querySelector('iframe') !== null")
	do(t, ctx, "back to the list", chromedp.Click(chromedp.CSS(".bar > a")))
	until(t, ctx, "document.querySelector('.messages li') !== null")
	if got := eval[string](t, ctx, "document.querySelector('.messages li').className"); got != "read" || eval[string](t, ctx, "document.title") == unread {
		t.Errorf("a message that was read is %q, title %q", got, unread)
	}
	do(t, ctx, "open again", chromedp.Click(chromedp.CSS(".messages li a")))
	until(t, ctx, "document.querySelector('.tools form button') !== null")
	do(t, ctx, "mark unread", chromedp.Click(chromedp.CSS(".tools button[value=unread]")))
	until(t, ctx, "document.querySelector('.messages li.unread .subject').innerText === 'The newest of all'")
	do(t, ctx, "another folder", chromedp.Click(chromedp.CSS(".folders li:nth-child(2) a")))
	until(t, ctx, "location.pathname !== '/f/INBOX' && document.querySelector('h1') !== null")

	do(t, ctx, "log out", chromedp.Navigate(s.url+"/f/INBOX"), chromedp.Click(chromedp.CSS("form[action='/logout'] button")))
	until(t, ctx, "location.pathname === '/login' && document.readyState === 'complete'")
	if got := pageText(t, ctx); !strings.Contains(got, "logged out") {
		t.Errorf("after logout: %s", got)
	}
	for range 3 { // the back button shows nothing of the mail
		do(t, ctx, "back", chromedp.NavigateBack())
		until(t, ctx, "document.readyState === 'complete'")
		if got := pageText(t, ctx); strings.Contains(got, "newest of all") || !strings.Contains(got, "Log in") {
			t.Fatalf("the back button after logout shows %s", got)
		}
	}
	if got := s.log.String(); !strings.Contains(got, "msg=logout") || strings.Contains(got, password) {
		t.Errorf("log:\n%s", got)
	}
}
