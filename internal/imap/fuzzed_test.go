package imap_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

var (
	scanFunc = regexp.MustCompile(`(?m)^func (Scan\w+)\(s \*wire\.Scanner`)
	fuzzFunc = regexp.MustCompile(`(?ms)^func Fuzz\w+\(f \*testing\.F\) \{\n.*?^}\n`)
)

// within are the scans that no fuzz target calls itself: those of rules that others
// contain.
var within = map[string]bool{
	"ScanFlagList": true, "ScanDate": true, "ScanSeqSet": true, "ScanPartialRange": true, "ScanMailbox": true,
	"ScanAppendMailbox": true, "ScanAppendMessage": true, // by FuzzScanAppend, one after the other
}

// TestEveryScanIsFuzzed: each grammar has a fuzz target of its own.
func TestEveryScanIsFuzzed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source, targets strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			source.Write(text)
			continue
		}
		for _, target := range fuzzFunc.FindAll(text, -1) {
			targets.Write(target)
		}
	}
	found := scanFunc.FindAllStringSubmatch(source.String(), -1)
	if len(found) < 20 {
		t.Fatalf("only %d grammars were found", len(found))
	}
	for _, m := range found {
		if !within[m[1]] && !regexp.MustCompile(`(?i)\b`+m[1]+`\b`).MatchString(targets.String()) {
			t.Errorf("no fuzz target calls %s", m[1])
		}
	}
}

func FuzzScanEnable(f *testing.F) {
	for _, seed := range []string{" CONDSTORE", " qresync IMAP4rev2 x", " UTF8=ACCEPT ", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanEnable, func(names []string) string { return " " + strings.Join(names, " ") })
	})
}

func FuzzScanCompress(f *testing.F) {
	f.Add(" DEFLATE")
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanCompress, func(mechanism string) string { return " " + mechanism })
	})
}

func FuzzScanBasicList(f *testing.F) {
	for _, seed := range []string{` "" *`, ` a. {1}` + "\r\n%", ` "&AOQ-" "&"`, ` ~ (a b)`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s := newScanner(t, in)
		if _, err := imap.ScanBasicList(s); wire.IsFatal(err) {
			return
		}
		if err := s.Skip(); err != nil && !wire.IsFatal(err) {
			t.Fatal(err)
		}
	})
}
