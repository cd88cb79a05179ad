package browser

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// plugIn plugs a security key into the browser. What is done with it goes on at a host with
// a name: browsers have no keys for numbers.
func plugIn(t *testing.T, ctx context.Context, o webauthn.VirtualAuthenticatorOptions) webauthn.AuthenticatorID {
	t.Helper()
	o.AutomaticPresenceSimulation = true
	got, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &o})
	if err != nil {
		t.Fatal(err)
	}
	return got.AuthenticatorID
}

// TestSecurityKeys adds two security keys and logs in with each, and once with a recovery
// code.
func TestSecurityKeys(t *testing.T) {
	ctx := chromium(t)
	s := start(t)
	s.url = strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	usb := plugIn(t, ctx, webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportUsb})
	do(t, ctx, "open", chromedp.EmulateViewport(1280, 844), chromedp.Navigate(s.url+"/"))
	s.login(t, ctx)
	do(t, ctx, "security", chromedp.Navigate(s.url+"/settings/security"))
	until(t, ctx, "document.querySelector('#password') !== null && document.readyState === 'complete'")
	do(t, ctx, "password", chromedp.SendKeys(chromedp.CSS("#password"), password+"\n"))
	until(t, ctx, "document.querySelector('#keylabel') !== null && document.readyState === 'complete'")
	everyWay(t, ctx, "security-factors")

	register := func(label, then string) {
		t.Helper()
		do(t, ctx, "name", chromedp.SendKeys(chromedp.CSS("#keylabel"), label+"\n"))
		until(t, ctx, "document.querySelector('form[data-seckey=create]:not([hidden])') !== null")
		if label == "Blue key" {
			everyWay(t, ctx, "security-newkey")
		}
		do(t, ctx, "register", chromedp.Click(chromedp.CSS("form[data-seckey=create] button")))
		until(t, ctx, then)
	}
	register("Blue key", "document.querySelectorAll('.secrets li').length === 10 && document.readyState === 'complete'")
	everyWay(t, ctx, "security-keys")
	recovery := eval[string](t, ctx, "document.querySelector('.secrets li').textContent")
	// The same key a second time.
	register("Again", "document.querySelector('[data-say=known]:not([hidden])') !== null")
	everyWay(t, ctx, "security-known")
	// Another one, such as a telephone: a passkey that is copied to other devices.
	if _, err := chromedp.Call(ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: usb}); err != nil {
		t.Fatal(err)
	}
	plugIn(t, ctx, webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
		HasUserVerification: true, IsUserVerified: true, DefaultBackupEligibility: true, DefaultBackupState: true,
	})
	do(t, ctx, "security", chromedp.Navigate(s.url+"/settings/security"))
	until(t, ctx, "document.querySelector('#keylabel') !== null && document.readyState === 'complete'")
	register("Telephone", "document.querySelectorAll('input[value=endkey]').length === 2 && document.readyState === 'complete'")
	if text := pageText(t, ctx); strings.Contains(text, recovery) || !strings.Contains(text, "Telephone") {
		t.Error(text)
	}

	logIn := func() {
		t.Helper()
		do(t, ctx, "log out", chromedp.Click(chromedp.CSS("form[action='/logout'] button")))
		until(t, ctx, "location.pathname === '/login' && document.readyState === 'complete'")
		do(t, ctx, "log in", chromedp.SendKeys(chromedp.CSS("#name"), userName), chromedp.SendKeys(chromedp.CSS("#password"), password+"\n"))
		until(t, ctx, "location.pathname === '/login/code' && document.readyState === 'complete'")
	}
	const inside = "document.title.startsWith('Inbox') && document.readyState === 'complete'"
	logIn()
	until(t, ctx, "document.querySelector('form[data-seckey=get]:not([hidden])') !== null")
	everyWay(t, ctx, "login-key")
	do(t, ctx, "touch", chromedp.Click(chromedp.CSS("form[data-seckey] button")))
	until(t, ctx, inside)

	// Unlocking the page takes the password and the key.
	do(t, ctx, "security", chromedp.Navigate(s.url+"/settings/security"))
	until(t, ctx, "document.querySelector('#password') !== null && document.readyState === 'complete'")
	do(t, ctx, "password", chromedp.SendKeys(chromedp.CSS("#password"), password+"\n"))
	until(t, ctx, "document.querySelector('form[data-seckey=get]:not([hidden])') !== null && document.readyState === 'complete'")
	everyWay(t, ctx, "security-second")
	do(t, ctx, "touch", chromedp.Click(chromedp.CSS("form[data-seckey] button")))
	until(t, ctx, "document.querySelector('#keylabel') !== null && document.readyState === 'complete'")

	// Without scripts the page says what else there is.
	logIn()
	withoutScripts(t, ctx)
	do(t, ctx, "without scripts", chromedp.Navigate(s.url+"/login/code"))
	look(t, ctx, "login-key-noscript", "light", 390, everything)
	bare.Delete(ctx)
	setScripts(t, ctx, true)
	do(t, ctx, "recovery", chromedp.Navigate(s.url+"/login/code?recovery"))
	until(t, ctx, "document.querySelector('input[name=recovery]') !== null && document.readyState === 'complete'")
	do(t, ctx, "code", chromedp.SendKeys(chromedp.CSS("#code"), recovery+"\n"))
	until(t, ctx, inside)
	logIn()
	do(t, ctx, "recovery", chromedp.Navigate(s.url+"/login/code?recovery"))
	until(t, ctx, "document.querySelector('input[name=recovery]') !== null && document.readyState === 'complete'")
	do(t, ctx, "again", chromedp.SendKeys(chromedp.CSS("#code"), recovery+"\n"))
	until(t, ctx, "document.querySelector('.alert:not([hidden])') !== null && document.readyState === 'complete'")
}
