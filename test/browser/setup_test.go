package browser

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"fantail/internal/mail"
	"fantail/test/samplemail"
)

var shots = flag.String("shots", "", "keep screenshots in this `directory`")

const (
	userName = "demo"
	password = "demo & <secret>"
)

// programs are built once for all tests.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fantail-browser")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-o", dir+"/", "fantail/cmd/webmaild", "fantail/cmd/webmail-session", "fantail/cmd/authd", "fantail/cmd/submitd", "fantail/cmd/webmail-submit")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	for i := range shared.end {
		shared.end[len(shared.end)-1-i]()
	}
	if dir, _ := programs(); dir != "" && dir != "/" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// server is a running webmaild.
type server struct {
	url  string
	home string // of its files
	log  *lines
}

// lines collects what a program logs.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(s + "\n")
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start makes an account with sample mail and the messages given, and runs
// webmaild on it.
func start(t *testing.T, extra ...samplemail.Message) *server {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	maildir := filepath.Join(home, "Maildir")
	all := func(yield func(samplemail.Message) bool) {
		for m := range samplemail.Generate(160, 7) {
			if !yield(m) {
				return
			}
		}
		for _, m := range extra {
			if !yield(m) {
				return
			}
		}
	}
	if _, err := samplemail.Write(maildir, all); err != nil {
		t.Fatal(err)
	}
	// What is sent arrives in sent, a file for each message, as the options say it is to go.
	sendmail := write(t, home, "sendmail", "#!/bin/sh\nf=$(mktemp "+home+"/sent/XXXXXXXX)\n{ echo \"$*\"; cat; } > \"$f\"\n")
	if err := errors.Join(os.Chmod(sendmail, 0o700), os.Mkdir(filepath.Join(home, "sent"), 0o700)); err != nil {
		t.Fatal(err)
	}
	write(t, home, "passwd", userName+":{PLAIN}"+password+":::::"+"\n")
	config := write(t, home, "fantail.toml", "webmail.listen_tls = [\"127.0.0.1:0\"]\ntls.certificate = \"cert.pem\"\ntls.key = \"key.pem\"\n"+
		"webmail.sendmail = \"sendmail\"\nwebmail.submit_directory = \"submit\"\n"+
		"auth.passwd_file = \"passwd\"\nauth.directory = \"auth\"\nmail.path = \"Maildir\"\n"+
		"autoconfig.name = \"Example Mail\"\nautoconfig.host = \"mail.example.org\"\nautoconfig.domains = [\"example.org\"]\n")
	cmd := exec.Command(filepath.Join(bin, "webmaild"), "-c", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{home: home, log: new(lines)}
	address := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		for in := bufio.NewScanner(stderr); in.Scan(); {
			s.log.add(in.Text())
			if m := regexp.MustCompile(`msg=listening .*address=(\S+)`).FindStringSubmatch(in.Text()); m != nil {
				address <- m[1]
			}
		}
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("webmaild: %v\n%s", err, s.log)
			}
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Errorf("webmaild does not end\n%s", s.log)
		}
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, "level=ERROR") && !(os.Geteuid() == 0 && strings.Contains(line, "the superuser has no sessions")) {
				t.Errorf("errors were logged:\n%s", s.log)
				break
			}
		}
	})
	select {
	case a := <-address:
		s.url = "https://" + a
	case err := <-ended:
		ended <- err
		t.Fatalf("webmaild ended: %v\n%s", err, s.log)
	case <-time.After(20 * time.Second):
		t.Fatalf("webmaild does not listen\n%s", s.log)
	}
	return s
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// htmlMessage is a message of the newest date with an HTML body.
func htmlMessage(subject, html string, at time.Time) samplemail.Message {
	return samplemail.Message{Folder: mail.Inbox, Date: at, Class: "extra",
		Data: []byte("From: Mallory <mallory@evil.example>\nTo: demo@example.org\nSubject: " + subject + "\nDate: " + at.Format(time.RFC1123Z) +
			"\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n" + html + "\n")}
}

// chromium starts a browser of the test's own, with one tab.
func chromium(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancelBrowser := chromedp.NewExecAllocator(ctx, command(t)...)
	t.Cleanup(cancelBrowser)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	return ctx
}

// command is how Chromium is started, if there is one.
func command(t *testing.T) []chromedp.ExecAllocatorOption {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	return append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("window-size", "1280,900"))
}

// shared is the browser that most tests are guests of.
var shared struct {
	start sync.Once
	ctx   context.Context
	err   error
	end   []context.CancelFunc // last first
}

// window opens a window of the shared browser, which has its own cookies and the focus,
// and asks for pages in a language. Nothing moves in it that need not.
func window(t *testing.T, language string) context.Context {
	t.Helper()
	options := command(t)
	shared.start.Do(func() {
		ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
		shared.end = append(shared.end, end)
		shared.ctx, end = chromedp.NewContext(ctx)
		shared.end = append(shared.end, end)
		shared.err = chromedp.Do(shared.ctx)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	ctx, cancel := context.WithTimeout(shared.ctx, 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancelWindow := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancelWindow)
	if _, err := chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	media(t, ctx, "light")
	return ctx
}

// media sets the colour scheme, and that nothing moves; further features are names and
// values.
func media(t *testing.T, ctx context.Context, scheme string, further ...string) {
	t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	for i := 0; i < len(further); i += 2 {
		features = append(features, &emulation.MediaFeature{Name: further[i], Value: further[i+1]})
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		t.Fatal(err)
	}
}

// withoutScripts switches JavaScript off for pages; the test itself can still
// evaluate expressions.
func withoutScripts(t *testing.T, ctx context.Context) {
	t.Helper()
	setScripts(t, ctx, false)
	bare.Store(ctx, true)
}

// bare are the windows without scripts.
var bare sync.Map

func setScripts(t *testing.T, ctx context.Context, on bool) {
	t.Helper()
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, ctx context.Context, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func eval[T any](t *testing.T, ctx context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatalf("evaluate %.200s: %v", js, err)
	}
	return v
}

// pageText is the text of the page as a person sees it.
func pageText(t *testing.T, ctx context.Context) string {
	return eval[string](t, ctx, "document.title + '\\n' + (document.body?.innerText ?? '')")
}

// until waits for an expression to become true: what a click leads to is
// loaded in its own time.
func until(t *testing.T, ctx context.Context, js string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js))
		if err == nil && ok {
			return
		}
	}
	t.Fatalf("never: %s\n%s", js, pageText(t, ctx))
}

// leads does what leads to another document, and waits until that is complete and js is
// true of it. What is true of the document before, too, cannot be waited for by until.
func leads(t *testing.T, ctx context.Context, what, js string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	eval[bool](t, ctx, "window.before = true")
	do(t, ctx, what, steps...)
	until(t, ctx, "!('before' in window) && document.readyState === 'complete' && ("+js+")")
}

// login logs the browser in and waits for the inbox.
func (s *server) login(t *testing.T, ctx context.Context) {
	t.Helper()
	do(t, ctx, "log in", chromedp.Navigate(s.url+"/"), chromedp.SendKeys(chromedp.CSS("#name"), userName),
		chromedp.SendKeys(chromedp.CSS("#password"), password+"\n"))
	until(t, ctx, "location.pathname === '/f/INBOX' && document.readyState === 'complete'")
}

// client is a logged-in HTTP client that is no browser.
func (s *server) client(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	t.Cleanup(c.CloseIdleConnections)
	page := fetch(t, c, s.url+"/login")
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("no form: %s", page)
	}
	resp, err := c.PostForm(s.url+"/login", url.Values{"token": {token[1]}, "name": {userName}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Request.URL.Path != "/f/INBOX" {
		t.Fatalf("login leads to %s: %s", resp.Request.URL, resp.Status)
	}
	return c
}

func fetch(t *testing.T, c *http.Client, where string) string {
	t.Helper()
	resp, err := c.Get(where)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
