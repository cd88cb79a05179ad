package browser

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fantail/internal/login/passdb/factor"
)

// TestCode is a visit of somebody with a second factor, and a look at the page that asks
// for the code.
func TestCode(t *testing.T) {
	ctx := window(t, "en")
	s := start(t)
	store := factor.Open(filepath.Join(s.home, "auth", "totp"))
	key, err := store.Begin(userName)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	recovery, err := store.Confirm(userName, string(key.Code(now)))
	if err != nil {
		t.Fatal(err)
	}
	enter := func(code string) {
		t.Helper()
		if got := eval[string](t, ctx, "document.activeElement.id"); got != "code" {
			t.Errorf("what is typed goes to %q", got)
		}
		do(t, ctx, "a code", chromedp.SendKeys(chromedp.CSS("#code"), code+"\n"))
	}
	logIn := func() {
		t.Helper()
		do(t, ctx, "log in", chromedp.Navigate(s.url+"/"), chromedp.SendKeys(chromedp.CSS("#name"), userName),
			chromedp.SendKeys(chromedp.CSS("#password"), password+"\n"))
		until(t, ctx, "location.pathname === '/login/code' && document.readyState === 'complete'")
	}
	const inside = "document.title.startsWith('Inbox') && document.readyState === 'complete'"
	const wrong = "document.querySelector('.alert') !== null && document.readyState === 'complete'"

	logIn()
	everyWay(t, ctx, "code")
	enter("no code")
	until(t, ctx, wrong)
	everyWay(t, ctx, "code-wrong")
	code := string(key.Code(now.Add(factor.Period)))
	enter(code)
	until(t, ctx, inside)

	do(t, ctx, "log out", chromedp.Click(chromedp.CSS("form[action='/logout'] button")))
	until(t, ctx, "location.pathname === '/login'")
	logIn()
	enter(code) // again
	until(t, ctx, wrong)
	do(t, ctx, "recovery", chromedp.Click(chromedp.CSS("a[href='/login/code?recovery']")))
	until(t, ctx, "document.querySelector('input[name=recovery]') !== null && document.readyState === 'complete'")
	everyWay(t, ctx, "code-recovery")
	enter(string(recovery[0]))
	until(t, ctx, inside)
}
