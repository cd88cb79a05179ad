package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"fantail/test/samplemail"
)

const newsletter = `<html><head><style>@media (max-width:480px){.col{display:block!important;width:100%!important}} h2{color:#0b57d0}</style></head>
<body style="margin:0;background:#f2f4f8;font-family:Georgia,serif"><table width="100%" cellpadding="0" bgcolor="#f2f4f8"><tr><td align="center" style="padding:24px">
<table width="600" style="max-width:100%;background:#ffffff;border-radius:8px"><tr><td style="padding:32px"><img src="https://news.example/logo.png" alt="Garden Weekly" width="160" height="40">
<h2>What to plant before the frost</h2><p style="line-height:1.6;color:#333">Garlic, broad beans and tulips go in now. <a href="https://news.example/a">Read the list</a>, or see <a href="https://click.mailer.example/x">www.garden.example</a>.</p>
<table width="100%"><tr><td class="col" width="50%" style="padding:8px;background:#e8f5e9">Garlic: 5 cm deep</td><td class="col" width="50%" style="padding:8px;background:#fff8e1">Tulips: 15 cm deep</td></tr></table>
<p><font size="2" color="#777777">You receive this because you signed up.</font></p></td></tr></table></td></tr></table></body></html>`

// screen is a page in a window.
type screen struct {
	name  string
	path  string // where to go; "" stays
	click string // and then what to click on, one after the other between " >> "
	until string
}

// outside are the pages for those who are not logged in.
var outside = []screen{
	{"login", "/", "", "document.querySelector('#password') !== null"},
	{"setup", "/help/setup", "", "document.querySelector('dl') !== null"},
	{"setup-address", "/help/setup?address=ann%40example.org", "", "[...document.querySelectorAll('code')].some(e => e.textContent === 'ann@example.org') && document.querySelector('figure img').naturalWidth > 0"},
}

var screens = []screen{
	{"inbox", "/f/INBOX", "", "document.querySelector('.messages li') !== null"},
	{"plain", "/f/INBOX", ".messages li:nth-child(1) a", "document.querySelector('.text') !== null"},
	{"rtl", "/f/INBOX", ".messages li:nth-child(2) a", "document.querySelector('.text') !== null"},
	{"formatted", "/f/INBOX", ".messages li:nth-child(3) a", "document.querySelector('iframe') !== null"},
	{"conversation", "/f/INBOX", ".messages li:nth-child(4) a", "document.querySelectorAll('details.letter').length > 1"},
	{"picture", "", "a.file", "document.querySelector('.picture img') !== null"},
	{"headers", "/f/INBOX", ".messages li:nth-child(1) a >> .answer .views summary >> .answer .menu a[href*=headers]", "document.querySelector('.fields') !== null"},
	{"reply", "/f/INBOX", ".messages li:nth-child(1) a >> .answer a.button", "document.querySelector('#writing') !== null"},
	{"compose", "/compose", "", "document.querySelector('#writing') !== null"},
	{"drafts", "/f/Drafts", "", "document.querySelector('.messages li') !== null"},
	{"sent", "/f/Sent", "", "document.querySelector('.messages li') !== null"},
	{"outbox", "/outbox", "", "document.querySelector('main h1') !== null"},
	{"empty", "/f/Ideas", "", "document.querySelector('.empty') !== null"},
	{"search", "/search?q=the+-from:nobody+-color:red", "", "document.querySelector('.chips li') !== null"},
	{"search-help", "/search", "", "document.querySelector('.examples') !== null"},
	{"contacts", "/contacts", "", "document.querySelector('.seek') !== null"},
	{"contact", "/contacts/new?name=Ann+Lee&email=ann%40example.org", "", "document.querySelector('textarea') !== null"},
	{"manage", "/folders", "", "document.querySelector('.tree') !== null"},
	{"manage-menu", "/folders", ".tree li:nth-child(2) summary", "document.querySelector('.tree details[open]') !== null"},
	{"import", "/folders", "details.card summary", "document.querySelector('details.card[open]') !== null"},
	{"label-menu", "/f/INBOX", ".labels summary", "document.querySelector('.labels[open]') !== null"},
	{"general", "/settings/general", "", settingsShown},
	{"appearance", "/settings/appearance", "", settingsShown},
	{"identities", "/settings/identities", "", settingsShown},
	{"templates", "/settings/templates", "", settingsShown},
	{"pictures", "/settings/pictures", "", settingsShown},
	{"devices", "/settings/devices", "", settingsShown},
	{"security", "/settings/security", "", settingsShown},
	{"missing", "/f/Nowhere", "", "document.querySelector('.empty h1') !== null"},
}

const settingsShown = "document.querySelector('.forms h1') !== null"

// TestScreens looks at every page in a language from left to right and in one from right
// to left.
func TestScreens(t *testing.T) {
	s := start(t, append(mailbox(), samplemail.Message{Folder: "Nothing here.Below", Date: time.Now(), Class: "extra", Data: []byte("Subject: x\n\nx\n")})...)
	for _, part := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(s.home, "Maildir", ".Ideas", part), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, language := range []string{"en", "ar"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			ctx := window(t, language)
			for _, sc := range outside {
				s.visit(t, ctx, sc)
			}
			s.login(t, ctx)
			for _, sc := range screens {
				s.visit(t, ctx, sc)
			}
			do(t, ctx, "narrow", chromedp.EmulateViewport(390, 844), chromedp.Navigate(s.url+"/f/INBOX"), chromedp.Click(chromedp.CSS(".menu")))
			look(t, ctx, "folders", "light", 390, everything)
			if language == "en" {
				// Without scripts of the page axe-core does not run either.
				blocked := []*network.BlockPattern{{URLPattern: "*://*:*/assets/*/app.js", Block: true}}
				if _, err := chromedp.Call(ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: blocked}); err != nil {
					t.Fatal(err)
				}
				for _, sc := range screens[:2] {
					sc.name += "-bare"
					s.visit(t, ctx, sc)
					if eval[bool](t, ctx, "'scripts' in document.documentElement.dataset") {
						t.Error("the scripts run")
					}
				}
			}
		})
	}
}

// visit goes to a page and looks at it.
func (s *server) visit(t *testing.T, ctx context.Context, sc screen) {
	t.Helper()
	do(t, ctx, "wide", chromedp.EmulateViewport(1280, 844))
	if sc.path != "" {
		do(t, ctx, sc.name, chromedp.Navigate(s.url+sc.path))
	}
	for css := range strings.SplitSeq(sc.click, " >> ") {
		if css != "" {
			chromiumHand{t, ctx}.click(css)
		}
	}
	until(t, ctx, sc.until+" && document.readyState === 'complete'")
	everyWay(t, ctx, sc.name)
}

// everyWay looks at the page that is shown in both colour schemes and two widths.
func everyWay(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	leftwards := eval[bool](t, ctx, "document.documentElement.dir === 'rtl'")
	for _, width := range []int64{1280, 390} {
		do(t, ctx, "resize", chromedp.EmulateViewport(width, 844))
		for _, scheme := range []string{"dark", "light"} {
			rules := everything
			if leftwards { // every pair of scheme, width and direction is enough
				if *shots == "" && (scheme == "dark") != (width == 1280) {
					continue
				}
			} else if scheme == "dark" {
				rules = colours // all else is the same
			}
			media(t, ctx, scheme)
			look(t, ctx, name, scheme, width, rules)
		}
	}
}

// settled says that nothing moves, and that all pictures are there.
const settled = "document.getAnimations().length === 0 && [...document.images].every(e => e.complete)"

// look judges the page that is shown, and keeps a picture of it.
func look(t *testing.T, ctx context.Context, name, scheme string, width int64, rules string) {
	t.Helper()
	until(t, ctx, settled)
	language := eval[string](t, ctx, "document.documentElement.lang")
	where := fmt.Sprintf("%s %s %s %d", name, language, scheme, width)
	for _, complaint := range eval[[]string](t, ctx, judge) {
		t.Errorf("%s: %s", where, complaint)
	}
	for _, v := range judgeAccess(t, ctx, rules) {
		t.Errorf("%s: %s (%s; %s): %s", where, v.Rule, v.Help, v.Why, v.Element)
	}
	if *shots == "" {
		return
	}
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(*shots, fmt.Sprintf("%s-%s-%s-%d.png", name, language, scheme, width))
	if err := os.WriteFile(file, shot.Data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// judge returns what is wrong with a page: WCAG 2.2 success criteria 1.1.1,
// 1.3.1, 1.4.3, 1.4.10, 2.4.1, 2.4.2, 2.5.8, 3.1.1, 4.1.2, as far as a program
// can tell.
const judge = `(() => {
  const bad = [];
  const name = e => e.tagName.toLowerCase() + (e.className && typeof e.className === 'string' ? '.' + e.className : '') + ' "' + e.textContent.trim().slice(0, 40) + '"';
  const shown = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
  if (document.documentElement.scrollWidth > innerWidth) bad.push('scrolls sideways: ' + document.documentElement.scrollWidth);
  if (document.querySelectorAll('h1').length !== 1) bad.push('number of h1: ' + document.querySelectorAll('h1').length);
  if (document.querySelectorAll('main').length !== 1) bad.push('number of main');
  if (!document.documentElement.lang || !document.title.trim()) bad.push('no language or title');
  if (document.querySelectorAll('script:not([src]), [style], [onclick]').length) bad.push('scripts or inline styles');
  for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) bad.push('no alt: ' + name(e));
  for (const e of document.querySelectorAll('iframe')) if (!e.title) bad.push('no title: ' + name(e));
  for (const e of document.querySelectorAll('input:not([type=hidden])')) if (!e.labels.length) bad.push('no label: ' + e.name);
  for (const e of document.querySelectorAll('a, button')) {
    if (!e.textContent.trim() && !e.getAttribute('aria-label')) bad.push('no name: ' + e.outerHTML.slice(0, 120));
    const r = e.getBoundingClientRect();
    if (shown(e) && !e.matches('.skip, .text a') && (r.width < 24 || r.height < 24)) bad.push('too small: ' + name(e) + ' ' + r.width + 'x' + r.height);
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) bad.push('ids twice');

  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const over = (top, below) => { const a = top[3] / 255; return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a)).concat(255); };
  const background = e => {
    const own = rgba(getComputedStyle(e).backgroundColor);
    if (own[3] === 255) return own;
    const below = e.parentElement ? background(e.parentElement) : rgba(matchMedia('(prefers-color-scheme: dark)').matches ? '#121212' : '#fff');
    return over(own, below);
  };
  const luminance = c => { const f = c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const seen = new Set();
  for (let w = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), n; n = w.nextNode();) {
    const e = n.parentElement;
    if (!n.data.trim() || !shown(e) || e.closest('.only-read, .skip, style')) continue;
    const s = getComputedStyle(e), b = background(e), c = over(rgba(s.color), b);
    const [hi, lo] = [luminance(c), luminance(b)].sort((x, y) => y - x);
    const ratio = (hi + .05) / (lo + .05), large = parseFloat(s.fontSize) >= 24 || parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700;
    const key = s.color + b;
    if (ratio < (large ? 3 : 4.5) && !seen.has(key)) { seen.add(key); bad.push('contrast ' + ratio.toFixed(2) + ': ' + name(e)); }
  }
  return bad;
})()`
