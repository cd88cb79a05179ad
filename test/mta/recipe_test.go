package mta

import (
	"os"
	"strings"
	"testing"
)

// recipe returns the example of a man page in which there is a text: the lines that an
// administrator copies from there.
func recipe(t *testing.T, page, contains string) string {
	t.Helper()
	text, err := os.ReadFile("../../man/" + page)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	_, rest, _ := strings.Cut(string(text), "\n.Sh EXAMPLES\n")
	for {
		var block string
		_, rest, _ = strings.Cut(rest, "\n.Bd -literal -offset indent\n")
		if rest == "" {
			break
		}
		block, rest, _ = strings.Cut(rest, ".Ed\n")
		if strings.Contains(block, contains) {
			found = append(found, block)
		}
	}
	if len(found) == 1 { // as it is shown: a backslash is \e in a man page
		found[0] = strings.ReplaceAll(found[0], `\e`, "\x00")
	}
	if len(found) != 1 || strings.Contains(found[0], `\`) {
		t.Fatalf("man/%s has %d examples with %q, want one, as it is typed:\n%s", page, len(found), contains, found)
	}
	return strings.ReplaceAll(found[0], "\x00", `\`)
}
