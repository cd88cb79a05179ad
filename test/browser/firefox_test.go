package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// firefoxHand does it in Firefox, by Marionette: over TCP go messages in JSON, each after
// its length and a colon. A command is [0, id, name, parameters], what comes back
// [1, id, error, result].
type firefoxHand struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	id   int
}

// quietly are settings with which Firefox calls nobody and asks nothing.
var quietly = []string{
	`"browser.shell.checkDefaultBrowser", false`, `"datareporting.policy.dataSubmissionEnabled", false`, `"app.normandy.enabled", false`, `"network.captive-portal-service.enabled", false`,
	`"network.connectivity-service.enabled", false`, `"browser.safebrowsing.malware.enabled", false`, `"browser.safebrowsing.phishing.enabled", false`, `"extensions.update.enabled", false`,
	`"services.settings.server", "http://127.0.0.1:1"`, `"browser.aboutwelcome.enabled", false`, `"toolkit.cosmeticAnimations.enabled", false`, `"ui.prefersReducedMotion", 1`,
	`"marionette.port", 0`, `"intl.accept_languages", "en"`, `"signon.rememberSignons", false`,
}

// startFirefox starts a Firefox that takes commands.
func startFirefox(t *testing.T) *firefoxHand {
	t.Helper()
	path, err := exec.LookPath("firefox-esr")
	if err != nil {
		t.Skip("firefox-esr is not installed")
	}
	profile := t.TempDir()
	var prefs strings.Builder
	for _, p := range quietly {
		fmt.Fprintf(&prefs, "user_pref(%s);\n", p)
	}
	write(t, profile, "user.js", prefs.String())
	cmd := exec.Command(path, "--headless", "--no-remote", "--profile", profile, "--marionette")
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_HEADLESS=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	h := &firefoxHand{t: t}
	for end := time.Now().Add(time.Minute); h.conn == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("Firefox takes no commands")
		}
		port, err := os.ReadFile(filepath.Join(profile, "MarionetteActivePort"))
		if err != nil || len(port) == 0 {
			continue
		}
		if h.conn, err = net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(string(port))); err != nil {
			h.conn = nil
		}
	}
	t.Cleanup(func() { h.conn.Close() })
	h.in = bufio.NewReader(h.conn)
	if _, err := h.receive(); err != nil { // it says who it is
		t.Fatal(err)
	}
	h.must("WebDriver:NewSession", map[string]any{"acceptInsecureCerts": true}, nil)
	return h
}

// receive reads a message.
func (h *firefoxHand) receive() ([]byte, error) {
	if err := h.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	length, err := h.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	const most = 10 << 20
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil || n > most {
		return nil, fmt.Errorf("a message of %q octets: %w", length, err)
	}
	text := make([]byte, n)
	_, err = io.ReadFull(h.in, text)
	return text, err
}

// do gives a command and puts what comes back into result, unless that is nil.
func (h *firefoxHand) do(name string, parameters any, result any) error {
	h.id++
	command, err := json.Marshal([]any{0, h.id, name, parameters})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(h.conn, "%d:%s", len(command), command); err != nil {
		return err
	}
	text, err := h.receive()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var kind, id int
	var failed *struct{ Error, Message string }
	var value json.RawMessage
	if err := json.Unmarshal(text, &[]any{&kind, &id, &failed, &value}); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	if failed != nil {
		return fmt.Errorf("%s: %s: %s", name, failed.Error, failed.Message)
	}
	if id != h.id {
		return fmt.Errorf("%s: the answer to %d and not to %d", name, id, h.id)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(value, result)
}

func (h *firefoxHand) must(name string, parameters any, result any) {
	h.t.Helper()
	if err := h.do(name, parameters, result); err != nil {
		h.t.Fatal(err)
	}
}

// value is what a script or a search returns.
type value[T any] struct{ Value T }

// run evaluates an expression.
func (h *firefoxHand) run(js string, result any) error {
	return h.do("WebDriver:ExecuteScript", map[string]any{"script": "return " + js, "args": []any{}}, result)
}

// on does something with an element, again if scripts have put another in its place or
// something else is still above it.
func (h *firefoxHand) on(css, command string, parameters map[string]any) {
	h.t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var found value[map[string]string]
		if err = h.do("WebDriver:FindElement", map[string]any{"using": "css selector", "value": css}, &found); err != nil {
			continue
		}
		for _, id := range found.Value {
			parameters["id"] = id
		}
		if err = h.do(command, parameters, nil); err == nil {
			return
		}
	}
	h.t.Fatalf("%s: %v\n%s", css, err, h.text())
}

func (h *firefoxHand) visit(url string) {
	h.t.Helper()
	h.must("WebDriver:Navigate", map[string]any{"url": url}, nil)
}

func (h *firefoxHand) resize(width int64) {
	h.t.Helper()
	h.must("WebDriver:SetWindowRect", map[string]any{"x": 0, "y": 0, "width": width, "height": 900}, nil)
}

func (h *firefoxHand) click(css string) {
	h.t.Helper()
	h.on(css, "WebDriver:ElementClick", map[string]any{})
}

func (h *firefoxHand) fill(css, text string) {
	h.t.Helper()
	h.on(css, "WebDriver:ElementClear", map[string]any{})
	h.on(css, "WebDriver:ElementSendKeys", map[string]any{"text": text})
}

func (h *firefoxHand) choose(css, value string) {
	h.t.Helper()
	h.on(css+" option[value="+quote(value)+"]", "WebDriver:ElementClick", map[string]any{})
}

func (h *firefoxHand) attach(css, path string) {
	h.t.Helper()
	h.on(css, "WebDriver:ElementSendKeys", map[string]any{"text": path})
}

func (h *firefoxHand) sees(js string) (bool, error) {
	var result value[bool]
	err := h.run(js, &result)
	return result.Value, err
}

func (h *firefoxHand) text() string {
	var result value[string]
	if err := h.run("document.title + '\\n' + document.body.innerText", &result); err != nil {
		return err.Error()
	}
	return result.Value
}
