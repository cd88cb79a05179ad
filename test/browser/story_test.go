package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// hand is what a person does with a browser. It ends the test where that does not go.
type hand interface {
	visit(url string)
	resize(width int64)
	click(css string)
	fill(css, text string)    // instead of what is there
	choose(css, value string) // of a menu
	attach(css, path string)
	sees(js string) (bool, error)
	text() string // of the page
}

// TestStoryFirefox is the same in Firefox.
func TestStoryFirefox(t *testing.T) {
	h := startFirefox(t)
	for _, width := range []int64{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			h.t = t
			story{t, start(t, numbered(6)...), h, true, width}.tell()
		})
	}
}

// TestStory is what people do with their mail, all of it, with and without scripts, in a
// wide and a narrow window.
func TestStory(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		for _, width := range []int64{1280, 390} {
			t.Run(fmt.Sprintf("scripts %v, %d", scripts, width), func(t *testing.T) {
				t.Parallel()
				ctx := window(t, "en")
				if !scripts {
					withoutScripts(t, ctx)
				}
				story{t, start(t, numbered(6)...), chromiumHand{t, ctx}, scripts, width}.tell()
			})
		}
	}
}

// story is one visit to an account with six new messages.
type story struct {
	*testing.T
	s       *server
	hand    hand
	scripts bool
	width   int64
}

func (y story) tell() {
	y.hand.resize(y.width)
	y.logIn()
	y.read()
	y.search()
	y.mark()
	y.file()
	y.settings()
	y.write()
	y.contacts()
	y.folders()
	y.logOut()
}

// wait waits for an expression to become true.
func (y story) wait(js string) {
	y.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok, err := y.hand.sees("Boolean(" + js + ")"); err == nil && ok {
			return
		}
	}
	y.Fatalf("never: %s\n%s\n%s", js, y.hand.text(), y.s.log)
}

// page goes to a page, and waits until it is there.
func (y story) page(path string) {
	y.Helper()
	y.hand.visit(y.s.url + path)
	y.wait("document.readyState === 'complete'")
}

// list goes to a folder and waits for its messages.
func (y story) list(folder string) {
	y.Helper()
	y.page("/f/" + folder)
	y.wait("document.querySelector('.messages li')")
	y.ready()
}

// ready waits for the scripts.
func (y story) ready() {
	y.Helper()
	if y.scripts {
		y.wait(ready)
	}
}

const firstSubject = "document.querySelector('.messages li .subject').innerText"

func (y story) logIn() {
	y.page("/f/INBOX")
	y.hand.fill("#name", userName)
	y.hand.fill("#password", password)
	y.hand.click("button[type=submit]")
	y.wait("location.pathname === '/f/INBOX' && " + firstSubject + " === 'number 6'")
	y.ready()
}

func (y story) read() {
	y.hand.click(".messages li:nth-child(1) a")
	y.wait("document.querySelector('.reader article h1')?.innerText === 'number 6' && document.querySelector('.reader iframe')")
	y.hand.click(".reader .bar > a")
	y.wait("location.pathname === '/f/INBOX' && document.querySelector('.messages li').classList.contains('read')")
	y.ready()
}

func (y story) search() {
	y.hand.fill("#q", "subject:\"number 3\"")
	y.hand.click(".find button")
	y.wait("location.pathname === '/search' && document.querySelector('.results .subject mark') && document.querySelectorAll('.results li').length === 1")
	y.hand.click(".results li a")
	y.wait("document.querySelector('.reader article h1')?.innerText === 'number 3'")
	y.list("INBOX")
}

func (y story) mark() {
	y.hand.click(".messages li:nth-child(2) .pick")
	y.hand.click(".acts button[value=star]")
	y.wait("document.querySelector('.messages li:nth-child(2)').classList.contains('starred')")
	y.list("INBOX")
	y.hand.click(".messages li:nth-child(2) .pick")
	y.hand.click(".labels summary")
	y.hand.fill("#label", "Garden")
	y.hand.click(".labels button[value=label]")
	y.wait("document.querySelector('.messages li:nth-child(2) .label')?.innerText === 'Garden'")
}

func (y story) file() {
	y.list("INBOX")
	y.hand.click(".messages li:nth-child(1) .pick")
	y.hand.click(".acts button[value=archive]")
	y.wait(firstSubject + " === 'number 5' && document.querySelector('.toast .undo')")
	y.hand.click(".toast .undo")
	y.wait(firstSubject + " === 'number 6'")
}

func (y story) settings() {
	y.page("/settings/general")
	y.hand.choose("#undoSend", "0")
	y.hand.choose("#language", "ar")
	y.hand.click(".forms > form .send button")
	y.wait("document.documentElement.dir === 'rtl' && document.querySelector('#language').value === 'ar'")
	y.list("INBOX")
	y.wait("document.documentElement.dir === 'rtl' && document.documentElement.scrollWidth <= innerWidth")
	y.page("/settings/general")
	y.hand.choose("#language", "en")
	y.hand.click(".forms > form .send button")
	y.wait("document.documentElement.dir === 'ltr' && document.querySelector('#undoSend').value === '0'")
}

// write sends a message with something attached, and an answer.
func (y story) write() {
	note := write(y.T, y.TempDir(), "river notes.txt", "The path is closed.\n")
	y.list("INBOX")
	if y.width <= 860 {
		y.hand.click(".quiet.menu")
	}
	y.hand.click("a.new")
	y.wait("document.querySelector('#writing') && document.readyState === 'complete'")
	y.hand.fill("#to", "ben@example.net")
	y.hand.fill("#subject", "The river")
	y.hand.fill("#text", "See what is attached.")
	y.hand.attach("#files", note)
	y.hand.click(".send button[value=send]")
	y.wait("!document.querySelector('#writing')")
	if got := y.given("Subject: The river"); !strings.HasPrefix(got, "-i ") || !strings.Contains(got, "ben@example.net") || !strings.Contains(got, "river notes.txt") {
		y.Errorf("the mail server is given %s", got)
	}
	y.filed("The river")
	y.hand.click(".messages li:nth-child(1) a")
	y.wait("document.querySelector('.reader .files .name')?.innerText === 'river notes.txt'")

	y.list("INBOX")
	y.hand.click(".messages li:nth-child(1) a")
	y.wait("document.querySelector('.reader .answer a.button')")
	y.hand.click(".reader .answer a.button")
	y.wait("document.querySelector('#subject')?.value === 'Re: number 6' && document.querySelector('#text').value.includes('> body of 6')")
	y.hand.click(".send button[value=send]")
	y.wait("!document.querySelector('#writing')")
	if got := y.given("Subject: Re: number 6"); !strings.Contains(got, "mallory@evil.example") {
		y.Errorf("the mail server is given %s", got)
	}
	y.filed("Re: number 6")
}

// given waits for a message that the mail server is given: the options, and then its text.
func (y story) given(field string) string {
	y.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		y.submit()
		files, err := filepath.Glob(filepath.Join(y.s.home, "sent", "*"))
		if err != nil {
			y.Fatal(err)
		}
		for _, f := range files {
			if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), field) {
				return string(text)
			}
		}
	}
	y.Fatalf("nothing is sent with %q\n%s\n%s", field, y.hand.text(), y.s.log)
	return ""
}

// submit does for the superuser what submitd does for others, and never for the superuser.
func (y story) submit() {
	if os.Geteuid() != 0 {
		return
	}
	bin, err := programs()
	if err != nil {
		y.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "webmail-submit"), "-c", filepath.Join(y.s.home, "fantail.toml"), "-m", filepath.Join(y.s.home, "Maildir"), "-u", userName)
	if out, err := cmd.CombinedOutput(); err != nil {
		y.Fatalf("webmail-submit: %v\n%s", err, out)
	}
}

// filed waits for the copy of what was sent.
func (y story) filed(subject string) {
	y.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		y.list("Sent")
		if ok, err := y.hand.sees(firstSubject + " === '" + subject + "'"); err == nil && ok {
			return
		}
	}
	y.Fatalf("%q is not in Sent\n%s", subject, y.hand.text())
}

func (y story) contacts() {
	y.page("/contacts/new")
	y.hand.fill("#name", "Ben Ito")
	y.hand.fill("#e0", "ben@example.net")
	y.hand.click("button[value=save]")
	y.wait("location.pathname.startsWith('/contacts') && document.body.innerText.includes('Ben Ito')")
	y.page("/contacts?q=ben")
	y.wait("document.querySelectorAll('.people li').length >= 1")
	y.hand.click(".people li:nth-child(1) a")
	y.wait("document.querySelector('#name')?.value === 'Ben Ito'")
}

func (y story) folders() {
	const row = "[...document.querySelectorAll('.tree > li')].findIndex(e => e.querySelector('bdi').innerText === '%s') + 1"
	menu := func(name string) string { // opens the menu of a folder
		y.Helper()
		y.page("/folders")
		y.wait(fmt.Sprintf(row, name))
		n := 1
		for ok := false; !ok; n++ {
			var err error
			if ok, err = y.hand.sees(fmt.Sprintf(row+" === %d", name, n)); err != nil || n > 100 {
				y.Fatal(name, n, err)
			}
		}
		at := fmt.Sprintf(".tree > li:nth-child(%d) ", n-1)
		y.hand.click(at + "summary")
		return at
	}
	y.page("/folders")
	y.hand.fill("#name", "Plans")
	y.hand.click("button[value=create]")
	y.wait(fmt.Sprintf(row, "Plans"))
	at := menu("Plans")
	y.hand.fill(at+"input[name=name]", "Great plans")
	y.hand.click(at + "button[value=rename]")
	y.wait(fmt.Sprintf(row, "Great plans"))
	y.page("/f/Great%20plans")
	y.wait("document.querySelector('.empty')")
	at = menu("Great plans")
	y.hand.click(at + "a.item.danger")
	y.wait("document.querySelector('.card.ask')")
	y.hand.click(".card.ask button.risky")
	y.wait("!document.querySelector('.card.ask') && document.querySelector('.tree') && " + fmt.Sprintf(row, "Great plans") + " === 0")
}

func (y story) logOut() {
	y.list("INBOX")
	y.hand.click("form[action='/logout'] button")
	y.wait("location.pathname === '/login' && document.querySelector('#password')")
	y.hand.visit(y.s.url + "/f/Sent")
	y.wait("location.pathname === '/login'")
}

// chromiumHand does it in Chromium.
type chromiumHand struct {
	t   *testing.T
	ctx context.Context
}

func (h chromiumHand) visit(url string) {
	h.t.Helper()
	do(h.t, h.ctx, "visit "+url, chromedp.Navigate(url))
}

func (h chromiumHand) resize(width int64) {
	do(h.t, h.ctx, "resize", chromedp.EmulateViewport(width, 844))
}

func (h chromiumHand) click(css string) {
	h.t.Helper()
	until(h.t, h.ctx, "document.querySelector("+quote(css)+") !== null")
	err := chromedp.Do(h.ctx, chromedp.Click(chromedp.CSS(css)))
	for n := 0; err != nil && strings.Contains(err.Error(), "Could not find node") && n < 5; n++ { // scripts have put another in its place
		err = chromedp.Do(h.ctx, chromedp.Click(chromedp.CSS(css)))
	}
	if err != nil {
		h.t.Fatalf("click on %s: %v", css, err)
	}
}

func (h chromiumHand) fill(css, text string) {
	h.t.Helper()
	until(h.t, h.ctx, "(e => e && (e.focus(), e.select(), true))(document.querySelector("+quote(css)+"))")
	do(h.t, h.ctx, "fill "+css, chromedp.SendKeys(chromedp.CSS(css), text))
}

func (h chromiumHand) choose(css, value string) {
	h.t.Helper()
	do(h.t, h.ctx, "choose "+css, chromedp.SetValue(chromedp.CSS(css), value))
}

func (h chromiumHand) attach(css, path string) {
	h.t.Helper()
	do(h.t, h.ctx, "attach", chromedp.SetUploadFiles(chromedp.CSS(css), []string{path}))
}

func (h chromiumHand) sees(js string) (bool, error) {
	return chromedp.Run(h.ctx, chromedp.Evaluate[bool](js))
}

func (h chromiumHand) text() string { return pageText(h.t, h.ctx) }

// quote writes a string in JavaScript.
func quote(s string) string { return fmt.Sprintf("%q", s) }
