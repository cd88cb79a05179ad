package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"fantail/test/hostile"
)

// ways are how hostile mail is shown. Each of the two defences suffices without the other
// against all but <link rel=preconnect>, about which no policy has a say;
// without both, many messages reach the canary, which shows that it hears.
var ways = []defences{
	{"sanitiser and policy", true, true},
	{"policy alone", true, false},
	{"sanitiser alone", false, true},
	{"neither", false, false},
}

var everyPage = flag.Bool("everypage", false, "show each hostile message on its whole page, not only in its frame")

// TestHostileMail shows every message of test/hostile in Chromium. What is below a defence
// must not reach the canary, open a dialog or a window, or leave the page.
func TestHostileMail(t *testing.T) {
	_ = chromium(t) // or skip
	c := newCanary(t)
	s := newStage(t, hostile.Messages(c.url, c.knock))
	for _, d := range ways {
		t.Run(d.name, func(t *testing.T) {
			ctx := chromium(t)
			talk := listen(t, ctx)
			begin := time.Now()
			s.begin(d)
			var list []int
			for _, batch := range s.batches(d) {
				s.visit(t, ctx, d, batch)
				list = append(list, batch.list...)
			}
			time.Sleep(700 * time.Millisecond) // what loads, loads at once; this is for slow machines
			for _, name := range s.unseen(list) {
				t.Errorf("nobody has looked at %s", name)
			}
			hits, knocks := c.take()
			dialogs := talk.take()
			t.Logf("%d messages in %v", len(list), time.Since(begin).Round(time.Millisecond))
			if !d.policy && !d.sanitiser {
				s.heard(t, hits, knocks)
				return
			}
			s.silent(t, list, hits)
			// No policy forbids <link rel=preconnect>: it opens connections and asks nothing.
			if knocks > 0 && d.sanitiser || len(dialogs) > 0 || len(hits[-1]) > 0 {
				t.Errorf("%d connections, dialogs %q, other requests %q", knocks, dialogs, hits[-1])
			}
			if n := windowsOf(t, ctx); n != 1 {
				t.Errorf("there are %d windows", n)
			}
		})
	}
}

// visit shows a batch and looks at what became of it.
func (s *stage) visit(t *testing.T, ctx context.Context, d defences, b batch) {
	t.Helper()
	where := s.address(b.list, b.whole)
	if !d.policy && !d.sanitiser {
		// Some keep a page from ever being loaded. What they fetch is heard all the same.
		short, cancel := context.WithTimeout(ctx, 8*time.Second)
		defer cancel()
		if err := chromedp.Do(short, chromedp.Navigate(where)); err != nil {
			t.Logf("a page with %s/%s and others is never loaded: %v", s.mail[b.list[0]].Class, s.mail[b.list[0]].Name, err)
		}
		return
	}
	do(t, ctx, "show", chromedp.Navigate(where))
	if here := eval[string](t, ctx, "location.href"); here != where {
		t.Errorf("the page was left for %s", here)
	}
	if !d.policy && d.sanitiser && !b.whole { // without policy and sandbox the page can look into its frames
		for _, bad := range eval[[]string](t, ctx, strangers) {
			t.Errorf("a browser sees %s", bad)
		}
	}
}

// batch is what one page shows: messages, or without any the lists.
type batch struct {
	list  []int
	whole bool
}

// batches are the pages for a way to show the messages. Where the attack is in HTML, that
// is shown in the frames of its page; else, for every fourth one, the whole page, with what
// it says of senders and files, and some of the others too: all of them were parsed by the
// tests of package webmail. Bombs are for the protected.
func (s *stage) batches(d defences) []batch {
	var whole, bodies, heavy []int
	for i, m := range s.mail {
		switch {
		case m.Heavy && m.HTML != "" && d.sanitiser && d.policy:
			heavy = append(heavy, i)
		case m.Heavy:
		case d.sanitiser && (m.HTML == "" && i%4 == 0 || d.policy && i%20 == 0 || *everyPage):
			whole = append(whole, i)
		case m.HTML != "":
			bodies = append(bodies, i)
		}
	}
	var out []batch
	cut := func(list []int, n int, whole bool) {
		for part := range slices.Chunk(list, n) {
			out = append(out, batch{part, whole})
		}
	}
	cut(whole, 30, true)
	cut(bodies, 60, false)
	cut(heavy, 8, false)
	if d.sanitiser {
		out = append(out, batch{whole: true})
	}
	return out
}

// silent reports what a defence has let through, for each class.
func (s *stage) silent(t *testing.T, list []int, hits map[int][]string) {
	for _, class := range hostile.Classes() {
		t.Run(class, func(t *testing.T) {
			for _, i := range list {
				if m := s.mail[i]; m.Class == class && len(hits[i]) > 0 {
					t.Errorf("%s got through: %q", m.Name, hits[i])
				}
			}
		})
	}
}

// mustBeHeard is how many messages of a class a browser without defences obeys at least.
var mustBeHeard = map[string]int{"script": 10, "handler": 25, "url": 10, "load": 25, "namespace": 5, "mutation": 20, "charset": 10, "css-url": 20, "css-rule": 20, "form": 2, "window": 5, "inline-image": 1}

// heard reports how many of each class reached the canary without any defence.
func (s *stage) heard(t *testing.T, hits map[int][]string, knocks int64) {
	if knocks == 0 {
		t.Error("nobody has connected where only connections count")
	}
	for _, class := range hostile.Classes() {
		t.Run(class, func(t *testing.T) {
			heard, all := 0, 0
			for i, m := range s.mail {
				if m.Class != class || m.HTML == "" || m.Heavy {
					continue
				}
				all++
				if len(hits[i]) > 0 {
					heard++
				} else {
					t.Logf("does nothing even without a defence: %s", m.Name)
				}
			}
			t.Logf("%d of %d were heard", heard, all)
			if heard < mustBeHeard[class] {
				t.Errorf("only %d of %d messages reach the canary without a defence, want %d", heard, all, mustBeHeard[class])
			}
		})
	}
}

// strangers is a script that lists what is in the frames of a page and must not be.
const strangers = `(() => {
	const elements = new Set('html head body meta title style p div span br hr h1 h2 h3 h4 h5 h6 a img table thead tbody tfoot tr td th caption col colgroup ul ol li dl dt dd blockquote pre code tt kbd samp b strong i em u s strike del ins sub sup small big font center address abbr cite q dfn mark time var wbr'.split(' '));
	const attributes = new Set('charset name content lang dir href src alt title width height align valign bgcolor color face size border cellpadding cellspacing colspan rowspan span start type nowrap class id style target rel'.split(' '));
	const out = [];
	for (const frame of document.querySelectorAll('iframe')) {
		const where = new URLSearchParams(new URL(frame.src).search).get('u');
		const doc = frame.contentDocument;
		if (!doc || new URL(doc.URL).pathname !== new URL(frame.src).pathname) { out.push('a frame that went elsewhere: ' + frame.src); continue; }
		for (const node of [...doc.querySelectorAll('*')]) {
			const fine = node.namespaceURI === 'http://www.w3.org/1999/xhtml' && elements.has(node.localName);
			if (!fine) out.push(where + ': element ' + node.nodeName);
			if (node.closest('head')) continue;
			for (const a of node.attributes)
				if (!attributes.has(a.name)) out.push(where + ': attribute ' + node.nodeName + ' ' + a.name);
			const link = node.getAttribute('href');
			if (link !== null && !/^(https?:\/\/|mailto:|tel:|#m-)/.test(link)) out.push(where + ': link ' + link);
			const src = node.getAttribute('src');
			if (src !== null && !/^data:image\/(png|jpeg|gif|webp);base64,/.test(src)) out.push(where + ': picture ' + src);
			const style = doc.defaultView.getComputedStyle(node);
			if (['fixed', 'absolute', 'sticky'].includes(style.position)) out.push(where + ': position ' + style.position);
			if (/url\(/.test(style.cssText + style.backgroundImage + style.listStyleImage + style.content + style.borderImageSource)) out.push(where + ': a style that loads');
		}
	}
	return out;
})()`

// talk is the dialogs that a browser wanted to show.
type talk struct {
	mu   sync.Mutex
	said []string
}

func listen(t *testing.T, ctx context.Context) *talk {
	t.Helper()
	k := &talk{}
	err := chromedp.Listen(ctx, func(ev any) {
		d, ok := ev.(*page.EventJavascriptDialogOpening)
		if !ok {
			return
		}
		k.mu.Lock()
		k.said = append(k.said, d.Message)
		k.mu.Unlock()
		// The page waits for an answer; the test has failed if none arrives.
		go func() {
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *talk) take() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	said := k.said
	k.said = nil
	return said
}

// TestDialog: a dialog does not go unnoticed.
func TestDialog(t *testing.T) {
	ctx := chromium(t)
	talk := listen(t, ctx)
	do(t, ctx, "nothing", chromedp.Navigate("about:blank"))
	if eval[string](t, ctx, "alert('control'),'done'"); !slices.Equal(talk.take(), []string{"control"}) {
		t.Error("a dialog goes unnoticed")
	}
}

func windowsOf(t *testing.T, ctx context.Context) int {
	t.Helper()
	list, err := chromedp.Targets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, x := range list {
		if x.Type == "page" {
			n++
		}
	}
	return n
}

// TestHostileMailFirefox shows the HTML of every message in Firefox, all in one page.
func TestHostileMailFirefox(t *testing.T) {
	path, err := exec.LookPath("firefox-esr")
	if err != nil {
		t.Skip("firefox-esr is not installed")
	}
	c := newCanary(t)
	s := newStage(t, hostile.Messages(c.url, c.knock))
	for _, d := range ways {
		begin := time.Now()
		s.begin(d)
		var list []int
		for i, m := range s.mail {
			if m.HTML != "" && !m.Heavy {
				list = append(list, i)
			}
		}
		firefox(t, path, s.address(list, false))
		for _, name := range s.unseen(list) {
			t.Errorf("%s: nobody has looked at %s", d.name, name)
		}
		hits, knocks := c.take()
		t.Logf("%s: %d messages in %v, %d reach the canary", d.name, len(list), time.Since(begin).Round(time.Millisecond), len(hits))
		if !d.policy && !d.sanitiser {
			if len(hits) < 100 {
				t.Errorf("only %d messages reach the canary without a defence", len(hits))
			}
			continue
		}
		t.Run(d.name, func(t *testing.T) { s.silent(t, list, hits) })
		if knocks > 0 && d.sanitiser || len(hits[-1]) > 0 {
			t.Errorf("%s: %d connections, other requests %q", d.name, knocks, hits[-1])
		}
	}
}

// firefox opens an address, waits until it is loaded and painted, and ends.
func firefox(t *testing.T, path, address string) {
	t.Helper()
	profile := t.TempDir()
	var prefs strings.Builder
	for _, p := range []string{
		`"browser.shell.checkDefaultBrowser", false`, `"datareporting.policy.dataSubmissionEnabled", false`, `"app.normandy.enabled", false`, `"network.captive-portal-service.enabled", false`,
		`"network.connectivity-service.enabled", false`, `"browser.safebrowsing.malware.enabled", false`, `"browser.safebrowsing.phishing.enabled", false`, `"extensions.update.enabled", false`,
		`"services.settings.server", "http://127.0.0.1:1"`, `"browser.aboutwelcome.enabled", false`, `"dom.disable_open_during_load", true`,
	} {
		fmt.Fprintf(&prefs, "user_pref(%s);\n", p)
	}
	write(t, profile, "user.js", prefs.String())
	shot := filepath.Join(profile, "shot.png")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-remote", "--profile", profile, "--window-size", "1280,2000", "--screenshot", shot, address)
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_HEADLESS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("firefox: %v\n%s", err, out)
	}
	if _, err := os.Stat(shot); err != nil {
		t.Fatalf("firefox has painted nothing: %v\n%s", err, out)
	}
}

// TestOwnWindow: a frame that a person opens by itself has an origin of its own, and is as
// silent.
func TestOwnWindow(t *testing.T) {
	c := newCanary(t)
	s := newStage(t, hostile.Messages(c.url, c.knock)[:20])
	ctx := chromium(t)
	s.begin(defences{"policy alone", true, false})
	for i := range s.mail {
		do(t, ctx, "open a frame by itself", chromedp.Navigate(s.url+s.frames[i][0]))
		if origin := eval[string](t, ctx, "window.origin"); origin != "null" {
			t.Errorf("%s has the origin %s", s.mail[i].Name, origin)
		}
	}
	time.Sleep(500 * time.Millisecond)
	if hits, knocks := c.take(); len(hits) > 0 || knocks > 0 {
		paths := make([]string, 0, len(hits))
		for _, p := range hits {
			paths = append(paths, p...)
		}
		sort.Strings(paths)
		t.Errorf("the canary was reached: %q", paths)
	}
}
