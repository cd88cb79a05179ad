// Package dialogues holds the protocol conversations that our session
// programs must follow: one file per rule, in imap and pop3, in the format of
// package dialogue. What is not marked "# ours:" also runs against Dovecot
// where that is installed, so that a wrong expectation is found too.
package dialogues

import (
	"flag"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fantail/test/dialogue"
)

var (
	peerFlag = flag.String("peer", "", "run against this peer alone: ours or dovecot")
	binFlag  = flag.String("bin", "", "directory of imap-session and pop3-session (default: build them)")
)

func TestIMAP(t *testing.T) { testAll(t, dialogue.IMAP) }
func TestPOP3(t *testing.T) { testAll(t, dialogue.POP3) }

func testAll(t *testing.T, p dialogue.Protocol) {
	scripts := scripts(t, p)
	if *peerFlag == "" || *peerFlag == "ours" {
		t.Run("ours", func(t *testing.T) { testPeer(t, dialogue.Ours(program(t, p)), scripts) })
	}
	if *peerFlag == "" || *peerFlag == "dovecot" {
		t.Run("dovecot", func(t *testing.T) {
			if !dialogue.HasDovecot(p) {
				t.Skipf("dovecot has no %s here", p)
			}
			testPeer(t, dialogue.Dovecot(), scripts)
		})
	}
}

func testPeer(t *testing.T, peer dialogue.Peer, scripts []*dialogue.Script) {
	for _, s := range scripts {
		if s.Only != "" && s.Only != peer.Name {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(s.File), ".txtar"), func(t *testing.T) {
			t.Parallel()
			if s.Ours != "" && peer.Name != "ours" {
				t.Skip("ours alone: " + s.Ours)
			}
			box, err := dialogue.NewBox()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.RemoveAll(box.Home); err != nil {
					t.Error(err)
				}
			})
			if err := s.Run(peer, box); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// bin is the directory that the session programs are built into, each once.
var bin string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "dialogues")
	if err != nil {
		log.Fatal(err)
	}
	bin = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// program builds the session program of a protocol and gives its directory.
func program(t *testing.T, p dialogue.Protocol) string {
	t.Helper()
	if *binFlag != "" {
		dir, err := filepath.Abs(*binFlag)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	// The program runs as another user where the test is root.
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	name := string(p) + "-session"
	if out, err := exec.Command("go", "build", "-o", bin, "fantail/cmd/"+name).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return bin
}
