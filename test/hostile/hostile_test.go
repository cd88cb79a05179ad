package hostile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestMessages(t *testing.T) {
	const canary = "http://127.0.0.1:1"
	list := Messages(canary, "http://127.0.0.1:2")
	if len(list) < 300 {
		t.Errorf("only %d messages", len(list))
	}
	names := make(map[string]bool)
	inClass := make(map[string]int)
	for i, m := range list {
		if key := m.Class + "/" + m.Name; names[key] {
			t.Errorf("two messages are %s", key)
		} else {
			names[key] = true
		}
		inClass[m.Class]++
		for _, word := range []string{"CANARY", "RUN", "BARE", "KNOCK"} {
			if bytes.Contains(m.Data, []byte(word)) {
				t.Errorf("%s/%s still says %s", m.Class, m.Name, word)
			}
		}
		own := fmt.Sprint(i)
		for _, text := range []string{m.HTML, string(m.Data)} {
			for rest := text; ; {
				_, after, ok := strings.Cut(rest, canary+"/")
				if !ok {
					break
				}
				if !strings.HasPrefix(after, own) {
					t.Errorf("%s/%s, number %d, has an address of another: %.40s", m.Class, m.Name, i, after)
				}
				rest = after
			}
		}
		if bytes.Count(m.Data, []byte("\n")) != bytes.Count(m.Data, []byte("\r\n")) {
			t.Errorf("%s/%s has bare line feeds", m.Class, m.Name)
		}
	}
	for _, c := range Classes() {
		if inClass[c] < 5 {
			t.Errorf("only %d messages of class %s", inClass[c], c)
		}
	}
	again := Messages(canary, "http://127.0.0.1:2")
	for i := range list {
		if !bytes.Equal(list[i].Data, again[i].Data) {
			t.Fatalf("%s/%s differs from run to run", list[i].Class, list[i].Name)
		}
	}
}
