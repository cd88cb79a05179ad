package message

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var nastyFlag = flag.String("nasty", "", "kind=size of the mail that TestNasty uses")

// TestNasty uses one nasty mail: what TestWork counts.
func TestNasty(t *testing.T) {
	name, size, _ := strings.Cut(*nastyFlag, "=")
	n, err := strconv.Atoi(size)
	if err != nil {
		t.Skip("needs -nasty=kind=size")
	}
	for _, kind := range nastyMail {
		if kind.name == name {
			useAll(t, NewScanner(DefaultLimits()), kind.make(n))
			return
		}
	}
	t.Fatalf("no kind of nasty mail is called %q", name)
}

// counted are the packages whose statements TestWork counts.
const counted = "fantail/internal/message,golang.org/x/net/html,golang.org/x/text/transform,golang.org/x/text/unicode/norm,strings,bytes,bufio"

// mostStatements is how many statements may be executed for each octet of mail,
// in everything that programs do with it together.
const mostStatements = 100

// TestWork counts the statements that are executed for large mail, with the
// counters of a coverage profile: if anything were not linear there would be
// thousands for each octet. What it cannot see are loops in assembler, such as
// that of strings.IndexByte, so no such search may begin behind the same place
// twice.
func TestWork(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program with counters and runs it some hundred times")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "message.test")
	build := exec.Command("go", "test", "-c", "-covermode=count", "-coverpkg="+counted, "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build with counters: %v\n%s", err, out)
	}
	var group sync.WaitGroup
	next := make(chan nasty)
	for worker := range 2 {
		profile := filepath.Join(dir, fmt.Sprint("profile", worker))
		group.Go(func() {
			for kind := range next {
				const size = 512 << 10
				n := statements(t, program, profile, kind.name, size)
				t.Logf("%-24s %5.1f statements for each octet", kind.name, float64(n)/size)
				if n > mostStatements*size {
					t.Errorf("%s: %d statements for %d octets", kind.name, n, size)
				}
			}
		})
	}
	for _, kind := range nastyMail {
		next <- kind
	}
	close(next)
	group.Wait()
}

// statements runs TestNasty and returns how many statements it executed.
func statements(t *testing.T, program, profile, kind string, n int) (sum int) {
	cmd := exec.Command(program, "-test.run=^TestNasty$", fmt.Sprintf("-nasty=%s=%d", kind, n), "-test.coverprofile="+profile)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", kind, err, out)
		return 0
	}
	f, err := os.Open(profile)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer f.Close()
	// Each line is "file:begin,end statements count", after one for the mode.
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		fields := strings.Fields(sc.Text())
		if len(fields) != 3 {
			continue
		}
		statements, err := strconv.Atoi(fields[1])
		count, err2 := strconv.Atoi(fields[2])
		if err != nil || err2 != nil {
			t.Errorf("%s: unexpected line %q", profile, sc.Text())
			return 0
		}
		sum += statements * count
	}
	if err := sc.Err(); err != nil || sum == 0 {
		t.Errorf("%s: %d statements: %v", profile, sum, err)
	}
	return sum
}
