package browser

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// codeNow is what an authenticator app shows (RFC 6238) that was given a secret as people
// type it.
func codeNow(t *testing.T, typed string) string {
	t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(typed, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, secret)
	if err := binary.Write(mac, binary.BigEndian, time.Now().Unix()/30); err != nil {
		t.Fatal(err)
	}
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// TestSettings changes what there is to change, and looks at the pages that come of it.
func TestSettings(t *testing.T) {
	ctx := window(t, "en")
	s := start(t)
	do(t, ctx, "open", chromedp.EmulateViewport(1280, 844), chromedp.Navigate(s.url+"/"))
	s.login(t, ctx)
	visit := func(page string) {
		t.Helper()
		do(t, ctx, page, chromedp.Navigate(s.url+"/settings/"+page))
		until(t, ctx, "document.querySelector('.forms h1') !== null && document.readyState === 'complete'")
	}
	press := func(selector, js string) {
		t.Helper()
		leads(t, ctx, selector, js, chromedp.Click(chromedp.CSS(selector)))
	}
	enter := func(selector, text, js string) {
		t.Helper()
		leads(t, ctx, selector, js, chromedp.SendKeys(chromedp.CSS(selector), text+"\n"))
	}
	visit("appearance")
	do(t, ctx, "dark", chromedp.Click(chromedp.CSS("input[name=theme][value=dark]")))
	press(".send button", "document.documentElement.dataset.theme === 'dark'")
	visit("security") // the front has learnt it
	until(t, ctx, "document.documentElement.dataset.theme === 'dark'")
	visit("general")
	do(t, ctx, "German", chromedp.SetValue(chromedp.CSS("#language"), "ar"))
	press(".forms > form .send button", "document.documentElement.dir === 'rtl'")
	do(t, ctx, "English", chromedp.SetValue(chromedp.CSS("#language"), "en"))
	press(".forms > form .send button", "document.documentElement.lang === 'en'")
	visit("identities")
	do(t, ctx, "identity", chromedp.SendKeys(chromedp.CSS("#name"), "Demo Person"))
	enter("#address", "demo@example.org", "document.querySelectorAll('.panel').length === 2")
	everyWay(t, ctx, "settings-identity")

	visit("security")
	enter("#password", password, "document.querySelector('#programs') !== null")
	enter("#label", "Telephone", "document.querySelector('code.secret') !== null")
	everyWay(t, ctx, "security-made")
	press("button[type=submit]:is(form:has([value=begin]) button)", "document.querySelector('.qr svg') !== null")
	everyWay(t, ctx, "security-qr")
	secret := eval[string](t, ctx, "document.querySelector('code.secret').textContent")
	enter("#confirm", codeNow(t, secret), "document.querySelectorAll('.secrets li').length === 10")
	everyWay(t, ctx, "security-on")
	if text := pageText(t, ctx); !strings.Contains(text, "Telephone") || !strings.Contains(text, "This one") {
		t.Error(text)
	}
	press("form[action='/logout'] button", "location.pathname === '/login'")
	do(t, ctx, "log in", chromedp.SendKeys(chromedp.CSS("#name"), userName))
	enter("#password", password, "location.pathname === '/login/code'")
}
