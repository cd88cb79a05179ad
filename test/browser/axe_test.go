package browser

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe is the program that judges pages by WCAG: axe-core, a package of npm, which
// test/packages fetches. It is "" where it has not done so.
var axe = sync.OnceValues(func() (string, error) {
	const version = "4.14.1"
	f, err := os.Open(filepath.Join("..", "..", "bin", "npm", "axe-core-"+version+".tgz"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(unpacked); ; {
		head, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("axe-core: %w", err)
		}
		if head.Name == "package/axe.min.js" {
			text, err := io.ReadAll(files)
			return string(text), err
		}
	}
})

// How much of a page axe-core judges: all that WCAG 2.2 asks for at level AA, or only
// what colours can spoil.
const (
	everything = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]}`
	colours    = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// violation is what axe-core says of an element.
type violation struct{ Rule, Help, Element, Why string }

// judgeAccess returns what axe-core finds on the page that is shown; without axe-core
// nothing. An open menu is judged instead of the page that it covers, and of long lists,
// whose rows are alike, the beginning. The bodies of messages are the work of others, and
// in frames.
func judgeAccess(t *testing.T, ctx context.Context, rules string) []violation {
	t.Helper()
	source, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	if source == "" {
		return nil
	}
	if _, ok := bare.Load(ctx); ok { // axe-core waits for timers, which are scripts as well
		setScripts(t, ctx, true)
		defer setScripts(t, ctx, false)
	}
	if !eval[bool](t, ctx, "typeof axe === 'object'") {
		do(t, ctx, "axe-core", chromedp.Evaluate[chromedp.Void](source+";0", chromedp.EvalIgnoreExceptions))
	}
	list, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document.querySelector("details[open] > .menu") ?? {exclude: [".messages li:nth-child(n+9)", ".tree li:nth-child(n+9)"]}, {runOnly: `+rules+`, iframes: false, resultTypes: ["violations"], elementRef: false}).then(r =>
		JSON.stringify(r.violations.flatMap(v => v.nodes.map(n => ({Rule: v.id, Help: v.help, Element: n.target.join(" ") + ": " + n.html.slice(0, 160), Why: [...n.any, ...n.all, ...n.none][0]?.message})))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("axe-core: %v", err)
	}
	var found []violation
	if err := json.Unmarshal([]byte(list), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestAxe: what is wrong is found, where the page lets no scripts in.
func TestAxe(t *testing.T) {
	if source, err := axe(); err != nil || source == "" {
		t.Skip("test/packages has not fetched axe-core: ", err)
	}
	s := start(t)
	ctx := window(t, "en")
	do(t, ctx, "visit", chromedp.Navigate(s.url+"/login"))
	if found := judgeAccess(t, ctx, everything); len(found) != 0 {
		t.Errorf("on the page as it is: %v", found)
	}
	eval[bool](t, ctx, "(document.querySelector('label').remove(), document.querySelector('h1').style.color = '#eee', document.documentElement.lang = '', true)")
	rules := make(map[string]bool)
	for _, v := range judgeAccess(t, ctx, everything) {
		rules[v.Rule] = true
	}
	for _, want := range []string{"label", "color-contrast", "html-has-lang"} {
		if !rules[want] {
			t.Errorf("%s is not found, but %v", want, rules)
		}
	}
}
